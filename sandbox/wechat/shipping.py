"""Order shipping: what a mini-program must report for every paid order before its money is settled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.wechat.http import Answer, Call, Routes
from sandbox.wechat.miniprogram import ok, read_json
from sandbox.wechat.pay import payer
from sandbox.wechat.settlement import CONFIRMED, REFUNDED, SHIPPED, Settlements
from sandbox.wechat.state import Doc
from sandbox.wechat.tokens import ApiError
from sandbox.wechat.uploads import EXPRESS, check_key, check_shipping, shipped
from sandbox.wechat.world import World


class Shipping:
    def __init__(self, world: World, settlements: Settlements) -> None:
        self._world = world
        self._settlements = settlements
        self.routes = Routes(
            ("POST", "/wxa/sec/order/upload_shipping_info", self._upload),
            ("POST", "/wxa/sec/order/get_order", self._get),
            ("POST", "/wxa/sec/order/is_trade_managed", self._is_managed),
            ("POST", "/wxa/sec/order/notify_confirm_receive", self._remind),
            ("POST", "/wxa/sec/order/set_msg_jump_path", self._set_jump_path),
        )

    def _upload(self, call: Call) -> Answer:
        body = read_json(call)
        key = body.get("order_key")
        check_key(key if isinstance(key, dict) else {})
        uploaded = check_shipping(body)
        state = self._world.state
        with state.transaction():
            order = self._paid(body["order_key"].get("transaction_id"), body["order_key"].get("out_trade_no"))
            named = body.get("payer")
            if not isinstance(named, dict) or named.get("openid") != payer(order):
                raise ApiError(10060031, "该笔支付单不属于 openid 所指定的用户")
            order_state = self._settlements.order_state(order)
            if order_state == REFUNDED:
                raise ApiError(10060004, "支付单处于不可发货的状态")
            if order_state in CONFIRMED:
                raise ApiError(10060002, "支付单已完成发货，无法继续发货")
            earlier = state.get("shipping", order["transaction_id"])
            shipping = shipped(body, uploaded, earlier) | {"shipped": self._world.timestamp()}
            if earlier and "reminded" in earlier:
                shipping["reminded"] = earlier["reminded"]
            state.put("shipping", order["transaction_id"], shipping)
        if shipping["finished"]:
            self._settlements.begin(order)
        return ok()

    def _paid(self, transaction_id: str | None, out_trade_no: str | None) -> Doc:
        if transaction_id:
            found = self._world.state.get("transaction", transaction_id) or {}
            out_trade_no = found.get("out_trade_no", "")
        order = self._world.state.get("order", out_trade_no or "")
        if order is None or order["state"] != "SUCCESS":
            raise ApiError(10060001, "支付单不存在")
        return order

    def _named(self, body: Mapping[str, Any]) -> Doc:
        if not body.get("transaction_id") and body.get("merchant_id") != self._world.credentials.mchid:
            raise ApiError(10060001, "支付单不存在")
        return self._paid(body.get("transaction_id"), body.get("merchant_trade_no"))

    def _get(self, call: Call) -> Answer:
        order = self._named(read_json(call))
        params, shipping = order["params"], self._world.state.get("shipping", order["transaction_id"])
        shown = {
            "transaction_id": order["transaction_id"],
            "merchant_id": params["mchid"],
            "sub_merchant_id": "",
            "merchant_trade_no": params["out_trade_no"],
            "description": params["description"],
            "paid_amount": order["payer_total"],
            "openid": payer(order),
            "trade_create_time": int(order["created"]),
            "pay_time": int(order["paid"]),
            "order_state": self._settlements.order_state(order),
            "in_complaint": False,
        }
        return ok(order=shown | ({"shipping": _shown(shipping)} if shipping else {}))

    def _is_managed(self, call: Call) -> Answer:
        appid = read_json(call).get("appid")
        if not appid:
            raise ApiError(40097, "invalid args")
        if appid != self._world.credentials.appid:
            raise ApiError(40013, "invalid appid")
        return ok(is_trade_managed=True)

    def _remind(self, call: Call) -> Answer:
        body = read_json(call)
        with self._world.state.transaction():
            order = self._named(body)
            shipping = self._world.state.get("shipping", order["transaction_id"])
            if shipping is None or self._settlements.order_state(order) != SHIPPED:
                raise ApiError(10060028, "支付单不是已发货状态")
            if shipping["logistics_type"] != EXPRESS:
                raise ApiError(10060032, "只有物流快递发货时允许提醒用户确认收货")
            received = body.get("received_time")
            if not isinstance(received, int) or received < shipping["shipped"]:
                raise ApiError(10060029, "签收时间非法")
            if shipping.get("reminded"):
                raise ApiError(10060030, "支付单已使用提醒收货机会")
            self._world.state.put("shipping", order["transaction_id"], shipping | {"reminded": received})
        return ok()

    def _set_jump_path(self, call: Call) -> Answer:
        path = read_json(call).get("path")
        if not isinstance(path, str) or not path or path.startswith("/"):
            raise ApiError(40097, "invalid args: path")
        self._world.state.put("jump_path", "path", {"path": path})
        return ok()


def _shown(shipping: Doc) -> Doc:
    parcels = []
    for parcel in shipping["parcels"]:
        named = {name: parcel[name] for name in ("tracking_no", "express_company", "contact") if name in parcel}
        parcels.append(named | {"goods_desc": parcel["item_desc"], "upload_time": parcel["upload_time"]})
    return {
        "delivery_mode": shipping["delivery_mode"],
        "logistics_type": shipping["logistics_type"],
        "finish_shipping": shipping["finished"],
        "finish_shipping_count": shipping["times"],
        "goods_desc": ";".join(parcel["item_desc"] for parcel in shipping["parcels"]),
        "shipping_list": parcels,
    }

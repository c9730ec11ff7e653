"""Order shipping: what a mini-program must report for every paid order before its money is settled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.wechat.http import Answer, Call, Routes
from sandbox.wechat.miniprogram import ok, read_json
from sandbox.wechat.pay import payer, trade_state
from sandbox.wechat.state import Doc
from sandbox.wechat.tokens import ApiError
from sandbox.wechat.world import World

_EXPRESS, _UNIFIED, _SPLIT = 1, 1, 2
_MOST_PARCELS = 15
_AUTO_CONFIRM = {1: timedelta(days=10), 2: timedelta(days=2), 3: timedelta(days=2), 4: timedelta(days=2)}
_TO_SHIP, _SHIPPED, _CONFIRMED, _REFUNDED = 1, 2, 3, 5
_UPLOAD_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?[+-]\d\d:\d\d")
_MASKED = re.compile(r"[\d+\- ]*\*[\d+\-* ]*\d-?\d-?\d-?\d")


class Shipping:
    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = Routes(
            ("POST", "/wxa/sec/order/upload_shipping_info", self._upload),
            ("POST", "/wxa/sec/order/get_order", self._get),
            ("POST", "/wxa/sec/order/is_trade_managed", self._is_managed),
            ("POST", "/wxa/sec/order/notify_confirm_receive", self._remind),
        )

    def _upload(self, call: Call) -> Answer:
        body = read_json(call)
        key = body.get("order_key")
        _check_key(key if isinstance(key, dict) else {})
        uploaded = _check_shipping(body)
        state = self._world.state
        with state.transaction():
            order = self._paid(body["order_key"].get("transaction_id"), body["order_key"].get("out_trade_no"))
            named = body.get("payer")
            if not isinstance(named, dict) or named.get("openid") != payer(order):
                raise ApiError(10060031, "该笔支付单不属于 openid 所指定的用户")
            if self._order_state(order) == _REFUNDED:
                raise ApiError(10060004, "支付单处于不可发货的状态")
            if self._order_state(order) == _CONFIRMED:
                raise ApiError(10060002, "支付单已完成发货，无法继续发货")
            earlier = state.get("shipping", order["transaction_id"])
            shipping = _shipped(body, uploaded, earlier) | {"shipped": self._world.timestamp()}
            state.put("shipping", order["transaction_id"], shipping)
        return ok()

    def _paid(self, transaction_id: str | None, out_trade_no: str | None) -> Doc:
        if transaction_id:
            found = self._world.state.get("transaction", transaction_id) or {}
            out_trade_no = found.get("out_trade_no", "")
        order = self._world.state.get("order", out_trade_no or "")
        if order is None or order["state"] != "SUCCESS":
            raise ApiError(10060001, "支付单不存在")
        return order

    def _order_state(self, order: Doc) -> int:
        if trade_state(self._world, order) == "REFUND":
            numbers = (self._world.state.get("refund", number) for number in order["refunds"])
            if sum(doc["asked"]["refund"] for doc in numbers if doc) >= order["params"]["amount"]["total"]:
                return _REFUNDED
        shipping = self._world.state.get("shipping", order["transaction_id"])
        if shipping is None or not shipping["finished"]:
            return _TO_SHIP
        confirmed = shipping["shipped"] + _AUTO_CONFIRM[shipping["logistics_type"]].total_seconds()
        return _SHIPPED if self._world.timestamp() < confirmed else _CONFIRMED

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
            "order_state": self._order_state(order),
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
            if shipping is None or self._order_state(order) != _SHIPPED:
                raise ApiError(10060028, "支付单不是已发货状态")
            if shipping["logistics_type"] != _EXPRESS:
                raise ApiError(10060032, "只有物流快递发货时允许提醒用户确认收货")
            received = body.get("received_time")
            if not isinstance(received, int) or received < shipping["shipped"]:
                raise ApiError(10060029, "签收时间非法")
            if shipping.get("reminded"):
                raise ApiError(10060030, "支付单已使用提醒收货机会")
            self._world.state.put("shipping", order["transaction_id"], shipping | {"reminded": received})
        return ok()


def _check_key(key: Mapping[str, Any]) -> None:
    number_type = key.get("order_number_type")
    if number_type not in (1, 2):
        raise ApiError(268485194, "订单单号类型非法")
    if number_type == 2 and not key.get("transaction_id"):
        raise ApiError(268485195, "transaction_id 字段不能为空")
    if number_type == 1 and not key.get("mchid"):
        raise ApiError(268485196, "mchid 字段不能为空")
    if number_type == 1 and not key.get("out_trade_no"):
        raise ApiError(268485197, "out_trade_no 字段不能为空")


def _check_shipping(body: Mapping[str, Any]) -> float:
    """All that can be said without the order. The upload time, epoch seconds."""
    logistics, mode, parcels = body.get("logistics_type"), body.get("delivery_mode"), body.get("shipping_list")
    if logistics not in _AUTO_CONFIRM:
        raise ApiError(10060005, "物流类型有误")
    if mode not in (_UNIFIED, _SPLIT):
        raise ApiError(268485224, "发货模式非法")
    if mode == _SPLIT and logistics != _EXPRESS:
        raise ApiError(10060006, "非快递发货时不允许分拆发货")
    if mode == _SPLIT and not isinstance(body.get("is_all_delivered"), bool):
        raise ApiError(10060007, "分拆发货模式下必须填写 is_all_delivered 字段")
    if not isinstance(parcels, list) or not parcels or not all(isinstance(parcel, dict) for parcel in parcels):
        raise ApiError(10060014, "参数错误 shipping_list")
    if len(parcels) > _MOST_PARCELS:
        raise ApiError(10060024, "物流信息列表太长")
    if mode == _UNIFIED and len(parcels) != 1:
        raise ApiError(268485228, "统一发货模式下，物流信息列表长度必须为 1")
    for parcel in parcels:
        _check_parcel(parcel, logistics)
    return _upload_time(body.get("upload_time"))


def _check_parcel(parcel: Mapping[str, Any], logistics: int) -> None:
    tracking, company, contents = (parcel.get(name, "") for name in ("tracking_no", "express_company", "item_desc"))
    if logistics == _EXPRESS and not tracking:
        raise ApiError(268485226, "物流单号不能为空")
    if logistics == _EXPRESS and not company:
        raise ApiError(268485227, "物流公司编码不能为空")
    if len(tracking) > 128:
        raise ApiError(10060026, "物流单号太长")
    if len(company) > 128:
        raise ApiError(10060025, "物流公司编码太长")
    if not contents:
        raise ApiError(10060008, "商品描述 item_desc 字段不能为空")
    if len(contents) > 120:
        raise ApiError(10060009, "商品描述 item_desc 字段太长")
    contacts = list((parcel.get("contact") or {}).values())
    if (company == "SF" and not contacts) or not all(_MASKED.fullmatch(str(each)) for each in contacts):
        raise ApiError(10060014, "参数错误 contact 应为掩码，最后4位数字不能打掩码")


def _upload_time(value: object) -> float:
    try:
        if isinstance(value, str) and _UPLOAD_TIME.fullmatch(value):
            return datetime.fromisoformat(value).timestamp()
    except ValueError:
        pass
    raise ApiError(268485216, "上传时间非法，请按照 RFC 3339 格式填写")


def _shipped(body: Mapping[str, Any], uploaded: float, earlier: Doc | None) -> Doc:
    """The shipping after this upload: the first, another part of a split one, or the single re-shipping."""
    finished = body["delivery_mode"] == _UNIFIED or body["is_all_delivered"]
    parcels = [{**parcel, "upload_time": int(uploaded)} for parcel in body["shipping_list"]]
    shipping = {name: body[name] for name in ("delivery_mode", "logistics_type")}
    shipping |= {"parcels": parcels, "uploaded": uploaded, "finished": finished, "times": int(finished)}
    if earlier is None:
        return shipping
    if uploaded <= earlier["uploaded"]:
        raise ApiError(268485216, "上传时间必须比之前的请求更新")
    same_way = all(earlier[name] == shipping[name] for name in ("delivery_mode", "logistics_type"))
    if same_way and finished == earlier["finished"] and _known(parcels, earlier["parcels"]):
        raise ApiError(10060023, "发货信息未更新")
    if same_way and not earlier["finished"]:
        fresh = [parcel for parcel in parcels if not _known([parcel], earlier["parcels"])]
        if len(earlier["parcels"]) + len(fresh) > _MOST_PARCELS:
            raise ApiError(10060024, "物流信息列表太长")
        return shipping | {"parcels": earlier["parcels"] + fresh}
    if earlier["times"] > 1 or earlier.get("changed"):
        raise ApiError(10060003, "支付单已使用重新发货机会")
    return shipping | {"times": earlier["times"] + int(finished), "changed": True}


def _known(parcels: list[Doc], earlier: list[Doc]) -> bool:
    known = [{**parcel, "upload_time": 0} for parcel in earlier]
    return all({**parcel, "upload_time": 0} in known for parcel in parcels)


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

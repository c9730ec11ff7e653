"""Orders at WeChat Pay: prepay, query, close, and the payment itself; JSAPI in the mini-program, NATIVE by scanning.

A NATIVE order names no payer: whoever scans its code pays. An order is NOTPAY, SUCCESS or CLOSED in memory; REFUND is
shown for a paid one that has a refund which did not fail.
`time_expire` ends the time to pay and closes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.wechat.callbacks import Callbacks
from sandbox.wechat.crypto import random_text
from sandbox.wechat.fields import Flag, Group, Many, Number, Text
from sandbox.wechat.gate import PayError, check_mchid, param_error, read_body
from sandbox.wechat.http import Answer, Call, Routes, json_answer
from sandbox.wechat.state import Doc
from sandbox.wechat.world import BEIJING, CannotDo, World, rfc3339

PREPAY_LIVES = timedelta(hours=2)
_SHORTEST, _LONGEST, _DEFAULT = timedelta(minutes=1), timedelta(days=15), timedelta(days=7)
_OTHER_PARAMETERS = 268498688
OUT_TRADE_NO = r"[0-9A-Za-z_\-|*]+"
NOTIFY_URL = r"https?://[^\s?#/]+(/[^\s?#]*)?"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"
_GOODS = Group(
    {
        "merchant_goods_id": Text(32, required=True),
        "wechatpay_goods_id": Text(32),
        "goods_name": Text(256),
        "quantity": Number(1, required=True),
        "unit_price": Number(required=True),
    }
)
_STORE = Group(
    {
        "id": Text(32, required=True),
        "name": Text(256),
        "area_code": Text(32),
        "address": Text(512),
    }
)
_PAYER = Group({"openid": Text(128, required=True)}, required=True)
_NATIVE = Group(
    {
        "appid": Text(32, required=True),
        "mchid": Text(32, required=True),
        "description": Text(127, required=True),
        "out_trade_no": Text(32, 6, OUT_TRADE_NO, required=True),
        "time_expire": Text(64, pattern=_TIME),
        "attach": Text(128),
        "notify_url": Text(255, pattern=NOTIFY_URL, required=True),
        "goods_tag": Text(32),
        "support_fapiao": Flag(),
        "limit_pay": Many(Text(16, pattern="no_balance|no_credit|no_debit|balance_only")),
        "amount": Group({"total": Number(1, required=True), "currency": Text(3, pattern="CNY")}, required=True),
        "detail": Group({"cost_price": Number(), "invoice_id": Text(32), "goods_detail": Many(_GOODS)}),
        "scene_info": Group({"payer_client_ip": Text(45, required=True), "device_id": Text(32), "store_info": _STORE}),
        "settle_info": Group({"profit_sharing": Flag()}),
    }
)
_JSAPI = Group({**_NATIVE.fields, "payer": _PAYER})
_CLOSE = Group({"mchid": Text(32, required=True)})
_DESCRIPTIONS = {
    "SUCCESS": "支付成功",
    "REFUND": "订单发生过退款，退款详情请查询退款单",
    "NOTPAY": "订单未支付",
    "CLOSED": "订单已关闭",
}


class CannotPay(CannotDo):
    """The payment sheet would not take the money; the text says why."""


class Pay:
    def __init__(self, world: World, callbacks: Callbacks) -> None:
        self._world = world
        self._callbacks = callbacks
        orders = "/v3/pay/transactions"
        self.routes = Routes(
            ("POST", f"{orders}/jsapi", self._prepay_jsapi),
            ("POST", f"{orders}/native", self._prepay_native),
            ("GET", f"{orders}/out-trade-no/{{out_trade_no}}", self._query),
            ("GET", f"{orders}/id/{{transaction_id}}", self._query_by_id),
            ("POST", f"{orders}/out-trade-no/{{out_trade_no}}/close", self._close),
        )

    def _prepay_jsapi(self, call: Call) -> Answer:
        prepay_id = f"wx{self._world.now().astimezone(BEIJING):%Y%m%d%H%M%S}{random_text(20, '0123456789abcdef')}"
        return self._prepay(read_body(call, _JSAPI), "JSAPI", "prepay_id", prepay_id)

    def _prepay_native(self, call: Call) -> Answer:
        code_url = f"weixin://wxpay/bizpayurl?pr={random_text(9)}"
        return self._prepay(read_body(call, _NATIVE), "NATIVE", "code_url", code_url)

    def _prepay(self, body: Doc, trade_type: str, name: str, handle: str) -> Answer:
        """Answer with a new handle of the order: what the payment sheet is opened with, or the code to be scanned."""
        expires = self._check_prepay(body)
        state, now = self._world.state, self._world.now()
        with state.transaction():
            order = state.get("order", body["out_trade_no"])
            if order is None:
                order = {"params": body, "state": "NOTPAY", "created": now.timestamp(), "refunds": [], "prepays": []}
                order |= {"expires": expires.timestamp(), "trade_type": trade_type}
            _check_again(order, body)
            order["prepays"].append(handle)
            state.put("order", body["out_trade_no"], order)
            state.put("prepay", handle, {"out_trade_no": body["out_trade_no"], "created": now.timestamp()})
        return json_answer({name: handle})

    def _check_prepay(self, body: Mapping[str, Any]) -> datetime:
        check_mchid(self._world, body["mchid"])
        if body["appid"] != self._world.credentials.appid:
            raise PayError(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配")
        if "payer" in body and not self._world.state.get("shopper", body["payer"]["openid"]):
            raise param_error("/payer/openid", "无效的openid", body["payer"]["openid"])
        if "detail" in body and len(json.dumps(body["detail"], ensure_ascii=False).encode()) > 6144:
            raise param_error("/detail", "长度超过6144字节")
        now = self._world.now()
        if "time_expire" not in body:
            return now + _DEFAULT
        try:
            wanted = datetime.fromisoformat(body["time_expire"])
        except ValueError:
            raise param_error("/time_expire", "格式不正确", body["time_expire"]) from None
        return min(max(wanted, now + _SHORTEST), now + _LONGEST)

    def _query(self, call: Call) -> Answer:
        check_mchid(self._world, call.query.get("mchid"))
        return json_answer(trade(self._world, self._order(call.params["out_trade_no"])))

    def _query_by_id(self, call: Call) -> Answer:
        check_mchid(self._world, call.query.get("mchid"))
        alias = self._world.state.get("transaction", call.params["transaction_id"]) or {}
        return json_answer(trade(self._world, self._order(alias.get("out_trade_no", ""))))

    def _order(self, out_trade_no: str) -> Doc:
        order = self._world.state.get("order", out_trade_no)
        if order is None:
            raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
        return order

    def _close(self, call: Call) -> Answer:
        check_mchid(self._world, read_body(call, _CLOSE)["mchid"])
        with self._world.state.transaction():
            order = self._order(call.params["out_trade_no"])
            if order["state"] == "SUCCESS":
                raise PayError(403, self._world.settings.paid_close_code, "订单已支付，不能关闭")
            order["state"] = "CLOSED"
            self._world.state.put("order", call.params["out_trade_no"], order)
        return Answer(204)

    def pay(self, handle: str, openid: str | None, payer_total: int | None, late: bool) -> tuple[Doc, str]:
        """What the payment sheet does: the money is taken and a callback made. The trade and the callback's id.

        `handle` is a prepay_id or a code_url; a code is paid by whoever scanned it, so it needs `openid`. `late` is
        money that was under way when the order was closed: neither the closing nor a deadline stops it.
        KeyError for an unknown handle, CannotPay if the sheet would refuse.
        """
        state, now = self._world.state, self._world.now().timestamp()
        with state.transaction():
            prepay = state.get("prepay", handle)
            if prepay is None:
                raise KeyError(handle)
            order = self._order(prepay["out_trade_no"])
            _check_payable(order, prepay, now, late)
            params = order["params"]
            order["openid"] = self._payer(params, openid)
            total = params["amount"]["total"]
            order["payer_total"] = total if payer_total is None else payer_total
            if not 0 <= order["payer_total"] <= total:
                raise CannotPay("payer_total应在0与订单金额之间")
            order["state"], order["paid"] = "SUCCESS", now
            order["transaction_id"] = "4200" + random_text(24, "0123456789")
            state.put("order", params["out_trade_no"], order)
            state.put("transaction", order["transaction_id"], {"out_trade_no": params["out_trade_no"]})
            paid = trade(self._world, order)
            id = self._callbacks.make("TRANSACTION.SUCCESS", "transaction", "支付成功", params["notify_url"], paid)
        return paid, id

    def _payer(self, params: Mapping[str, Any], openid: str | None) -> str:
        wanted = params["payer"]["openid"] if "payer" in params else openid
        if openid not in (None, wanted):
            raise CannotPay("支付者与下单的openid不一致")
        if wanted is None or not self._world.state.get("shopper", wanted):
            raise CannotPay("请用微信扫码支付")
        return str(wanted)


def _check_again(order: Doc, body: Mapping[str, Any]) -> None:
    """The rules for a number that was used before."""
    if order["state"] == "SUCCESS":
        raise PayError(400, "ORDERPAID", "该订单已支付")
    if order["state"] == "CLOSED":
        raise PayError(400, "ORDER_CLOSED", "该订单已关闭，请重新下单")
    if order["params"] != body:
        message = "请求重入时，参数与首次请求时不一致，请核实后再试"
        raise PayError(400, "INVALID_REQUEST", message, tail=_OTHER_PARAMETERS)


def _check_payable(order: Doc, prepay: Doc, now: float, late: bool) -> None:
    if order["state"] == "SUCCESS":
        raise CannotPay("订单已支付")
    if late:
        return
    if order["state"] == "CLOSED":
        raise CannotPay("订单已关闭")
    if now >= order["expires"]:
        raise CannotPay("已超过支付截止时间")
    if now >= prepay["created"] + PREPAY_LIVES.total_seconds():
        raise CannotPay("prepay_id或code_url已过期")


def payer(order: Doc) -> str:
    """Whose money a paid order took. One that an older version kept names only who was to pay."""
    return str(order.get("openid") or order["params"]["payer"]["openid"])


def trade_type(order: Doc) -> str:
    return str(order.get("trade_type", "JSAPI"))


def trade_state(world: World, order: Doc) -> str:
    refunds = (world.state.get("refund", number) for number in order["refunds"])
    refunded = any(refund and refund["status"] != "CLOSED" for refund in refunds)
    return "REFUND" if order["state"] == "SUCCESS" and refunded else str(order["state"])


def trade(world: World, order: Doc) -> Doc:
    """The order as a query shows it and as the callback carries it. Unpaid ones have an empty payer, as at WeChat."""
    params, shown = order["params"], trade_state(world, order)
    common = {
        "appid": params["appid"],
        "mchid": params["mchid"],
        "out_trade_no": params["out_trade_no"],
        "attach": params.get("attach", ""),
        "trade_state": shown,
        "trade_state_desc": _DESCRIPTIONS[shown],
        "promotion_detail": [],
    }
    total = params["amount"]["total"]
    if order["state"] != "SUCCESS":
        return common | {"amount": {"total": total, "currency": "CNY", "payer_currency": "CNY"}, "payer": {}}
    amount = {"total": total, "payer_total": order["payer_total"], "currency": "CNY", "payer_currency": "CNY"}
    return common | {
        "transaction_id": order["transaction_id"],
        "trade_type": trade_type(order),
        "bank_type": "OTHERS",
        "success_time": rfc3339(order["paid"]),
        "payer": {"openid": payer(order)},
        "amount": amount,
        "promotion_detail": _promotion(total - order["payer_total"]),
    }


def _promotion(amount: int) -> list[Doc]:
    if amount == 0:
        return []
    coupon = {"coupon_id": "109519", "name": "微信支付立减", "scope": "GLOBAL", "type": "NOCASH", "amount": amount}
    shares = {"wechatpay_contribute": amount, "merchant_contribute": 0, "other_contribute": 0}
    return [coupon | shares | {"currency": "CNY"}]

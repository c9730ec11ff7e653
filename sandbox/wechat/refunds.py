"""Refunds at WeChat Pay: accepted at once, ended later, told by callback.

The merchant's account pays for them. It never runs out unless the control API says what is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sandbox.wechat.callbacks import Callbacks
from sandbox.wechat.crypto import random_text
from sandbox.wechat.faults import OF_REFUNDS
from sandbox.wechat.fields import Group, Many, Number, Text
from sandbox.wechat.gate import PayError, param_error, read_body
from sandbox.wechat.http import Answer, Call, Routes, json_answer
from sandbox.wechat.jobs import Jobs
from sandbox.wechat.pay import NOTIFY_URL, OUT_TRADE_NO
from sandbox.wechat.state import Doc
from sandbox.wechat.world import BEIJING, CannotDo, World, rfc3339

MOST_REFUNDS = 50
_YEAR = timedelta(days=365)
_ACCOUNT = "AVAILABLE|UNSETTLED|UNAVAILABLE|OPERATION|BASIC|ECNY_BASIC"
_GOODS = Group(
    {
        "merchant_goods_id": Text(32, required=True),
        "wechatpay_goods_id": Text(32),
        "goods_name": Text(256),
        "unit_price": Number(required=True),
        "refund_amount": Number(required=True),
        "refund_quantity": Number(1, required=True),
    }
)
_FROM = Group({"account": Text(32, pattern="AVAILABLE|UNAVAILABLE", required=True), "amount": Number(1, required=True)})
_AMOUNT = Group(
    {
        "refund": Number(1, required=True),
        "total": Number(1, required=True),
        "currency": Text(3, pattern="CNY", required=True),
        "from": Many(_FROM),
    },
    required=True,
)
_REFUND = Group(
    {
        "transaction_id": Text(32),
        "out_trade_no": Text(32, 6, OUT_TRADE_NO),
        "out_refund_no": Text(64, pattern=r"[0-9A-Za-z_\-|*@]+", required=True),
        "reason": Text(80),
        "notify_url": Text(256, pattern=NOTIFY_URL),
        "funds_account": Text(32, pattern=_ACCOUNT),
        "amount": _AMOUNT,
        "goods_detail": Many(_GOODS),
    }
)
_SUMMARIES = {"SUCCESS": "退款成功", "ABNORMAL": "退款异常", "CLOSED": "退款关闭"}


class Refunds:
    def __init__(self, world: World, callbacks: Callbacks, jobs: Jobs) -> None:
        self._world = world
        self._callbacks = callbacks
        self._jobs = jobs
        jobs.handle("refund", self._finish)
        self.routes = Routes(
            ("POST", "/v3/refund/domestic/refunds", self._refund),
            ("GET", "/v3/refund/domestic/refunds/{out_refund_no}", self._query),
        )

    def _refund(self, call: Call) -> Answer:
        body = read_body(call, _REFUND)
        state, now, number = self._world.state, self._world.now(), body["out_refund_no"]
        with state.transaction():
            order = self._paid_order(body)
            refund = state.get("refund", number)
            if refund is None:
                self._check_new(order, body)
                refund = self._accept(order, body)
                due = now + timedelta(seconds=refund["delay"])
                self._jobs.schedule("refund", number, due)
            elif refund["asked"] != _asked(order, body):
                raise PayError(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
        return json_answer(shown(refund))

    def _paid_order(self, body: Mapping[str, Any]) -> Doc:
        if "transaction_id" not in body and "out_trade_no" not in body:
            raise param_error("/transaction_id", "transaction_id和out_trade_no必填一个")
        state, number = self._world.state, body.get("out_trade_no")
        if "transaction_id" in body:
            found = (state.get("transaction", body["transaction_id"]) or {}).get("out_trade_no")
            number = found if number in (None, found) else None
        order = state.get("order", number) if number else None
        if order is None:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "订单不存在")
        if order["state"] != "SUCCESS":
            raise PayError(400, "INVALID_REQUEST", "订单未支付，不能退款")
        return order

    def _check_new(self, order: Doc, body: Mapping[str, Any]) -> None:
        total, now = order["params"]["amount"]["total"], self._world.now().timestamp()
        if body["amount"]["total"] != total:
            raise PayError(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
        earlier = [doc for number in order["refunds"] if (doc := self._world.state.get("refund", number))]
        taken = sum(doc["asked"]["refund"] for doc in earlier if doc["status"] != "CLOSED")
        if taken + body["amount"]["refund"] > total:
            raise PayError(400, "INVALID_REQUEST", "申请退款金额超过订单可退金额")
        if sum(doc["status"] != "CLOSED" for doc in earlier) >= MOST_REFUNDS:
            raise PayError(400, "INVALID_REQUEST", "部分退款次数超过50次")
        if now > order["paid"] + _YEAR.total_seconds():
            raise PayError(400, "INVALID_REQUEST", "订单已超过可退款的最大期限")
        if earlier and now - earlier[-1]["created"] < self._world.settings.refund_interval:
            raise PayError(429, "FREQUENCY_LIMITED", "同一订单退款间隔太短，请稍后重试")
        self._take_funds(body["amount"]["refund"])

    def _take_funds(self, amount: int) -> None:
        account = self._world.state.get("funds", "account")
        if account is None:
            return
        if account["available"] < amount:
            raise PayError(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")
        self._world.state.put("funds", "account", {"available": account["available"] - amount})

    def set_funds(self, available: int | None) -> None:
        """What is in the account from now on, fen; None: enough for everything."""
        if available is None:
            self._world.state.remove("funds", "account")
        elif available < 0:
            raise ValueError("available is fen, 0 or more, or null")
        else:
            self._world.state.put("funds", "account", {"available": available})

    def _accept(self, order: Doc, body: Mapping[str, Any]) -> Doc:
        now = self._world.now()
        path = f"/v3/refund/domestic/refunds/{body['out_refund_no']}"
        fault = self._world.faults.take(path, OF_REFUNDS).get("refund_outcome", {})
        total, payer_total = order["params"]["amount"]["total"], order["payer_total"]
        delay = fault.get("seconds")
        refund = {
            "asked": _asked(order, body),
            "refund_id": f"503{now.astimezone(BEIJING):%Y%m%d%H%M%S}{random_text(12, '0123456789')}",
            "transaction_id": order["transaction_id"],
            "mchid": order["params"]["mchid"],
            "total": total,
            "payer_total": payer_total,
            "payer_refund": body["amount"]["refund"] * payer_total // total,
            "notify_url": body.get("notify_url", ""),
            "status": "PROCESSING",
            "created": now.timestamp(),
            "outcome": fault.get("outcome", "SUCCESS"),
            "delay": self._world.settings.refund_delay if delay is None else delay,
        }
        order["refunds"].append(body["out_refund_no"])
        self._world.state.put("order", order["params"]["out_trade_no"], order)
        self._world.state.put("refund", body["out_refund_no"], refund)
        return refund

    def _finish(self, number: str) -> None:
        with self._world.state.transaction():
            refund = self._world.state.get("refund", number)
            if refund is None or refund["status"] != "PROCESSING":
                return
            id = self._end(refund, refund["outcome"])
        if id:
            self._callbacks.attempt(id)

    def mend(self, number: str) -> tuple[Doc, str]:
        """The merchant sends the money of an ABNORMAL refund to the shopper's or its own bank card: it ends in SUCCESS.

        The refund and its callback's id, "" without an address. KeyError for an unknown one, CannotDo for any other.
        """
        with self._world.state.transaction():
            refund = self._world.state.get("refund", number)
            if refund is None:
                raise KeyError(number)
            if refund["status"] != "ABNORMAL":
                raise CannotDo("退款单不是退款异常状态")
            id = self._end(refund, "SUCCESS")
        return shown(refund), id

    def _end(self, refund: Doc, status: str) -> str:
        """Keep how it ended, and make the callback that tells of it. Its id, or "" if nobody wants to be told."""
        refund["status"] = status
        if status == "SUCCESS":
            refund["succeeded"] = self._world.timestamp()
        if status == "CLOSED" and (account := self._world.state.get("funds", "account")):
            back = account["available"] + refund["asked"]["refund"]
            self._world.state.put("funds", "account", {"available": back})
        self._world.state.put("refund", refund["asked"]["out_refund_no"], refund)
        if not refund["notify_url"]:
            return ""
        return self._callbacks.make(
            f"REFUND.{status}", "refund", _SUMMARIES[status], refund["notify_url"], _told(refund)
        )

    def _query(self, call: Call) -> Answer:
        refund = self._world.state.get("refund", call.params["out_refund_no"])
        if refund is None:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return json_answer(shown(refund))


def _asked(order: Doc, body: Mapping[str, Any]) -> Doc:
    """What makes two requests the same refund."""
    amount = body["amount"]
    numbers = {"out_trade_no": order["params"]["out_trade_no"], "out_refund_no": body["out_refund_no"]}
    return numbers | {"refund": amount["refund"], "total": amount["total"], "reason": body.get("reason", "")}


def shown(refund: Doc) -> Doc:
    asked = refund["asked"]
    amount = {
        "total": refund["total"],
        "refund": asked["refund"],
        "from": [],
        "payer_total": refund["payer_total"],
        "payer_refund": refund["payer_refund"],
        "settlement_refund": asked["refund"],
        "settlement_total": refund["total"],
        "discount_refund": asked["refund"] - refund["payer_refund"],
        "currency": "CNY",
        "refund_fee": 0,
    }
    answer = {
        "refund_id": refund["refund_id"],
        "out_refund_no": asked["out_refund_no"],
        "transaction_id": refund["transaction_id"],
        "out_trade_no": asked["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(refund["created"]),
        "status": refund["status"],
        "funds_account": "AVAILABLE",
        "amount": amount,
        "promotion_detail": [],
    }
    return answer | ({"success_time": rfc3339(refund["succeeded"])} if "succeeded" in refund else {})


def _told(refund: Doc) -> Doc:
    """The plaintext of a refund callback: no appid and no trade_state in it."""
    asked = refund["asked"]
    told = {
        "mchid": refund["mchid"],
        "out_trade_no": asked["out_trade_no"],
        "transaction_id": refund["transaction_id"],
        "out_refund_no": asked["out_refund_no"],
        "refund_id": refund["refund_id"],
        "refund_status": refund["status"],
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": refund["total"],
            "refund": asked["refund"],
            "payer_total": refund["payer_total"],
            "payer_refund": refund["payer_refund"],
        },
    }
    return told | ({"success_time": rfc3339(refund["succeeded"])} if "succeeded" in refund else {})

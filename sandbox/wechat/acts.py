"""What shoppers and the platform do when the control API asks them to. Each takes the request as it came.

KeyError for something unknown or missing, ValueError for a bad value, CannotDo where the platform would refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.wechat import crypto
from sandbox.wechat.callbacks import Callbacks, Result
from sandbox.wechat.certificates import Certificates
from sandbox.wechat.courier import Courier
from sandbox.wechat.http import Answer, Call, json_answer, parse_json_object
from sandbox.wechat.pay import CannotPay, Pay
from sandbox.wechat.people import People
from sandbox.wechat.plants import Plants
from sandbox.wechat.push import Push
from sandbox.wechat.refunds import Refunds
from sandbox.wechat.settlement import Settlements
from sandbox.wechat.world import World

_DAY = 86400


@dataclass(frozen=True)
class Acts:
    world: World
    pay: Pay
    callbacks: Callbacks
    people: People
    settlements: Settlements
    push: Push
    courier: Courier
    certificates: Certificates
    refunds: Refunds
    plants: Plants

    def pay_sheet(self, call: Call) -> Answer:
        body, prepay_id = optional(call), call.params["prepay_id"]
        if "paySign" in body:
            self._check_sheet(body, prepay_id)
        return self._take_money(prepay_id, body.get("openid"), body)

    def pay_code(self, call: Call) -> Answer:
        body = parse_json_object(call.body)
        openid = self.people.openid(str(body["shopper"])) if "shopper" in body else body["openid"]
        return self._take_money(str(body["code_url"]), openid, body)

    def _take_money(self, handle: str, openid: str | None, body: dict[str, Any]) -> Answer:
        paid, id = self.pay.pay(handle, openid, body.get("payer_total"), body.get("late") is True)
        results = self.callbacks.attempt(id)
        answer = {name: paid[name] for name in ("trade_state", "transaction_id", "out_trade_no")}
        return json_answer(answer | told_results(results) | {"callback_id": id})

    def mend_refund(self, call: Call) -> Answer:
        refund, id = self.refunds.mend(call.params["out_refund_no"])
        return json_answer(refund | told_results(self.callbacks.attempt(id) if id else []))

    def set_funds(self, call: Call) -> Answer:
        available = parse_json_object(call.body)["available"]
        self.refunds.set_funds(None if available is None else int(available))
        return json_answer({"available": available})

    def confirm_receipt(self, call: Call) -> Answer:
        url = str(optional(call).get("push_url", ""))
        order_state, id = self.settlements.confirm(call.params["out_trade_no"], url)
        results = self.push.attempt(id) if id else []
        return json_answer({"order_state": order_state, "push_status": results[-1] if results else None})

    def plant_difference(self, call: Call) -> Answer:
        return json_answer(self.plants.plant(parse_json_object(call.body)))

    def clear_plants(self, _: Call) -> Answer:
        self.plants.clear()
        return json_answer([])

    def rotate_certificate(self, call: Call) -> Answer:
        body = optional(call)
        signs_in, listed_for = float(body.get("signs_in", 0)), float(body.get("old_listed_for", _DAY))
        return json_answer(self.certificates.rotate(signs_in, listed_for))

    def scan_parcel(self, call: Call) -> Answer:
        return json_answer(self.courier.scan(call.params["tracking_no"], parse_json_object(call.body)))

    def push_event(self, call: Call) -> Answer:
        body = parse_json_object(call.body)
        event, url = body["event"], body.get("url") or self.push.address()
        if isinstance(event, str):
            event = self.settlements.event(event, body.get("out_trade_no"))
        if not url:
            raise ValueError("url is missing, and no push address was verified")
        status, answer = self.push.send(event, url, body.get("mode", "secure"), body.get("form", "json"))
        return json_answer({"status": status, "answer": answer, "event": event})

    def _check_sheet(self, body: dict[str, Any], prepay_id: str) -> None:
        """wx.requestPayment refuses parameters that the merchant did not sign."""
        if body.get("signType") != "RSA" or body.get("package") != f"prepay_id={prepay_id}":
            raise CannotPay("signType应为RSA，package应为prepay_id=…")
        if not isinstance(body.get("timeStamp"), str) or not isinstance(body.get("nonceStr"), str):
            raise CannotPay("timeStamp和nonceStr应为string")
        keys = self.world.credentials
        message = f"{keys.appid}\n{body['timeStamp']}\n{body['nonceStr']}\n{body['package']}\n".encode()
        if not crypto.verifies(crypto.public_key(keys.merchant_public_key), message, str(body["paySign"])):
            raise CannotPay("支付验证签名失败")


def optional(call: Call) -> dict[str, Any]:
    """The body of a request that needs none."""
    return parse_json_object(call.body) if call.body else {}


def told_results(results: list[Result]) -> dict[str, Any]:
    return {"callback_status": results[-1] if results else None, "callback_results": results}

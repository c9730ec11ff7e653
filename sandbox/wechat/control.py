"""The control API under /_sandbox/: what shoppers do, what time it is, what goes wrong, and what was seen. JSON only.

- `GET  /_sandbox/` this list
- `POST /_sandbox/login-codes {shopper}` -> {code, openid}: wx.login; the code lives 5 minutes and works once
- `POST /_sandbox/phone-codes {shopper, phone}` -> {code, openid}: the phone number button
- `POST /_sandbox/payments/{prepay_id}/pay {openid?, payer_total?, late?, timeStamp?, nonceStr?, package?, signType?,
  paySign?}` -> {trade_state, transaction_id, out_trade_no, callback_status, callback_results, callback_id}: the payment
  sheet. The money is taken and the callback sent before the answer comes; `callback_status` is the shop's HTTP status,
  or unreachable, dropped, delayed. With `paySign` the parameters of wx.requestPayment are verified. `late`: the money
  was under way when the order was closed. 409 {error} if the sheet would refuse
- `POST /_sandbox/native/pay {code_url, shopper | openid, payer_total?, late?}` -> the same: somebody scans the code
- `GET  /_sandbox/payments`, `GET /_sandbox/payments/{out_trade_no}`, `GET /_sandbox/refunds`
- `POST /_sandbox/refunds/{out_refund_no}/mend` -> the refund and callback_status: the merchant sends the money of an
  ABNORMAL one to a bank card, which succeeds
- `POST /_sandbox/funds {available}`: fen in the merchant's account from now on, of which refunds are paid; 403
  NOT_ENOUGH when they exceed it. null: enough for everything
- `GET  /_sandbox/callbacks` -> every callback with the results of its attempts
- `POST /_sandbox/callbacks/{id}/send {faults?: [{do, …}], replay?: true}` -> {callback_results}: send it now once
  more; `replay` sends the last message's very bytes and headers
- `POST /_sandbox/bills/plant {day, what: drop|double|amount|add, out_trade_no | out_refund_no, amount?, bill?: trade|
  flow|both}`: a difference in that day's bills from now on, in the row of a payment, or of a refund if one is named;
  `add` makes up a row (of the refund's payment if both are named). `DELETE` ends them all
- `POST /_sandbox/certificates/rotate {signs_in?, old_listed_for?}` -> {serial_no, certificate, signs_from,
  old_listed_until}: a new platform certificate is listed, and signs for merchants in certificate mode from `signs_in`
  seconds (0) on; the old one is listed for `old_listed_for` seconds (a day) after that
- `POST /_sandbox/consents {openid, template_id, count}` -> {count}: wx.requestSubscribeMessage
- `GET  /_sandbox/messages` -> subscribe messages that were sent
- `GET  /_sandbox/calls` -> every call received: time, method, path, status, code, faults. `DELETE` forgets them
- `GET  /_sandbox/clock` -> {now, offset_seconds}; `POST /_sandbox/clock {advance_seconds}`
- `POST /_sandbox/push {event, url?, out_trade_no?, mode?: plain|secure, form?: json|xml}` -> {status, answer, event}:
  any event now, once. `event` is a whole event, or the name of one of trade_manage_remind_access_api,
  trade_manage_remind_shipping, trade_manage_order_settlement, wxa_trade_controlled, whose fields are then filled in
  truly for the order
- `POST /_sandbox/push/verify {url}` -> {status, echoed}: saves the address if it echoed; events of the platform's own
  accord go there. `GET /_sandbox/pushes` -> those events with the results of their attempts
- `POST /_sandbox/shipping/{out_trade_no}/confirm {push_url?}` -> {order_state, push_status}: the shopper confirms the
  receipt in WeChat's own page; the settlement is pushed (null: not yet, or no address is known)
- `POST /_sandbox/parcels/{tracking_no} {com, state, context, time?, phone?}` -> {com, phone, scans}: the courier scans
  a parcel, now or at `time` (Beijing, YYYY-MM-DD HH:MM:SS); see sandbox/wechat/courier.py
- `POST /_sandbox/faults [{match, do, times, …}]`, `GET`, `DELETE`: see sandbox/wechat/faults.py

Errors are {error} with 400, 404 or 409.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sandbox.wechat.acts import Acts, optional, told_results
from sandbox.wechat.callbacks import Callbacks
from sandbox.wechat.faults import OF_CALLBACKS, complete
from sandbox.wechat.http import Answer, Call, Routes, json_answer, parse_json_object
from sandbox.wechat.jobs import Jobs
from sandbox.wechat.messages import Messages
from sandbox.wechat.pay import trade, trade_type
from sandbox.wechat.people import People
from sandbox.wechat.push import Push
from sandbox.wechat.refunds import shown
from sandbox.wechat.world import CannotDo, World, rfc3339


class Control:
    def __init__(
        self, world: World, acts: Acts, callbacks: Callbacks, people: People, messages: Messages, push: Push, jobs: Jobs
    ) -> None:
        self._world = world
        self._acts = acts
        self._callbacks = callbacks
        self._people = people
        self._messages = messages
        self._push = push
        self._jobs = jobs
        self.routes = Routes(*((method, f"/_sandbox/{path}", handler) for method, path, handler in self._table()))

    def _table(self) -> list[tuple[str, str, Callable[[Call], Answer]]]:
        return [
            ("GET", "", lambda _: json_answer({"sandbox": (__doc__ or "").splitlines()})),
            ("POST", "login-codes", self._login_code),
            ("POST", "phone-codes", self._phone_code),
            ("POST", "payments/{prepay_id}/pay", lambda call: self._acts.pay_sheet(call)),
            ("POST", "native/pay", lambda call: self._acts.pay_code(call)),
            ("GET", "payments", self._payments),
            ("GET", "payments/{out_trade_no}", self._payment),
            ("GET", "refunds", self._refunds),
            ("POST", "refunds/{out_refund_no}/mend", lambda call: self._acts.mend_refund(call)),
            ("POST", "funds", lambda call: self._acts.set_funds(call)),
            ("GET", "callbacks", lambda _: json_answer([_told(doc) for doc in self._world.state.every("callback")])),
            ("POST", "callbacks/{id}/send", self._send_callback),
            ("POST", "bills/plant", lambda call: self._acts.plant_difference(call)),
            ("DELETE", "bills/plant", lambda call: self._acts.clear_plants(call)),
            ("POST", "certificates/rotate", lambda call: self._acts.rotate_certificate(call)),
            ("POST", "consents", self._consent),
            ("GET", "messages", lambda _: json_answer(self._messages.sent())),
            ("GET", "calls", lambda _: json_answer(self._world.state.every("call"))),
            ("DELETE", "calls", self._forget_calls),
            ("GET", "clock", lambda _: self._clock()),
            ("POST", "clock", self._advance),
            ("POST", "push", lambda call: self._acts.push_event(call)),
            ("POST", "push/verify", self._push_verify),
            ("GET", "pushes", lambda _: json_answer(self._world.state.every("pushed"))),
            ("POST", "shipping/{out_trade_no}/confirm", lambda call: self._acts.confirm_receipt(call)),
            ("POST", "parcels/{tracking_no}", lambda call: self._acts.scan_parcel(call)),
            ("GET", "faults", lambda _: json_answer(self._world.faults.all())),
            ("POST", "faults", self._add_faults),
            ("DELETE", "faults", self._clear_faults),
        ]

    def work(self, call: Call) -> Answer:
        handlers, params = self.routes.find(call)
        if call.method not in handlers:
            return _refuse(405 if handlers else 404, "GET /_sandbox/ lists what there is")
        try:
            return handlers[call.method](call.with_params(params))
        except CannotDo as error:
            return _refuse(409, str(error))
        except KeyError as error:
            return _refuse(404, f"no such thing, or a field is missing: {error}")
        except (ValueError, TypeError) as error:
            return _refuse(400, str(error))

    def _login_code(self, call: Call) -> Answer:
        shopper = str(parse_json_object(call.body)["shopper"])
        return json_answer({"code": self._people.new_login_code(shopper), "openid": self._people.openid(shopper)})

    def _phone_code(self, call: Call) -> Answer:
        body = parse_json_object(call.body)
        code = self._people.new_phone_code(str(body["shopper"]), str(body["phone"]))
        return json_answer({"code": code, "openid": self._people.openid(str(body["shopper"]))})

    def _payments(self, _: Call) -> Answer:
        return json_answer([self._shown(order) for order in self._world.state.every("order")])

    def _payment(self, call: Call) -> Answer:
        order = self._world.state.get("order", call.params["out_trade_no"])
        return json_answer(self._shown(order)) if order else _refuse(404, "no such order")

    def _shown(self, order: dict[str, Any]) -> dict[str, Any]:
        handles = {"JSAPI": "prepay_ids", "NATIVE": "code_urls"}[trade_type(order)]
        return trade(self._world, order) | {
            handles: order["prepays"],
            "description": order["params"]["description"],
            "notify_url": order["params"]["notify_url"],
            "out_refund_nos": order["refunds"],
        }

    def _refunds(self, _: Call) -> Answer:
        return json_answer([shown(refund) for refund in self._world.state.every("refund")])

    def _send_callback(self, call: Call) -> Answer:
        body, id = optional(call), call.params["id"]
        if body.get("replay"):
            return json_answer(told_results(self._callbacks.replay(id)))
        faults = [complete(fault, OF_CALLBACKS) for fault in body.get("faults", [])]
        return json_answer(told_results(self._callbacks.send(id, {fault["do"]: fault for fault in faults})))

    def _consent(self, call: Call) -> Answer:
        body = parse_json_object(call.body)
        count = self._messages.grant(body["openid"], body["template_id"], int(body.get("count", 1)))
        return json_answer({"count": count})

    def _forget_calls(self, _: Call) -> Answer:
        self._world.state.keep_last("call", 0)
        return json_answer([])

    def _clock(self) -> Answer:
        offset = getattr(self._world.clock, "offset", None)
        return json_answer({"now": rfc3339(self._world.now()), "offset_seconds": offset() if offset else 0})

    def _advance(self, call: Call) -> Answer:
        advance = getattr(self._world.clock, "advance", None)
        if advance is None:
            raise ValueError("this clock cannot be moved; start with --clock-file")
        advance(float(parse_json_object(call.body)["advance_seconds"]))
        self._jobs.wake()
        return self._clock()

    def _push_verify(self, call: Call) -> Answer:
        status, echoed = self._push.verify(parse_json_object(call.body)["url"])
        return json_answer({"status": status, "echoed": echoed})

    def _add_faults(self, call: Call) -> Answer:
        wanted = json.loads(call.body)
        for fault in wanted if isinstance(wanted, list) else [wanted]:
            self._world.faults.add(fault)
        return json_answer(self._world.faults.all())

    def _clear_faults(self, _: Call) -> Answer:
        self._world.faults.clear()
        return json_answer([])


def _refuse(status: int, error: str) -> Answer:
    return json_answer({"error": error}, status, code=str(status))


def _told(callback: dict[str, Any]) -> dict[str, Any]:
    told = {name: callback[name] for name in ("url", "attempts", "results", "delivered", "lost", "plaintext")}
    return {"id": callback["envelope"]["id"], "event_type": callback["envelope"]["event_type"], **told}

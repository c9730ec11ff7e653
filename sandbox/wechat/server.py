"""The sandbox put together: one WSGI application for both hosts of WeChat, the couriers' and the control API."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.wrappers import Response

from sandbox.wechat.acts import Acts
from sandbox.wechat.bills import Bills
from sandbox.wechat.callbacks import Callbacks
from sandbox.wechat.certificates import Certificates
from sandbox.wechat.control import Control
from sandbox.wechat.courier import Courier
from sandbox.wechat.credentials import Credentials
from sandbox.wechat.faults import OF_ANSWERS, Fault, Faults
from sandbox.wechat.http import Answer, Call, ConnectionDropped, json_answer
from sandbox.wechat.jobs import Jobs
from sandbox.wechat.messages import Messages
from sandbox.wechat.miniprogram import MiniProgram, MiniSide
from sandbox.wechat.pay import Pay
from sandbox.wechat.payside import PaySide, Security
from sandbox.wechat.people import People
from sandbox.wechat.plants import Plants
from sandbox.wechat.push import Push
from sandbox.wechat.refunds import Refunds
from sandbox.wechat.settlement import Settlements
from sandbox.wechat.shipping import Shipping
from sandbox.wechat.signing import Signer
from sandbox.wechat.state import State
from sandbox.wechat.tokens import Tokens
from sandbox.wechat.world import Clock, Settings, World, rfc3339

_CALLS_KEPT = 2000
_log = logging.getLogger("sandbox.wechat")


def system_clock() -> datetime:
    return datetime.now(UTC)


class _Side(Protocol):
    def work(self, call: Call) -> Answer: ...
    def refuse(self, fault: Fault) -> Answer: ...
    def finish(self, call: Call, answer: Answer, faults: Mapping[str, Fault]) -> None: ...


class SandboxWeChat:
    """WeChat for one merchant with one mini-program.

    `wsgi_app` serves api.weixin.qq.com and api.mch.weixin.qq.com by their paths, poll.kuaidi100.com's
    /poll/query.do, and /_sandbox/ (see control.py).
    A thread of its own ends refunds and repeats callbacks until `close()`; a `with` block closes too.
    Without `state` nothing outlives the object.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        clock: Clock = system_clock,
        state: State | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.credentials = credentials
        self.faults = Faults()
        self._state = state or State()
        self._world = world = World(credentials, clock, self._state, settings or Settings(), self.faults)
        self._jobs = jobs = Jobs(world)
        certificates = Certificates(world)
        signer, people, tokens, push = Signer(world, certificates), People(world), Tokens(world), Push(world, jobs)
        callbacks = Callbacks(world, signer, jobs)
        pay, messages = Pay(world, callbacks), Messages(world, people)
        security = Security(world, signer, certificates, callbacks, jobs)
        refunds = Refunds(world, callbacks, jobs)
        plants = Plants(world)
        self._bills = Bills(world, plants)
        parts = refunds, self._bills, security
        self._pay_side = PaySide(world, signer, [pay.routes, *(part.routes for part in parts)])
        settlements = Settlements(world, push, jobs)
        mini = MiniProgram(world, people, tokens, push, jobs), messages, Shipping(world, settlements)
        self._courier = Courier(world)
        self._mini_side = MiniSide(tokens, [part.routes for part in mini])
        acts = Acts(world, pay, callbacks, people, settlements, push, self._courier, certificates, refunds, plants)
        self._control = Control(world, acts, callbacks, people, messages, push, jobs)
        self._closing = threading.Event()
        jobs.start()

    def close(self) -> None:
        """Stop the background work, waiting for what is under way, and close the state."""
        self._closing.set()
        self._jobs.stop()
        self._bills.close()
        self._state.close()

    def __enter__(self) -> SandboxWeChat:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Raises ConnectionDropped where a fault wants no answer; the server then closes the connection."""
        answer = self._answer(Call.from_environ(environ))
        response = Response(answer.pieces(), answer.status, answer.headers, content_type=answer.content_type)
        if answer.status == 204:
            response.headers.remove("Content-Type")
        else:
            response.headers["Content-Length"] = str(answer.length)
        return response(environ, start_response)

    def _answer(self, call: Call) -> Answer:
        try:
            if call.path.startswith("/_sandbox"):
                return self._control.work(call)
            return self._served(call, self._side(call.path))
        except ConnectionDropped:
            raise
        except Exception as error:
            _log.exception("%s %s failed", call.method, call.path)
            return json_answer({"code": "SYSTEM_ERROR", "message": f"the sandbox has a bug: {error!r}"}, 500)

    def _side(self, path: str) -> _Side:
        if path.startswith("/v3/"):
            return self._pay_side
        return self._courier if path.startswith("/poll/") else self._mini_side

    def _served(self, call: Call, side: _Side) -> Answer:
        faults = self.faults.take(call.path, OF_ANSWERS, call.method)
        if "drop_before" in faults:
            self._note(call, None, faults)
            raise ConnectionDropped
        instead = faults.get("status") or faults.get("errcode")
        answer = side.refuse(instead) if instead else side.work(call)
        if "work_then_status" in faults:
            answer = side.refuse(faults["work_then_status"])
        if "body" in faults:
            answer.body, answer.file = faults["body"]["body"].encode(), None
        side.finish(call, answer, faults)
        if "cut" in faults:
            answer.cut_after = faults["cut"]["after"]
        self._note(call, answer, faults)
        if "delay" in faults:
            self._closing.wait(faults["delay"]["seconds"])
        if "drop_after" in faults:
            raise ConnectionDropped
        return answer

    def _note(self, call: Call, answer: Answer | None, faults: Mapping[str, Fault]) -> None:
        """For GET /_sandbox/calls: the path without its query, no headers, no bodies."""
        note = {
            "time": rfc3339(self._world.now()),
            "method": call.method,
            "path": call.path,
            "status": answer.status if answer else None,
            "code": answer.code if answer else "",
            "faults": list(faults),
        }
        self._state.put("call", uuid.uuid4().hex, note)
        self._state.keep_last("call", _CALLS_KEPT)

"""One life of the shop: a process that may die, its WeChat, its shoppers, and a clock, all in one thread.

Nothing here waits, and nothing is left to chance but what the seed decides: the same seed and strike play
the same life.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any
from urllib.parse import urlsplit

import urllib3
from chalice.config import Config
from chalice.local import ForbiddenError, LocalGateway
from werkzeug.test import Client as WsgiClient

from app import app
from chalicelib.shop import Shop, build, use
from chalicelib.storage.tables import tables
from sandbox.wechat import Credentials, SandboxWeChat
from sandbox.wechat import Settings as WeChatSettings
from tests.faults.bounds import COUNTED, overdrawn
from tests.faults.engine import ADDRESS, PREFIX, Answer, Engine, Request
from tests.faults.people import Client, Fault, GaveUp, Refusal
from tests.faults.strikes import Died, Strike
from tests.shop import TestClock, settings_for

WECHAT = "https://wechat.faults"
SHOP = "https://shop.faults"
PLATFORM = WeChatSettings(callback_retry_scale=1, refund_delay=20, push_url=f"{SHOP}/wechat/push")


@dataclass
class Stage:
    """What all lives begin with: tables, goods, people. Made once."""

    engine: Engine
    credentials: Credentials
    items: bytes = b""
    stock: dict[str, int] = field(default_factory=dict)
    docs: list[tuple[str, str, str]] = field(default_factory=list)
    people: dict[str, Client] = field(default_factory=dict)


class World:
    """`seed` 0 is an orderly world: all is delivered at once, in order, and nobody gives up."""

    def __init__(self, stage: Stage, seed: int = 0, strike: Strike | None = None) -> None:
        self.stage, self.seed = stage, seed
        self.chance = Random(seed)
        self.strike = strike or Strike()
        self.strike.rival = self._rival
        self.clock = TestClock()
        self.streamed: list[tuple[str, dict[str, Any]]] = []
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.asked_jobs: set[tuple[str, str]] = set()
        self.ran: dict[str, datetime] = {}
        # What reads a whole day's bills again and again is done where it matters.
        self.asleep = re.compile("reconcil")
        self.keys: dict[str, set[str]] = {}
        self.story: list[str] = []
        self.overdrawn: set[str] = set()
        self.deaths = 0
        self._people: dict[str, Client] = {}
        self._inside = 0
        self.rivals: list[tuple[str, Callable[[], object]]] = []
        self._request: Callable[[], object] | None = None
        self._streams = {
            kind.bare_name: [name for name in (kind._hash_keyname, kind._range_keyname) if name]
            for kind in tables().values()
            if getattr(kind.Meta, "stream_view_type", None)
        }
        self.wechat = SandboxWeChat(stage.credentials, clock=self.clock, settings=PLATFORM)
        for kind, id, body in stage.docs:
            self.wechat._state.put(kind, id, json.loads(body))
        self._wechat_http = WsgiClient(self.wechat.wsgi_app)
        self.stage.engine.carry = self._carry
        self.stage.engine.quiet = lambda request: not (self._inside and self.strike.concerns(request))
        self.shop = self._start()
        self.gateway = LocalGateway(app, Config.create(chalice_stage="dev", config_from_disk={"version": "2.0"}))

    @property
    def orderly(self) -> bool:
        return self.seed == 0

    def _start(self) -> Shop:
        known = self.stage.credentials
        settings = settings_for(known, PREFIX, ADDRESS, WECHAT, SHOP)
        settings = replace(
            settings,
            kuaidi100_customer=known.kuaidi100_customer,
            kuaidi100_key=known.kuaidi100_key,
            kuaidi100_url=WECHAT,
        )
        shop = build(settings, clock=self.clock, random=Random(self.seed))
        use(shop)
        return shop

    def close(self) -> None:
        self.wechat.close()

    # -- the shop's process ------------------------------------------------------------------------------------------

    def in_shop(self, what: str, work: Callable[[], object]) -> bool:
        """Work of the shop's process. False if the process died over it; there is a new one then."""
        self._inside += 1
        try:
            work()
        except Died:
            if self._inside > 1:
                raise
            self.tell(f"the process died over {what}, at {self.strike.struck}")
            self.deaths += 1
            self.shop = self._start()
            return False
        finally:
            self._inside -= 1
        return True

    def http(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, Any]:
        """A request to the shop; status 0 if no answer came, since the process died."""
        answers: list[Any] = []

        def work() -> None:
            try:
                answers.append(self.gateway.handle_request(method, path, headers, body))
            except ForbiddenError as error:
                raise Fault(f"no such route: {method} {path}") from error

        if not self.in_shop(f"{method} {path}", work):
            return 0, None
        (answer,) = answers
        text = answer["body"]
        return answer["statusCode"], json.loads(text) if text and text[0] in "{[" else text

    def tell(self, line: str) -> None:
        self.story.append(f"{self.clock.now:%d %H:%M:%S} {line}")

    # -- what goes over wires ----------------------------------------------------------------------------------------

    def _carry(self, request: Request, do: Callable[[], Answer]) -> Answer:
        if not self._inside:
            return self._committed(request, do)
        if request.job:
            self.asked_jobs.add((request.tables[0], request.job.partition("#")[0]))
        return self.strike.storage(request, lambda: self._committed(request, do))

    def _committed(self, request: Request, do: Callable[[], Answer]) -> Answer:
        """Answers as the engine does, and puts what was written into the streams."""
        answer = do()
        if answer[0] != 200 or not request.writes:
            return answer
        for table in COUNTED.keys() & set(request.tables):
            self.overdrawn.update(overdrawn(table, self.stage.engine.items(table)))
        if not self._streams.keys().isdisjoint(request.tables):
            writes = request.sent.get("TransactItems") or [{request.operation: request.sent}]
            for write in writes:
                ((what, details),) = write.items()
                table = details["TableName"].removeprefix(PREFIX)
                if table in self._streams and what != "ConditionCheck":
                    held = details.get("Key") or details["Item"]
                    self.streamed.append((table, {name: held[name] for name in self._streams[table]}))
        return answer

    def to_wechat(self, pool: Any, method: str, url: str, body: Any, headers: Any) -> urllib3.HTTPResponse:
        """A call of the shop to WeChat, counted as a step."""
        path = urlsplit(url).path

        def lost() -> Exception:
            return urllib3.exceptions.ReadTimeoutError(pool, path, "injected")

        def answer(status: int, said: dict[str, Any]) -> urllib3.HTTPResponse:
            return _response(status, {"Content-Type": "application/json"}, json.dumps(said).encode())

        def busy() -> urllib3.HTTPResponse:
            if path.startswith("/v3/"):
                return answer(500, {"code": "SYSTEM_ERROR", "message": "injected"})
            return answer(200, {"errcode": -1, "errmsg": "injected"})

        def do() -> urllib3.HTTPResponse:
            outside, self._inside = self._inside, 0
            try:
                got = self._wechat_http.open(
                    url, base_url=WECHAT, method=method, data=body, headers=dict(headers or {})
                )
            finally:
                self._inside = outside
            return _response(got.status_code, dict(got.headers), got.get_data())

        if not self._inside:
            return do()
        return self.strike.outside(f"{method} {path}", do, busy, lost)

    def from_wechat(
        self, url: str, headers: dict[str, str], body: bytes, timeout: float, method: str = "POST"
    ) -> tuple[int | str, bytes]:
        """A callback or a push, delivered, doubled or lost, as chance will have it."""
        path = url.removeprefix(SHOP)
        lost = dropped = doubled = False
        if not self.orderly:
            lost, dropped, doubled = (self.chance.random() < part for part in (0.15, 0.2, 0.2))
        if dropped:
            self.tell(f"dropped {path}")
            return "unreachable", b""
        self.heard.append((path, headers, body))
        status, answer = self.http(method, path, headers, body or None)
        self.tell(f"WeChat called {path.partition('?')[0]}: {status}")
        if doubled:
            status, answer = self.http(method, path, headers, body or None)
        if lost or status == 0:
            return "unreachable", b""
        return status, str(answer).encode()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The sandbox WeChat's control API."""
        answer = self._wechat_http.open(f"/_sandbox/{path}", method=method, json=body)
        if answer.status_code >= 400:
            raise Refusal(answer.status_code, answer.get_data(as_text=True))
        return answer.get_json()

    def wake(self) -> None:
        """From now on each morning's reconciliation is done."""
        self.asleep = re.compile("^$")

    def mornings(self) -> list[float]:
        """When the next reconciliation may find something: it waits for the time of day, and for no row."""
        if self.asleep.search("reconcile"):
            return []
        beijing = self.clock().astimezone(timezone(timedelta(hours=8)))
        times = [beijing.replace(hour=hour, minute=5) + timedelta(days=days) for days in (0, 1) for hour in (10, 11)]
        return [min(time for time in times if time > beijing).timestamp()]

    def uploads(self) -> list[dict[str, Any]]:
        """What WeChat knows of deliveries, by transaction_id."""
        rows = self.wechat._state._db.execute("SELECT id, body FROM docs WHERE kind = 'shipping'")
        return [json.loads(body) | {"transaction_id": id} for id, body in rows.fetchall()]

    # -- people ------------------------------------------------------------------------------------------------------

    def member(self, name: str) -> Client:
        if name not in self._people:
            known = self.stage.people.get(name) or Client(self, name)
            self._people[name] = Client(self, name, known.token, known.member_id, known.address_id)
        return self._people[name]

    def after_a_failure(self) -> None:
        """The client waits a little and asks again; or has had enough."""
        if not self.orderly and self.chance.random() < 0.3:
            self.tell("the client gave up")
            raise GaveUp
        self.clock.forward(seconds=3)

    def asking(self, request: Callable[[], object]) -> Any:
        """A request that may come once more while it is being answered."""
        before, self._request = self._request, request
        try:
            return request()
        finally:
            self._request = before

    def _rival(self) -> None:
        """Somebody else's work, from end to end, in the middle of another's: as a second process would do it."""
        from tests.faults import driver

        works = [*self.rivals, ("schedules", lambda: driver.run_schedules(self))]
        if self._request:
            works.append(("the same request", self._request))
        works.append(("streams", lambda: driver.deliver_streams(self)))
        if self.heard:
            works.append(("a callback again", lambda: driver.hear_again(self)))
        name, work = works[(self.strike.at + self.seed) % len(works)]
        self.tell(f"in the middle of {self.strike.struck}: {name}")
        inside, self._inside = self._inside, 0
        try:
            work()
        except (GaveUp, Refusal) as error:
            self.tell(f"{name}: {error!r}")
        finally:
            self._inside = inside


def _response(status: int, headers: dict[str, str], body: bytes) -> urllib3.HTTPResponse:
    headers.pop("Content-Encoding", None)
    return urllib3.HTTPResponse(io.BytesIO(body), headers, status, preload_content=False)

"""One life of the shop: a process that may die, its WeChat, its shoppers, and a clock, all in one thread.

Nothing here waits, and nothing is left to chance but what the seed decides: the same seed and strike play
the same life.
"""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import urllib3
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from chalice.config import Config
from chalice.local import ForbiddenError, LocalGateway
from urllib3.connectionpool import HTTPConnectionPool
from werkzeug.test import Client as WsgiClient

from app import app
from chalicelib.shop import Shop, build, use
from chalicelib.storage import due
from chalicelib.storage.tables import tables
from sandbox.wechat import Credentials, SandboxWeChat
from sandbox.wechat import Settings as WeChatSettings
from sandbox.wechat import callbacks as wechat_callbacks
from sandbox.wechat import push as wechat_push
from sandbox.wechat.jobs import Jobs
from tests.faults.engine import ADDRESS, PREFIX, Answer, Engine, Request
from tests.faults.strikes import Died, Mode, Strike
from tests.shop import TestClock, settings_for

WECHAT = "https://wechat.faults"
SHOP = "https://shop.faults"
PLATFORM = WeChatSettings(callback_retry_scale=1, refund_delay=20, push_url=f"{SHOP}/wechat/push")
PATIENCE = 6
COUNTED = {
    "stock": ("available",),
    "points": ("balance",),
    "consents": ("left",),
    "groupbuy": ("seats_taken", "paid_count"),
    "bargain": ("n",),
    "payments": ("refunding",),
}
"""What is never below zero, by table; nor above its bound, where there is one."""
BOUNDS = {"seats_taken": "size", "paid_count": "size", "refunding": "total"}

Furnish = Callable[["World"], None]


class GaveUp(Exception):
    """A client met a failure and went away, as shoppers do."""


class Refusal(Exception):
    """The shop said no."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code = status, code


class Fault(AssertionError):
    """The shop did what it must never do."""


@dataclass
class Stage:
    """What all lives begin with: tables, goods, people. Made once."""

    engine: Engine
    credentials: Credentials
    items: dict[str, Any] = field(default_factory=dict)
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
        courier = {"kuaidi100_customer": known.kuaidi100_customer, "kuaidi100_key": known.kuaidi100_key}
        settings = settings_for(known, PREFIX, ADDRESS, WECHAT, SHOP)
        settings = replace(settings, **courier, kuaidi100_url=WECHAT)
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
            self.overdrawn.update(_overdrawn(table, self.stage.engine.items(table)))
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


@dataclass
class Client:
    """A member's mini-program: asks, and asks again when no answer comes, under the same Idempotency-Key."""

    world: World
    name: str
    token: str = ""
    member_id: str = ""
    address_id: str = ""
    _keys: int = 0

    def log_in(self) -> Client:
        self.token = ""
        answer = self.ask("POST", "/login", {"code": f"demo-{self.name}"})
        self.token, self.member_id = answer["token"], answer["member"]["member_id"]
        return self

    def move_in(self) -> Client:
        home = {
            "name": "张三", "phone": "13800138000", "province": "广东省", "city": "深圳市", "district": "南山区",
            "detail": "科技园1号",
        }  # fmt: skip
        self.address_id = self.ask("POST", "/addresses", home)["address_id"]
        return self

    def ask(self, method: str, path: str, body: Any = None, *, key: bool = False) -> Any:
        """The answer. Raises Refusal for what the shop refuses, GaveUp if it never answers."""
        from tests.faults import driver

        headers = {"content-type": "application/json"}
        if key:
            self._keys += 1
            name = f"{self.name}-key-{self._keys:04d}"
            headers["idempotency-key"] = name
            self.world.keys.setdefault(self.member_id, set()).add(name)
        data = None if body is None else json.dumps(body).encode()
        for _ in range(PATIENCE):
            if self.token:
                headers["authorization"] = f"Bearer {self.token}"
            status, answer = self.world.asking(lambda: self.world.http(method, path, headers, data))
            self.world.tell(f"{self.name} {method} {path}: {status}")
            if status in (0, 503):
                self.world.after_a_failure()
                continue
            if status == 401 and self.token:
                self.log_in()
                continue
            if status >= 500:
                raise Fault(f"{method} {path} answered {status} {answer}")
            driver.meanwhile(self.world)
            if status >= 400:
                raise Refusal(status, answer["code"])
            return answer
        raise GaveUp

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None, *, key: bool = False) -> Any:
        return self.ask("POST", path, body, key=key)

    def order(self, *lines: tuple[str, int], **more: Any) -> str:
        """Place an order for (sku_id, pieces); its id."""
        wanted = [{"sku_id": sku_id, "quantity": quantity} for sku_id, quantity in lines]
        wish = {"lines": wanted, "address_id": self.address_id, **more}
        return str(self.post("/orders", wish, key=True)["order_id"])

    def sheet(self, order_id: str) -> dict[str, str]:
        sheet: dict[str, str] = self.post(f"/orders/{order_id}/payment")
        return sheet

    def pay(self, order_id: str, sheet: dict[str, str] | None = None, **how: Any) -> str:
        """The payment sheet at WeChat, which takes the money and tells the shop; the callback may be lost for ever."""
        from tests.faults import driver

        sheet = sheet or self.sheet(order_id)
        if not self.world.orderly and self.world.chance.random() < 0.15:
            self.world.tell("the callback is lost for good")
            if how.get("late"):
                self.world.wake()  # only the bill of the day tells of it
            self.world.control("POST", "faults", [{"match": "callback:TRANSACTION", "do": "lose"}])
        prepay_id = sheet["package"].removeprefix("prepay_id=")
        paid = self.world.control("POST", f"payments/{prepay_id}/pay", {**sheet, **how})
        self.world.tell(f"{self.name} paid: callback {paid['callback_results']}")
        driver.meanwhile(self.world)
        return order_id

    def buy(self, *lines: tuple[str, int], **more: Any) -> str:
        return self.pay(self.order(*lines, **more))

    def see(self, order_id: str) -> Any:
        return self.get(f"/orders/{order_id}")


def _overdrawn(table: str, items: list[Any]) -> Iterator[str]:
    """What is below zero or above its bound at this moment, though it may be right again later."""
    for item in items:
        for name in COUNTED[table]:
            count = float(item[name]["N"]) if name in item else 0
            bound = item.get(BOUNDS.get(name, ""))
            if count < 0 or (bound and count > float(bound["N"])):
                yield f"{table} had {count:.0f} {name}" + (f" of {bound['N']}" if bound else "")


def _response(status: int, headers: dict[str, str], body: bytes) -> urllib3.HTTPResponse:
    headers.pop("Content-Encoding", None)
    return urllib3.HTTPResponse(io.BytesIO(body), headers, status, preload_content=False)


@contextmanager
def staged(credentials: Credentials, furnish: Furnish) -> Iterator[Stage]:
    """The stage for any number of lives, with the process's wires in our hands until the block ends."""
    engine = Engine()
    stage = Stage(engine, credentials)
    urlopen, sleep, main = HTTPConnectionPool.urlopen, time.sleep, threading.current_thread()

    def opened(self: Any, method: str, url: str, body: Any = None, headers: Any = None, **more: Any) -> Any:
        if self.host != urlsplit(WECHAT).hostname:
            return urlopen(self, method, url, body, headers, **more)
        answer = _current[-1].to_wechat(self, method, url, body, headers)
        if more.get("preload_content", True):
            answer.data  # noqa: B018  # read now, as urllib3 does
        return answer

    def rest(seconds: float) -> None:
        if threading.current_thread() is not main:
            sleep(seconds)

    def called(*args: Any, **more: Any) -> Any:
        return _current[-1].from_wechat(*args, **more)

    with ExitStack() as patches:
        patches.enter_context(patch.object(HTTPConnectionPool, "urlopen", opened))
        patches.enter_context(patch.object(time, "sleep", rest))
        patches.enter_context(patch.object(due, "SHARDS", 1))
        patches.enter_context(patch.object(Jobs, "_loop", lambda self: None))
        for module in (wechat_callbacks, wechat_push):
            patches.enter_context(patch.object(module, "post", called))
        # What no answer depends on here, and a fifth of the time of each request.
        patches.enter_context(patch.object(UserAgentString, "to_string", lambda self: "faults"))
        patches.enter_context(patch.object(RequestSigner, "sign", lambda *_, **__: None))
        logging.disable(logging.CRITICAL)
        patches.callback(logging.disable, logging.NOTSET)
        patches.enter_context(engine.running())
        engine.make_tables()
        with life(stage) as first:
            furnish(first)
            rows = first.wechat._state._db.execute("SELECT kind, id, body FROM docs WHERE kind != 'call'")
            stage.docs = list(rows.fetchall())
        stage.items = engine.snapshot()
        yield stage


_current: list[World] = []


@contextmanager
def life(stage: Stage, seed: int = 0, strike: Strike | None = None) -> Iterator[World]:
    """One life, from the stage as it was set."""
    if stage.items:
        stage.engine.restore(stage.items)
    world = World(stage, seed, strike)
    _current.append(world)
    try:
        yield world
    finally:
        _current.pop()
        world.close()


__all__ = ["Client", "Fault", "GaveUp", "Mode", "Refusal", "Stage", "World", "life", "staged", "timedelta"]

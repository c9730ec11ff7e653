"""The first requests that a fresh process gets, and the shop that it stands in for: real tables, a sandbox WeChat."""

from __future__ import annotations

import itertools
import json
import tempfile
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from chalice.local import LambdaEventConverter, RouteMatcher

from app import app
from chalicelib.kernel.clock import system_clock
from chalicelib.parts import NOTIFY_PATH
from chalicelib.settings import Settings
from chalicelib.shop import build, use
from sandbox.wechat import SandboxWeChat, make_credentials, running
from tests.contract import check_answer
from tests.engine import fresh_tables, running_api, running_engine
from tests.shop import Shopper, Stack, TestClock, settings_for, stock_the_shelves

Event = dict[str, Any]
SKU = "tea-01"


@dataclass
class Scene:
    """`environment` is the deployed function's; each event may be used once."""

    environment: dict[str, str]
    shopper: Shopper
    heard: list[tuple[dict[str, str], bytes]]
    _keys: Iterator[int]

    def events(self, name: str) -> list[Event]:
        """Two requests of this kind, which know nothing of each other."""
        return [{"products": self._products, "order": self._order, "callback": self._callback}[name]() for _ in "12"]

    def _products(self) -> Event:
        return _event("GET", "/products", {})

    def _order(self) -> Event:
        wish = self.shopper.wish((SKU, 1))
        headers = {"Authorization": f"Bearer {self.shopper.token}", "Idempotency-Key": f"bench-{next(self._keys):08d}"}
        return _event("POST", "/orders", headers, json.dumps(wish).encode())

    def _callback(self) -> Event:
        placed = self.shopper.order((SKU, 1), key=f"bench-{next(self._keys):08d}")
        self.shopper.pay(placed["order_id"])
        return _event("POST", NOTIFY_PATH, *self.heard.pop())


KINDS = {"products": "GET /products", "order": "POST /orders", "callback": f"POST {NOTIFY_PATH}"}


@contextmanager
def opened() -> Iterator[Scene]:
    """A shop with goods, one shopper, and an ear in place of its callback route."""
    heard: list[tuple[dict[str, str], bytes]] = []
    with tempfile.TemporaryDirectory(prefix="jishi-coldstart-") as folder, running_engine(Path(folder)) as engine:
        credentials = make_credentials(Path(folder) / "merchant")
        tables = fresh_tables(engine)
        clock = TestClock(system_clock())
        wechat = SandboxWeChat(credentials, clock=system_clock)
        with running_api() as api, _ear(heard) as ear, wechat, running(wechat.wsgi_app) as wechat_url:
            settings = settings_for(credentials, tables, engine, wechat_url, ear)
            shop = build(settings)
            use(shop)
            stock_the_shelves(shop)
            shop.stock.add(SKU, 10_000)
            stack = Stack(shop, clock, wechat, wechat_url, api, check_answer)
            function = {"AWS_LAMBDA_FUNCTION_NAME": "jishi-test-api"}
            yield Scene({**environment_of(settings), **function}, stack.shopper("alice"), heard, itertools.count(1))


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that make these settings."""
    given = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {f"JISHI_{name.upper()}": _text(value) for name, value in given.items() if value not in (None, "", ())}


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps({key: b64encode(it).decode() if isinstance(it, bytes) else it for key, it in value.items()})
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _event(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Event:
    converter = LambdaEventConverter(RouteMatcher(list(app.routes)), [])
    headers = {"content-type": "application/json", **{name.lower(): value for name, value in headers.items()}}
    event: Event = converter.create_lambda_event(method=method, path=path, headers=headers, body=body)
    return {**event, "body": body.decode()}


@contextmanager
def _ear(heard: list[tuple[dict[str, str], bytes]]) -> Iterator[str]:
    """The address of a server that keeps what it is told, and answers 204."""

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()

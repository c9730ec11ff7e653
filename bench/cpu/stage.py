"""Where the measured process plays: the engine, the sandbox WeChat and the HTTP server run beside it."""

from __future__ import annotations

import json
import os
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.gateway import Request
from chalicelib.log import logger
from chalicelib.settings import from_environment
from chalicelib.shop import Shop, build, use
from sandbox.local.place import Place
from sandbox.local.processes import Child, start, wait_until_ready
from sandbox.local.seed import prepare


class Mailbox:
    """Stands where WeChat Pay calls the shop, so that a callback can be delivered when it is to be measured."""

    def __init__(self) -> None:
        caught: list[Request] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                caught.append(Request("POST", self.path, body, dict(self.headers)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._caught = caught
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self) -> Request:
        """The callback that came last; WeChat's answer to the payment is not given before it came."""
        return self._caught.pop()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Stage:
    """`shop` is in this process; `api` is the HTTP server's process, over the same tables, at `api_url`."""

    shop: Shop
    wechat_url: str
    mailbox: Mailbox
    api: Child
    api_url: str

    def pay(self, sheet: dict[str, str]) -> Request:
        """The shopper pays; the callback, not yet delivered."""
        prepay_id = sheet["package"].removeprefix("prepay_id=")
        body = json.dumps(sheet).encode()
        urllib.request.urlopen(f"{self.wechat_url}/_sandbox/payments/{prepay_id}/pay", body, timeout=30).close()
        return self.mailbox.take()


@contextmanager
def on_stage(folder: Path) -> Iterator[Stage]:
    """The demo shop, ready. Its log is written as ever, to nowhere."""
    place = Place(folder, *_free_ports(3))
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        lock = stack.enter_context((folder / "lock").open("w"))
        mailbox = Mailbox()
        stack.callback(mailbox.close)
        os.environ.update(_environment(place, mailbox))

        def child(name: str, arguments: list[str], url: str, environment: dict[str, str]) -> Child:
            started = start(name, place.logs, arguments, environment, lock.fileno())
            stack.callback(started.stop, 20)
            wait_until_ready(started, url)
            return started

        quiet = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(place.engine_port), "SERVICES": "dynamodb"}
        quiet |= {"PERSIST_STATE": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING"}
        child("engine", ["ministack"], f"{place.engine}/_localstack/health", quiet)
        wechat = ["sandbox.wechat", "--port", str(place.wechat_port), "--state-dir", str(folder / "wechat")]
        child("wechat", [*wechat, "--clock-file", str(place.clock_file)], f"{place.wechat}/_sandbox/", {})
        prepare(place)
        api = child("api", ["sandbox.local.api"], f"{place.api}/categories", {})
        for handler in logger.handlers:
            handler.setStream(stack.enter_context(open(os.devnull, "w")))  # type: ignore[attr-defined]
        shop = build(from_environment())
        use(shop)
        yield Stage(shop, place.wechat, mailbox, api, place.api)


def _environment(place: Place, mailbox: Mailbox) -> dict[str, str]:
    return {
        **place.environment(),
        "JISHI_LOCAL": str(place.folder),
        "JISHI_API_PORT": str(place.api_port),
        "JISHI_ENGINE_PORT": str(place.engine_port),
        "JISHI_WECHAT_PORT": str(place.wechat_port),
        "JISHI_PUBLIC_URL": mailbox.url,
        "JISHI_REQUESTS_PER_MEMBER": "100000",  # counted as ever, and never too many
        "JISHI_STAGE": "local",
    }


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [int(probe.getsockname()[1]) for probe in probes]

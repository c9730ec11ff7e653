"""The wires in our hands, the stage for any number of lives, and a life."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from urllib3.connectionpool import HTTPConnectionPool

from chalicelib.storage import due
from sandbox.wechat import Credentials
from sandbox.wechat import callbacks as wechat_callbacks
from sandbox.wechat import push as wechat_push
from sandbox.wechat.jobs import Jobs
from tests.faults.engine import Engine
from tests.faults.strikes import Strike
from tests.faults.world import WECHAT, Stage, World

Furnish = Callable[[World], None]


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
        for item in engine.items("stock"):
            sku_id = item["sku_id"]["S"].partition("#")[0]
            stage.stock[sku_id] = stage.stock.get(sku_id, 0) + int(item["available"]["N"])
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

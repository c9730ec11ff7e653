"""What a shop needs beside its code, for tests and measurements: an engine, its tables, the gateway, a WeChat."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chalicelib.shop import Shop, build, use
from chalicelib.storage.table import LEAN, bind, dynamodb
from sandbox.wechat import Credentials, SandboxWeChat, running
from tests.contract import check_answer
from tests.shop import Stack, TestClock, settings_for, stock_the_shelves

os.environ.setdefault("AWS_ACCESS_KEY_ID", "local")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "local")
os.environ.setdefault("AWS_DEFAULT_REGION", "cn-north-1")


@contextmanager
def running_engine(home: Path) -> Iterator[str]:
    """The address of a DynamoDB with true transactions: ministack, with its log in `home`. JISHI_TEST_ENGINE names
    one that runs already.
    """
    if known := os.environ.get("JISHI_TEST_ENGINE"):
        yield known
        return
    with running_aws(home, "dynamodb,dynamodbstreams") as address:
        yield address


@contextmanager
def running_aws(home: Path, services: str) -> Iterator[str]:
    """The address of an emulated account of its own. `services`, comma-separated: those it loads."""
    port = _free_port()
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "PERSIST_STATE": "0",
        "SERVICES": services,
        "IOT_MTLS_ENABLED": "0",
        "S3_DATA_DIR": str(home / "s3"),
    }
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], cwd=home, env=environment, stdout=log, stderr=log
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process, home / "log")
            yield address
        finally:
            process.terminate()
            process.wait(20)


def fresh_tables(engine: str, client: str = LEAN) -> str:
    """Empty tables of the whole shop, to which all stores now point; returns their prefix.

    A process makes its tables once; afterwards only those that were written to are made anew.
    """
    from chalicelib.storage.tables import create_all, tables

    prefix = f"t{os.getpid()}-"
    bind(prefix, "cn-north-1", engine, client)
    every = {kind.Meta.table_name for kind in tables().values()}
    written = every if engine not in _engines else _written & every
    for table in written if engine in _engines else ():
        dynamodb().delete_table(TableName=table)
    create_all(frozenset(every - written))
    _engines.add(engine)
    _written.clear()
    dynamodb().meta.events.register("provide-client-params.dynamodb", _note_writes, unique_id="note-writes")
    return prefix


_engines: set[str] = set()
_written: set[str] = set()


def _note_writes(params: dict[str, Any], model: Any, **_: Any) -> None:
    if model.name in ("PutItem", "UpdateItem", "DeleteItem"):
        _written.add(params["TableName"])
    elif model.name == "TransactWriteItems":
        _written.update(write["TableName"] for item in params["TransactItems"] for write in item.values())


@contextmanager
def running_api() -> Iterator[str]:
    """Chalice's local gateway, threaded; it serves whichever shop is in use."""
    from sandbox.local.api import serve

    server = serve(0)
    thread = threading.Thread(target=server.server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server.server_address[1]}"
    server.shutdown()


@contextmanager
def open_stack(
    tables: str,
    engine: str,
    credentials: Credentials,
    api_url: str,
    furnish: Callable[[Shop], None] = stock_the_shelves,
) -> Iterator[Stack]:
    """A shop with goods on its shelves, its own WeChat, and its own clock."""
    clock = TestClock()
    with SandboxWeChat(credentials, clock=clock) as wechat, running(wechat.wsgi_app) as wechat_url:
        shop = build(settings_for(credentials, tables, engine, wechat_url, api_url), clock=clock)
        use(shop)
        furnish(shop)
        yield Stack(shop, clock, wechat, wechat_url, api_url, check_answer)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the engine ended at once:\n{log.read_text()}")
        try:
            urllib.request.urlopen(f"{address}/_localstack/health", timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the engine did not start within 60 s")

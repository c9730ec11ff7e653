"""The engine for all tests: ministack, one process per test run; each test that asks for `tables` gets its own
prefix.
"""

import itertools
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.shop import build, use
from sandbox.wechat import Credentials, SandboxWeChat, make_credentials, running
from tests.contract import check_answer
from tests.shop import Stack, TestClock, settings_for, stock_the_shelves

os.environ.setdefault("AWS_ACCESS_KEY_ID", "local")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "local")
os.environ.setdefault("AWS_DEFAULT_REGION", "cn-north-1")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a DynamoDB with true transactions. JISHI_TEST_ENGINE names one that runs already."""
    if running := os.environ.get("JISHI_TEST_ENGINE"):
        yield running
        return
    port = _free_port()
    home: Path = tmp_path_factory.mktemp("engine")
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "PERSIST_STATE": "0",
        "SERVICES": "dynamodb",
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


@pytest.fixture
def tables(engine: str) -> str:
    """Fresh, empty tables of the whole shop; returns their prefix."""
    from chalicelib.storage.table import bind
    from chalicelib.storage.tables import create_all

    prefix = f"t{os.getpid()}-{next(_numbers)}-"
    bind(prefix, "cn-north-1", engine)
    create_all()
    return prefix


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return make_credentials(tmp_path_factory.mktemp("merchant"))


@pytest.fixture(scope="session")
def api_server() -> Iterator[str]:
    """Chalice's local gateway, threaded; it serves whichever shop is in use."""
    from sandbox.local.api import serve

    server = serve(0)
    thread = threading.Thread(target=server.server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server.server_address[1]}"
    server.shutdown()


@pytest.fixture
def stack(tables: str, engine: str, credentials: Credentials, api_server: str) -> Iterator[Stack]:
    """A shop with goods on its shelves, its own WeChat, and its own clock."""
    clock = TestClock()
    with SandboxWeChat(credentials, clock=clock) as wechat, running(wechat.wsgi_app) as wechat_url:
        shop = build(settings_for(credentials, tables, engine, wechat_url, api_server), clock=clock)
        use(shop)
        stock_the_shelves(shop)
        yield Stack(shop, clock, wechat, wechat_url, api_server, check_answer)


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

"""Both clients, over a real engine and over a server that does as it is told."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.session import get_session
from pynamodb.connection import base

from chalicelib.storage.table import LEAN, ORDINARY, bind, dynamodb
from tests.engine import fresh_tables
from tests.storage.scripted import Scripted, scripted

Client = Callable[[str, str | None], Any]
CLIENTS = (LEAN, ORDINARY)
REGION = "cn-north-1"


@pytest.fixture(params=CLIENTS, scope="module")
def either(request: pytest.FixtureRequest) -> str:
    """The name of one client and, after all tests of a module, of the other."""
    return str(request.param)


@pytest.fixture
def tables_by_either(either: str, engine: str) -> str:
    """Fresh tables, reached by one client and then by the other."""
    return fresh_tables(engine, either)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as running:
        yield running


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Pauses between tries, which take no time here."""
    waited: list[object] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


@pytest.fixture(scope="session")
def models() -> Any:
    """A session that has read botocore's models, which is most of what an ordinary client costs."""
    return get_session()


@pytest.fixture
def client(waits: list[object], models: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """By name, a new client of this address, as the shop would make it."""
    monkeypatch.setattr(base, "get_session", lambda: models)

    def made(name: str, url: str | None) -> Any:
        bind("nowhere-", REGION, "http://127.0.0.1:9", name)
        bind("", REGION, url, name)
        return dynamodb()

    yield made
    bind("nowhere-", REGION, "http://127.0.0.1:9")

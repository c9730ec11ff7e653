"""The engine for all tests: ministack, one process per test run; each test that asks for `tables` gets its own
prefix.
"""

from collections.abc import Iterator

import pytest

from sandbox.wechat import Credentials, make_credentials
from tests.engine import fresh_tables, open_stack, running_api, running_engine
from tests.shop import Stack


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_engine(tmp_path_factory.mktemp("engine")) as address:
        yield address


@pytest.fixture
def tables(engine: str) -> str:
    """Fresh, empty tables of the whole shop; returns their prefix."""
    return fresh_tables(engine)


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return make_credentials(tmp_path_factory.mktemp("merchant"))


@pytest.fixture(scope="session")
def api_server() -> Iterator[str]:
    with running_api() as address:
        yield address


@pytest.fixture
def stack(tables: str, engine: str, credentials: Credentials, api_server: str) -> Iterator[Stack]:
    """A shop with goods on its shelves, its own WeChat, and its own clock."""
    with open_stack(tables, engine, credentials, api_server) as stack:
        yield stack

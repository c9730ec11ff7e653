"""One shop for the whole table: no request of it depends on what another one did."""

from collections.abc import Iterator

import pytest

from sandbox.wechat import Credentials
from tests.engine import fresh_tables, open_stack

from .asking import House, lived_in


@pytest.fixture(scope="module")
def house(engine: str, credentials: Credentials, api_server: str) -> Iterator[House]:
    with open_stack(fresh_tables(engine), engine, credentials, api_server) as stack:
        yield lived_in(stack)

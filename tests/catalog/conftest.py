from collections.abc import Iterator

import pytest

from chalicelib.catalog import Catalog, CatalogStore
from chalicelib.storage.table import dynamodb
from tests.catalog.goods import CLOTHES, SHIRTS, FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def catalog(tables: str, clock: FakeClock) -> Catalog:
    """A catalog with the categories clothes > shirts."""
    catalog = Catalog(CatalogStore(), clock)
    catalog.put_category(CLOTHES)
    catalog.put_category(SHIRTS)
    return catalog


@pytest.fixture
def requests(tables: str) -> Iterator[list[str]]:
    """The DynamoDB operations sent since, by name; `clear()` it before the act."""
    sent: list[str] = []

    def note(event_name: str, **_: object) -> None:
        sent.append(event_name.rpartition(".")[2])

    events = dynamodb().meta.events
    events.register("before-send.dynamodb", note)
    yield sent
    events.unregister("before-send.dynamodb", note)

"""Reads joined in one fetch: one round trip, each consistent as it asks, each with its own answer or refusal."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.kernel.errors import NotFound
from chalicelib.stock.store import StockRow
from chalicelib.storage.once import ClaimRow
from chalicelib.storage.reads import NOTHING, Read, fetch
from chalicelib.storage.table import dynamodb
from chalicelib.storage.writes import commit, put

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def tables(tables_by_either: str) -> str:
    return tables_by_either


@pytest.fixture
def asked(tables: str) -> Iterator[list[dict[str, Any]]]:
    """What was asked for since, by table; the prefix of the tables left out."""
    sent: list[dict[str, Any]] = []

    def note(params: Any, **_: Any) -> None:
        wanted = json.loads(params["body"])["RequestItems"]
        sent.append({table.removeprefix(tables): request for table, request in wanted.items()})

    events = dynamodb().meta.events
    events.register("before-call.dynamodb.BatchGetItem", note)
    yield sent
    events.unregister("before-call.dynamodb.BatchGetItem", note)


def level(sku_id: str) -> Read[int]:
    return Read([StockRow(sku_id, 0)], lambda rows: int(rows[0].available) if rows[0] else 0)


def test_reads_of_several_domains_are_one_request_with_an_answer_each(asked: list[dict[str, Any]]) -> None:
    commit(put(StockRow("a", 0, available=3)))
    commit(put(ClaimRow("c", result="r", expires_at=1)))
    claim: Read[str] = Read([ClaimRow("c")], lambda rows: str(rows[0].result), consistent=True)
    assert fetch(level("a"), NOTHING, claim, level("b").then(lambda left: left - 1)) == (3, None, "r", -1)
    (request,) = asked
    assert {table: part["ConsistentRead"] for table, part in request.items()} == {"stock": False, "claims": True}
    assert len(request["stock"]["Keys"]) == 2


def test_what_one_read_wants_consistent_is_so_for_all_of_its_table(asked: list[dict[str, Any]]) -> None:
    fetch(level("a"), Read([StockRow("a", 0)], len, consistent=True))
    assert asked == [
        {"stock": {"Keys": [{"sku_id": {"S": "a"}, "counter": {"N": "0"}}], "ConsistentRead": True}},
    ]


def test_nothing_wanted_is_nothing_asked(asked: list[dict[str, Any]]) -> None:
    assert fetch(NOTHING, Read((), len)) == (None, 0)
    assert asked == []


def test_a_read_refuses_for_itself() -> None:
    def refuse(rows: list[Any]) -> int:
        raise NotFound

    with pytest.raises(NotFound):
        fetch(level("a"), Read([StockRow("b", 0)], refuse))

"""Queries as values: what a search finds, in which order, and that all that is asked together is waited for once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.campaigns.bargain.rows import BargainRow, CountRow, LiveRow
from chalicelib.coupons.rows import CouponRow
from chalicelib.points.store import BalanceRow, EntryRow
from chalicelib.stock.store import StockRow
from chalicelib.storage.once import ClaimRow
from chalicelib.storage.reads import Read, Search, fetch, postponed, search, together
from chalicelib.storage.table import dynamodb
from chalicelib.storage.transport import LeanClient
from chalicelib.storage.writes import commit, put

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def waves(tables: str) -> Iterator[list[object]]:
    """The wave of each request since; one that was waited for alone has a wave of its own."""
    seen: list[object] = []

    def note(context: dict[str, Any], **_: Any) -> None:
        seen.append(context.get("wave", object()))

    events = dynamodb().meta.events
    events.register("after-call.dynamodb", note)
    yield seen
    events.unregister("after-call.dynamodb", note)


def entry(key: str, why: str = "") -> EntryRow:
    return EntryRow("M1", key, moment=f"m{key}", kind="EARNED", cause_id=key, points=1, why=why, at=1)


@pytest.fixture
def entries(tables: str) -> None:
    """Six movements and the balance, which is another kind of row under the same key."""
    commit(put(BalanceRow("M1", "#", balance=6)))
    for key in "abcdef":
        commit(put(entry(key)))


def found(most: int = 10, **how: Any) -> list[str]:
    return search(Search(EntryRow.by_time, "M1", lambda rows: [row.entry for row in rows], most, **how))


@pytest.mark.usefixtures("entries")
def test_rows_come_in_the_order_of_their_range_keys_or_against_it_and_no_more_than_wanted() -> None:
    assert found() == list("abcdef")
    assert found(ascending=False) == list("fedcba")
    assert (found(2), found(2, ascending=False)) == (["a", "b"], ["f", "e"])
    assert found(2, beyond=EntryRow.moment > "mb") == ["c", "d"]
    assert found(2, beyond=EntryRow.moment < "mc", ascending=False) == ["b", "a"]


@pytest.mark.usefixtures("entries")
def test_the_table_itself_is_searched_by_its_own_key() -> None:
    of_table: Search[list[str]] = Search(
        EntryRow, "M1", lambda rows: [row.entry for row in rows], 3, EntryRow.entry > "b"
    )
    assert search(of_table.then(lambda keys: keys[::-1])) == ["e", "d", "c"]
    assert search(Search(EntryRow, "M2", list[EntryRow], 3)) == []


def test_of_rows_that_share_a_key_only_those_of_the_kind_are_found_and_each_as_what_it_is() -> None:
    commit(put(LiveRow("P", "1", launch_id="L", expires_at=1)))
    commit(put(CountRow("P", "2", n=1)))
    assert [type(row) for row in search(Search(LiveRow, "P", list[Any], 5))] == [LiveRow]
    assert [type(row) for row in search(Search(BargainRow, "P", list[Any], 5))] == [LiveRow, CountRow]


def test_what_fills_more_than_a_page_of_a_megabyte_is_found_whole(waves: list[object]) -> None:
    for key in "abcd":
        commit(put(entry(key, why=key * 350_000)))
    waves.clear()
    assert found() == list("abcd")
    assert len(waves) == 2
    assert found(2) == ["a", "b"]


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize("consistent", [True, False])
def test_an_index_of_the_table_is_read_consistently_if_that_is_wanted(consistent: bool) -> None:
    asked: list[Any] = []

    def note(params: Any, **_: Any) -> None:
        asked.append(json.loads(params["body"]))

    events = dynamodb().meta.events
    events.register("before-call.dynamodb.Query", note)
    try:
        found(consistent=consistent)
    finally:
        events.unregister("before-call.dynamodb.Query", note)
    assert [request.get("ConsistentRead", False) for request in asked] == [consistent]


@pytest.mark.usefixtures("entries")
def test_all_that_is_asked_together_is_waited_for_once(waves: list[object]) -> None:
    commit(put(ClaimRow("c", result="r", expires_at=1)))
    waves.clear()
    names: Search[list[str]] = Search(EntryRow.by_time, "M1", lambda rows: [row.entry for row in rows], 2)
    coupons: Search[int] = Search(CouponRow.by_standing, "M1", len, 2)
    claim: Read[str] = Read([ClaimRow("c")], lambda rows: str(rows[0].result))
    level: Read[bool] = Read([StockRow("s", 0)], lambda rows: rows[0] is None)
    assert fetch(names, claim, coupons, level) == (["a", "b"], "r", 0, True)
    assert len(waves) == 3
    assert len(set(map(id, waves))) == (1 if isinstance(dynamodb(), LeanClient) else 3)


@pytest.mark.usefixtures("entries")
def test_who_is_turned_away_for_a_moment_asks_again() -> None:
    refused: list[str] = []

    class Body:
        def stream(self) -> Iterator[bytes]:
            yield b'{"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "slow down"}'

    def throttle(request: Any, **_: Any) -> AWSResponse | None:
        if len(refused) == 12:  # more than the client itself tries
            return None
        refused.append(request.url)
        return AWSResponse(request.url, 400, {"content-type": "application/x-amz-json-1.0"}, Body())

    events = dynamodb().meta.events
    events.register("before-send.dynamodb.Query", throttle)
    try:
        assert found(2) == ["a", "b"]
    finally:
        events.unregister("before-send.dynamodb.Query", throttle)
    assert len(refused) == 12


def test_of_what_is_postponed_nothing_is_made_before_it_is_called_for() -> None:
    def made(rows: list[Any]) -> int:
        raise LookupError

    (later,) = fetch(postponed(Read([StockRow("s", 0)], made)))
    with pytest.raises(LookupError):
        later()


def test_two_reads_are_joined_into_one_with_an_answer_each_as_consistent_as_the_stricter() -> None:
    commit(put(StockRow("a", 0, available=3)))
    counted: Read[list[int]] = Read([StockRow("a", 0), StockRow("b", 0)], lambda rows: [bool(row) for row in rows])
    claim: Read[bool] = Read([ClaimRow("none")], lambda rows: rows == [None], consistent=True)
    both = together(counted, claim)
    assert (both.consistent, fetch(both)) == (True, (([True, False], True),))

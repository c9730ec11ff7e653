"""Writes joined in one commit: all or nothing, the right refusal, and patience with contention."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.kernel.errors import Conflict, Refused
from chalicelib.payments.store import PaymentRow
from chalicelib.stock.store import StockRow
from chalicelib.storage import writes
from chalicelib.storage.once import AlreadyDone, ClaimRow, claim, find, first_time
from chalicelib.storage.reads import read
from chalicelib.storage.table import STORAGE_FAILURES, dynamodb
from chalicelib.storage.writes import StorageBusy, check, commit, delete, put, update

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def tables(tables_by_either: str) -> str:
    return tables_by_either


NOW = datetime(2026, 11, 22, tzinfo=UTC)


class First(Refused):
    code = "TEST_FIRST"
    message = "一"


class Second(Refused):
    code = "TEST_SECOND"
    message = "二"


def row(name: str, available: int = 1) -> StockRow:
    return StockRow(name, 0, available=available)


def take(name: str, n: int, otherwise: Refused | None = None) -> writes.Write:
    enough = StockRow.available >= n
    return update(StockRow(name, 0), StockRow.available.add(-n), condition=enough, otherwise=otherwise)


def left(name: str) -> int | None:
    (found,) = read(StockRow(name, 0), consistent=True)
    return found and int(found.available)


def test_a_transaction_writes_everything_or_nothing() -> None:
    commit(put(row("a", 5), new=True), put(row("b", 5), new=True))
    with pytest.raises(First):
        commit(take("a", 5), take("b", 6, First()))
    assert (left("a"), left("b")) == (5, 5)
    commit(take("a", 5), take("b", 5))
    assert (left("a"), left("b")) == (0, 0)


def test_of_several_failed_conditions_the_first_in_the_callers_order_is_told() -> None:
    commit(put(row("a", 0)), put(row("b", 0)))
    # pynamodb sends deletes before updates, whatever the order here
    with pytest.raises(First):
        commit(take("a", 1, First()), delete(StockRow("b", 0), condition=StockRow.available > 0, otherwise=Second()))
    with pytest.raises(Second):
        commit(delete(StockRow("b", 0), condition=StockRow.available > 0, otherwise=Second()), take("a", 1, First()))


def test_a_check_holds_a_row_still_and_writes_nothing() -> None:
    commit(put(row("a", 1)), put(row("b", 1)))
    with pytest.raises(Second):
        commit(check(StockRow("a", 0), StockRow.available == 2, otherwise=Second()), take("b", 1))
    commit(check(StockRow("a", 0), StockRow.available == 1), take("b", 1))
    assert (left("a"), left("b")) == (1, 0)


def test_one_write_alone_refuses_in_the_same_way() -> None:
    commit(put(row("a", 1), new=True))
    with pytest.raises(Conflict):
        commit(put(row("a", 9), new=True))
    with pytest.raises(First):
        commit(take("a", 2, First()))
    with pytest.raises(Second):
        commit(delete(StockRow("a", 0), condition=StockRow.available == 7, otherwise=Second()))
    commit(delete(StockRow("a", 0)))
    assert left("a") is None


def test_a_check_alone_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="writes nothing"):
        commit(check(StockRow("a", 0), StockRow.available == 1))


@pytest.fixture
def troubled() -> Iterator[list[dict[str, Any]]]:
    """Answers that DynamoDB gives instead of working, one for each call, since no engine here has contention."""
    answers: list[dict[str, Any]] = []

    def answer(**_: Any) -> Any:
        if not answers:
            return None
        from types import SimpleNamespace

        return SimpleNamespace(status_code=400, headers={}), answers.pop(0)

    events = dynamodb().meta.events
    for operation in ("TransactWriteItems", "UpdateItem", "BatchGetItem"):
        events.register(f"before-call.dynamodb.{operation}", answer, unique_id=f"trouble-{operation}")
    yield answers
    for operation in ("TransactWriteItems", "UpdateItem", "BatchGetItem"):
        events.unregister(f"before-call.dynamodb.{operation}", unique_id=f"trouble-{operation}")


def canceled(*codes: str) -> dict[str, Any]:
    return {
        "Error": {"Code": "TransactionCanceledException", "Message": "canceled"},
        "CancellationReasons": [{"Code": code} for code in codes],
        "ResponseMetadata": {},
    }


def error(code: str) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {}}


def test_contention_is_absorbed(troubled: list[dict[str, Any]]) -> None:
    commit(put(row("a", 2)), put(row("b", 2)))
    troubled += [canceled("None", "TransactionConflict"), canceled("ThrottlingError", "None")]
    troubled += [error("TransactionInProgressException")]
    commit(take("a", 1), take("b", 1))
    assert (left("a"), left("b"), troubled) == (1, 1, [])


def test_contention_on_a_single_write_is_absorbed(troubled: list[dict[str, Any]]) -> None:
    commit(put(row("a", 2)))
    troubled += [error("TransactionConflictException"), error("ThrottlingException")]
    commit(take("a", 1))
    assert (left("a"), troubled) == (1, [])


def test_endless_contention_is_told_as_busy_with_nothing_written(
    troubled: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(put(row("a", 2)), put(row("b", 2)))
    monkeypatch.setattr(writes.time, "sleep", lambda _: None)
    troubled += [canceled("TransactionConflict", "None")] * writes.ATTEMPTS
    with pytest.raises(StorageBusy):
        commit(take("a", 1), take("b", 1))
    assert (left("a"), left("b")) == (2, 2)


def test_a_refusal_counts_more_than_contention_beside_it(troubled: list[dict[str, Any]]) -> None:
    commit(put(row("a", 2)), put(row("b", 2)))
    troubled += [canceled("TransactionConflict", "ConditionalCheckFailed")]
    with pytest.raises(Second):
        commit(take("a", 1, First()), take("b", 1, Second()))


def test_what_is_no_contention_is_not_repeated(troubled: list[dict[str, Any]]) -> None:
    troubled += [error("ValidationException"), error("ValidationException")]
    with pytest.raises(Exception, match="ValidationException"):
        commit(take("a", 1), take("b", 1))
    with pytest.raises(Exception, match="ValidationException"):
        commit(take("a", 1))


def test_a_read_waits_out_throttling_and_asks_again_for_what_was_left_out(troubled: list[dict[str, Any]]) -> None:
    commit(put(row("a", 3)))
    troubled += [error("ProvisionedThroughputExceededException")]
    assert left("a") == 3
    troubled += [error("ResourceNotFoundException")]
    with pytest.raises(Exception, match="ResourceNotFound"):
        left("a")


def test_rows_of_several_tables_come_in_the_order_asked_for() -> None:
    commit(put(row("a", 3)))
    payment = PaymentRow(
        "n-1", order_id="n", member_id="m", openid="o", total=1, state="STARTED", notify_url="u", started_at=0
    )
    commit(put(payment))
    found = read(PaymentRow("n-1"), StockRow("none", 0), StockRow("a", 0), PaymentRow("n-1"))
    assert [type(each) for each in found] == [PaymentRow, type(None), StockRow, PaymentRow]
    many = read(*(StockRow(f"x{n}", 0) for n in range(250)), StockRow("a", 0))
    assert [each is not None for each in many] == [False] * 250 + [True]


def test_a_claim_is_made_by_exactly_one_of_fifty_and_counts_again_after_its_time() -> None:
    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(lambda _: first_time("job", NOW, timedelta(days=1)), range(50))) == 1
    assert not first_time("job", NOW + timedelta(hours=23), timedelta(days=1))
    # TTL deletes late: a row whose time is over must not hold anybody up
    assert first_time("job", NOW + timedelta(days=1), timedelta(days=1))


def test_a_claim_remembers_its_result_until_its_time_is_over() -> None:
    commit(claim("key", NOW, timedelta(hours=1), AlreadyDone(), result="order", digest="d"))
    known = find("key", NOW)
    assert isinstance(known, ClaimRow)
    assert (known.result, known.digest) == ("order", "d")
    assert find("key", NOW + timedelta(hours=1)) is None
    assert find("other", NOW) is None


def unanswered(**_: Any) -> None:
    raise ReadTimeoutError(endpoint_url="http://engine")


@pytest.mark.parametrize("others", [(), ("b",)])
def test_when_no_answer_comes_the_failure_is_one_of_storage(others: tuple[str, ...]) -> None:
    dynamodb().meta.events.register("after-call.dynamodb", unanswered, unique_id="unanswered")
    try:
        with pytest.raises(STORAGE_FAILURES):
            commit(*(put(row(name), new=True) for name in ("a", *others)))
    finally:
        dynamodb().meta.events.unregister("after-call.dynamodb", unique_id="unanswered")

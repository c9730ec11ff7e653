"""Pieces move between a SKU's head and its counters: all stay in sight, and what was seen long ago moves nothing."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from chalicelib.stock import Level, SoldOut, Stock, StockStore, spreading
from chalicelib.stock.rules import HOT_COUNTERS, HOT_PER_MINUTE, MOST_COUNTERS, Moved, NeverStocked, evened, poured
from chalicelib.stock.store import StockRow
from chalicelib.storage.reads import fetch
from chalicelib.storage.table import dynamodb
from chalicelib.storage.writes import Write, commit
from tests.shop import TestClock

SKU = "tee-01"
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
Move = Callable[[Level], list[Write]]
store = StockStore()


class Always(Random):
    """Whatever is done by chance is done."""

    def randrange(self, *_: Any) -> int:
        return 0


class Never(Random):
    def randrange(self, *_: Any) -> int:
        return 1


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def stock(tables: str, clock: TestClock) -> Stock:
    return Stock(store, clock, Never(1))


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """The operations that DynamoDB was asked for."""
    operations: list[str] = []
    events = dynamodb().meta.events
    events.register("before-call.dynamodb", lambda model, **_: operations.append(model.name), unique_id="asked")
    yield operations
    events.unregister("before-call.dynamodb", unique_id="asked")


def buy(stock: Stock, n: int = 1) -> None:
    """As an order does."""
    levels = stock.closer(fetch(stock.reads_levels([SKU]))[0], {SKU: n})
    if levels[SKU].available < n:
        raise SoldOut(sku_id=SKU)
    stock.take({SKU: n}, commit, levels)


def sell_out(stock: Stock) -> int:
    sold = 0
    try:
        while True:
            buy(stock)
            sold += 1
    except SoldOut:
        return sold


def test_counters_and_head_share_evenly_and_hold_all_together(stock: Stock) -> None:
    stock.add(SKU, 100)
    level = stock.spread(SKU, 3)
    assert (level.head, dict(level.seen), level.available) == (25, {1: 25, 2: 25, 3: 25}, 100)
    assert stock.levels([SKU]) == {SKU: 100}
    level = stock.spread(SKU, 0)
    assert (level.head, level.counters, dict(level.seen)) == (100, 0, {})


def test_a_counter_has_a_hash_key_of_its_own(stock: Stock) -> None:
    """Or all would stand in one partition, and share its limit."""
    stock.add(SKU, 100)
    stock.spread(SKU, MOST_COUNTERS)
    assert len({row.sku_id for row in StockRow.scan()}) == 1 + MOST_COUNTERS


def test_fewer_counters_hide_nothing(stock: Stock) -> None:
    stock.add(SKU, 90)
    stock.spread(SKU, 8)
    assert stock.spread(SKU, 2).available == 90
    assert sell_out(stock) == 90


def test_what_cannot_be_shared_stays_at_the_head_and_counters_wait_for_more(stock: Stock) -> None:
    stock.add(SKU, 5)
    level = stock.spread(SKU, 8)
    assert (level.head, level.counters, level.drained) == (5, 8, True)
    stock.add(SKU, 31)
    level = stock.spread(SKU, 8)
    assert (level.head, level.drained, level.available) == (4, False, 36)


def test_more_counters_do_not_hide_those_that_hold_pieces(stock: Stock) -> None:
    stock.add(SKU, 9)
    stock.spread(SKU, 2)
    level = stock.spread(SKU, 8)
    assert (level.drained, level.available) == (False, 9)


@pytest.mark.parametrize(("before", "after", "each"), [(2, 64, 10), (64, 2, 216), (16, 64, 10), (64, 16, 38)])
def test_another_number_of_counters_holds_as_much_in_each(stock: Stock, before: int, after: int, each: int) -> None:
    stock.add(SKU, 650)
    stock.spread(SKU, before)
    level = stock.spread(SKU, after)
    assert set(level.seen.values()) == {each}
    assert (level.counters, level.head, level.available) == (after, 650 - after * each, 650)


def test_pieces_are_evened_out_while_some_of_them_are_sold(stock: Stock) -> None:
    """What was sold since they were seen is missing where it was sold, and makes nothing fail."""
    stock.add(SKU, 650)
    seen = stock.spread(SKU, 2)
    stock.take({SKU: 5}, commit, {SKU: Level(SKU, counters=2, seen={1: 5})})
    stock.take({SKU: 1}, commit, {SKU: Level(SKU, head=1, counters=2, seen={})})
    commit(*store.move(seen, 64, evened(seen, 64)))
    level = stock.whole(SKU)
    assert (level.head, level.seen[1], level.seen[2], level.seen[64]) == (9, 5, 10, 10)


def test_what_was_never_stocked_is_not_spread(stock: Stock) -> None:
    with pytest.raises(NeverStocked):
        stock.spread(SKU, 8)
    assert stock.levels([SKU]) == {SKU: 0}


@pytest.mark.parametrize("counters", [2, 16])
def test_the_last_piece_is_found_wherever_it_is(stock: Stock, counters: int) -> None:
    stock.add(SKU, 40)
    stock.spread(SKU, counters)
    assert sell_out(stock) == 40
    commit(stock.release(SKU, 1))
    assert sell_out(stock) == 1


def test_an_order_takes_from_several_counters_what_none_has_alone(stock: Stock) -> None:
    stock.add(SKU, 50)
    stock.spread(SKU, 4)
    buy(stock, 33)
    assert stock.levels([SKU]) == {SKU: 17}


def test_pieces_in_too_many_counters_for_one_order_are_gathered_for_it(stock: Stock) -> None:
    stock.add(SKU, 65)
    stock.spread(SKU, MOST_COUNTERS)
    buy(stock, 60)
    level = stock.whole(SKU)
    assert (level.available, level.counters) == (5, 0)


def test_what_decides_that_nothing_is_left_is_read_consistently(stock: Stock) -> None:
    """Which the engine here does always, and DynamoDB where it is asked to."""
    stock.add(SKU, 3)
    stock.spread(SKU, 2)
    stock.take({SKU: 3}, commit)
    asked: list[Any] = []
    events = dynamodb().meta.events
    events.register("provide-client-params.dynamodb.BatchGetItem", lambda params, **_: asked.append(params), "look")
    stock.whole(SKU)
    events.unregister("provide-client-params.dynamodb.BatchGetItem", unique_id="look")
    assert [each["ConsistentRead"] for request in asked for each in request["RequestItems"].values()] == [True] * 3


def pour(level: Level) -> list[Write]:
    return store.move(level, 2, poured(level, 2))


def gather(level: Level) -> list[Write]:
    return store.move(level, 0, evened(level, 0))


def even_out(level: Level) -> list[Write]:
    return store.move(level, 8, evened(level, 8))


MOVES: dict[str, Move] = {
    "pour": pour, "gather": gather, "even out": even_out, "mark": lambda level: [store.drained(level)],
}  # fmt: skip


@pytest.mark.parametrize("late", MOVES)
@pytest.mark.parametrize("first", ["pour", "gather", "even out"])
def test_what_was_seen_before_another_move_moves_nothing(stock: Stock, late: str, first: str) -> None:
    """Counters that are empty, as the late one saw them, may hold all by now."""
    stock.add(SKU, 3)
    stock.spread(SKU, 2)
    stock.take({SKU: 3}, commit)
    stock.add(SKU, 30)
    seen = stock.whole(SKU)
    assert (seen.head, dict(seen.seen)) == (30, {1: 0, 2: 0})
    commit(*MOVES[first](seen))
    before = stock.whole(SKU)
    with pytest.raises(Moved):
        commit(*MOVES[late](seen))
    assert stock.whole(SKU) == before
    assert before.available == 30


def test_pieces_that_were_sold_meanwhile_are_neither_poured_nor_gathered(stock: Stock) -> None:
    stock.add(SKU, 90)
    seen = stock.spread(SKU, 2)
    stock.take({SKU: 1}, commit, {SKU: Level(SKU, counters=2, seen={1: 1})})
    with pytest.raises(Moved):
        commit(*gather(seen))
    stock.take({SKU: 30}, commit, {SKU: Level(SKU, 30)})
    with pytest.raises(Moved):
        commit(*pour(seen))
    assert stock.levels([SKU]) == {SKU: 59}


def test_a_drained_sku_is_poured_again_and_all_of_it_is_sold(stock: Stock) -> None:
    stock.add(SKU, 3)
    stock.spread(SKU, 2)
    sell_out(stock)
    commit(store.drained(stock.whole(SKU)))
    stock.add(SKU, 30)
    assert stock.spread(SKU, 2).drained is False
    assert sell_out(stock) == 30


@pytest.mark.parametrize("counters", [0, 16])
def test_two_hundred_who_come_too_late_cost_no_write_and_one_request_each(
    stock: Stock, clock: TestClock, asked: list[str], counters: int
) -> None:
    stock.add(SKU, 40)
    stock.spread(SKU, counters)
    sell_out(Stock(store, clock, Always(1)))
    asked.clear()
    for _ in range(200):
        with pytest.raises(SoldOut):
            buy(stock)
    assert asked == ["BatchGetItem"] * 200


def test_until_sold_out_is_marked_nobody_but_the_marker_writes(
    stock: Stock, clock: TestClock, asked: list[str]
) -> None:
    stock.add(SKU, 40)
    stock.spread(SKU, 16)
    sell_out(stock)
    asked.clear()
    losers = Stock(store, clock, Random(1))
    for _ in range(100):
        with pytest.raises(SoldOut):
            buy(losers)
    assert sum(operation in WRITES for operation in asked) == 1


def test_an_order_of_a_spread_sku_looks_twice_and_of_an_ordinary_one_once(stock: Stock, asked: list[str]) -> None:
    stock.add(SKU, 1000)
    for counters, looks in ((0, 1), (16, 2), (64, 2)):
        stock.spread(SKU, counters)
        asked.clear()
        buy(stock)
        assert asked == ["BatchGetItem"] * looks + ["UpdateItem"]


def heated(stock: Stock, times: int) -> None:
    stock.whole(SKU)
    row = StockRow(SKU, 0)
    row.update([StockRow.heat.set(times), StockRow.heat_minute.set(stock._minute())])


def test_a_sku_that_too_many_take_from_is_spread_by_one_of_them(stock: Stock, clock: TestClock) -> None:
    hot = Stock(store, clock, Always(1))
    stock.add(SKU, 1000)
    heated(stock, HOT_PER_MINUTE - 1)
    buy(hot)
    assert stock.whole(SKU).counters == 0
    buy(hot)
    level = stock.whole(SKU)
    assert (level.counters, level.available, level.head) == (HOT_COUNTERS, 998, 998 - 16 * (999 // 17))


def test_heat_is_forgotten_with_its_minute_and_few_pieces_are_not_worth_it(stock: Stock, clock: TestClock) -> None:
    hot = Stock(store, clock, Always(1))
    stock.add(SKU, 1000)
    heated(stock, HOT_PER_MINUTE)
    clock.forward(seconds=60)
    buy(hot)
    assert stock.heat(stock.whole(SKU)) == 1
    stock.take({SKU: 950}, commit)
    heated(stock, HOT_PER_MINUTE)
    buy(hot)
    assert stock.whole(SKU).counters == 0


def test_an_order_is_none_the_worse_for_a_failure_to_spread(
    stock: Stock, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no engine")

    stock.add(SKU, 1000)
    heated(stock, HOT_PER_MINUTE)
    monkeypatch.setattr(spreading, "commit", fail)
    buy(Stock(store, clock, Always(1)))
    assert stock.levels([SKU]) == {SKU: 999}

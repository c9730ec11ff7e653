"""Others hold what an order needs: it takes from where nobody is, looks again, and says "sold out" only if it is so."""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from bench.sale.conflicts import Conflicts
from chalicelib.stock import SoldOut, Stock, StockStore
from chalicelib.stock.service import ROUNDS, TRIES
from chalicelib.stock.store import StockRow
from chalicelib.storage.reads import fetch
from chalicelib.storage.table import dynamodb
from chalicelib.storage.writes import StorageBusy, commit, put
from tests.faults.engine import _Headers, _Raw, refused

SKU = "tee-01"
Held = Callable[[str], bool]


@pytest.fixture
def stock(tables: str, monkeypatch: pytest.MonkeyPatch) -> Stock:
    monkeypatch.setattr("chalicelib.storage.writes.time.sleep", lambda _: None)
    return Stock(StockStore(), chance=Random(1))


@pytest.fixture
def hold() -> Iterator[Callable[[Held], list[str]]]:
    """Refuse every write to rows that are held, as DynamoDB does while another transaction has them. What came to them
    is noted.
    """
    events, met = dynamodb().meta.events, list[str]()
    held: list[Held] = []

    def before(request: Any, **_: Any) -> AWSResponse | None:
        sent = json.loads(request.body)
        rows = [each.get("Key") or each.get("Item") or {} for each in [sent, *_parts(sent)]]
        keys = [row["sku_id"]["S"] for row in rows if "sku_id" in row]
        if not any(is_held(key) for is_held in held for key in keys):
            return None
        met.extend(keys)
        status, headers, body = refused("TransactionConflictException")
        return AWSResponse(request.url, status, _Headers(headers), _Raw(body))

    def begin(is_held: Held) -> list[str]:
        held.append(is_held)
        return met

    events.register("before-send.dynamodb", before, unique_id="held")
    yield begin
    events.unregister("before-send.dynamodb", unique_id="held")


def _parts(sent: Any) -> list[Any]:
    return [part for item in sent.get("TransactItems", ()) for part in item.values()]


_orders = count(1)


def buy(stock: Stock, n: int = 1) -> None:
    """As an order does: with something beside it, and so in a transaction."""
    levels = stock.closer(fetch(stock.reads_levels([SKU]))[0], {SKU: n})
    if levels[SKU].available < n:
        raise SoldOut(sku_id=SKU)
    stock.take({SKU: n}, partial(commit, put(StockRow(f"order-{next(_orders)}", 0, available=0))), levels)


def test_a_counter_that_others_hold_is_left_for_another(stock: Stock, hold: Callable[[Held], list[str]]) -> None:
    stock.add(SKU, 500)
    stock.spread(SKU, 4)
    met = hold(lambda key: key in {SKU, f"{SKU}#1", f"{SKU}#2"})
    for _ in range(9):
        buy(stock)
    assert len(met) > 0
    level = stock.whole(SKU)
    assert (level.head, level.seen[1], level.seen[2], level.available) == (100, 100, 100, 491)


def test_who_finds_all_held_is_told_to_come_again_and_has_taken_nothing(
    stock: Stock, hold: Callable[[Held], list[str]]
) -> None:
    stock.add(SKU, 5)
    hold(lambda key: key.startswith(SKU))
    with pytest.raises(StorageBusy):
        buy(stock)
    assert stock.levels([SKU]) == {SKU: 5}


def test_who_cannot_gather_what_is_scattered_tries_no_longer_than_others(
    stock: Stock, hold: Callable[[Held], list[str]]
) -> None:
    """Or large orders of hot stock would keep functions busy for minutes."""
    stock.add(SKU, 65)
    stock.spread(SKU, 64)
    met = hold(lambda key: key == SKU)
    with pytest.raises(StorageBusy):
        buy(stock, 40)
    assert met.count(SKU) == ROUNDS * TRIES


@pytest.mark.parametrize("counters", [0, 3])
def test_who_waits_until_all_is_gone_is_told_so_and_not_to_come_again(
    stock: Stock, hold: Callable[[Held], list[str]], counters: int
) -> None:
    stock.add(SKU, 5)
    stock.spread(SKU, counters)
    others = Stock(StockStore(), chance=Random(2))
    took: list[str] = []

    def taken_by_others_meanwhile(key: str) -> bool:
        if key.startswith("order-") and not took:
            took.append(key)
            others.take({SKU: 5}, commit)
            return True
        return False

    met = hold(taken_by_others_meanwhile)
    with pytest.raises(SoldOut):
        buy(stock)
    assert len(met) > 0


def give_back(stock: Stock) -> None:
    """As schedules do: again, until it is done."""
    try:
        commit(stock.release(SKU, 1))
    except StorageBusy:
        give_back(stock)


@pytest.mark.parametrize("counters", [0, 3])
def test_what_comes_back_while_others_buy_is_sold_too(stock: Stock, counters: int) -> None:
    """Sixteen at a time, transactions that meet refused: some cancel, and no unit is left."""
    stock.add(SKU, 20)
    stock.spread(SKU, counters)
    kept = []

    def visit(n: int) -> None:
        try:
            buy(stock)
        except (SoldOut, StorageBusy):
            return
        if n % 3:
            kept.append(n)
        else:
            give_back(stock)

    with Conflicts(0).injected() as conflicts, ThreadPoolExecutor(16) as pool:
        list(pool.map(visit, random.Random(1).sample(range(60), 60)))
    assert conflicts.held > 0
    while len(kept) < 20:
        buy(stock)
        kept.append(0)
    with pytest.raises(SoldOut):
        buy(stock)
    assert sum(int(row.available) for row in StockRow.scan()) == 0

"""Somebody moves pieces between two looks of another: none is left where nobody looks, and none overlooked."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from chalicelib.stock import Level, Stock, StockStore
from chalicelib.storage.writes import commit

SKU = "tee-01"


@pytest.fixture
def stock(tables: str) -> Stock:
    return Stock(StockStore(), chance=Random(1))


class Meanwhile(StockStore):
    """Before the first use of one of its methods another is faster."""

    def __init__(self, method: str, other: Callable[[], object]) -> None:
        self._method, self._other = method, other

    def __getattribute__(self, name: str) -> Any:
        if name == "_method" or name != self._method:
            return super().__getattribute__(name)
        self._method = ""
        self._other()
        return super().__getattribute__(name)


def test_fewer_counters_hide_nothing_that_another_poured_meanwhile(stock: Stock) -> None:
    """Two of the staff at once, or one of them and the heat."""
    stock.add(SKU, 90)
    slow = Stock(Meanwhile("move", lambda: stock.spread(SKU, 8)))
    level = slow.spread(SKU, 2)
    assert (level.counters, level.available) == (2, 90)


def test_pieces_that_are_gathered_while_one_looks_are_found(stock: Stock) -> None:
    """All to the head after it was read, and before the counters are."""
    stock.add(SKU, 90)
    stock.spread(SKU, 2)
    stock.take({SKU: 30}, commit, {SKU: Level(SKU, 30)})
    slow = Stock(Meanwhile("closer", lambda: stock.spread(SKU, 0)))
    assert slow.whole(SKU).available == 60

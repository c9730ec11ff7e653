"""What a sale promises, and how it is seen that it broke it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bench.sale import verdict
from bench.sale.crowd import PLACED, Outcome
from bench.sale.watch import Seen

BOUGHT = Outcome("m", 201, PLACED, 1.0, 2.0, 0, Seen([1.5], [], 1.6))
LOST = Outcome("m", 422, "SOLD_OUT", 2.0, 3.0, 0, Seen())
GOOD = (*[BOUGHT] * 3, *[LOST] * 20)


def broken(outcomes: Sequence[Outcome], left: int = 0, in_orders: int = 3, **how: Any) -> list[str]:
    return verdict.broken(verdict.figures(outcomes, 3, left, in_orders), **how)


def test_a_good_sale_breaks_nothing() -> None:
    assert broken(GOOD) == []


@pytest.mark.parametrize(
    ("outcomes", "left", "in_orders"),
    [
        ((*GOOD, BOUGHT), 0, 3),
        (GOOD[1:], 0, 3),
        (GOOD, 1, 3),
        (GOOD, -1, 3),
        (GOOD, 0, 4),
        ((*GOOD, replace(LOST, status=500, code="INTERNAL")), 0, 3),
        ((*GOOD, replace(LOST, status=503, code="STORAGE_BUSY")), 0, 3),
        ((*GOOD, replace(LOST, code="SKU_NOT_FOR_SALE")), 0, 3),
        ((*GOOD, replace(LOST, busy=1)), 0, 3),
        ((*GOOD, *[replace(LOST, seen=Seen([2.5]))] * 10), 0, 3),
    ],
)
def test_each_promise_is_seen_broken(outcomes: Sequence[Outcome], left: int, in_orders: int) -> None:
    assert broken(outcomes, left, in_orders)


def test_a_few_losers_may_be_drawn_to_be_counted() -> None:
    assert broken((*GOOD, *[replace(LOST, seen=Seen([], [2.5]))] * 8)) == []


@pytest.mark.parametrize(("wrote", "kept"), [(20, True), (21, False)])
def test_of_many_late_losers_each_write_counts_whatever_it_is_for(wrote: int, kept: bool) -> None:
    losers = [replace(LOST, seen=Seen([], [2.5]))] * wrote + [LOST] * (400 - wrote)
    assert (broken((*GOOD[:3], *losers)) == []) is kept


def test_where_a_sale_may_be_busy_a_buyer_may_ask_again_but_not_for_good() -> None:
    again = replace(LOST, busy=1)
    assert broken((*GOOD, again), may_be_busy=True) == []
    assert broken((*GOOD, replace(again, status=503, code="STORAGE_BUSY")), may_be_busy=True)


def test_writes_of_losers_are_told_by_when_they_asked() -> None:
    """Who asked before the last piece was sold may have tried for it."""
    early, late = replace(LOST, began=1.2, seen=Seen([1.4], [1.7])), replace(LOST, seen=Seen([2.5], [2.6]))
    writes = verdict.figures((*GOOD, early, late), 3, 0, 3)["writes"]
    assert writes == {
        "of_losers": 4,
        "after_last_sale": 3,
        "late_losers": 21,
        "of_late_losers": 2,
        "counting_late": 1,
        "losers_in_flight": 1,
        "of_losers_in_flight": 2,
    }

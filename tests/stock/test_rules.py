from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.stock.rules import HEAD, HOT_PER_MINUTE, Level, Scattered, SoldOut, pieces, plan, share

HELD = st.dictionaries(st.integers(1, 64), st.integers(0, 20), max_size=20)


def first(counters: Sequence[int]) -> int:
    return counters[0]


@pytest.mark.parametrize("n", [0, -1])
def test_stock_never_moves_by_nothing_or_backwards(n: int) -> None:
    with pytest.raises(ValueError, match="at least one piece"):
        pieces(n)


def test_one_piece_is_enough() -> None:
    assert pieces(1) == 1


@given(st.integers(0, 20), HELD, st.integers(1, 60), st.integers(1, 65), st.randoms())
def test_a_plan_takes_what_is_wanted_from_where_it_is(
    head: int, seen: dict[int, int], n: int, most: int, chance: Random
) -> None:
    level = Level("tee-01", head, counters=64, seen=seen)
    held = {HEAD: head, **seen}
    try:
        taken = plan(level, n, most, chance.choice)
    except SoldOut:
        assert level.found < n
    except Scattered:
        assert level.found >= n
        assert sum(sorted(held.values())[-most:]) < n, "fewer counters would have done"
    else:
        assert sum(taken.values()) == n
        assert len(taken) <= most
        assert all(0 < part <= held[counter] for counter, part in taken.items())
        assert len(taken) == 1 or max(held.values()) < n, "one counter had enough"


@given(HELD, st.integers(1, 20))
def test_buyers_may_meet_at_any_counter_that_has_enough(seen: dict[int, int], n: int) -> None:
    offered: set[int] = set()

    def pick(enough: Sequence[int]) -> int:
        offered.update(enough)
        return enough[-1]

    plan(Level("tee-01", n, counters=64, seen=seen), n, 1, pick)
    assert offered == {HEAD} | {counter for counter, held in seen.items() if held >= n}


def test_an_ordinary_sku_is_taken_from_its_head() -> None:
    assert plan(Level("tee-01", 5), 5, 1, first) == {HEAD: 5}
    with pytest.raises(SoldOut):
        plan(Level("tee-01", 5), 6, 1, first)


@given(st.integers(0, 20), st.dictionaries(st.integers(1, 16), st.integers(0, 20), min_size=1, max_size=16))
def test_an_estimate_tells_of_none_only_where_none_was_seen(head: int, seen: dict[int, int]) -> None:
    level = Level("tee-01", head, counters=16, seen=seen)
    assert (level.available == 0) == (level.found == 0)
    assert level.available >= level.found
    if len(seen) == 16:
        assert level.available == level.found


def test_a_spread_sku_is_not_judged_by_its_head_alone() -> None:
    with pytest.raises(ValueError, match="look closer"):
        _ = Level("tee-01", 5, counters=4).available
    assert Level("tee-01", 5, counters=4, drained=True).available == 5


@given(st.integers(-5, 10**6), st.integers(1, 64))
def test_what_is_poured_leaves_the_head_as_much_as_each_counter_gets(head: int, counters: int) -> None:
    part = share(head, counters)
    assert part >= 0
    assert head - part * counters >= part or head <= 0


def test_a_head_is_hot_only_in_the_minute_in_which_it_was_heated() -> None:
    warm = Level("tee-01", 5, heat=HOT_PER_MINUTE - 1, heat_minute=7)
    hot = replace(warm, heat=HOT_PER_MINUTE)
    assert not warm.hot(7)
    assert hot.hot(7)
    assert not hot.hot(8)

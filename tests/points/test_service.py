"""Points on a real engine: each movement once, the balance never below zero."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.identity.rules import MemberNotFound
from chalicelib.kernel.errors import Invalid, ShopError
from chalicelib.kernel.paging import BadCursor, encode_cursor
from chalicelib.points import Entry, Movement, NotEnoughPoints, Points
from chalicelib.points.rules import AdjustmentReused, MovedBefore
from chalicelib.storage.reads import search
from chalicelib.storage.writes import Write, commit

from .conftest import ALICE, BOB, NOON

STAFF, CROWD = "S1", 50


def entries(points: Points, member_id: str = ALICE) -> list[tuple[Movement, str, int]]:
    return [(each.kind, each.cause_id, each.points) for each in search(points.page(member_id, None, 50)).rows]


def test_a_member_who_never_had_any_has_none(points: Points) -> None:
    assert points.balance(ALICE) == 0
    assert search(points.page(ALICE, None, 50)).rows == []


def test_points_are_earned_spent_and_given_back_and_each_movement_says_why(points: Points) -> None:
    commit(*points.earn(ALICE, 300, "o1", NOON))
    commit(*points.spend(ALICE, 200, "o2", NOON + timedelta(seconds=1)))
    commit(*points.give_back(ALICE, 50, "case", NOON + timedelta(seconds=2)))
    assert points.balance(ALICE) == 150
    assert search(points.page(ALICE, None, 50)).rows == [
        Entry(Movement.RETURNED, "case", 50, "积分退还", NOON + timedelta(seconds=2)),
        Entry(Movement.SPENT, "o2", -200, "下单抵扣", NOON + timedelta(seconds=1)),
        Entry(Movement.EARNED, "o1", 300, "购物赠送", NOON),
    ]
    assert points.balance(BOB) == 0
    assert entries(points, BOB) == []


def test_no_more_is_spent_than_is_there_and_nothing_is_written(points: Points) -> None:
    with pytest.raises(NotEnoughPoints):
        commit(*points.spend(ALICE, 1, "o1", NOON))
    commit(*points.earn(ALICE, 100, "o0", NOON))
    with pytest.raises(NotEnoughPoints):
        commit(*points.spend(ALICE, 101, "o1", NOON))
    assert (points.balance(ALICE), entries(points)) == (100, [(Movement.EARNED, "o0", 100)])
    commit(*points.spend(ALICE, 100, "o1", NOON))
    assert points.balance(ALICE) == 0


@pytest.mark.parametrize("how", ["spend", "give_back", "earn"])
def test_points_move_once_for_one_cause(points: Points, how: str) -> None:
    move: Callable[[str, int, str, datetime], list[Write]] = getattr(points, how)
    commit(*points.earn(ALICE, 1000, "before", NOON))
    commit(*move(ALICE, 10, "cause", NOON))
    after = points.balance(ALICE)
    for amount in (10, 20):
        with pytest.raises(MovedBefore):
            commit(*move(ALICE, amount, "cause", NOON + timedelta(days=1)))
    assert points.balance(ALICE) == after
    commit(*move(ALICE, 10, "another", NOON))
    assert abs(points.balance(ALICE) - after) == 10


@pytest.mark.parametrize("how", ["spend", "give_back", "earn"])
def test_no_points_are_no_movement_and_negative_ones_a_mistake(points: Points, how: str) -> None:
    move: Callable[[str, int, str, datetime], list[Write]] = getattr(points, how)
    assert move(ALICE, 0, "o1", NOON) == []
    with pytest.raises(ValueError, match="counted from zero"):
        move(ALICE, -1, "o1", NOON)


def test_movements_come_in_pages_newest_first(points: Points) -> None:
    for n in range(5):
        commit(*points.earn(ALICE, n + 1, f"o{n}", NOON + timedelta(seconds=n)))
    commit(*points.earn(ALICE, 6, "o5", NOON + timedelta(seconds=4)))  # in the same second as another
    seen: list[int] = []
    cursor = None
    for _ in range(3):
        page = search(points.page(ALICE, cursor, 2))
        seen += [each.points for each in page.rows]
        cursor = page.next_cursor
    assert (seen, cursor) == ([6, 5, 4, 3, 2, 1], None)


@pytest.mark.parametrize("cursor", ["!", encode_cursor("EARNED#o1")])
def test_a_cursor_of_another_list_is_refused(points: Points, cursor: str) -> None:
    with pytest.raises(BadCursor):
        search(points.page(ALICE, cursor, 10))


def test_staff_give_and_take_points_and_the_books_say_who(points: Points) -> None:
    assert points.adjust(ALICE, 500, "补偿", STAFF, "key-00001", NOON) == 500
    assert points.adjust(ALICE, -200, "误发收回", STAFF, "key-00002", NOON) == 300
    assert [(each.points, each.why, each.who) for each in search(points.page(ALICE, None, 10)).rows] == [
        (-200, "误发收回", STAFF), (500, "补偿", STAFF),
    ]  # fmt: skip


def test_an_adjustment_repeated_changes_nothing_and_another_under_its_key_is_refused(points: Points) -> None:
    points.adjust(ALICE, 500, "补偿", STAFF, "key-00001", NOON)
    commit(*points.spend(ALICE, 500, "o1", NOON))
    assert points.adjust(ALICE, 500, "补偿", STAFF, "key-00001", NOON + timedelta(days=2)) == 0
    for delta, why in ((400, "补偿"), (500, "别的"), (-500, "补偿")):
        with pytest.raises(AdjustmentReused):
            points.adjust(ALICE, delta, why, STAFF, "key-00001", NOON)
    assert points.balance(ALICE) == 0
    assert points.adjust(ALICE, 500, "补偿", "S2", "key-00001", NOON) == 500  # keys are each person's own


def test_an_adjustment_that_took_points_is_repeated_though_they_are_gone(points: Points) -> None:
    points.adjust(ALICE, 500, "补偿", STAFF, "key-00001", NOON)
    for _ in range(2):
        assert points.adjust(ALICE, -500, "误发收回", STAFF, "key-00002", NOON) == 0


def test_staff_take_no_more_than_there_is_and_adjust_by_something_and_members_only(points: Points) -> None:
    with pytest.raises(NotEnoughPoints):
        points.adjust(ALICE, -1, "误发收回", STAFF, "key-00001", NOON)
    with pytest.raises(Invalid):
        points.adjust(ALICE, 0, "无", STAFF, "key-00001", NOON)
    with pytest.raises(MemberNotFound):
        points.adjust("nobody", 1, "补偿", STAFF, "key-00001", NOON)
    assert points.adjust(ALICE, 1, "补偿", STAFF, "key-00001", NOON) == 1


def at_once(act: Callable[[int], object], times: int = CROWD) -> Counter[str]:
    def outcome(n: int) -> str:
        try:
            act(n)
        except ShopError as refusal:
            return refusal.code
        return "DONE"

    with ThreadPoolExecutor(times) as pool:
        return Counter(pool.map(outcome, range(times)))


def test_the_same_points_are_spent_by_one_of_fifty_orders(points: Points) -> None:
    commit(*points.earn(ALICE, 100, "before", NOON))
    assert at_once(lambda n: commit(*points.spend(ALICE, 60, f"o{n}", NOON))) == {"DONE": 1, "NOT_ENOUGH_POINTS": 49}
    assert points.balance(ALICE) == 40


def test_fifty_orders_spend_all_points_and_none_twice(points: Points) -> None:
    commit(*points.earn(ALICE, 100, "before", NOON))
    assert at_once(lambda n: commit(*points.spend(ALICE, 7, f"o{n}", NOON))) == {"DONE": 14, "NOT_ENOUGH_POINTS": 36}
    assert points.balance(ALICE) == 2
    assert sum(each.points for each in search(points.page(ALICE, None, 50)).rows) == 2


def test_the_same_cause_fifty_times_at_once_gives_back_once(points: Points) -> None:
    assert at_once(lambda _: commit(*points.give_back(ALICE, 5, "o1", NOON))) == {
        "DONE": 1, "POINTS_MOVED_BEFORE": 49,
    }  # fmt: skip
    assert points.balance(ALICE) == 5


def test_a_key_tapped_fifty_times_adjusts_once(points: Points) -> None:
    assert at_once(lambda _: points.adjust(ALICE, 5, "补偿", STAFF, "key-00001", NOON)) == {"DONE": CROWD}
    assert points.balance(ALICE) == 5


moves = st.lists(
    st.tuples(st.sampled_from(["spend", "give_back", "earn"]), st.integers(0, 30), st.sampled_from("abc")), max_size=12
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves, st.uuids().map(str))
def test_the_balance_is_what_the_entries_add_up_to_and_never_negative(
    points: Points, steps: list[tuple[str, int, str]], member: str
) -> None:
    for how, amount, cause in steps:
        try:
            if writes := getattr(points, how)(member, amount, cause, NOON):
                commit(*writes)
        except (NotEnoughPoints, MovedBefore):
            continue
        finally:
            rows = search(points.page(member, None, 50)).rows
            assert points.balance(member) == sum(each.points for each in rows) >= 0
            assert len({(each.kind, each.cause_id) for each in rows}) == len(rows)

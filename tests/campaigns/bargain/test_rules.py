import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.campaigns.bargain.rules import (
    TRANSITIONS,
    AlreadyHelped,
    Cut,
    CutTooSoon,
    DailyCutLimit,
    FloorNotReached,
    Helper,
    Launch,
    LaunchOrdered,
    LaunchOver,
    LaunchState,
    OwnLaunch,
    after_cut,
    check_cut,
    check_order,
    cut,
    given_back,
    having_cut,
    sources,
    weight_of,
)
from chalicelib.campaigns.bargain.terms import MOST_CUTS, BargainConfig, BuyAt
from chalicelib.kernel.errors import ShopError

from .world import CONFIG, NOW, Person, newcomer

END = NOW + timedelta(hours=24)
LAUNCH = Launch(
    launch_id="l1",
    activity_id="a1",
    launcher_id="leader",
    nickname="小红",
    avatar_url="",
    product_id="p1",
    sku_id="p1-01",
    title="砍价得好茶",
    terms=CONFIG,
    price=9_000,
    cuts=1,
    state=LaunchState.RUNNING,
    started_at=NOW,
    ends_at=END,
)
HELPER = Helper("h")
MIDNIGHT_IN_BEIJING = datetime.fromisoformat("2026-11-23T00:00:00+08:00")


class Most:
    """Chance at one of its two extremes."""

    def __init__(self, highest: bool) -> None:
        self._highest = highest

    def randint(self, a: int, b: int, /) -> int:
        assert a <= b
        return b if self._highest else a

    def uniform(self, a: float, b: float, /) -> float:
        return b if self._highest else a


chances = st.one_of(
    st.randoms(use_true_random=False), st.sampled_from([Most(True), Most(False)]), st.integers().map(random.Random)
)


def cut_to_the_end(price: int, floor: int, weights: list[int], chance: Any) -> list[int]:
    amounts = []
    for done, weight in enumerate(weights):
        amounts.append(cut(price, floor, len(weights) - done, weight, chance))
        price -= amounts[-1]
    return amounts


@given(
    floor=st.integers(0, 10**9),
    beyond=st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 10**9)),
    weights=st.lists(st.integers(1, 100), min_size=1, max_size=MOST_CUTS),
    chance=chances,
)
def test_any_number_of_people_of_any_weight_cut_at_least_one_fen_each_and_land_exactly_on_the_floor(
    floor: int, beyond: int, weights: list[int], chance: Any
) -> None:
    price = floor + len(weights) + beyond
    amounts = cut_to_the_end(price, floor, weights, chance)
    assert min(amounts) >= 1
    assert sum(amounts) == price - floor


@given(
    price=st.integers(0, 10**6),
    cuts_left=st.integers(1, MOST_CUTS),
    weight=st.integers(1, 100),
    chance=chances,
)
def test_a_cut_leaves_one_fen_for_each_who_comes_later(price: int, cuts_left: int, weight: int, chance: Any) -> None:
    price += cuts_left
    left = price - cut(price, 0, cuts_left, weight, chance)
    assert left >= cuts_left - 1
    assert (left == 0) is (cuts_left == 1)


def test_people_of_equal_weight_can_expect_the_same_whenever_they_come() -> None:
    chance = random.Random(1)
    runs = [cut_to_the_end(10_000, 0, [1] * 5, chance) for _ in range(4_000)]
    means = [sum(amounts) / len(runs) for amounts in zip(*runs, strict=True)]
    assert all(1_900 < mean < 2_100 for mean in means)


def test_a_heavier_cut_goes_as_much_further_as_its_weight() -> None:
    assert [cut(10_010, 0, 10, weight, Most(True)) for weight in (1, 2, 3)] == [2_001, 4_001, 6_001]


def test_no_cut_goes_beyond_what_is_spare() -> None:
    assert cut(10_010, 0, 10, 100, Most(True)) == 10_001


@pytest.mark.parametrize(("price", "cuts_left", "weight"), [(10, 0, 1), (1, 2, 1), (10, 2, 0)])
def test_a_cut_that_nobody_could_make_is_a_fault_of_the_caller(price: int, cuts_left: int, weight: int) -> None:
    with pytest.raises(ValueError, match="1 fen"):
        cut(price, 0, cuts_left, weight, Most(True))


@pytest.mark.parametrize(
    "wrong",
    [
        {"floor_price": -1},
        {"cuts_to_floor": 0},
        {"cuts_to_floor": MOST_CUTS + 1},
        {"start_price": 1_000},
        {"start_price": 1_002},
        {"stock": -1},
        {"cuts_per_helper": 0},
        {"limit_per_member": 0},
        {"hours": 0},
        {"hours": 721},
        {"pay_minutes": 0},
        {"pay_minutes": 121},
        {"new_member_weight": 0},
        {"new_member_weight": 101},
        {"new_member_days": -1},
        {"daily_cuts": 0},
        {"seconds_between_cuts": -1},
        {"seconds_between_cuts": 61},
    ],
)
def test_an_activity_that_makes_no_sense_is_refused_by_field(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(CONFIG, **wrong)


def test_an_activity_may_go_down_to_nothing_with_one_fen_for_each() -> None:
    config = BargainConfig(start_price=3, floor_price=0, cuts_to_floor=3, stock=0)
    assert (config.limit_per_member, config.hours, config.pay_minutes, config.daily_cuts) == (1, 24, 15, 10)
    assert config.buy_at is BuyAt.FLOOR_ONLY


@pytest.mark.parametrize("state", LaunchState)
def test_sources_are_the_transitions_read_backwards(state: LaunchState) -> None:
    assert sources(state) == {source for source in LaunchState if state in TRANSITIONS[source]}


@pytest.mark.parametrize(
    ("state", "at_the_end"),
    [
        (LaunchState.RUNNING, LaunchState.EXPIRED),
        (LaunchState.REACHED, LaunchState.EXPIRED),
        (LaunchState.ORDERED, LaunchState.ORDERED),
        (LaunchState.EXPIRED, LaunchState.EXPIRED),
    ],
)
def test_a_launch_is_over_at_its_end_although_nothing_has_marked_it(
    state: LaunchState, at_the_end: LaunchState
) -> None:
    launch = replace(LAUNCH, state=state)
    assert launch.state_at(END - timedelta(seconds=1)) is state
    assert launch.state_at(END) is at_the_end


def test_a_friend_may_cut_a_running_launch() -> None:
    check_cut(LAUNCH, HELPER, None, NOW)


@pytest.mark.parametrize(
    ("launch", "helper", "before", "refusal", "details"),
    [
        (LAUNCH, Helper("leader"), Cut("leader", "", "", 1, NOW), OwnLaunch, {}),
        (LAUNCH, HELPER, Cut("h", "", "", 55, NOW), AlreadyHelped, {"amount": 55}),
        (replace(LAUNCH, state=LaunchState.EXPIRED), HELPER, Cut("h", "", "", 55, NOW), AlreadyHelped, {"amount": 55}),
        (replace(LAUNCH, state=LaunchState.REACHED), HELPER, None, LaunchOver, {"state": "REACHED"}),
        (replace(LAUNCH, state=LaunchState.ORDERED), HELPER, None, LaunchOver, {"state": "ORDERED"}),
        (replace(LAUNCH, ends_at=NOW), HELPER, None, LaunchOver, {"state": "EXPIRED"}),
        (LAUNCH, Helper("h", "2026-11-22", 10, NOW - timedelta(hours=1)), None, DailyCutLimit, {"limit": 10}),
    ],
)
def test_each_refusal_of_a_cut_says_why(
    launch: Launch, helper: Helper, before: Cut | None, refusal: type[ShopError], details: dict[str, Any]
) -> None:
    with pytest.raises(refusal) as refused:
        check_cut(launch, helper, before, NOW)
    assert refused.value.details == details


def test_a_helper_who_is_at_the_limit_of_the_day_may_cut_again_from_midnight_in_beijing() -> None:
    tired = Helper("h", "2026-11-22", 10, NOW)
    with pytest.raises(DailyCutLimit):
        check_cut(LAUNCH, tired, None, MIDNIGHT_IN_BEIJING - timedelta(seconds=1))
    check_cut(LAUNCH, tired, None, MIDNIGHT_IN_BEIJING)


def test_two_cuts_of_one_helper_keep_their_distance() -> None:
    launch = replace(LAUNCH, terms=replace(CONFIG, seconds_between_cuts=3))
    helper = Helper("h", "2026-11-22", 1, NOW)
    with pytest.raises(CutTooSoon) as refused:
        check_cut(launch, helper, None, NOW + timedelta(seconds=2))
    assert refused.value.details == {"seconds": 3}
    check_cut(launch, helper, None, NOW + timedelta(seconds=3))


def test_the_cuts_of_a_helper_are_counted_by_the_day() -> None:
    first = having_cut(HELPER, 1, NOW)
    second = having_cut(first, 1, NOW)
    assert first == Helper("h", "2026-11-22", 1, NOW, weight_spent=False)
    assert second.cuts == 2
    assert having_cut(second, 1, MIDNIGHT_IN_BEIJING) == Helper("h", "2026-11-23", 1, MIDNIGHT_IN_BEIJING)


def test_a_new_member_cuts_more_once_and_only_while_new() -> None:
    new = newcomer("n")
    assert weight_of(CONFIG, new, HELPER, NOW) == CONFIG.new_member_weight
    spent = having_cut(HELPER, CONFIG.new_member_weight, NOW)
    assert weight_of(CONFIG, new, spent, NOW) == 1
    assert weight_of(CONFIG, new, having_cut(spent, 1, NOW), NOW) == 1
    assert weight_of(CONFIG, Person("old"), HELPER, NOW) == 1
    week_old = Person("w", joined_at=NOW - timedelta(days=7))
    assert weight_of(CONFIG, week_old, HELPER, NOW) == 1


def test_the_cut_that_lands_on_the_floor_makes_the_launch_reached() -> None:
    assert after_cut(LAUNCH, 7_999) == replace(LAUNCH, price=1_001, cuts=2)
    assert after_cut(LAUNCH, 8_000) == replace(LAUNCH, price=1_000, cuts=2, state=LaunchState.REACHED)


@pytest.mark.parametrize(
    ("launch", "refusal", "details"),
    [
        (
            LAUNCH,
            FloorNotReached,
            {"price": 9_000, "floor_price": 1_000, "people_left": 2},
        ),
        (replace(LAUNCH, state=LaunchState.ORDERED, order_id="o1"), LaunchOrdered, {"order_id": "o1"}),
        (replace(LAUNCH, state=LaunchState.EXPIRED), LaunchOver, {"state": "EXPIRED"}),
        (replace(LAUNCH, state=LaunchState.REACHED, ends_at=NOW), LaunchOver, {"state": "EXPIRED"}),
    ],
)
def test_each_refusal_of_an_order_says_why(launch: Launch, refusal: type[ShopError], details: dict[str, Any]) -> None:
    with pytest.raises(refusal) as refused:
        check_order(launch, NOW)
    assert refused.value.details == details


def test_a_reached_launch_may_be_ordered_and_a_running_one_where_any_price_buys() -> None:
    check_order(replace(LAUNCH, state=LaunchState.REACHED), NOW)
    check_order(replace(LAUNCH, terms=replace(CONFIG, buy_at=BuyAt.ANY_PRICE)), NOW)


def test_a_launch_given_back_is_what_its_price_says() -> None:
    ordered = replace(LAUNCH, state=LaunchState.ORDERED, order_id="o1")
    assert given_back(ordered) == LAUNCH
    assert given_back(replace(ordered, price=1_000)).state is LaunchState.REACHED

"""What holds when many act at the same moment, on an engine with true transactions."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from chalicelib.campaigns.bargain import BuyAt, LaunchState
from chalicelib.campaigns.bargain.service import Helped
from chalicelib.campaigns.base import CampaignOrder

from .conflicts import turning_away
from .world import CONFIG, NOW, Person, World, at_once, newcomer, people, refusals

THREADS = 50


@pytest.mark.parametrize("weight", [1, 3])
def test_fifty_friends_cutting_at_the_same_moment_all_succeed_and_land_exactly_on_the_floor(
    world: World, weight: int
) -> None:
    world.change(cuts_to_floor=THREADS + 1, new_member_weight=weight)
    launch_id = world.launched()
    friends = [*people(THREADS // 2), *(newcomer(f"n{i}") for i in range(THREADS // 2))]
    helped = at_once(partial(world.bargain.cut, launch_id, friend, NOW) for friend in friends)
    assert refusals(helped) == []
    launch, cuts = world.bargain.show(launch_id)
    assert (launch.state, launch.price, launch.cuts) == (LaunchState.REACHED, CONFIG.floor_price, THREADS + 1)
    assert sum(cut.amount for cut in cuts) == CONFIG.start_price - CONFIG.floor_price
    assert {cut.member_id for cut in cuts} == {"leader", *(friend.member_id for friend in friends)}
    assert min(cut.amount for cut in cuts) >= 1
    assert all(isinstance(one, Helped) and one.amount >= 1 for one in helped)


def test_fifty_friends_all_succeed_where_transactions_that_meet_are_turned_away(world: World) -> None:
    world.change(cuts_to_floor=THREADS + 1)
    launch_id = world.launched()
    with turning_away() as turned_away:
        helped = at_once(partial(world.bargain.cut, launch_id, friend, NOW) for friend in people(THREADS))
    assert refusals(helped) == []
    assert len(turned_away) > 0
    launch, _ = world.bargain.show(launch_id)
    assert (launch.price, launch.cuts) == (CONFIG.floor_price, THREADS + 1)


def test_more_friends_than_are_needed_are_told_that_the_launch_is_over(world: World) -> None:
    world.change(cuts_to_floor=11)
    launch_id = world.launched()
    helped = at_once(partial(world.bargain.cut, launch_id, friend, NOW) for friend in people(THREADS))
    assert refusals(helped) == ["LAUNCH_OVER"] * (THREADS - 10)
    launch, cuts = world.bargain.show(launch_id)
    assert (launch.price, len(cuts)) == (CONFIG.floor_price, 11)


def test_one_friend_tapping_fifty_times_cuts_once(world: World) -> None:
    world.change(cuts_to_floor=10)
    launch_id = world.launched()
    helped = at_once(partial(world.bargain.cut, launch_id, Person("h"), NOW) for _ in range(THREADS))
    assert refusals(helped) == ["ALREADY_HELPED"] * (THREADS - 1)
    assert world.bargain.show(launch_id)[0].cuts == 2


def test_a_helper_cutting_many_launches_at_once_stays_within_the_daily_limit(world: World) -> None:
    world.change(cuts_to_floor=10, daily_cuts=4, cuts_per_helper=100)
    launches = [world.launched(person.member_id) for person in people(12, "l")]
    taps = launches * 5
    helped = at_once(partial(world.bargain.cut, launch_id, Person("h"), NOW) for launch_id in taps)
    assert sum(isinstance(one, Helped) for one in helped) == 4
    assert set(refusals(helped)) <= {"DAILY_CUT_LIMIT", "ALREADY_HELPED"}
    assert sum(world.bargain.show(launch_id)[0].cuts - 1 for launch_id in launches) == 4


def test_a_helper_cutting_many_launches_of_an_activity_at_once_stays_within_its_limit(world: World) -> None:
    world.change(cuts_to_floor=10, daily_cuts=100, cuts_per_helper=2)
    launches = [world.launched(person.member_id) for person in people(THREADS, "l")]
    helped = at_once(partial(world.bargain.cut, launch_id, Person("h"), NOW) for launch_id in launches)
    assert refusals(helped) == ["HELPER_LIMIT"] * (THREADS - 2)


def test_a_new_member_cutting_many_launches_at_once_uses_the_weight_once(world: World) -> None:
    world.change(cuts_to_floor=10, daily_cuts=100, cuts_per_helper=100, new_member_weight=5)
    launches = [world.launched(person.member_id) for person in people(10, "l")]
    helped = at_once(partial(world.bargain.cut, launch_id, newcomer("n"), NOW) for launch_id in launches)
    assert sorted(one.weight for one in helped if isinstance(one, Helped)) == [1] * 9 + [5]


def test_a_member_launching_fifty_times_at_once_has_one_launch(world: World) -> None:
    launches = at_once(partial(world.bargain.launch, "a1", Person("leader"), NOW) for _ in range(THREADS))
    assert refusals(launches) == ["LAUNCH_EXISTS"] * (THREADS - 1)
    mine = world.bargain.launches("leader", None, 50).rows
    assert len(mine) == 1
    assert {error.details["launch_id"] for error in launches if not hasattr(error, "price")} == {mine[0].launch_id}


def test_a_launch_ordered_fifty_times_at_once_is_ordered_once(world: World) -> None:
    world.change(limit_per_member=100, stock=100)
    launch_id = world.reached()
    orders = at_once(partial(world.placed, world.intent(launch_id)) for _ in range(THREADS))
    assert refusals(orders) == ["LAUNCH_CHANGED"] * (THREADS - 1)
    assert world.counts() == (1, 1)


def test_the_last_pieces_go_to_as_many_launches_and_no_more(world: World) -> None:
    world.change(cuts_to_floor=1, stock=7)
    launches = [(world.launched(person.member_id), person.member_id) for person in people(THREADS, "l")]
    orders = at_once(partial(world.placed, world.intent(*one)) for one in launches)
    assert refusals(orders) == ["BARGAIN_SOLD_OUT"] * (THREADS - 7)
    assert world.counts()[0] == 7


def test_an_order_and_the_expiry_at_the_same_moment_leave_one_of_the_two(world: World) -> None:
    world.change(stock=1000)
    end = NOW + timedelta(hours=24)
    for round_ in range(5):
        leader = f"leader{round_}"
        launch_id = world.reached(leader)
        in_time, over = end - timedelta(seconds=1), end
        jobs: list[Callable[[], object]] = []
        for _ in range(25):
            jobs.append(partial(world.placed, world.intent(launch_id, leader), in_time))
            jobs.append(partial(world.bargain.expire, launch_id, over))
        results = at_once(jobs)
        ordered = [result for result in results if isinstance(result, CampaignOrder)]
        launch, _ = world.bargain.show(launch_id)
        assert len(ordered) <= 1
        assert launch.state is (LaunchState.ORDERED if ordered else LaunchState.EXPIRED)
        assert world.counts(leader)[1] == len(ordered)


def test_an_order_among_cuts_is_placed_at_the_price_at_which_the_cuts_stop(world: World) -> None:
    world.change(buy_at=BuyAt.ANY_PRICE, cuts_to_floor=40, stock=1000)
    launch_id = world.launched()
    jobs: list[Callable[[], object]] = [partial(world.bargain.cut, launch_id, friend, NOW) for friend in people(30)]
    jobs[10:10] = [partial(world.order, launch_id) for _ in range(20)]
    results = at_once(jobs)
    launch, cuts = world.bargain.show(launch_id)
    helped = [one for one in results if isinstance(one, Helped)]
    ordered = [result for result in results if isinstance(result, CampaignOrder)]
    assert [order.unit_price for order in ordered] == [launch.price] * (launch.state is LaunchState.ORDERED)
    assert launch.cuts == 1 + len(helped) == len(cuts)
    assert launch.price == CONFIG.start_price - sum(cut.amount for cut in cuts)
    assert set(refusals(results)) <= {"LAUNCH_OVER", "LAUNCH_CHANGED", "LAUNCH_ORDERED"}

"""Launching, cutting and looking, by one after the other; test_races.py has them all at once."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.campaigns.bargain import Bargain, BargainStore, LaunchState
from chalicelib.campaigns.bargain.rules import (
    AlreadyHelped,
    BargainSoldOut,
    CutTooSoon,
    DailyCutLimit,
    HelperLimit,
    LaunchChanged,
    LaunchExists,
    LaunchNotFound,
    LaunchOver,
    OwnLaunch,
)
from chalicelib.campaigns.bargain.store import Standing
from chalicelib.campaigns.base import ActivityNotFound, ActivityNotRunning, CampaignLimit
from chalicelib.kernel.errors import ShopError
from chalicelib.kernel.paging import BadCursor
from chalicelib.storage.reads import Read
from chalicelib.storage.table import dynamodb
from chalicelib.storage.writes import StorageBusy

from .world import CONFIG, NOW, SKU, Person, World, newcomer, people

LATER = NOW + timedelta(hours=24)


def test_a_launch_starts_with_its_launchers_own_cut(world: World) -> None:
    launched = world.bargain.launch("a1", Person("leader", "小红"), NOW)
    launch, cuts = world.bargain.show(launched.launch_id)
    assert launch == launched
    assert (launch.activity_id, launch.sku_id, launch.product_id) == ("a1", SKU, "p1")
    assert (launch.launcher_id, launch.nickname, launch.terms) == ("leader", "小红", CONFIG)
    assert (launch.started_at, launch.ends_at, launch.cuts) == (NOW, LATER, 1)
    assert [(cut.member_id, cut.nickname, cut.at) for cut in cuts] == [("leader", "小红", NOW)]
    assert launch.price == CONFIG.start_price - cuts[0].amount < CONFIG.start_price


def test_where_one_cut_is_enough_launching_reaches_the_floor(world: World) -> None:
    world.change(cuts_to_floor=1)
    launch, _ = world.bargain.show(world.launched())
    assert (launch.state, launch.price, launch.people_left) == (LaunchState.REACHED, CONFIG.floor_price, 0)


def test_friends_cut_until_the_floor_and_no_further(world: World) -> None:
    launch_id = world.launched()
    first = world.bargain.cut(launch_id, Person("h1", "甲"), NOW)
    last = world.bargain.cut(launch_id, Person("h2", "乙"), NOW + timedelta(minutes=1))
    assert (first.launch.state, last.launch.state) == (LaunchState.RUNNING, LaunchState.REACHED)
    assert first.launch.price - last.amount == last.launch.price == CONFIG.floor_price
    with pytest.raises(LaunchOver) as refused:
        world.bargain.cut(launch_id, Person("h3"), NOW)
    assert refused.value.details == {"state": "REACHED"}
    launch, cuts = world.bargain.show(launch_id)
    assert launch == last.launch
    assert [(cut.nickname, cut.amount) for cut in cuts][:2] == [("乙", last.amount), ("甲", first.amount)]


def test_nobody_cuts_a_launch_twice(world: World) -> None:
    launch_id = world.launched()
    helped = world.bargain.cut(launch_id, Person("h"), NOW)
    with pytest.raises(AlreadyHelped) as refused:
        world.bargain.cut(launch_id, Person("h"), NOW)
    assert refused.value.details == {"amount": helped.amount}
    with pytest.raises(OwnLaunch):
        world.bargain.cut(launch_id, Person("leader"), NOW)
    assert world.bargain.show(launch_id)[0].cuts == 2


def test_a_launch_that_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(LaunchNotFound):
        world.bargain.show("nothing")
    with pytest.raises(LaunchNotFound):
        world.bargain.cut("nothing", Person("h"), NOW)


def test_an_expired_launch_takes_no_cut_although_nothing_has_marked_it(world: World) -> None:
    launch_id = world.launched()
    with pytest.raises(LaunchOver):
        world.bargain.cut(launch_id, Person("h"), LATER)


def test_a_launch_goes_on_when_its_activity_has_ended(world: World) -> None:
    launch_id = world.launched()
    activity = world.activities.known["a1"]
    world.activities.known["a1"] = replace(activity, ends_at=NOW)
    assert world.bargain.cut(launch_id, Person("h"), NOW).amount >= 1
    with pytest.raises(ActivityNotRunning):
        world.launched("other")


def test_a_change_of_the_activity_is_for_later_launches(world: World) -> None:
    launch_id = world.launched()
    world.change(floor_price=5_000, cuts_to_floor=9)
    for friend in people(2):
        world.bargain.cut(launch_id, friend, NOW)
    assert world.bargain.show(launch_id)[0].price == CONFIG.floor_price


def test_a_helper_cuts_so_often_in_an_activity_and_no_more(world: World) -> None:
    world.change(cuts_per_helper=2)
    first, second, third = (world.launched(person.member_id) for person in people(3, "l"))
    world.bargain.cut(first, Person("h"), NOW)
    world.bargain.cut(second, Person("h"), NOW)
    with pytest.raises(HelperLimit) as refused:
        world.bargain.cut(third, Person("h"), NOW)
    assert refused.value.details == {"limit": 2}
    assert world.bargain.show(third)[0].cuts == 1
    world.offer("a2", CONFIG)
    elsewhere = world.bargain.launch("a2", Person("leader"), NOW).launch_id
    assert world.bargain.cut(elsewhere, Person("h"), NOW).amount >= 1


def test_a_helper_cuts_so_often_on_a_day_over_all_activities(world: World) -> None:
    launches = []
    for number in range(3):
        world.offer(f"d{number}", replace(CONFIG, daily_cuts=2, hours=48))
        launches.append(world.bargain.launch(f"d{number}", Person("leader"), NOW).launch_id)
    world.bargain.cut(launches[0], Person("h"), NOW)
    world.bargain.cut(launches[1], Person("h"), NOW)
    with pytest.raises(DailyCutLimit):
        world.bargain.cut(launches[2], Person("h"), NOW)
    assert world.bargain.cut(launches[2], Person("h"), NOW + timedelta(days=1)).amount >= 1


def test_a_helper_in_a_hurry_is_asked_to_wait(world: World) -> None:
    world.change(seconds_between_cuts=2, cuts_per_helper=5)
    first, second = (world.launched(person.member_id) for person in people(2, "l"))
    world.bargain.cut(first, Person("h"), NOW)
    with pytest.raises(CutTooSoon):
        world.bargain.cut(second, Person("h"), NOW + timedelta(seconds=1))
    world.bargain.cut(second, Person("h"), NOW + timedelta(seconds=2))


def test_a_new_member_cuts_with_more_weight_once(world: World) -> None:
    world.change(cuts_per_helper=5, new_member_weight=4)
    first, second = (world.launched(person.member_id) for person in people(2, "l"))
    assert world.bargain.cut(first, newcomer("n"), NOW).weight == 4
    assert world.bargain.cut(second, newcomer("n"), NOW).weight == 1
    assert world.bargain.cut(first, Person("old"), NOW).weight == 1


def test_a_member_has_one_launch_in_an_activity_until_it_expires(world: World) -> None:
    launch_id = world.launched()
    with pytest.raises(LaunchExists) as refused:
        world.launched(now=LATER - timedelta(seconds=1))
    assert refused.value.details == {"launch_id": launch_id}
    assert world.launched("other") != launch_id
    assert world.launched(now=LATER) != launch_id


def test_nothing_is_launched_of_what_cannot_be_bought(world: World) -> None:
    with pytest.raises(ActivityNotFound):
        world.bargain.launch("nothing", Person("leader"), NOW)
    world.activities.known["a3"] = replace(world.activities.known["a1"], config={"team_size": 3})
    with pytest.raises(ActivityNotFound):
        world.bargain.launch("a3", Person("leader"), NOW)
    world.order(world.reached("buyer"), "buyer")
    world.change(stock=1)
    with pytest.raises(BargainSoldOut):
        world.launched()
    with pytest.raises(CampaignLimit) as refused:
        world.launched("buyer", LATER)
    assert refused.value.details == {"limit": 1}
    world.change(stock=0)
    with pytest.raises(BargainSoldOut):
        world.launched()


def test_members_see_their_own_launches_newest_first_by_pages(world: World) -> None:
    for number in range(5):
        world.offer(f"p{number}", CONFIG)
    ids = [
        world.bargain.launch(f"p{number}", Person("leader"), NOW + timedelta(seconds=number)).launch_id
        for number in range(5)
    ]
    world.launched("other")
    first = world.bargain.launches("leader", None, 3)
    rest = world.bargain.launches("leader", first.next_cursor, 3)
    assert [launch.launch_id for launch in [*first.rows, *rest.rows]] == ids[::-1]
    assert (len(first.rows), rest.next_cursor) == (3, None)
    with pytest.raises(BadCursor):
        world.bargain.launches("leader", "§", 3)


def test_launches_are_kept_although_the_table_forgets_rows(world: World) -> None:
    launch_id = world.launched()
    item = dynamodb().query(
        TableName=world.table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"L#{launch_id}"}},
    )["Items"]
    assert len(item) == 2
    assert all("expires_at" not in row for row in item)


class Unlucky(BargainStore):
    """Every cut meets the same misfortune."""

    def __init__(self, misfortune: ShopError) -> None:
        self._misfortune = misfortune

    def cut(self, *args: Any, **kwargs: Any) -> Any:
        raise self._misfortune


@pytest.mark.parametrize(
    ("misfortune", "least", "most"), [(LaunchChanged(), CONFIG.cuts_to_floor, 20), (StorageBusy(), 1, 5)]
)
def test_a_cut_gives_up_when_it_has_lost_more_races_than_there_can_be_or_storage_stays_busy(
    world: World, misfortune: ShopError, least: int, most: int
) -> None:
    launch_id = world.launched()
    pauses: list[float] = []
    unlucky = Bargain(Unlucky(misfortune), world.activities, random.Random(1), pauses.append)
    with pytest.raises(StorageBusy):
        unlucky.cut(launch_id, Person("h"), NOW)
    assert least <= len(pauses) <= most
    assert all(0 <= pause <= 0.5 for pause in pauses)


def test_who_loses_the_race_to_launch_is_told_of_the_launch_that_won(world: World) -> None:
    class Late(BargainStore):
        """Sees the launch that lives only when it is too late."""

        def reads_standing(
            self, activity_id: str, member_id: str, now: datetime, launch_id: str | None = None
        ) -> Read[Standing]:
            standing = super().reads_standing(activity_id, member_id, now, launch_id)
            self.reads_standing = super().reads_standing  # type: ignore[method-assign]
            return standing.then(lambda seen: replace(seen, live_launch_id=None))

    launch_id = world.launched()
    late = Bargain(Late(), world.activities, random.Random(1))
    with pytest.raises(LaunchExists) as refused:
        late.launch("a1", Person("leader"), NOW)
    assert refused.value.details == {"launch_id": launch_id}

"""What a bargain promises to orders and schedules: see `Kind`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from chalicelib.campaigns.bargain import BuyAt, Launch, LaunchState
from chalicelib.campaigns.bargain.rules import (
    TRANSITIONS,
    BargainSoldOut,
    FloorNotReached,
    LaunchChanged,
    LaunchNotFound,
    LaunchOrdered,
    LaunchOver,
)
from chalicelib.campaigns.base import CampaignLimit, CampaignOrder, Choice, NotInActivity
from chalicelib.kernel.errors import ShopError
from chalicelib.storage.writes import commit
from tests.campaigns.asking import quoted

from .world import CONFIG, NOW, SKU, Person, World, people

IN_TIME = NOW + timedelta(hours=23)
OVER = NOW + timedelta(hours=24)


def state(world: World, launch_id: str) -> LaunchState:
    return world.bargain.show(launch_id)[0].state


def quote(world: World, launch_id: str | None, member_id: str = "leader", **asked: object) -> int:
    choice = Choice("bargain", str(asked.get("activity_id", "a1")), launch_id)
    sku_id, quantity = str(asked.get("sku_id", SKU)), int(str(asked.get("quantity", 1)))
    return quoted(world.bargain, choice, member_id, sku_id, quantity, NOW).unit_price


def test_a_reached_launch_is_quoted_at_the_floor_with_its_time_to_pay(world: World) -> None:
    launch_id = world.reached()
    price = quoted(world.bargain, Choice("bargain", "a1", launch_id), "leader", SKU, 1, NOW)
    assert (price.kind, price.activity_id, price.group_id) == ("bargain", "a1", launch_id)
    assert (price.unit_price, price.pay_within) == (CONFIG.floor_price, timedelta(minutes=15))


def test_a_floor_of_nothing_is_quoted_as_nothing(world: World) -> None:
    world.change(floor_price=0)
    assert quote(world, world.reached()) == 0


def test_a_running_launch_is_quoted_only_where_any_price_buys(world: World) -> None:
    launch_id = world.launched()
    with pytest.raises(FloorNotReached):
        quote(world, launch_id)
    with pytest.raises(LaunchChanged):
        world.placed(world.intent(launch_id))
    world.change(buy_at=BuyAt.ANY_PRICE)
    early = world.launched("early")
    assert quote(world, early, "early") == world.bargain.show(early)[0].price
    world.placed(world.intent(early, "early"))
    assert state(world, early) is LaunchState.ORDERED


def test_nobody_pays_a_price_that_was_cut_meanwhile(world: World) -> None:
    world.change(buy_at=BuyAt.ANY_PRICE)
    launch_id = world.launched()
    order = world.intent(launch_id)
    world.bargain.cut(launch_id, Person("h"), NOW)
    with pytest.raises(LaunchChanged):
        world.placed(order)
    assert (state(world, launch_id), world.counts()) == (LaunchState.RUNNING, (0, 0))
    assert world.bargain.rescue(order, NOW) is None


def test_another_members_launch_is_not_found_and_cannot_be_bought(world: World) -> None:
    launch_id = world.reached()
    world.offer("a2", CONFIG)
    for wrong in (
        partial(quote, world, launch_id, "thief"),
        partial(quote, world, launch_id, activity_id="a2"),
        partial(quote, world, "nothing"),
        partial(quote, world, None),
    ):
        with pytest.raises(LaunchNotFound):
            wrong()
    with pytest.raises(LaunchChanged):
        world.placed(world.intent(launch_id, "thief"))
    assert world.counts("thief") == (0, 0)


def test_only_one_piece_of_the_launched_sku_is_quoted(world: World) -> None:
    launch_id = world.reached()
    with pytest.raises(NotInActivity):
        quote(world, launch_id, sku_id="p1-02")
    with pytest.raises(CampaignLimit):
        quote(world, launch_id, quantity=2)
    with pytest.raises(LaunchChanged):
        world.placed(replace(world.intent(launch_id), sku_id="p1-02"))


def test_what_is_sold_out_or_bought_often_enough_is_neither_quoted_nor_claimed(world: World) -> None:
    world.change(stock=1, limit_per_member=1)
    launch_id, other = world.reached(), world.reached("other")
    world.order(launch_id)
    with pytest.raises(BargainSoldOut):
        quote(world, other, "other")
    with pytest.raises(BargainSoldOut):
        world.placed(world.intent(other, "other"))
    world.change(stock=9, limit_per_member=2)
    again = world.reached(now=OVER)
    world.change(limit_per_member=1)
    with pytest.raises(CampaignLimit):
        world.order(again, now=OVER)
    with pytest.raises(CampaignLimit):
        world.placed(world.intent(again), OVER)
    assert (state(world, again), world.counts()) == (LaunchState.REACHED, (1, 1))


def test_an_activity_without_stock_sells_nothing(world: World) -> None:
    launch_id = world.reached()
    world.change(stock=0)
    with pytest.raises(BargainSoldOut):
        world.placed(world.intent(launch_id))


def test_ordering_takes_the_launch_a_piece_and_the_members_limit(world: World) -> None:
    order = world.order(world.reached())
    launch, _ = world.bargain.show(order.group_id)
    assert (launch.state, launch.order_id) == (LaunchState.ORDERED, order.order_id)
    assert world.counts() == (1, 1)
    with pytest.raises(LaunchOrdered) as refused:
        quote(world, order.group_id)
    assert refused.value.details == {"order_id": order.order_id}
    with pytest.raises(LaunchOver):
        world.bargain.cut(order.group_id, Person("late"), NOW)


def test_nothing_is_ordered_from_an_expired_launch(world: World) -> None:
    launch_id = world.reached()
    with pytest.raises(LaunchOver):
        quoted(world.bargain, Choice("bargain", "a1", launch_id), "leader", SKU, 1, OVER)
    with pytest.raises(LaunchChanged):
        world.placed(world.intent(launch_id), OVER)
    assert world.counts() == (0, 0)


def test_an_order_closed_unpaid_gives_back_all_that_it_took(world: World) -> None:
    order = world.order(world.reached())
    world.closed(order)
    launch, _ = world.bargain.show(order.group_id)
    assert (launch.state, launch.order_id, world.counts()) == (LaunchState.REACHED, None, (0, 0))
    assert world.order(order.group_id).order_id != order.order_id


def test_a_launch_bought_on_the_way_goes_on_when_its_order_is_closed(world: World) -> None:
    world.change(buy_at=BuyAt.ANY_PRICE)
    order = world.order(world.launched())
    world.closed(order)
    assert state(world, order.group_id) is LaunchState.RUNNING
    for friend in people(2):
        world.bargain.cut(order.group_id, friend, NOW)
    assert quote(world, order.group_id) == CONFIG.floor_price


def test_a_launch_given_back_after_its_end_expires(world: World) -> None:
    order = world.order(world.reached(), now=IN_TIME)
    assert list(world.bargain.due(OVER)) == []
    world.closed(order, OVER)
    with pytest.raises(LaunchOver):
        world.order(order.group_id, now=OVER)
    assert list(world.bargain.due(OVER)) == [order.group_id]
    world.bargain.expire(order.group_id, OVER)
    assert (state(world, order.group_id), world.counts()) == (LaunchState.EXPIRED, (0, 0))


def test_a_refund_gives_back_the_piece_but_not_the_right(world: World) -> None:
    order = world.order(world.reached())
    world.bargain.on_paid(order, NOW)
    world.closed(order, paid=True)
    assert (state(world, order.group_id), world.counts()) == (LaunchState.ORDERED, (0, 1))
    with pytest.raises(CampaignLimit):
        world.launched()


@pytest.mark.parametrize("paid", [False, True])
@pytest.mark.parametrize("reached_state", LaunchState)
def test_releasing_never_fails_whatever_became_of_the_launch(
    world: World, reached_state: LaunchState, paid: bool
) -> None:
    launch_id, order = in_state(world, reached_state)
    writes = world.bargain.releases(order or world.intent(launch_id), OVER, paid=paid)
    if writes:
        commit(*writes)
    assert state(world, launch_id) in {reached_state, LaunchState.REACHED}
    assert min(world.counts()) >= 0


def test_an_order_that_does_not_have_the_launch_leaves_it_alone_when_released(world: World) -> None:
    order = world.order(world.reached())
    commit(*world.bargain.releases(replace(order, order_id="another"), NOW, paid=False))
    assert world.bargain.show(order.group_id)[0].order_id == order.order_id


def test_a_paid_order_waits_for_nothing_and_lets_the_member_launch_again(world: World) -> None:
    world.change(limit_per_member=2)
    order = world.order(world.reached())
    with pytest.raises(ShopError):
        world.launched()
    assert world.bargain.holds is False
    assert world.bargain.on_paid(order, NOW) == []
    again = world.launched()
    assert world.bargain.on_paid(order, NOW) == []
    with pytest.raises(ShopError):
        world.launched()
    assert world.store.standing("a1", "leader", NOW).live_launch_id == again
    assert state(world, order.group_id) is LaunchState.ORDERED


def test_a_late_payer_gets_the_same_launch_while_it_lives(world: World) -> None:
    order = world.order(world.reached())
    world.closed(order)
    assert world.bargain.rescue(order, IN_TIME) == order
    world.placed(order, IN_TIME)
    assert world.bargain.show(order.group_id)[0].order_id == order.order_id


def test_a_late_payer_gets_the_money_back_when_the_launch_is_over_or_taken(world: World) -> None:
    world.change(limit_per_member=3)
    order = world.order(world.reached())
    world.closed(order)
    assert world.bargain.rescue(order, OVER) is None
    world.order(order.group_id)
    assert world.bargain.rescue(order, NOW) is None
    other = world.order(world.reached("other"), "other")
    world.closed(other)
    world.change(stock=1)
    assert world.bargain.rescue(other, NOW) is None


def test_due_launches_expire_once_and_are_due_no_more(world: World) -> None:
    running, reached, ordered = world.launched(), world.reached("second"), world.reached("third")
    world.order(ordered, "third")
    assert list(world.bargain.due(IN_TIME)) == []
    assert sorted(world.bargain.due(OVER)) == sorted([running, reached])
    for _ in range(2):  # a run that dies after the first write starts again
        for launch_id in (running, reached, ordered, "nothing"):
            assert world.bargain.expire(launch_id, OVER) == []
            world.bargain.settled(launch_id, OVER)
    assert [state(world, each) for each in (running, reached, ordered)] == [
        LaunchState.EXPIRED,
        LaunchState.EXPIRED,
        LaunchState.ORDERED,
    ]
    assert list(world.bargain.due(OVER)) == []


def test_a_launch_does_not_expire_before_its_end(world: World) -> None:
    launch_id = world.launched()
    world.bargain.expire(launch_id, IN_TIME)
    assert state(world, launch_id) is LaunchState.RUNNING


def test_the_product_page_tells_what_the_bargain_is(world: World) -> None:
    assert world.bargain.card(world.activities.known["a1"], NOW) == {
        "start_price": 10_000,
        "floor_price": 1_000,
        "cuts_to_floor": 3,
        "hours": 24,
        "buy_at": "FLOOR_ONLY",
        "limit_per_member": 1,
    }


def in_state(world: World, wanted: LaunchState) -> tuple[str, CampaignOrder | None]:
    """A launch in this state, with its order if it has one."""
    if wanted is LaunchState.RUNNING:
        return world.launched(), None
    launch_id = world.reached()
    if wanted is LaunchState.ORDERED:
        return launch_id, world.order(launch_id)
    if wanted is LaunchState.EXPIRED:
        world.bargain.expire(launch_id, OVER)
    return launch_id, None


@pytest.mark.parametrize("target", LaunchState)
@pytest.mark.parametrize("source", LaunchState)
def test_a_launch_moves_as_its_transitions_say_and_not_otherwise(
    world: World, source: LaunchState, target: LaunchState
) -> None:
    """The whole matrix, with every way there is to get to `target`."""
    world.change(buy_at=BuyAt.ANY_PRICE)
    launch_id, order = in_state(world, source)
    launch, _ = world.bargain.show(launch_id)
    order = order or world.intent(launch_id)
    back = replace(launch, state=target, order_id=None)
    ways: dict[LaunchState, Callable[[], object]] = {
        LaunchState.RUNNING: lambda: commit(world.store.give_back(back, order.order_id)),
        LaunchState.REACHED: lambda: reach(world, launch_id, source, back, order.order_id),
        LaunchState.ORDERED: lambda: world.placed(world.intent(launch_id)),
        LaunchState.EXPIRED: lambda: commit(world.store.expire(launch_id, OVER)),
    }
    allowed = target in TRANSITIONS[source]
    try:
        ways[target]()
    except (LaunchChanged, LaunchOver):
        assert not allowed
        assert state(world, launch_id) is source
    else:
        assert allowed
        assert state(world, launch_id) is target


def reach(world: World, launch_id: str, source: LaunchState, back: Launch, order_id: str) -> None:
    if source is LaunchState.ORDERED:
        commit(world.store.give_back(back, order_id))
        return
    for friend in people(2):
        world.bargain.cut(launch_id, friend, NOW)

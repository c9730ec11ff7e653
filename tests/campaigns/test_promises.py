"""What every campaign kind promises (campaigns/base.py), held for each of KINDS."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from chalicelib.campaigns.base import CampaignOrder, Lost
from chalicelib.campaigns.kinds import CONFIGS, KINDS
from chalicelib.orders import OrderState, campaign_order
from tests.shop import Shopper, Stack


def group_buy(stack: Stack, shopper: Shopper) -> dict[str, Any]:
    return {"sku": "tea-01", "campaign": {"kind": "groupbuy", "activity_id": "team"}}


def bargain(stack: Stack, shopper: Shopper) -> dict[str, Any]:
    live = shopper.get("/bargain/launches")["items"]
    launch_id = live[0]["launch_id"] if live else _bargain_to_the_floor(stack, shopper)
    return {"sku": "cup-01", "campaign": {"kind": "bargain", "activity_id": "bargain", "group_id": launch_id}}


def _bargain_to_the_floor(stack: Stack, shopper: Shopper) -> str:
    launch_id = str(shopper.post("/bargain/launches", {"activity_id": "bargain"})["launch_id"])
    for friend in ("bob", "carol"):
        stack.shopper(friend).post(f"/bargain/launches/{launch_id}/cuts")
    return launch_id


CHOICES: Mapping[str, Callable[[Stack, Shopper], dict[str, Any]]] = {"groupbuy": group_buy, "bargain": bargain}
EVERY_KIND = pytest.mark.parametrize("name", sorted(KINDS))


def ordered(stack: Stack, shopper: Shopper, name: str) -> CampaignOrder:
    choice = CHOICES[name](stack, shopper)
    placed = shopper.order((choice["sku"], 1), campaign=choice["campaign"])
    return campaign_order(stack.shop.orders.get(shopper.member_id, placed["order_id"]))


def test_every_kind_is_held_to_its_promises_here() -> None:
    assert set(CHOICES) == set(KINDS) == set(CONFIGS)


@EVERY_KIND
def test_a_kind_is_known_by_its_name_and_says_what_it_refuses(name: str) -> None:
    assert KINDS[name].name == name
    assert isinstance(KINDS[name].holds, bool)
    assert all(refusal.code for refusal in KINDS[name].refusals)


@EVERY_KIND
def test_closing_an_order_gives_back_what_placing_it_took(stack: Stack, name: str) -> None:
    alice = stack.shopper("alice")
    for _ in range(2):
        order = ordered(stack, alice, name)
        assert stack.stock(order.sku_id) == 99
        alice.post(f"/orders/{order.order_id}/cancel")
        assert stack.stock(order.sku_id) == 100


@EVERY_KIND
def test_a_paid_order_is_told_again_and_again_to_the_same_end(stack: Stack, name: str) -> None:
    alice = stack.shopper("alice")
    order = ordered(stack, alice, name)
    alice.pay(order.order_id)
    kind = stack.shop.campaigns.kinds[name]
    told = [kind.on_paid(order, stack.clock()) for _ in range(3)]
    assert told[0] == told[1] == told[2]
    assert not any(isinstance(outcome, Lost) for outcome in told[0])
    stack.drain()
    assert stack.shop.orders.get(alice.member_id, order.order_id).held is kind.holds


@EVERY_KIND
def test_a_full_refund_gives_everything_back_once(stack: Stack, name: str) -> None:
    alice = stack.shopper("alice")
    order = ordered(stack, alice, name)
    alice.pay(order.order_id)
    stack.drain(1)
    refunding = stack.shop.payments.refunding
    for _ in range(2):
        refunding.refund_in_full(alice.member_id, order.order_id, "test", "测试", stack.clock())
    stack.drain()
    assert stack.shop.orders.get(alice.member_id, order.order_id).state is OrderState.REFUNDED
    assert stack.stock(order.sku_id) == 100


@EVERY_KIND
def test_an_overdue_group_is_moved_on_repeatably_and_is_then_due_no_more(stack: Stack, name: str) -> None:
    alice = stack.shopper("alice")
    group_id = ordered(stack, alice, name).group_id
    stack.clock.forward(minutes=16)
    stack.drain(1)
    stack.clock.forward(hours=40)
    kind = stack.shop.campaigns.kinds[name]
    assert kind.expire(group_id, stack.clock()) == kind.expire(group_id, stack.clock())
    kind.settled(group_id, stack.clock())
    assert group_id not in list(kind.due(stack.clock()))


@EVERY_KIND
def test_a_group_that_nobody_knows_is_nothing_to_be_done(stack: Stack, name: str) -> None:
    kind, now = stack.shop.campaigns.kinds[name], stack.clock()
    assert kind.expire("01K0000000000000000000000X", now) == []
    kind.settled("01K0000000000000000000000X", now)
    kind.put_off("01K0000000000000000000000X", now)
    assert list(kind.due(now)) == []


@EVERY_KIND
def test_the_card_of_a_running_activity_is_json(stack: Stack, name: str) -> None:
    activity_id = {"groupbuy": "team", "bargain": "bargain"}[name]
    activity = stack.shop.campaigns.activities.get(activity_id)
    assert msgspec.json.encode(stack.shop.campaigns.kinds[name].card(activity, stack.clock()))

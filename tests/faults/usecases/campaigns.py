"""Teams and bargains."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tests.faults.driver import settle
from tests.faults.people import Refusal
from tests.faults.usecases.shared import expect, use_case
from tests.faults.world import World

TEAM = {"kind": "groupbuy", "activity_id": "team"}


def shared(world: World, team: str) -> str:
    """A team can be shown to others once its leader's payment is counted, by the callback or by the schedules."""
    settle(world, minutes=25)
    return team


@use_case
def a_team_that_forms(world: World) -> None:
    alice, bob, carol = (world.member(name) for name in ("alice", "bob", "carol"))
    team = shared(world, alice.buy(("tea-01", 1), campaign=TEAM))
    orders = [team] + [who.buy(("tea-01", 1), campaign=TEAM | {"group_id": team}) for who in (bob, carol)]
    settle(world)
    for who, order in zip((alice, bob, carol), orders, strict=True):
        expect(who.see(order), state="PAID", held=False)


@use_case
def a_team_that_fails(world: World) -> None:
    alice, bob = world.member("alice"), world.member("bob")
    team = shared(world, alice.buy(("tea-01", 1), campaign=TEAM))
    second = bob.buy(("tea-01", 1), campaign=TEAM | {"group_id": team})
    settle(world, hours=30)
    for who, order in ((alice, team), (bob, second)):
        expect(who.see(order), state="REFUNDED", refund_state="SUCCESS")


@use_case
def a_late_payer_of_a_team(world: World) -> None:
    """The seat is gone when the money comes: another team, or a new one, or the money back; here a pair forms anew."""
    alice, bob, carol = (world.member(name) for name in ("alice", "bob", "carol"))
    pair = {"kind": "groupbuy", "activity_id": "pair"}
    team = shared(world, alice.buy(("tea-01", 1), campaign=pair))
    late = bob.order(("tea-01", 1), campaign=pair | {"group_id": team})
    sheet = bob.sheet(late)
    bob.post(f"/orders/{late}/cancel")
    last = carol.buy(("tea-01", 1), campaign=pair | {"group_id": team})
    bob.pay(late, sheet, late=True)
    settle(world, hours=1)
    expect(carol.see(last), state="PAID", held=False)
    expect(bob.see(late), state="PAID", held=True)
    settle(world, hours=30)
    expect(bob.see(late), state="REFUNDED", refund_state="SUCCESS")


def _bargained(world: World) -> tuple[Any, dict[str, str]]:
    """A launch that alice's friends have cut down, and how it is ordered."""
    alice, friends = world.member("alice"), [world.member(name) for name in ("bob", "carol")]
    with suppress(Refusal):  # the answer was lost: the app finds the launch in the list
        alice.post("/bargain/launches", {"activity_id": "party"})
    launch = alice.get("/bargain/launches")["items"][0]["launch_id"]
    for friend in friends:
        with suppress(Refusal):
            friend.post(f"/bargain/launches/{launch}/cuts")
    return alice, {"kind": "bargain", "activity_id": "party", "group_id": launch}


@use_case
def a_bargain(world: World) -> None:
    alice, choice = _bargained(world)
    order = alice.buy(("cup-01", 1), campaign=choice)
    settle(world)
    expect(alice.see(order), state="PAID", goods_total=900)


@use_case
def a_bargain_ordered_twice(world: World) -> None:
    """Cancelled, ordered again, left unpaid."""
    alice, choice = _bargained(world)
    alice.post(f"/orders/{alice.order(('cup-01', 1), campaign=choice)}/cancel")
    order = alice.order(("cup-01", 1), campaign=choice)
    alice.sheet(order)
    settle(world)
    expect(alice.see(order), state="CLOSED")

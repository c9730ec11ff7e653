"""What comes by itself: points, the morning's reconciliation, certificates."""

from __future__ import annotations

from tests.faults.driver import settle
from tests.faults.usecases.shared import expect, use_case
from tests.faults.world import World


@use_case
def points_pay_a_part(world: World) -> None:
    """Spent with the order, earned when it is over."""
    alice, staff = world.member("alice"), world.member("staff")
    staff.post(f"/staff/points/{alice.member_id}", {"delta": 800, "why": "补偿"}, key=True)
    order = alice.buy(("tea-01", 1), points=500)
    settle(world)
    expect(alice.see(order), state="PAID")
    expect(alice.get("/points"), balance=300)


@use_case
def points_for_two_orders(world: World) -> None:
    """Two devices spend the same points."""
    alice, staff = world.member("alice"), world.member("staff")
    staff.post(f"/staff/points/{alice.member_id}", {"delta": 800, "why": "补偿"}, key=True)
    world.rivals.append(("another order with the points", lambda: alice.order(("tea-01", 1), points=800)))
    alice.buy(("tea-02", 2), points=800)
    world.rivals.clear()
    settle(world)


@use_case
def points_come_back(world: World) -> None:
    alice, staff = world.member("alice"), world.member("staff")
    staff.post(f"/staff/points/{alice.member_id}", {"delta": 800, "why": "补偿"}, key=True)
    alice.order(("tea-01", 1), points=500)
    settle(world)
    expect(alice.get("/points"), balance=800)


@use_case
def a_morning_finds_what_was_missed(world: World) -> None:
    """A payment came after its order was closed, and nothing was ever heard of it: the bill of the day has it."""
    world.wake()
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    sheet = alice.sheet(order)
    alice.post(f"/orders/{order}/cancel")
    world.control("POST", "faults", [{"match": "callback", "do": "lose"}])
    alice.pay(order, sheet, late=True)
    settle(world, hours=30)
    expect(alice.see(order), state="CLOSED", refund_state="SUCCESS")

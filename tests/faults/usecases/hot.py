"""What many want at once: its units spread over counters by staff, or by themselves, and gathered again."""

from __future__ import annotations

from contextlib import suppress
from unittest.mock import patch

from chalicelib.stock import rules, spreading
from tests.faults.driver import settle
from tests.faults.people import Refusal
from tests.faults.usecases.shared import expect, use_case
from tests.faults.world import World

SKU = "tea-01"
"""100 units at first."""


def spread(world: World, counters: int) -> int:
    """Staff spread the SKU; how many counters it has then."""
    answer = world.member("staff").ask("PUT", f"/staff/stock/{SKU}", {"counters": counters})
    return int(answer["counters"])


@use_case
def an_order_of_a_spread_sku(world: World) -> None:
    """More than one counter holds, while another buys what some of them hold; and back again."""
    alice, bob = world.member("alice"), world.member("bob")
    assert spread(world, 3) == 3
    world.rivals.append(("another buys", lambda: bob.order((SKU, 25))))
    order = ""
    with suppress(Refusal):
        order = alice.order((SKU, 60))
        alice.post(f"/orders/{order}/cancel")
    world.rivals.clear()
    settle(world)
    if order:
        expect(alice.see(order), state="CLOSED")


@use_case
def a_sku_is_gathered(world: World) -> None:
    """And poured, and gathered, while it is bought."""
    alice, bob = world.member("alice"), world.member("bob")
    spread(world, 4)
    order = alice.order((SKU, 30))
    world.rivals.append(("another buys", lambda: bob.order((SKU, 3))))
    assert spread(world, 2) == 2
    assert spread(world, 0) == 0
    world.rivals.clear()
    settle(world)
    expect(alice.see(order), state="CLOSED")


@use_case
def a_sku_becomes_hot(world: World) -> None:
    """The second order within a minute is one too many for the head, and spreads it; the third is from a counter."""
    alice, bob = world.member("alice"), world.member("bob")
    with patch.object(rules, "HOT_PER_MINUTE", 1), patch.object(spreading, "POUR", 1):
        world.rivals.append(("another buys", lambda: bob.order((SKU, 2))))
        for _ in range(3):
            order = alice.order((SKU, 1))
        world.rivals.clear()
    settle(world)
    expect(alice.see(order), state="CLOSED")

"""Money on its way back, and what keeps it from arriving."""

from __future__ import annotations

from typing import Any

from tests.faults.driver import settle
from tests.faults.usecases.shared import expect, use_case
from tests.faults.world import World


def _late_refund(world: World, outcome: dict[str, Any]) -> tuple[Any, str]:
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    sheet = alice.sheet(order)
    alice.post(f"/orders/{order}/cancel")
    world.control("POST", "faults", [{"match": "/v3/refund/domestic/refunds", **outcome}])
    alice.pay(order, sheet, late=True)
    return alice, order


@use_case
def a_refund_without_funds(world: World) -> None:
    """The merchant's account is empty for a while."""
    short = {"do": "status", "status": 403, "code": "NOT_ENOUGH", "times": 3, "method": "POST"}
    alice, order = _late_refund(world, short)
    settle(world)
    expect(alice.see(order), refund_state="SUCCESS")


@use_case
def a_refund_that_wechat_closes_twice(world: World) -> None:
    """Each next attempt is under another number."""
    alice, order = _late_refund(world, {"do": "refund_outcome", "outcome": "CLOSED", "times": 2})
    settle(world)
    expect(alice.see(order), refund_state="SUCCESS")


@use_case
def an_abnormal_refund(world: World) -> None:
    """The shopper's card is gone; the merchant mends it in the portal, and WeChat says so."""
    alice, order = _late_refund(world, {"do": "refund_outcome", "outcome": "ABNORMAL"})
    settle(world, hours=1)
    for refund in world.control("GET", "refunds"):
        if refund["status"] == "ABNORMAL":
            world.control("POST", f"refunds/{refund['out_refund_no']}/mend")
    settle(world)
    expect(alice.see(order), refund_state="SUCCESS")


@use_case
def another_amount_is_paid(world: World) -> None:
    """A callback says another amount than WeChat's books: refused; the books are right."""
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    world.control("POST", "faults", [{"match": "callback", "do": "alter", "set": {"amount.total": 1}}])
    alice.pay(order)
    settle(world)
    expect(alice.see(order), state="PAID")

"""After-sales: money alone, returns, exchanges; decided by staff, by the shopper, or by time."""

from __future__ import annotations

from typing import Any

from tests.faults.driver import settle
from tests.faults.people import Client
from tests.faults.usecases.sending import SF, send, signed_for
from tests.faults.usecases.shared import expect, use_case
from tests.faults.world import World

BACK = {"carrier": "SF", "tracking_no": "SF9876543210"}


def apply(who: Client, order: str, kind: str, reason: str, *lines: tuple[str, int], sent: bool) -> str:
    pieces = [{"sku_id": sku_id, "quantity": quantity} for sku_id, quantity in lines]
    wish = {"kind": kind, "reason": reason, "lines": pieces, "sent": sent}
    return str(who.post(f"/orders/{order}/aftersales", wish, key=True)["case_id"])


def decide(world: World, who: Client, case: str, step: str, body: Any) -> None:
    world.member("staff").post(f"/staff/aftersales/{who.member_id}/{case}/{step}", body)


def delivered(world: World, *lines: tuple[str, int]) -> tuple[Client, str]:
    """Alice has what she bought."""
    alice = world.member("alice")
    order = alice.buy(*lines)
    settle(world, minutes=20)
    send(world, alice, order, SF)
    signed_for(world)
    alice.post(f"/orders/{order}/receipt")
    return alice, order


@use_case
def some_of_it_is_not_wanted(world: World) -> None:
    """One piece of three goes back before anything was sent; the rest is sent."""
    alice = world.member("alice")
    order = alice.buy(("tea-01", 1), ("cup-01", 2))
    settle(world, minutes=20)
    case = apply(alice, order, "REFUND", "CHANGED_MIND", ("cup-01", 1), sent=False)
    decide(world, alice, case, "agree", {"return_to": "科技园1号 售后部"})
    settle(world, hours=1)
    send(world, alice, order, SF)
    signed_for(world)
    settle(world)
    expect(alice.see(order), state="SHIPPED")
    expect(alice.get(f"/aftersales/{case}"), state="DONE")


@use_case
def nothing_of_it_is_wanted(world: World) -> None:
    """Nobody decides: after three days all of it goes back, coupon and points too."""
    alice, staff = world.member("alice"), world.member("staff")
    staff.post(f"/staff/points/{alice.member_id}", {"delta": 800, "why": "补偿"}, key=True)
    alice.post("/coupon-templates/five/claim")
    coupon = alice.get("/coupons")["items"][0]["coupon_id"]
    order = alice.buy(("tea-01", 1), ("cup-01", 1), coupon_id=coupon, points=500)
    settle(world, minutes=20)
    apply(alice, order, "REFUND", "CHANGED_MIND", ("tea-01", 1), ("cup-01", 1), sent=False)
    settle(world, hours=80)
    expect(alice.see(order), state="REFUNDED")
    expect(alice.get("/points"), balance=800)


@use_case
def a_return(world: World) -> None:
    alice, order = delivered(world, ("tea-01", 1), ("cup-01", 2))
    case = apply(alice, order, "RETURN", "QUALITY", ("cup-01", 2), sent=True)
    decide(world, alice, case, "agree", {"return_to": "科技园1号 售后部"})
    alice.post(f"/aftersales/{case}/return", BACK)
    decide(world, alice, case, "receive", {"restock": True})
    settle(world)
    expect(alice.get(f"/aftersales/{case}"), state="DONE")
    expect(alice.see(order), state="COMPLETED")


@use_case
def a_return_that_nobody_looks_after(world: World) -> None:
    """Agreed by time, received by time; then the order is over, and WeChat closes the refund once."""
    alice, order = delivered(world, ("tea-01", 1))
    case = apply(alice, order, "RETURN", "QUALITY", ("tea-01", 1), sent=True)
    settle(world, hours=80)
    alice.post(f"/aftersales/{case}/return", BACK)
    world.control("POST", "faults", [{"match": "domestic/refunds", "do": "refund_outcome", "outcome": "CLOSED"}])
    settle(world, days=9)
    expect(alice.get(f"/aftersales/{case}"), state="DONE")
    expect(alice.see(order), state="REFUNDED")


@use_case
def an_exchange(world: World) -> None:
    alice, order = delivered(world, ("cup-01", 2))
    case = apply(alice, order, "EXCHANGE", "QUALITY", ("cup-01", 1), sent=True)
    decide(world, alice, case, "agree", {"return_to": "科技园1号 售后部"})
    alice.post(f"/aftersales/{case}/return", BACK)
    decide(world, alice, case, "receive", {"restock": False})
    decide(world, alice, case, "resend", BACK)
    alice.post(f"/aftersales/{case}/received")
    settle(world, days=17)
    expect(alice.get(f"/aftersales/{case}"), state="DONE")
    expect(alice.see(order), state="COMPLETED")


@use_case
def an_exchange_that_ends_with_money(world: World) -> None:
    alice, order = delivered(world, ("cup-01", 2))
    case = apply(alice, order, "EXCHANGE", "QUALITY", ("cup-01", 1), sent=True)
    decide(world, alice, case, "agree", {"return_to": "科技园1号 售后部"})
    alice.post(f"/aftersales/{case}/return", BACK)
    decide(world, alice, case, "receive", {"restock": True})
    decide(world, alice, case, "refund", {"why": "缺货"})
    settle(world)
    expect(alice.get(f"/aftersales/{case}"), state="DONE")


@use_case
def cases_that_come_to_nothing(world: World) -> None:
    """One is rejected, one taken back, one agreed to and never sent back."""
    alice, order = delivered(world, ("cup-01", 2))
    case = apply(alice, order, "RETURN", "QUALITY", ("cup-01", 2), sent=True)
    decide(world, alice, case, "reject", {"why": "商品完好"})
    case = apply(alice, order, "EXCHANGE", "QUALITY", ("cup-01", 1), sent=True)
    alice.post(f"/aftersales/{case}/cancel")
    case = apply(alice, order, "RETURN", "QUALITY", ("cup-01", 1), sent=True)
    decide(world, alice, case, "agree", {"return_to": "科技园1号 售后部"})
    settle(world, days=8)
    expect(alice.get(f"/aftersales/{case}"), state="CANCELLED")


@use_case
def two_cases_at_once(world: World) -> None:
    """The same pieces, applied for on two devices, sent at the same moment, or refunded by two of the staff."""
    alice = world.member("alice")
    order = alice.buy(("cup-01", 2), ("tea-01", 1))
    settle(world, minutes=20)

    def another() -> None:
        case = apply(alice, order, "REFUND", "WRONG_ORDER", ("cup-01", 1), sent=False)
        decide(world, alice, case, "agree", {"return_to": "科技园1号 售后部"})

    world.rivals += [("another case", another), ("sending", lambda: send(world, alice, order, SF))]
    case = apply(alice, order, "REFUND", "CHANGED_MIND", ("cup-01", 2), sent=False)
    decide(world, alice, case, "agree", {"return_to": "科技园1号 售后部"})
    world.rivals.clear()
    signed_for(world)
    settle(world)

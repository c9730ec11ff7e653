"""Orders, paid, unpaid, cancelled, paid late; coupons, the cart, messages."""

from __future__ import annotations

from contextlib import suppress

from tests.faults.driver import settle
from tests.faults.people import GaveUp, Refusal
from tests.faults.usecases.shared import expect, use_case
from tests.faults.world import World

TEMPLATES = ("coupon_expiring", "order_paid", "team_formed", "team_failed", "refund_done")


@use_case
def a_purchase(world: World) -> None:
    alice = world.member("alice")
    order = alice.buy(("tea-01", 2), ("cup-01", 1))
    settle(world)
    expect(alice.see(order), state="PAID", held=False)


@use_case
def a_purchase_with_a_coupon(world: World) -> None:
    alice = world.member("alice")
    alice.post("/coupon-templates/five/claim")
    coupon = alice.get("/coupons")["items"][0]["coupon_id"]
    order = alice.buy(("tea-01", 1), coupon_id=coupon)
    settle(world)
    expect(alice.see(order), state="PAID", discount_total=500)


@use_case
def a_purchase_that_the_shop_must_ask_for(world: World) -> None:
    """The callback never comes; the shopper's app asks after the payment sheet has closed."""
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    world.control("POST", "faults", [{"match": "callback", "do": "lose"}])
    alice.pay(order)
    expect(alice.post(f"/orders/{order}/payment/check"), state="PAID")
    settle(world)


@use_case
def a_payment_nobody_tells_of(world: World) -> None:
    """The callback never comes and nobody asks: closing the order finds the money."""
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    world.control("POST", "faults", [{"match": "callback", "do": "lose"}])
    alice.pay(order)
    settle(world)
    expect(alice.see(order), state="PAID")


@use_case
def an_unpaid_order(world: World) -> None:
    alice = world.member("alice")
    alice.post("/coupon-templates/five/claim")
    coupon = alice.get("/coupons")["items"][0]["coupon_id"]
    order = alice.order(("tea-01", 1), coupon_id=coupon)
    alice.sheet(order)
    settle(world)
    expect(alice.see(order), state="CLOSED")


@use_case
def a_cancelled_order(world: World) -> None:
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    alice.sheet(order)
    alice.post(f"/orders/{order}/cancel")
    settle(world)
    expect(alice.see(order), state="CLOSED")


@use_case
def a_coupon_for_two_orders(world: World) -> None:
    """Two devices, one coupon, at once."""
    alice = world.member("alice")
    alice.post("/coupon-templates/five/claim")
    coupon = alice.get("/coupons")["items"][0]["coupon_id"]
    world.rivals.append(("another order with the coupon", lambda: alice.order(("tea-01", 1), coupon_id=coupon)))
    alice.buy(("tea-02", 2), coupon_id=coupon)
    settle(world)


@use_case
def a_payment_in_the_middle(world: World) -> None:
    """The shopper cancels and pays at the same moment: paid, or closed and paid back."""
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    sheet = alice.sheet(order)
    world.rivals.append(("the shopper pays", lambda: alice.pay(order, sheet, late=True)))
    with suppress(Refusal):
        alice.post(f"/orders/{order}/cancel")
    world.rivals.clear()
    settle(world)


@use_case
def the_last_unit(world: World) -> None:
    """Two members, one unit."""
    alice, bob = world.member("alice"), world.member("bob")
    world.rivals.append(("another buys", lambda: bob.order(("cup-02", 100))))
    alice.buy(("cup-02", 1))
    world.rivals.clear()
    settle(world)


@use_case
def a_late_payment(world: World) -> None:
    """The shopper cancels while the payment sheet is open, and pays."""
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    sheet = alice.sheet(order)
    alice.post(f"/orders/{order}/cancel")
    alice.pay(order, sheet, late=True)
    settle(world)
    expect(alice.see(order), state="CLOSED", refund_state="SUCCESS")


@use_case
def a_cart_is_bought(world: World) -> None:
    alice = world.member("alice")
    alice.post("/cart/lines", {"sku_id": "tea-01", "quantity": 2})
    alice.post("/cart/lines", {"sku_id": "cup-02", "quantity": 1})
    order = alice.buy()
    settle(world)
    expect(alice.see(order), state="PAID")


@use_case
def messages_are_agreed_to(world: World) -> None:
    """Consents, a purchase that is told of, and a coupon of which the member is reminded."""
    alice = world.member("alice")
    for _ in range(2):
        alice.post("/subscriptions", {"results": {f"tmpl_{kind}": "accept" for kind in TEMPLATES}})
    alice.post("/coupon-templates/five/claim")
    alice.buy(("tea-01", 1))
    settle(world, days=8)


@use_case
def a_change_of_mind(world: World) -> None:
    """Cancelled, perhaps half-way, and paid all the same; and then the first payment sheet is paid, too."""
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    first = alice.sheet(order)
    with suppress(Refusal, GaveUp):
        alice.post(f"/orders/{order}/cancel")
    with suppress(Refusal, GaveUp):
        alice.pay(order)
    with suppress(Refusal):
        alice.pay(order, first, late=True)
    settle(world)


@use_case
def a_code_that_a_friend_scans(world: World) -> None:
    """Paid by somebody else, while the shopper's own payment sheet was open, which is then paid, too."""
    alice = world.member("alice")
    order = alice.order(("tea-01", 1))
    sheet = alice.sheet(order)
    code = alice.post(f"/orders/{order}/payment/native")["code_url"]
    world.control("POST", "native/pay", {"code_url": code, "shopper": "bob"})
    with suppress(Refusal):
        alice.pay(order, sheet, late=True)
    settle(world)
    expect(alice.see(order), state="PAID")


@use_case
def an_order_that_costs_nothing(world: World) -> None:
    """Fetched at the shop, all of it off by a coupon; and then it is not wanted."""
    alice = world.member("alice")
    alice.post("/coupon-templates/all/claim")
    coupon = alice.get("/coupons")["items"][0]["coupon_id"]
    order = alice.order(("cup-01", 2), address_id=None, pickup_point_id="shop", coupon_id=coupon)
    settle(world, minutes=20)
    expect(alice.see(order), state="PAID", payable=0)
    pieces = {"lines": [{"sku_id": "cup-01", "quantity": 2}], "sent": False}
    alice.post(f"/orders/{order}/aftersales", {"kind": "REFUND", "reason": "CHANGED_MIND", **pieces}, key=True)
    settle(world, hours=80)
    expect(alice.see(order), state="REFUNDED")

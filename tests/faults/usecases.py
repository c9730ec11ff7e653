"""Use cases: what shoppers, staff and WeChat do, from first to last. A new one is a function with @use_case.

It drives the world as clients do, and says in the end how things must stand. With a strike somewhere in it, whoever
met the failure may ask again or give up; where nobody gave up, the end must be the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from tests.faults.driver import settle, wechat_works
from tests.faults.world import Refusal, World
from tests.shop import put_bargain_activity, put_team_activity, stock_the_shelves

UseCase = Callable[[World], None]
USE_CASES: dict[str, UseCase] = {}
TEAM = {"kind": "groupbuy", "activity_id": "team"}
TEMPLATES = ("coupon_expiring", "order_paid", "team_formed", "team_failed", "refund_done")


def use_case(function: UseCase) -> UseCase:
    USE_CASES[function.__name__] = function
    return function


def furnish(world: World) -> None:
    """Goods, coupons, activities, and five members who are at home somewhere."""
    shop = world.shop
    stock_the_shelves(shop)
    terms = Terms(CouponKind.AMOUNT, "满50减5", 500, threshold=5000)
    shop.coupons.put_template(CouponTemplate("five", terms, total=1000, per_member=5, valid_days=7))
    put_team_activity(shop, "pair", team_size=2, limit_per_member=2)
    easy = {"cuts_per_helper": 100, "daily_cuts": 100, "seconds_between_cuts": 0, "limit_per_member": 2}
    put_bargain_activity(shop, "party", stock=5, **easy)
    for name in ("alice", "bob", "carol", "dave", "erin"):
        world.stage.people[name] = world.member(name).log_in().move_in()


def expect(told: Any, **wanted: Any) -> None:
    found = {name: told[name] for name in wanted}
    assert found == wanted, f"{found}, where it should be {wanted}"


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


__all__ = ["USE_CASES", "furnish", "use_case", "wechat_works"]

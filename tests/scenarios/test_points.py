"""What the famous malls get wrong about points: spent twice, below zero, an error where they are worth more than the
price; and that they come back, and are earned, once.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.kernel.errors import ShopError
from chalicelib.orders.rules import Progress
from chalicelib.orders.wanted import Wanted
from chalicelib.pricing import PointsRule
from chalicelib.storage.writes import commit
from tests.shop import Shopper, Stack

CROWD = 50


@pytest.fixture
def alice(stack: Stack) -> Shopper:
    """In a shop where a point is worth a fen."""
    stack.shop.promotions.put_points_rule(PointsRule())
    return stack.shopper("alice")


def give(stack: Stack, shopper: Shopper, points: int) -> None:
    stack.shop.points.adjust(shopper.member_id, points, "活动赠送", "the-owner", f"gift-{points}", stack.clock())


def balance(shopper: Shopper) -> int:
    return int(shopper.get("/points")["balance"])


def moved(shopper: Shopper) -> list[tuple[str, int]]:
    """Without the gift."""
    entries = shopper.get("/points/entries")["items"]
    return sorted((each["kind"], each["points"]) for each in entries if each["cause_id"])


@pytest.mark.parametrize("agreed", [600, None])
def test_12_two_orders_at_once_cannot_spend_the_same_points(stack: Stack, alice: Shopper, agreed: int | None) -> None:
    give(stack, alice, 5000)
    session = stack.shop.identity.authenticate(alice.token)
    lines, address_id = (("tea-01", 1),), alice.address()
    wanted = Wanted(lines=lines, address_id=address_id, points=5000, expected_payable=agreed)

    def place(n: int) -> tuple[str, int]:
        try:
            order = stack.shop.orders.placing.place(session, wanted, f"order-{n}", stack.clock())
        except ShopError as refusal:
            return refusal.code, 0
        assert order.payable == 5600 - order.points
        return "PLACED", order.points

    with ThreadPoolExecutor(CROWD) as pool:
        outcomes = Counter(pool.map(place, range(CROWD)))
    assert outcomes["PLACED", 5000] == 1
    # Who saw the points before they were gone is refused; who came later gets another price, and may not want it.
    assert {code for code, _ in outcomes} <= {"PLACED", "NOT_ENOUGH_POINTS", "PRICE_CHANGED"}
    assert sum(points * times for (_, points), times in outcomes.items()) == 5000
    assert agreed is None or outcomes["PLACED", 0] == 0
    assert balance(alice) == 0
    assert moved(alice) == [("SPENT", -5000)]
    assert stack.stock("tea-01") == 100 - outcomes["PLACED", 5000] - outcomes["PLACED", 0]


def test_12_a_repeated_request_spends_its_points_once(stack: Stack, alice: Shopper) -> None:
    give(stack, alice, 1000)
    wish = alice.wish(("tea-01", 1), points=600)

    def place(_: int) -> Any:
        answer = alice.send("POST", "/orders", wish, **{"Idempotency-Key": "the-same-key"})
        assert answer.status_code == 201, answer.text
        return answer.json()["order_id"]

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(place, range(10)))) == 1
    assert balance(alice) == 400


def test_13_points_worth_more_than_the_price_pay_all_but_one_fen_and_raise_no_error(
    stack: Stack, alice: Shopper
) -> None:
    give(stack, alice, 10**6)
    preview = alice.post("/orders/preview", alice.wish(("tea-01", 2), points=10**9))
    assert (preview["points"], preview["points_off"], preview["payable"]) == (9999, 9999, 1)
    assert preview["notes"] == ["本单最多可用9999积分"] or preview["notes"] == []
    order = alice.buy(("tea-01", 2), points=10**9, expected_payable=1)
    assert (order["state"], order["points"], order["points_off"], order["payable"]) == ("PAID", 9999, 9999, 1)
    assert sum(line["payable"] for line in order["lines"]) == 1
    assert balance(alice) == 10**6 - 9999


def test_13_freight_is_not_paid_by_points(stack: Stack, alice: Shopper) -> None:
    give(stack, alice, 10**6)
    order = alice.order(("tea-01", 1), points=10**6)
    assert (order["points"], order["freight"], order["payable"]) == (5000, 600, 600)


def test_as_many_points_are_used_as_the_member_has(stack: Stack, alice: Shopper) -> None:
    give(stack, alice, 70)
    assert alice.post("/orders/preview", alice.wish(("tea-01", 1), points=100))["points"] == 70
    assert alice.order(("tea-01", 1), points=100)["points"] == 70
    assert alice.order(("tea-01", 1), points=100)["points"] == 0
    assert alice.order(("tea-01", 1))["points"] == 0


def test_campaign_orders_take_no_points_and_say_so(stack: Stack, alice: Shopper) -> None:
    give(stack, alice, 1000)
    team: dict[str, Any] = {"campaign": {"kind": "groupbuy", "activity_id": "team"}, "points": 1000}
    preview = alice.post("/orders/preview", alice.wish(("tea-01", 1), **team))
    assert preview["points"] == 0
    assert "活动商品不能使用积分" in preview["notes"]
    assert alice.order(("tea-01", 1), **team)["points"] == 0
    assert balance(alice) == 1000


def test_a_refused_order_spends_no_points(stack: Stack, alice: Shopper) -> None:
    give(stack, alice, 1000)
    wish = alice.wish(("tea-01", 1), points=1000, expected_payable=1)
    assert alice.refused("POST", "/orders", wish, **{"Idempotency-Key": "too-cheap"}) == "PRICE_CHANGED"
    assert (balance(alice), moved(alice)) == (1000, [])


def test_a_cancelled_order_gives_its_points_back_once(stack: Stack, alice: Shopper) -> None:
    give(stack, alice, 1000)
    order_id = alice.order(("tea-01", 1), points=800)["order_id"]
    assert balance(alice) == 200
    for _ in range(2):
        alice.post(f"/orders/{order_id}/cancel")
        stack.drain(1)
    assert (balance(alice), moved(alice)) == (1000, [("RETURNED", 800), ("SPENT", -800)])


def test_an_expired_order_that_is_paid_late_gives_money_and_points_back_once(stack: Stack, alice: Shopper) -> None:
    give(stack, alice, 1000)
    order_id = alice.order(("tea-01", 1), points=800)["order_id"]
    sheet = alice.open_sheet(order_id)
    stack.clock.forward(minutes=20)
    stack.drain(1)
    assert alice.get(f"/orders/{order_id}")["state"] == "CLOSED"
    alice.pay(order_id, sheet, late=True)
    stack.clock.forward(minutes=5)
    stack.drain()
    assert alice.get(f"/orders/{order_id}")["refund_state"] in ("PROCESSING", "SUCCESS")
    assert (balance(alice), moved(alice)) == (1000, [("RETURNED", 800), ("SPENT", -800)])


def test_a_full_refund_gives_the_points_back_once(stack: Stack, alice: Shopper) -> None:
    give(stack, alice, 1000)
    order_id = alice.buy(("tea-01", 1), points=800)["order_id"]
    for _ in range(2):
        stack.shop.payments.refunding.refund_in_full(alice.member_id, order_id, "test", "商家退款", stack.clock())
        stack.drain(1)
    assert alice.get(f"/orders/{order_id}")["state"] == "REFUNDED"
    assert (balance(alice), moved(alice)) == (1000, [("RETURNED", 800), ("SPENT", -800)])


def test_points_that_an_after_sale_case_took_are_not_given_back_again_with_the_order(
    stack: Stack, alice: Shopper
) -> None:
    give(stack, alice, 1000)
    order_id = alice.buy(("tea-01", 1), points=800)["order_id"]
    order = stack.shop.orders.get(alice.member_id, order_id)
    ending = replace(order, progress={"tea-01": Progress(points=300)})
    commit(*stack.shop.orders.lets_go(ending, stack.clock(), paid=True))
    assert moved(alice) == [("RETURNED", 500), ("SPENT", -800)]


def test_points_come_back_though_the_shop_has_given_points_up_meanwhile(stack: Stack, alice: Shopper) -> None:
    give(stack, alice, 1000)
    order_id = alice.order(("tea-01", 1), points=800)["order_id"]
    stack.shop.promotions.remove_points_rule()
    alice.post(f"/orders/{order_id}/cancel")
    assert alice.get("/points") == {"balance": 1000, "rule": None}


@pytest.mark.parametrize(("rule", "earned"), [(PointsRule(earn_per_yuan=2), 96), (None, 0)])
def test_what_was_kept_earns_points_once_when_the_order_is_finished(
    stack: Stack, alice: Shopper, rule: PointsRule | None, earned: int
) -> None:
    give(stack, alice, 800)
    order_id = alice.buy(("tea-01", 1), points=800)["order_id"]
    stack.drain(1)
    stack.ship(alice.member_id, order_id)
    alice.post(f"/orders/{order_id}/receipt")
    stack.drain(1)
    assert balance(alice) == 0
    if rule:
        stack.shop.promotions.put_points_rule(rule)
    else:
        stack.shop.promotions.remove_points_rule()
    stack.clock.now += timedelta(days=stack.shop.settings.aftersale_days, seconds=1)
    alice.log_in()
    stack.drain(2)
    assert alice.get(f"/orders/{order_id}")["finished"] is True
    assert balance(alice) == earned
    assert moved(alice) == [*([("EARNED", earned)] if earned else []), ("SPENT", -800)]

"""Orders over HTTP: preview, place, list, detail, receipt."""

import json
from datetime import timedelta
from typing import Any

import pytest
import requests
from botocore.awsrequest import AWSResponse

from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from chalicelib.orders import OrderState
from chalicelib.orders.rules import OrderHeld
from chalicelib.pricing.terms import FreightRule, FreightTemplate, FreightUnit, Measure, Promotion, Scope, Tier
from chalicelib.storage.reads import search
from chalicelib.storage.table import dynamodb
from tests.faults.engine import _Headers, _Raw, refused
from tests.shop import Stack

ONE = [{"sku_id": "tea-01", "quantity": 1}]


def put_promotion(stack: Stack) -> None:
    now = stack.clock()
    reduction = Promotion(
        "full", "满100减20", Scope(), Measure.AMOUNT, (Tier(10000, off=2000),), now, now + timedelta(days=9)
    )
    stack.shop.promotions.put_promotion(reduction)


def put_coupon(stack: Stack, threshold: int = 5000) -> None:
    terms = Terms(CouponKind.AMOUNT, "满50减5", 500, threshold=threshold)
    stack.shop.coupons.put_template(CouponTemplate("five", terms, total=100, per_member=9, valid_days=7))


def test_a_preview_prices_as_placing_does_and_holds_nothing(stack: Stack) -> None:
    put_promotion(stack)
    alice = stack.shopper("alice")
    preview = alice.post("/orders/preview", alice.wish(("tea-01", 2), ("cup-01", 1)))
    assert (preview["goods_total"], preview["discount_total"], preview["freight"]) == (13000, 2000, 0)
    assert stack.stock("tea-01") == 100
    order = alice.order(("tea-01", 2), ("cup-01", 1))
    assert {key: order[key] for key in ("payable", "lines", "adjustments")} == {
        key: preview[key] for key in ("payable", "lines", "adjustments")
    }
    assert sum(line["payable"] for line in order["lines"]) == order["payable"] == 11000


def test_freight_is_charged_below_the_free_threshold(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order = alice.order(("tea-01", 1))
    assert (order["freight"], order["payable"]) == (600, 5600)


def test_the_carts_selection_is_ordered_and_leaves_the_cart(stack: Stack) -> None:
    alice = stack.shopper("alice")
    alice.post("/cart/lines", {"sku_id": "tea-01", "quantity": 2})
    alice.post("/cart/lines", {"sku_id": "cup-01", "quantity": 1})
    alice._expect(alice.send("PATCH", "/cart/lines/cup-01", {"selected": False}))
    order = alice.order()
    assert [line["sku_id"] for line in order["lines"]] == ["tea-01"]
    assert [line["sku_id"] for line in alice.get("/cart")["lines"]] == ["cup-01"]
    assert alice.refused("POST", "/orders/preview", {}) == "NOTHING_TO_ORDER"


def test_a_dead_line_in_the_cart_does_not_keep_the_others_from_being_ordered(stack: Stack) -> None:
    alice = stack.shopper("alice")
    for sku_id in ("tea-01", "cup-01"):
        alice.post("/cart/lines", {"sku_id": sku_id, "quantity": 1})
    stack.shop.catalog.set_on_shelf("cup", False)
    assert alice.get("/cart")["goods_total"] == 5000
    assert [line["sku_id"] for line in alice.order()["lines"]] == ["tea-01"]
    assert [line["sku_id"] for line in alice.get("/cart")["lines"]] == ["cup-01"]


def test_a_coupon_is_spent_with_the_order_and_given_back_when_it_is_cancelled(stack: Stack) -> None:
    put_coupon(stack)
    alice = stack.shopper("alice")
    coupon_id = alice.post("/coupon-templates/five/claim")["coupon_id"]
    order = alice.order(("tea-01", 1), coupon_id=coupon_id)
    assert order["discount_total"] == 500
    assert alice.get("/coupons?state=USED")["items"][0]["coupon_id"] == coupon_id
    again = alice.wish(("tea-01", 1), coupon_id=coupon_id)
    assert alice.refused("POST", "/orders", again, **{"Idempotency-Key": "once-more"}) == "COUPON_NOT_USABLE"
    alice.post(f"/orders/{order['order_id']}/cancel")
    assert alice.get("/coupons?state=UNUSED")["items"][0]["coupon_id"] == coupon_id


def test_a_coupon_that_would_take_nothing_off_is_refused_rather_than_lost(stack: Stack) -> None:
    put_coupon(stack, threshold=50000)
    alice = stack.shopper("alice")
    coupon_id = alice.post("/coupon-templates/five/claim")["coupon_id"]
    wish = alice.wish(("tea-01", 1), coupon_id=coupon_id)
    assert alice.refused("POST", "/orders", wish, **{"Idempotency-Key": "too-cheap"}) == "COUPON_NOT_USABLE"
    assert alice.get("/coupons?state=UNUSED")["items"][0]["coupon_id"] == coupon_id


def test_a_price_that_the_shopper_did_not_agree_to_is_refused_with_the_new_one(stack: Stack) -> None:
    alice = stack.shopper("alice")
    answer = alice.send(
        "POST", "/orders", alice.wish(("tea-01", 1), expected_payable=5000), **{"Idempotency-Key": "agreed-5000"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "PRICE_CHANGED")
    assert answer.json()["details"] == {"payable": 5600}
    assert alice.order(("tea-01", 1), expected_payable=5600)["payable"] == 5600


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"lines": [{"sku_id": "gone-01", "quantity": 1}]}, "SKU_NOT_FOR_SALE"),
        ({"lines": [{"sku_id": "tea-01", "quantity": 101}]}, "SOLD_OUT"),
        ({"lines": [{"sku_id": "tea-01", "quantity": 0}]}, "MALFORMED"),
        (
            {"lines": ONE, "coupon_id": "01K0000000000000000000000C"},
            "COUPON_NOT_FOUND",
        ),
        (
            {"lines": ONE, "address_id": "01K000000000000000000000AD"},
            "ADDRESS_NOT_FOUND",
        ),
        ({"lines": ONE, "address_id": None}, "ADDRESS_NEEDED"),
        (
            {"lines": ONE, "campaign": {"kind": "x", "activity_id": "y"}},
            "UNKNOWN_CAMPAIGN",
        ),
        (
            {
                "lines": [{"sku_id": "tea-01", "quantity": 1}, {"sku_id": "cup-01", "quantity": 1}],
                "campaign": {"kind": "groupbuy", "activity_id": "team"},
            },
            "CAMPAIGN_TAKES_ONE_SKU",
        ),
        (
            {
                "lines": [{"sku_id": "tea-01", "quantity": 1}],
                "coupon_id": "c",
                "campaign": {"kind": "groupbuy", "activity_id": "team"},
            },
            "COUPON_NOT_WITH_CAMPAIGN",
        ),
    ],
)
def test_wishes_that_cannot_be_met_are_refused_with_their_code_and_take_nothing(
    stack: Stack, wish: dict[str, object], code: str
) -> None:
    alice = stack.shopper("alice")
    wish = {"address_id": alice.address(), **wish}
    assert alice.refused("POST", "/orders", wish, **{"Idempotency-Key": "a-bad-wish"}) == code
    assert (stack.stock("tea-01"), stack.stock("cup-01")) == (100, 100)
    assert alice.get("/orders")["items"] == []


def test_the_same_key_for_a_refused_order_may_place_it_later(stack: Stack) -> None:
    alice = stack.shopper("alice")
    wish = alice.wish(("tea-01", 101))
    assert alice.refused("POST", "/orders", wish, **{"Idempotency-Key": "patience"}) == "SOLD_OUT"
    stack.shop.stock.add("tea-01", 1)
    assert alice.post("/orders", wish, **{"Idempotency-Key": "patience"})["state"] == "AWAITING_PAYMENT"


def test_orders_are_listed_newest_first_by_state_and_by_pages(stack: Stack) -> None:
    alice = stack.shopper("alice")
    placed = []
    for _ in range(5):
        placed.append(alice.order(("tea-01", 1))["order_id"])
        stack.clock.forward(seconds=1)
    alice.post(f"/orders/{placed[2]}/cancel")
    alice.pay(placed[0])
    assert [item["order_id"] for item in alice.get("/orders")["items"]] == placed[::-1]
    seen, cursor = [], ""
    while cursor is not None:
        page = alice.get(f"/orders?state=AWAITING_PAYMENT&limit=2{cursor and f'&cursor={cursor}'}")
        seen += [item["order_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [placed[4], placed[3], placed[1]]
    assert [item["order_id"] for item in alice.get("/orders?state=CLOSED")["items"]] == [placed[2]]
    assert alice.refused("GET", "/orders?cursor=%21%21") == "BAD_CURSOR"
    assert alice.refused("GET", "/orders?state=LOST") == "MALFORMED"


@pytest.mark.parametrize("state", [None, OrderState.PAID])
def test_a_list_asks_for_orders_as_they_are_now(stack: Stack, state: OrderState | None) -> None:
    asked: list[bytes] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(params["body"])

    events = dynamodb().meta.events
    events.register("before-call.dynamodb.Query", note)
    try:
        search(stack.shop.orders.reads_page("M", state, None, 20))
    finally:
        events.unregister("before-call.dynamodb.Query", note)
    assert [json.loads(body)["ConsistentRead"] for body in asked] == [True]


def test_an_order_with_nothing_to_pay_is_paid_at_once(stack: Stack) -> None:
    from tests.shop import put_bargain_activity

    put_bargain_activity(stack.shop, "free", floor_price=0, cuts_to_floor=1)
    stack.shop.promotions.put_freight_template(_free_freight())
    alice = stack.shopper("alice")
    launch = alice.post("/bargain/launches", {"activity_id": "free"})
    choice = {"kind": "bargain", "activity_id": "free", "group_id": launch["launch_id"]}
    order = alice.order(("cup-01", 1), campaign=choice)
    assert (order["state"], order["payable"]) == ("PAID", 0)
    assert alice.refused("POST", f"/orders/{order['order_id']}/payment") == "NOTHING_TO_PAY"
    stack.drain(1)
    assert stack.shop.catalog.product("cup").sales == 1


def _free_freight() -> FreightTemplate:

    return FreightTemplate("post", "包邮", FreightUnit.PIECES, (FreightRule(("",)),))


def test_receipt_is_confirmed_after_shipping_and_only_then(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.buy(("tea-01", 1))["order_id"]
    assert alice.refused("POST", f"/orders/{order_id}/receipt") == "ORDER_STATE_REFUSED"
    stack.ship(alice.member_id, order_id)
    shown = alice.post(f"/orders/{order_id}/receipt")
    assert shown["state"] == "COMPLETED"
    assert alice.post(f"/orders/{order_id}/receipt")["state"] == "COMPLETED"
    assert [event["by"] for event in shown["timeline"]] == ["SHOPPER", "WECHAT", "STAFF", "SHOPPER"]


def test_what_waits_for_its_team_is_not_shipped(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.buy(("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})["order_id"]
    with pytest.raises(OrderHeld):
        stack.ship(alice.member_id, order_id)


def test_personal_data_of_an_order_are_sealed_in_storage(stack: Stack) -> None:
    from chalicelib.orders.rows import OrderRow

    alice = stack.shopper("alice")
    order = alice.order(("tea-01", 1))
    assert order["delivery"]["name"] == "张三"
    raw = str(OrderRow.get(alice.member_id, order["order_id"]).serialize())
    assert [word for word in ("张三", "13800138000", "科技园") if word in raw] == []


def test_closing_and_receiving_answer_the_order_as_it_is_read_afterwards(stack: Stack) -> None:
    alice = stack.shopper("alice")
    cancelled = alice.order(("tea-01", 1))["order_id"]
    assert alice.post(f"/orders/{cancelled}/cancel") == alice.get(f"/orders/{cancelled}")
    bought = alice.buy(("tea-01", 1))["order_id"]
    stack.drain()
    stack.ship(alice.member_id, bought)
    assert alice.post(f"/orders/{bought}/receipt") == alice.get(f"/orders/{bought}")


def test_a_repeated_key_answers_its_order_though_that_took_the_last_pieces_and_the_coupon(stack: Stack) -> None:
    put_coupon(stack)
    alice = stack.shopper("alice")
    coupon_id = alice.post("/coupon-templates/five/claim")["coupon_id"]
    wish, key = alice.wish(("tea-01", 100), coupon_id=coupon_id), {"Idempotency-Key": "all-of-it"}
    assert alice.post("/orders", wish, **key) == alice.post("/orders", wish, **key)
    assert stack.stock("tea-01") == 0
    assert alice.refused("POST", "/orders", {**wish, "remark": "快"}, **key) == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize("counters", [0, 3])
def test_an_order_that_was_placed_while_its_answer_was_lost_is_answered(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, counters: int
) -> None:
    """DynamoDB has it, and says to each repetition that it is still at work: in the end it is tried anew."""
    alice, stock = stack.shopper("alice"), stack.shop.stock
    stock.spread("tea-01", counters)
    wish = alice.wish(("tea-01", stock.levels(["tea-01"])["tea-01"]))
    monkeypatch.setattr("chalicelib.storage.transport.time.sleep", lambda _: None)
    monkeypatch.setattr("chalicelib.storage.writes.time.sleep", lambda _: None)
    asked: list[bytes] = []

    def lose(request: Any, **_: Any) -> AWSResponse | None:
        asked.append(request.body)
        if asked[0] != request.body:
            return None
        if len(asked) == 1:
            requests.post(request.url, data=request.body, headers=request.headers, timeout=30).raise_for_status()
        status, headers, body = refused("TransactionInProgressException")
        return AWSResponse(request.url, status, _Headers(headers), _Raw(body))

    events = dynamodb().meta.events
    events.register("before-send.dynamodb.TransactWriteItems", lose)
    try:
        order = alice.post("/orders", wish, **{"Idempotency-Key": "lost-answer"})
    finally:
        events.unregister("before-send.dynamodb.TransactWriteItems", lose)
    assert len(asked) > asked.count(asked[0]) > 1
    assert [each["order_id"] for each in alice.get("/orders")["items"]] == [order["order_id"]]
    assert stock.levels(["tea-01"]) == {"tea-01": 0}

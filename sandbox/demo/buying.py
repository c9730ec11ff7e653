"""Chapters: from the cart to the paid order."""

from __future__ import annotations

from typing import Any

from sandbox.demo.shopper import Shopper, new_key
from sandbox.demo.stage import Stage, beijing, yuan

TEA, NUTS, MANGO, SOAP = "longjing-01", "nuts-01", "mango-01", "soap-01"


def cart(stage: Stage, ming: Shopper) -> None:
    """The cart says what is missing for the next saving"""
    ming.ask("POST", "/cart/lines", {"sku_id": TEA, "quantity": 1})
    ming.ask("POST", "/cart/lines", {"sku_id": MANGO, "quantity": 2})
    seen = ming.ask("POST", "/cart/lines", {"sku_id": NUTS, "quantity": 1})
    stage.expect("goods in the cart", 8800 + 2 * 1580 + 3990, seen["goods_total"])
    stage.expect("three snacks are one tenth off", (2 * 1580 + 3990) // 10, seen["discount_total"])
    _tell_cart(stage, ming, seen)
    seen = ming.ask("PATCH", f"/cart/lines/{MANGO}", {"selected": False})
    stage.expect("goods without the mango", 8800 + 3990, seen["goods_total"])
    missing = [hint["missing"] for hint in seen["hints"] if hint["id"] == "all"]
    stage.expect("what is missing to 满199减20", [19900 - 8800 - 3990], missing)
    stage.tell(f"He takes the mango out of the selection: {yuan(seen['payable'])}")
    seen = ming.ask("PATCH", f"/cart/lines/{TEA}", {"quantity": 2})
    stage.expect("two teas reach 满199减20", 2000, seen["discount_total"])
    stage.tell(f"Two teas then: {yuan(seen['goods_total'])} - {yuan(seen['discount_total'])} = {yuan(seen['payable'])}")


def _tell_cart(stage: Stage, shopper: Shopper, cart: Any) -> None:
    lines = "、".join(f"{line['title']}×{line['quantity']}" for line in cart["lines"])
    stage.tell(f"{shopper.name}'s cart: {lines}, {yuan(cart['payable'])} after {yuan(cart['discount_total'])} off")
    for hint in cart["hints"]:
        stage.tell(f"hint: {hint['text']}")


def coupon(stage: Stage, ming: Shopper) -> None:
    """A coupon is claimed"""
    offered = ming.ask("GET", "/coupon-templates")["items"]
    stage.tell("To be claimed: " + "、".join(template["title"] for template in offered))
    claimed = ming.ask("POST", "/coupon-templates/welcome/claim")
    stage.expect("state of the claimed coupon", "UNUSED", claimed["state"])
    ming.is_refused("COUPON_LIMIT", "POST", "/coupon-templates/welcome/claim")
    stage.tell(f"{ming.name} claims {claimed['title']}; a second one is refused")
    seen = ming.ask("GET", "/cart")
    stage.expect("the best coupon for the cart", claimed["coupon_id"], seen["coupon"]["coupon_id"])
    stage.expect("with the coupon", seen["payable"] - 1000, seen["payable_with_coupon"])
    stage.tell(f"The cart finds it by itself: 用券后 {yuan(seen['payable_with_coupon'])}, saved {yuan(seen['saved'])}")


def order(stage: Stage, ming: Shopper) -> None:
    """Preview, order, pay"""
    (held,) = ming.ask("GET", "/coupons?state=UNUSED")["items"]
    stock = ming.stock_of(TEA)
    wish = ming.wish(coupon_id=held["coupon_id"], remark="请用礼盒")
    preview = ming.ask("POST", "/orders/preview", wish)
    stage.expect("payable in the preview", 2 * 8800 + 3990 - 2000 - 1000, preview["payable"])
    stage.expect("shares of the lines add up", preview["payable"], sum(line["payable"] for line in preview["lines"]))
    for line in preview["lines"]:
        stage.tell(f"{line['title']}×{line['quantity']}: {yuan(line['payable'])} after {yuan(line['discount'])} off")
    ming.is_refused("PRICE_CHANGED", "POST", "/orders", {**wish, "expected_payable": 1}, Idempotency_Key=new_key())
    ming.agrees_to("order_paid")
    placed = ming.orders({**wish, "expected_payable": preview["payable"]})
    stage.expect("placed at the price of the preview", preview["payable"], placed["payable"])
    stage.expect("the goods are reserved", stock - 2, ming.stock_of(TEA))
    stage.expect(
        "the order took its lines out of the cart", [MANGO], [x["sku_id"] for x in ming.ask("GET", "/cart")["lines"]]
    )
    stage.tell(f"{ming.name} orders: {yuan(placed['payable'])}, to be paid before {beijing(placed['expires_at'])}")
    sheet = ming.opens_sheet(placed)
    stage.expect("the sheet opened twice is one prepay_id", sheet["package"], ming.opens_sheet(placed)["package"])
    paid = ming.pays(placed, sheet)
    stage.expect("the shop's answer to WeChat's callback", 200, paid["callback_status"])
    stage.tell(
        f"WeChat verifies paySign, takes the money ({paid['transaction_id']}), its signed callback is answered 200"
    )
    seen = ming.sees(placed, "PAID")
    for event in seen["timeline"]:
        stage.tell(f"{beijing(event['at'])}  {event['now']:<16} {event['why']}")
    stage.expect("the timeline", ["AWAITING_PAYMENT", "PAID"], [event["now"] for event in seen["timeline"]])
    stage.expect("the coupon is spent", [held["coupon_id"]], _coupons(ming, "USED"))
    stage.tell(f"A message on his phone {ming.hears('order_paid')}")


def _coupons(shopper: Shopper, state: str) -> list[str]:
    return [coupon["coupon_id"] for coupon in shopper.ask("GET", f"/coupons?state={state}")["items"]]


def signed(stage: Stage, ming: Shopper) -> None:
    """A signed request cannot be forged or replayed"""
    wish, key = ming.wish((SOAP, 1)), new_key()
    signature = ming.signature("POST", "/orders", wish)
    placed = ming.orders(wish, Idempotency_Key=key, **signature)
    stage.tell(f"{ming.name}'s phone signs an order of {yuan(placed['payable'])} with the key of its session: placed")
    again = {"Idempotency_Key": key, **signature}
    ming.is_refused("SIGNATURE_REPLAYED", "POST", "/orders", wish, **again)
    stage.tell("The very same request once more: SIGNATURE_REPLAYED")
    fresh = {"Idempotency_Key": new_key(), **ming.signature("POST", "/orders", wish)}
    ming.is_refused("SIGNATURE_INVALID", "POST", "/orders", ming.wish((SOAP, 9)), **fresh)
    stage.tell("The same signature over nine pieces instead of one: SIGNATURE_INVALID")
    cancelled = ming.ask("POST", f"/orders/{placed['order_id']}/cancel")
    stage.expect("the unpaid order, cancelled", "CLOSED", cancelled["state"])
    ming.sees(placed, "CLOSED")


def once(stage: Stage, ming: Shopper) -> None:
    """Two taps, one order"""
    stock, wish, key = ming.stock_of(SOAP), ming.wish((SOAP, 1)), new_key()
    first, second = (ming.orders(wish, Idempotency_Key=key) for _ in range(2))
    stage.expect("the order of the second tap", first["order_id"], second["order_id"])
    stage.expect("pieces taken by two taps", stock - 1, ming.stock_of(SOAP))
    stage.tell("The same Idempotency-Key twice: one order, one piece taken")
    ming.is_refused("IDEMPOTENCY_KEY_REUSED", "POST", "/orders", ming.wish((SOAP, 2)), Idempotency_Key=key)
    stage.tell("The same key for something else: refused")


def native(stage: Stage, ming: Shopper) -> None:
    """A friend scans the code and pays"""
    order = ming.orders(ming.wish((SOAP, 1)))
    code_url = ming.ask("POST", f"/orders/{order['order_id']}/payment/native")["code_url"]
    stage.tell(f"{ming.name} has no money on his phone and shows a code: {code_url}")
    paid = stage.wechat("POST", "native/pay", {"code_url": code_url, "shopper": f"friend-{stage.run}"})
    stage.expect("the shop's answer to WeChat's callback", 200, paid["callback_status"])
    seen = ming.sees(order, "PAID")
    stage.tell(f"A friend scans it and pays his {yuan(order['payable'])}: {seen['timeline'][-1]['why']}")


def lists(stage: Stage, ming: Shopper) -> None:
    """His orders, by state"""
    ming.orders(ming.wish((SOAP, 1)))
    by_state: dict[str, set[str]] = {}
    for order_id, state in ming.expected.items():
        by_state.setdefault(state, set()).add(order_id)
    for state in ("AWAITING_PAYMENT", "PAID", "SHIPPED", "CLOSED", "REFUNDED", "COMPLETED"):
        listed = ming.ask("GET", f"/orders?state={state}")["items"]
        stage.expect(f"orders that are {state}", by_state.get(state, set()), {each["order_id"] for each in listed})
        if listed:
            stage.tell(f"{state:<16} {len(listed)}: " + "、".join(each["lines"][0]["title"] for each in listed))
    newest_first = [each["order_id"] for each in ming.ask("GET", "/orders?limit=50")["items"]]
    stage.expect("all orders, newest first", sorted(ming.expected, reverse=True), newest_first)


def reminder(stage: Stage, ming: Shopper) -> None:
    """A coupon that is about to expire calls"""
    ming.agrees_to("coupon_expiring")
    coupon = ming.ask("POST", "/coupon-templates/one-day/claim")
    stage.tell(
        f"{ming.name} claims {coupon['title']}, good until {beijing(coupon['expires_at'])},"
        " and taps 允许 on one reminder"
    )
    stage.let_pass(minutes=6)
    stage.tell(f"His phone: {ming.hears('coupon_expiring')}")
    left = {each["kind"]: each["consents"] for each in ming.ask("GET", "/subscriptions")["items"]}
    stage.expect("one consent is one message", 0, left["coupon_expiring"])

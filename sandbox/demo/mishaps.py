"""Chapters: what goes wrong between a shop and WeChat, and must not cost anybody anything."""

from __future__ import annotations

from functools import partial
from typing import Any

from sandbox.demo.shopper import Shopper
from sandbox.demo.staff import clerk_of
from sandbox.demo.stage import Stage, beijing, yuan

CHESTNUTS, SOCKS = ("chestnut-02", 1), ("socks-01", 1)


def unpaid(stage: Stage, ming: Shopper) -> None:
    """An order that nobody pays is closed"""
    stock, coupon = ming.stock_of(SOCKS[0]), ming.ask("POST", "/coupon-templates/freight/claim")
    order = ming.orders(ming.wish(SOCKS, coupon_id=coupon["coupon_id"]))
    sheet = ming.opens_sheet(order)
    stage.tell(f"{ming.name} orders {yuan(order['payable'])} with {coupon['title']}, and falls asleep over the sheet")
    stage.let_pass(minutes=16)
    closed = ming.waits_for(order, state="CLOSED")
    for order_id in [each for each, state in ming.expected.items() if state == "AWAITING_PAYMENT"]:
        ming.waits_for({"order_id": order_id}, state="CLOSED")
    stage.tell(f"{closed['timeline'][-1]['why']}; closed at WeChat first, so the sheet cannot be paid any more")
    unused = [each["coupon_id"] for each in ming.ask("GET", "/coupons?state=UNUSED")["items"]]
    stage.expect("the coupon is given back", True, coupon["coupon_id"] in unused, unused)
    stage.expect("the goods are given back", stock, ming.stock_of(SOCKS[0]))
    stage.tell(f"{coupon['title']} is his again, the goods are for sale again")
    ming.is_refused("ORDER_STATE_REFUSED", "POST", f"/orders/{order['order_id']}/payment")
    number = sheet["package"].removeprefix("prepay_id=")
    states = [t["trade_state"] for t in stage.wechat("GET", "payments") if number in t.get("prepay_ids", [])]
    stage.expect("the trade at WeChat", ["CLOSED"], states)


def late_payment(stage: Stage, ming: Shopper) -> None:
    """Money that comes after the order was cancelled goes back"""
    ming.agrees_to("refund_done")
    order = ming.orders(ming.wish(CHESTNUTS))
    sheet = ming.opens_sheet(order)
    cancelled = ming.ask("POST", f"/orders/{order['order_id']}/cancel")
    stage.expect("the cancelled order", "CLOSED", cancelled["state"])
    stage.tell(f"{ming.name} cancels an order of {yuan(order['payable'])}, but his money is already under way")
    paid = ming.pays(order, sheet, late=True)
    stage.expect("the shop's answer to WeChat's callback", 200, paid["callback_status"])
    seen = ming.waits_for(order, state="CLOSED", refund_state="SUCCESS")
    ming.was_paid_back(order)
    for event in seen["timeline"][-4:]:
        stage.tell(f"{beijing(event['at'])}  {event['now']:<16} {event['why']}")
    stage.tell(f"{yuan(order['payable'])} back in full, by itself {ming.hears('refund_done')}")


def lost_callback(stage: Stage, ming: Shopper) -> None:
    """A callback is lost, the payment is not"""
    order = ming.orders(ming.wish(SOCKS))
    stage.wechat("POST", "faults", {"match": "callback:TRANSACTION", "do": "lose"})
    paid = ming.pays(order)
    stage.expect("what came of the callback", "dropped", paid["callback_status"])
    ming.sees(order, "AWAITING_PAYMENT")
    stage.tell(f"{ming.name} pays {yuan(order['payable'])}; WeChat's callback is lost for good, the order still waits")
    found = ming.ask("POST", f"/orders/{order['order_id']}/payment/check")
    stage.expect("the order after asking WeChat", "PAID", found["state"])
    ming.sees(order, "PAID")
    stage.tell("He comes back to the mini-program, the shop asks WeChat itself: paid")
    ming.is_refused("ORDER_ALREADY_PAID", "POST", f"/orders/{order['order_id']}/payment")


def repeated_callback(stage: Stage, ming: Shopper) -> None:
    """A callback that comes again, and one that is forged"""
    order = ming.orders(ming.wish(SOCKS))
    paid = ming.pays(order)
    seen = ming.sees(order, "PAID")
    send = f"callbacks/{paid['callback_id']}/send"
    again = stage.wechat("POST", send, {"faults": [{"do": "duplicate", "count": 3}]})["callback_results"]
    again += stage.wechat("POST", send, {"replay": True})["callback_results"]
    stage.expect("the shop's answers to four more callbacks", [200] * 4, again)
    forged = stage.wechat("POST", send, {"faults": [{"do": "wrong_key"}]})["callback_results"]
    forged += stage.wechat("POST", send, {"faults": [{"do": "alter", "set": {"amount.total": 1}}]})["callback_results"]
    stage.expect("the shop's answers to forged ones", [401, 500], forged)
    stage.expect("the order after all of them", seen, ming.sees(order, "PAID"))
    stage.tell("Three more at once and one replayed: 200 each, and not a line more in the timeline")
    stage.tell("One signed by somebody else: 401. One over another amount: 500, and an alarm in the log")


def reconciled(stage: Stage, ming: Shopper) -> None:
    """Money that nobody told of is found the next morning"""
    order = ming.orders(ming.wish(SOCKS))
    sheet = ming.opens_sheet(order)
    ming.ask("POST", f"/orders/{order['order_id']}/cancel")
    stage.wechat("POST", "faults", {"match": "callback:TRANSACTION", "do": "lose"})
    paid = ming.pays(order, sheet, late=True)
    ming.sees(order, "CLOSED")
    stage.tell(
        f"{ming.name} cancels, but his {yuan(order['payable'])} are under way. The callback is lost, nobody asks"
    )
    clerk, day = clerk_of(stage), stage.let_the_night_pass()
    report = _report_of(stage, clerk, f"{day}")
    mended = [each for each in report["items"] if each["number"] == paid["out_trade_no"]]
    stage.expect(
        "what the bill says of it",
        [("theirs-only", "MENDED", order["payable"])],
        [(each["outcome"], each["state"], each["theirs"]) for each in mended if each["subject"] == "payment"],
    )
    stage.expect("what is left to people", 0, report["report"]["found"], report["items"])
    agree = {each["subject"]: each["both"]["count"] for each in report["report"]["compared"]}
    stage.tell(
        f"The bill of {day} against the books: {agree['payment']} payments and {agree['refund']} refunds agree,"
        f" {report['report']['mended']} of them mended; nothing is left to people"
    )
    ming.waits_for(order, state="CLOSED", refund_state="SUCCESS")
    ming.was_paid_back(order)
    stage.tell("The payment counts now, and since its order is closed, the money went back by itself")


def _one_more(day: str, days: int, done: set[str]) -> bool:
    return day in done or len(done) > days


def _report_of(stage: Stage, clerk: Shopper, day: str) -> Any:
    """One day is reconciled each half hour, the oldest first: a new shop has a week without bills before it."""

    def done() -> set[str]:
        reports = clerk.ask("GET", "/staff/reconciliations?limit=20")["items"]
        return {each["day"] for each in reports if each["state"] == "DONE"}

    days = 0
    while day not in (seen := stage.wait_until("a day is reconciled", done, partial(_one_more, day, days))):
        days = len(seen)
        stage.wechat("POST", "clock", {"advance_seconds": 1860})
    return clerk.ask("GET", f"/staff/reconciliations/{day}?limit=50")

"""Chapters: points, and what goes back."""

from __future__ import annotations

from typing import Any

from sandbox.demo.shopper import Shopper, Wish, new_key
from sandbox.demo.staff import clerk_of, ships
from sandbox.demo.stage import Stage, yuan

JASMINE, MOONCAKE, SOAP = "jasmine-01", "mooncake-01", "soap-02"
POINTS = 500


def points(stage: Stage, ming: Shopper) -> None:
    """Points (积分)"""
    clerk = clerk_of(stage)
    given, key = {"delta": POINTS, "why": "新客礼"}, new_key()
    balances = [
        clerk.ask("POST", f"/staff/points/{ming.member_id}", given, Idempotency_Key=key)["balance"] for _ in range(2)
    ]
    stage.expect("points given once by two taps", [POINTS, POINTS], balances)
    wish = _wish(ming)
    preview = ming.ask("POST", "/orders/preview", {**wish, "points": 10**6})
    stage.expect("no more than there are", (POINTS, POINTS), (preview["points"], preview["points_off"]))
    stage.tell(f"{clerk.name} gives {ming.name} {POINTS} points, which would take {yuan(preview['points_off'])} off")


def _wish(ming: Shopper) -> Wish:
    return ming.wish((JASMINE, 3), (MOONCAKE, 1))


def returned(stage: Stage, ming: Shopper) -> None:
    """Goods go back, and exactly their share of the money"""
    clerk = clerk_of(stage)
    order = ming.buys({**_wish(ming), "points": POINTS})
    tea, cake = order["lines"]
    stage.expect("points are spent", 0, ming.ask("GET", "/points")["balance"])
    stage.tell(
        f"{ming.name} buys three teas and mooncakes: {yuan(order['payable'])}, {yuan(tea['payable'])} of it for tea"
    )
    ships(clerk, ming, order, "ZTO")
    ming.ask("POST", f"/orders/{order['order_id']}/receipt")
    ming.sees(order, "COMPLETED")
    options = {each["sku_id"]: each for each in _options(ming, order)}
    stage.expect("fresh mooncakes may not go back for no reason", None, options[MOONCAKE]["no_reason_until"])
    no_reason = _wanted("RETURN", "NO_REASON", (MOONCAKE, 1))
    ming.is_refused("NO_REASON_OVER", "POST", _path(order), no_reason, Idempotency_Key=new_key())
    stock = ming.stock_of(JASMINE)
    broken = _applies(ming, order, _wanted("RETURN", "DAMAGED", (JASMINE, 1)))
    stage.expect("a reason is for the shop to judge", "APPLIED", broken["state"])
    agreed = clerk.ask("POST", f"/staff/aftersales/{ming.member_id}/{broken['case_id']}/agree", {})
    stage.tell(f"One tea is damaged: {clerk.name} agrees. {agreed['return_to']}")
    first = _sends_back(stage, ming, clerk, broken, restock=False)
    rest = _applies(ming, order, _wanted("RETURN", "NO_REASON", (JASMINE, 2)))
    stage.expect("seven days need no reason and nobody's consent", "AGREED", rest["state"])
    second = _sends_back(stage, ming, clerk, rest, restock=True)
    stage.expect("the shares of three teas", tea["payable"], first + second)
    stage.tell(f"{yuan(first)} for one, {yuan(second)} for the two others: together {yuan(tea['payable'])}, to the fen")
    stage.expect("what can be sold is for sale again", stock + 2, ming.stock_of(JASMINE))
    ming.is_refused(
        "NOT_CLAIMABLE", "POST", _path(order), _wanted("RETURN", "DAMAGED", (JASMINE, 1)), Idempotency_Key=new_key()
    )
    money = _adds_up(clerk, ming, order)
    stage.expect("what the shop keeps", cake["payable"], money["kept"])
    left = ming.ask("GET", "/points")["balance"]
    stage.tell(f"{left} of the {POINTS} points came back too, {yuan(money['kept'])} stay with the shop: difference 0")


def _options(ming: Shopper, order: Any) -> list[Any]:
    lines: list[Any] = ming.ask("GET", f"/orders/{order['order_id']}/aftersale-options")["lines"]
    return lines


def _path(order: Any) -> str:
    return f"/orders/{order['order_id']}/aftersales"


def _wanted(kind: str, reason: str, *lines: tuple[str, int], sent: bool = True) -> Wish:
    wanted = [{"sku_id": sku_id, "quantity": pieces} for sku_id, pieces in lines]
    return {"kind": kind, "reason": reason, "lines": wanted, "sent": sent}


def _applies(ming: Shopper, order: Any, wanted: Wish) -> Any:
    """Twice, by one key: one case."""
    key = new_key()
    first, second = (ming.ask("POST", _path(order), wanted, Idempotency_Key=key) for _ in range(2))
    ming.stage.expect("the case of the second tap", first["case_id"], second["case_id"])
    return first


def _sends_back(stage: Stage, ming: Shopper, clerk: Shopper, case: Any, *, restock: bool) -> int:
    """The parcel, its receipt, the money: fen that came back."""
    parcel = {"carrier": "SF", "tracking_no": f"SF{case['case_id'][-10:]}"}
    ming.ask("POST", f"/aftersales/{case['case_id']}/return", parcel)
    clerk.ask("POST", f"/staff/aftersales/{ming.member_id}/{case['case_id']}/receive", {"restock": restock})
    stage.let_pass(minutes=2)
    return _done(stage, ming, case)


def _done(stage: Stage, ming: Shopper, case: Any) -> int:
    done = stage.wait_until(
        "the money of the case arrives",
        lambda: ming.ask("GET", f"/aftersales/{case['case_id']}"),
        lambda seen: seen["state"] == "DONE",
    )
    return int(done["amount"])


def _adds_up(clerk: Shopper, ming: Shopper, order: Any) -> Any:
    money = clerk.ask("GET", f"/staff/orders/{ming.member_id}/{order['order_id']}/money")
    clerk.stage.expect("the difference in the order's money", 0, money["difference"], money)
    back = sum(fen for state, fen in ming.refunds_of(order) if state == "SUCCESS")
    clerk.stage.expect("what went back, by WeChat's books", back, money["sent_back"])
    return money


def closed_refund(stage: Stage, ming: Shopper) -> None:
    """A refund that WeChat closes is tried again"""
    clerk = clerk_of(stage)
    order = ming.buys(ming.wish((SOAP, 2)))
    case = _applies(ming, order, _wanted("REFUND", "CHANGED_MIND", (SOAP, 2), sent=False))
    stage.tell(f"{ming.name} wants his {yuan(order['payable'])} back before anything was sent")
    stage.wechat("POST", "faults", {"match": "refunds", "do": "refund_outcome", "outcome": "CLOSED"})
    clerk.ask("POST", f"/staff/aftersales/{ming.member_id}/{case['case_id']}/agree", {})
    stage.let_pass(minutes=2)
    closed = ("CLOSED", case["amount"])
    stage.wait_until("WeChat closes it", lambda: ming.refunds_of(order), lambda seen: closed in seen)
    stage.wait_until(
        "the shop hears of it",
        lambda: [each["state"] for each in _adds_up(clerk, ming, order)["movements"]],
        lambda states: "CLOSED" in states,
    )
    stage.let_pass(minutes=11)
    _done(stage, ming, case)
    stage.expect("refunds at WeChat", [closed, ("SUCCESS", case["amount"])], ming.refunds_of(order))
    ming.sees(order, "REFUNDED")
    numbers = [each["number"] for each in _adds_up(clerk, ming, order)["movements"]]
    stage.tell(f"WeChat closes the refund; it goes out again, once, under a new number …{numbers[-1][-8:]}")

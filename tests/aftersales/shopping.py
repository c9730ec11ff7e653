"""What shoppers and staff do about after-sales, over HTTP."""

import itertools
from typing import Any

from chalicelib.aftersales.rules import Case
from chalicelib.kernel.staff import StaffRole
from tests.shop import Shopper, Stack

PARCEL = {"carrier": "SF", "tracking_no": "SF1234567890123"}
_keys = itertools.count(1)


def asked(*lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    given = {"kind": "REFUND", "reason": "CHANGED_MIND", "sent": more.get("kind", "REFUND") != "REFUND", **more}
    return {"lines": [{"sku_id": sku_id, "quantity": n} for sku_id, n in lines], **given}


def apply(shopper: Shopper, order: Any, *lines: tuple[str, int], key: str = "", **more: Any) -> Any:
    headers = {"Idempotency-Key": key or f"case-key-{next(_keys)}"}
    return shopper.post(f"/orders/{order['order_id']}/aftersales", asked(*lines, **more), **headers)


def refused(shopper: Shopper, order: Any, *lines: tuple[str, int], **more: Any) -> str:
    headers = {"Idempotency-Key": f"case-key-{next(_keys)}"}
    return shopper.refused("POST", f"/orders/{order['order_id']}/aftersales", asked(*lines, **more), **headers)


def act(shopper: Shopper, case: Any, step: str, body: Any = None) -> Any:
    return shopper.post(f"/aftersales/{case['case_id']}/{step}", body)


def decide(stack: Stack, shopper: Shopper, case: Any, step: str, **body: Any) -> Any:
    """By the service."""
    return stack.staff(StaffRole.SERVICE).post(f"/staff/aftersales/{shopper.member_id}/{case['case_id']}/{step}", body)


def delivered(stack: Stack, shopper: Shopper, *lines: tuple[str, int], **more: Any) -> Any:
    """An order that was bought, sent and received."""
    order = shopper.buy(*lines, **more)
    stack.drain(1)
    stack.ship(shopper.member_id, order["order_id"])
    return shopper.post(f"/orders/{order['order_id']}/receipt")


def stored(stack: Stack, shopper: Shopper, case: Any) -> Case:
    return stack.shop.aftersales.store.get(shopper.member_id, case["case_id"])


def arrived(stack: Stack) -> list[tuple[str, int]]:
    """What WeChat has paid back, by payment."""
    found = stack.control("GET", "refunds")
    return [(each["out_trade_no"], each["amount"]["refund"]) for each in found if each["status"] == "SUCCESS"]


def adds_up(stack: Stack, shopper: Shopper, order: Any) -> None:
    report = stack.shop.payments.money.report(shopper.member_id, order["order_id"])
    assert report.difference == 0, report

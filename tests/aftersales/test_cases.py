"""Cases from first to last, over HTTP, on an engine with true transactions."""

import itertools
from typing import Any

from chalicelib.kernel.staff import StaffRole
from tests.shop import Shopper, Stack

_keys = itertools.count(1)


def apply(shopper: Shopper, order: Any, *lines: tuple[str, int], key: str = "", **more: Any) -> Any:
    wanted = {"lines": [{"sku_id": sku_id, "quantity": n} for sku_id, n in lines], **more}
    return shopper.post(
        f"/orders/{order['order_id']}/aftersales", wanted, **{"Idempotency-Key": key or f"case-key-{next(_keys)}"}
    )


def test_smoke(stack: Stack) -> None:
    alice, anna = stack.shopper("alice"), stack.staff(StaffRole.SERVICE)
    order = alice.buy(("tea-01", 2), ("cup-01", 1))
    case = apply(alice, order, ("tea-01", 2), ("cup-01", 1), kind="REFUND", reason="CHANGED_MIND", sent=False)
    assert case["amount"] == order["payable"]
    print(alice.get(f"/orders/{order['order_id']}/aftersale-options"))
    anna.post(f"/staff/aftersales/{alice.member_id}/{case['case_id']}/agree", {})
    stack.drain(3)
    print(alice.get(f"/aftersales/{case['case_id']}"))
    print(alice.get(f"/orders/{order['order_id']}"))
    assert stack.stock("tea-01") == 100

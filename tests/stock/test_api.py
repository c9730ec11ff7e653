"""Staff see a SKU's stock and spread it; shoppers notice nothing."""

from typing import Any

from chalicelib.kernel.staff import StaffRole
from tests.shop import Shopper, Stack

SKU = "tea-01"


def spread_over(sam: Shopper, counters: int) -> Any:
    answer = sam.send("PUT", f"/staff/stock/{SKU}", {"counters": counters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_staff_spread_a_sku_and_gather_it_and_shoppers_notice_nothing(stack: Stack) -> None:
    sam, alice = stack.staff(StaffRole.FULFILMENT), stack.shopper("alice")
    ordinary = sam.get(f"/staff/stock/{SKU}")
    nothing = {"counters": 0, "held": [], "drained": False, "heat": 0}
    assert ordinary == {"sku_id": SKU, "available": 100, "head": 100, **nothing}
    spread = spread_over(sam, 4)
    assert spread == {**ordinary, "head": 20, "counters": 4, "held": [20] * 4}
    alice.post("/cart/lines", {"sku_id": SKU, "quantity": 90})
    alice.order((SKU, 90))
    assert sam.get(f"/staff/stock/{SKU}")["available"] == 10
    gathered = spread_over(sam, 1)
    assert (gathered["head"], gathered["counters"]) == (10, 0)


def test_orders_are_counted_as_heat_for_a_minute(stack: Stack) -> None:
    sam, alice = stack.staff(StaffRole.FULFILMENT), stack.shopper("alice")
    for _ in range(3):
        alice.order((SKU, 1))
    assert sam.get(f"/staff/stock/{SKU}")["heat"] == 3
    stack.clock.forward(seconds=60)
    assert sam.get(f"/staff/stock/{SKU}")["heat"] == 0

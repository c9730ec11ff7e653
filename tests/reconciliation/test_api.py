"""The whole way: WeChat's own bills over HTTP, the schedule, and what staff see and say."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.kernel.staff import StaffRole
from chalicelib.log import logger
from functions.reconciliation import reconcile
from sandbox.local.worker import schedule_event
from tests.shop import Shopper, Stack

DAY = "2026-11-22"
PATH = f"/staff/reconciliations/{DAY}"


@pytest.fixture
def finance(stack: Stack) -> Shopper:
    return stack.staff(StaffRole.FINANCE)


def next_morning(stack: Stack) -> list[int]:
    """The schedule, until the last seven days are done."""
    stack.clock.forward(days=1)
    return [reconcile(schedule_event(stack.clock()), None) for _ in range(8)]


def lose_callbacks(stack: Stack) -> None:
    stack.control("POST", "faults", [{"match": "callback", "do": "lose", "times": 9}])


def compared(finance: Shopper, subject: str) -> dict[str, Any]:
    report = finance.get(PATH)["report"]
    return next(each for each in report["compared"] if each["subject"] == subject)


def test_a_day_of_the_shop_agrees_with_wechats_bills(stack: Stack, finance: Shopper) -> None:
    alice = stack.shopper("alice")
    first, second = alice.buy(("tea-01", 1)), alice.buy(("cup-01", 1))
    refund_whole(stack, alice, second["order_id"])
    assert next_morning(stack) == [0] * 8
    report = finance.get(PATH)["report"]
    total = first["payable"] + second["payable"]
    assert (report["state"], report["found"], report["mended"]) == ("DONE", 0, 0)
    assert compared(finance, "payment")["both"] == {"count": 2, "fen": total}
    assert compared(finance, "flow-payment")["both"] == {"count": 2, "fen": total}
    assert compared(finance, "refund")["both"] == {"count": 1, "fen": second["payable"]}
    assert compared(finance, "flow-refund")["both"] == {"count": 1, "fen": second["payable"]}


def refund_whole(stack: Stack, shopper: Shopper, order_id: str) -> None:
    stack.clock.forward(minutes=2)
    stack.shop.payments.refunding.refund_in_full(shopper.member_id, order_id, "test", "商家退款", stack.clock())
    stack.clock.forward(minutes=2)
    stack.drain()


def test_a_payment_that_nobody_told_the_shop_of_is_settled_the_next_morning(stack: Stack, finance: Shopper) -> None:
    alice = stack.shopper("alice")
    lose_callbacks(stack)
    order_id = alice.order(("tea-01", 1))["order_id"]
    alice.pay(order_id)
    assert alice.get(f"/orders/{order_id}")["state"] == "AWAITING_PAYMENT"
    assert next_morning(stack)[6] == 1
    assert alice.get(f"/orders/{order_id}")["state"] == "PAID"
    shown = finance.get(PATH)
    assert (shown["report"]["mended"], shown["report"]["found"]) == (1, 0)
    (finding,) = shown["items"]
    assert (finding["number"], finding["detail"], finding["state"]) == (f"{order_id}-1", "SETTLED", "MENDED")


def test_a_payment_for_an_order_that_was_closed_goes_back(stack: Stack, finance: Shopper) -> None:
    alice = stack.shopper("alice")
    lose_callbacks(stack)
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    alice.pay(order_id, sheet, late=True)
    next_morning(stack)
    stack.drain()
    stack.clock.forward(minutes=2)
    stack.drain()
    assert [(each["out_trade_no"], each["status"]) for each in stack.control("GET", "refunds")] == [
        (f"{order_id}-1", "SUCCESS")
    ]


def stranger(stack: Stack, finance: Shopper) -> dict[str, Any]:
    """A payment that the shop has forgotten."""
    from chalicelib.payments.rows import PaymentRow

    alice = stack.shopper("alice")
    number = f"{alice.buy(('tea-01', 1))['order_id']}-1"
    PaymentRow(number).delete()
    next_morning(stack)
    shown = finance.get(f"{PATH}?limit=1")
    rest = finance.get(f"{PATH}?cursor={shown['next_cursor']}")
    assert [each["subject"] for each in shown["items"] + rest["items"]] == ["flow-payment", "payment"]
    finding: dict[str, Any] = rest["items"][0]
    assert (finding["number"], finding["outcome"], finding["detail"]) == (number, "theirs-only", "UNKNOWN_HERE")
    return finding


def test_staff_see_what_was_found_and_say_how_it_was_dealt_with(stack: Stack, finance: Shopper) -> None:
    finding = stranger(stack, finance)
    path = f"{PATH}/findings/{finding['finding_id']}/resolution"
    done = finance.post(path, {"note": "已在商户平台退款"})
    assert (done["state"], done["note"], done["resolved_by"]) == ("RESOLVED", "已在商户平台退款", finance.member_id)
    assert done["resolved_at"] == stack.clock().isoformat().replace("+00:00", "Z")
    assert finance.post(path, {"note": "已在商户平台退款"}) == done
    assert finance.refused("POST", path, {"note": "另一种处理"}) == "FINDING_NOT_OPEN"
    assert finance.refused("POST", f"{PATH}/findings/nobody/resolution", {"note": "x"}) == "FINDING_NOT_FOUND"
    assert finance.get(PATH)["items"][1] == done


def test_differences_raise_the_alarm(stack: Stack, finance: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(logger, "error", lambda message, **more: heard.append((message, more)))
    stranger(stack, finance)
    assert heard == [("reconciliation found differences", {"about": DAY, "alarm": "reconciliation"})]


def test_reports_are_listed_and_only_for_those_who_look_after_the_money(stack: Stack, finance: Shopper) -> None:
    next_morning(stack)
    shown = finance.get("/staff/reconciliations?limit=5")
    days = [each["day"] for each in shown["items"]]
    assert (days[0], len(days)) == (DAY, 5)
    rest = finance.get(f"/staff/reconciliations?cursor={shown['next_cursor']}")
    assert ([each["day"] for each in rest["items"]], rest["next_cursor"]) == (["2026-11-17", "2026-11-16"], None)
    assert stack.staff(StaffRole.SERVICE).refused("GET", "/staff/reconciliations") == "STAFF_ONLY"


@pytest.mark.parametrize("day", ["2026-11-01", "2026-13-01", "today", "20261122"])
def test_a_day_without_a_report_is_not_found(stack: Stack, finance: Shopper, day: str) -> None:
    assert finance.refused("GET", f"/staff/reconciliations/{day}") == "RECONCILIATION_NOT_FOUND"


def test_the_schedule_waits_for_ten_in_beijing(stack: Stack, finance: Shopper) -> None:
    stack.clock.now += timedelta(hours=23, minutes=59)
    assert reconcile(schedule_event(stack.clock()), None) == 0
    assert finance.get("/staff/reconciliations")["items"] == []

"""The money of an order, added up."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.kernel.staff import StaffRole
from chalicelib.orders.rules import Order, OrderState
from chalicelib.payments.money import Money, money_report
from chalicelib.payments.rules import Payment, PaymentState, RefundOrder, RefundState
from tests.orders.test_rules import NOW, ORDER
from tests.shop import Stack

PAYMENT = Payment("o-1", "o", "m", "x", 5000, PaymentState.PAID, "", NOW)
REFUND = RefundOrder("Ro-1", "o-1", "o", "m", 2000, 5000, "", "aftersale", RefundState.SUCCESS, NOW, "c")
PAID = replace(ORDER, state=OrderState.PAID, paid_at=NOW, trade_no="o-1", attempt=1)


@pytest.mark.parametrize(
    ("order", "refunds", "parts"),
    [
        (PAID, [], (5000, 0, 0, 0, 5000)),
        (replace(PAID, refunded=2000), [REFUND], (5000, 2000, 0, 0, 3000)),
        (replace(PAID, refunded=2000), [replace(REFUND, state=RefundState.PENDING)], (5000, 0, 2000, 0, 3000)),
        (
            replace(PAID, refunded=2000),
            [replace(REFUND, state=RefundState.CLOSED), replace(REFUND, out_refund_no="Ro-1*2")],
            (5000, 2000, 0, 0, 3000),
        ),
        (replace(ORDER, state=OrderState.CLOSED, late_payment=True), [], (5000, 0, 0, 5000, 0)),
        (
            replace(PAID, state=OrderState.REFUNDED, refund_state="SUCCESS"),
            [replace(REFUND, amount=5000, cause="team-failed")],
            (5000, 5000, 0, 0, 0),
        ),
        (
            replace(PAID, state=OrderState.REFUNDED, refunded=5000),
            [replace(REFUND, amount=5000, state=RefundState.ABNORMAL)],
            (5000, 0, 5000, 0, 0),
        ),
    ],
)
def test_what_came_in_is_sent_back_under_way_undecided_or_kept(order, refunds, parts) -> None:  # type: ignore[no-untyped-def]
    report = money_report(order, [PAYMENT], refunds)
    assert (report.received, report.sent_back, report.under_way, report.undecided, report.kept) == parts
    assert report.difference == 0


def test_what_is_not_paid_moves_nothing() -> None:
    report = money_report(ORDER, [replace(PAYMENT, state=PaymentState.STARTED)], [])
    assert (report.received, report.kept, report.difference) == (0, 0, 0)
    assert [(m.amount, m.counts) for m in report.movements] == [(5000, False)]


def test_money_that_nobody_decided_on_shows_as_a_difference() -> None:
    assert money_report(PAID, [PAYMENT], [REFUND]).difference == -2000
    assert money_report(PAID, [], []).difference == -5000


def test_staff_see_the_money_of_an_order_and_why_it_moved(stack: Stack) -> None:
    alice, finance = stack.shopper("alice"), stack.staff(StaffRole.FINANCE)
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    path = f"/staff/orders/{alice.member_id}/{order_id}/money"
    assert finance.get(path)["received"] == 0
    alice.post(f"/orders/{order_id}/cancel")
    alice.pay(order_id, sheet, late=True)
    late = finance.get(path)
    assert (late["received"], late["undecided"], late["difference"]) == (5600, 5600, 0)
    stack.drain()
    end = finance.get(path)
    assert (end["received"], end["sent_back"], end["kept"], end["difference"]) == (5600, 5600, 0, 0)
    payment, refund = end["movements"]
    assert (payment["amount"], refund["amount"], refund["cause"]) == (5600, -5600, "late-payment")
    assert [event["now"] for event in payment["timeline"]] == ["STARTED", "CLOSED", "PAID"]
    told = [event["now"] for event in refund["timeline"]]
    assert (told[0], told[-1]) == ("PENDING", "SUCCESS")


def test_an_order_paid_twice_adds_up_too(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    first = alice.open_sheet(order_id)
    stack.control("POST", "native/pay", {"code_url": alice.post(f"/orders/{order_id}/payment/native")["code_url"],
                                         "shopper": "bob"})  # fmt: skip
    alice.pay(order_id, first, late=True)
    stack.drain()
    report = stack.shop.payments.money.report(alice.member_id, order_id)
    assert (report.received, report.sent_back, report.kept, report.difference) == (11200, 5600, 5600, 0)


def test_a_difference_is_alarmed(
    stack: Stack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = stack.shopper("alice")
    order_id = alice.buy(("tea-01", 1))["order_id"]
    monkeypatch.setattr("chalicelib.payments.money._kept", lambda order: 1)
    with caplog.at_level(logging.ERROR, "jishi"):
        assert stack.shop.payments.money.report(alice.member_id, order_id).difference == 5599
    assert "money_difference" in [getattr(record, "alarm", "") for record in caplog.records]


class Closing:
    """A store in which WeChat's closing of a refund is booked between the payment's read and its refunds'."""

    def __init__(self) -> None:
        self.known = [REFUND.out_refund_no]

    def get(self, member_id: str, order_id: str) -> Order:
        return replace(PAID, refunded=2000)

    def payments(self, numbers: Iterable[str]) -> list[Payment]:
        return [replace(PAYMENT, refund_nos=frozenset(self.known))]

    def refunds(self, numbers: list[str]) -> list[RefundOrder]:
        closed = replace(REFUND, state=RefundState.CLOSED)
        again = replace(closed.again(NOW), state=RefundState.PENDING)
        self.known = [closed.out_refund_no, again.out_refund_no]
        return [each for each in (closed, again) if each.out_refund_no in numbers]


def test_a_refund_that_begins_again_while_it_is_looked_at_is_no_difference(caplog: pytest.LogCaptureFixture) -> None:
    store: Any = Closing()
    assert Money(store, store).report("m", "o").difference == 0
    assert not caplog.records


def test_staff_see_which_refunds_have_not_arrived_and_why(stack: Stack) -> None:
    alice, finance = stack.shopper("alice"), stack.staff(StaffRole.FINANCE)
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    poor = {"match": "domestic/refunds", "do": "status", "status": 403, "code": "NOT_ENOUGH", "times": 2}
    stack.control("POST", "faults", [poor])
    alice.pay(order_id, sheet, late=True)
    stack.drain(1)
    (waiting,) = finance.get("/staff/refunds")["items"]
    assert (waiting["order_id"], waiting["state"], waiting["problem"]) == (order_id, "PENDING", "NOT_ENOUGH")
    assert finance.get(f"/staff/payments/{order_id}-1")["member_id"] == alice.member_id
    report = finance.get(f"/staff/orders/{alice.member_id}/{order_id}/money")
    assert report["movements"][-1]["problem"] == "NOT_ENOUGH"
    stack.clock.forward(minutes=30)
    stack.drain()
    assert finance.get("/staff/refunds")["items"] == []

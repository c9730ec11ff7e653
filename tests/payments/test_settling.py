"""Rare ways for money to come and go."""

import dataclasses
from dataclasses import replace

import pytest

from chalicelib.kernel.errors import Conflict
from chalicelib.orders.rules import OrderStateRefused
from chalicelib.payments.rules import PaymentMismatch, PaymentState, RefundNotFound
from chalicelib.storage.writes import commit
from chalicelib.wechat.pay_types import Notification, Refund, RefundStatus
from tests.shop import Stack


def test_a_number_that_wechat_has_closed_is_replaced_by_a_new_one(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    alice.open_sheet(order_id)
    stack.shop.payments.wechat.close(f"{order_id}-1")
    stack.clock.forward(minutes=1)
    forget_prepay_id(stack, f"{order_id}-1")
    alice.pay(order_id)
    assert alice.get(f"/orders/{order_id}")["state"] == "PAID"
    assert [p["out_trade_no"] for p in stack.control("GET", "payments")] == [f"{order_id}-1", f"{order_id}-2"]


def forget_prepay_id(stack: Stack, number: str) -> None:
    """As if the answer of the first prepay had been lost."""
    from chalicelib.payments.store import PaymentRow
    from chalicelib.storage.writes import update

    commit(update(PaymentRow(number), PaymentRow.prepay_id.remove(), condition=PaymentRow.total > 0))


@pytest.mark.parametrize("says", ["", "somebody else"])
def test_a_trade_that_does_not_say_whose_it_is_is_settled_by_its_payment(stack: Stack, says: str) -> None:
    """One that was begun before trades said so, above all."""
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "callback", "do": "lose"}])
    alice.pay(order_id)
    payments = stack.shop.payments
    trade = payments.wechat.query(f"{order_id}-1")
    assert trade is not None
    assert trade.attach == alice.member_id
    payments.settling.settle(replace(trade, attach=says), "query", stack.clock())
    assert alice.get(f"/orders/{order_id}")["state"] == "PAID"


def test_a_payment_begun_without_words_of_its_own_is_resumed_without_them(stack: Stack) -> None:
    """WeChat takes a repeated prepay only with the same words as the first."""
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    paying = stack.shop.payments.paying
    paying._new = lambda *how: replace(type(paying)._new(paying, *how), attach="")
    alice.post(f"/orders/{order_id}/payment")
    del paying._new
    forget_prepay_id(stack, f"{order_id}-1")
    assert alice.post(f"/orders/{order_id}/payment")["signType"] == "RSA"
    alice.pay(order_id)
    assert alice.get(f"/orders/{order_id}")["state"] == "PAID"


def test_a_prepay_for_what_is_paid_already_settles_the_order(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "callback", "do": "lose"}])
    alice.pay(order_id)
    forget_prepay_id(stack, f"{order_id}-1")
    assert alice.refused("POST", f"/orders/{order_id}/payment") == "ORDER_ALREADY_PAID"
    assert alice.get(f"/orders/{order_id}")["state"] == "PAID"
    assert alice.refused("POST", f"/orders/{order_id}/payment") == "ORDER_ALREADY_PAID"


def test_a_second_payment_for_a_paid_order_goes_back_at_once(stack: Stack) -> None:
    """WeChat took the money under an older number too: the order keeps the first payment."""
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet_of_one = alice.open_sheet(order_id)
    stack.shop.payments.wechat.close(f"{order_id}-1")
    forget_prepay_id(stack, f"{order_id}-1")
    alice.pay(order_id)
    alice.pay(order_id, sheet_of_one, late=True)
    stack.drain()
    assert alice.get(f"/orders/{order_id}")["state"] == "PAID"
    assert [(r["out_trade_no"], r["status"]) for r in stack.control("GET", "refunds")] == [(f"{order_id}-1", "SUCCESS")]
    assert stack.stock("tea-01") == 99


def test_closing_an_order_that_wechat_never_heard_of_is_local(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "transactions/jsapi", "do": "drop_before", "times": 2}])
    assert alice.refused("POST", f"/orders/{order_id}/payment") == "WECHAT_PAY_BUSY"
    assert alice.post(f"/orders/{order_id}/cancel")["state"] == "CLOSED"
    assert alice.post(f"/orders/{order_id}/cancel")["state"] == "CLOSED"
    assert alice.refused("POST", f"/orders/{order_id}/payment") == "ORDER_STATE_REFUSED"
    assert stack.stock("tea-01") == 100


def test_a_prepay_answer_that_comes_after_the_order_was_closed_is_not_handed_out(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "transactions/jsapi", "do": "drop_after", "times": 2}])
    assert alice.refused("POST", f"/orders/{order_id}/payment") == "WECHAT_PAY_BUSY"
    payment = stack.shop.payments.paying._store.payment(f"{order_id}-1")
    alice.post(f"/orders/{order_id}/cancel")
    with pytest.raises(Conflict):
        commit(stack.shop.payments.paying._store.prepaid(replace(payment, prepay_id="wx", prepaid_at=stack.clock())))


def test_a_refund_says_what_ours_says_or_is_refused(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    alice.pay(order_id, sheet, late=True)
    stack.drain()
    refunding, payments = stack.shop.payments.refunding, stack.shop.payments
    true = RefundStatus("16", f"R{order_id}-1", "50", f"{order_id}-1", "42", "SUCCESS", 5600, 5600, None)
    payments.hear(Notification("EV-1", "REFUND.SUCCESS", true), stack.clock())
    for wrong in (replace(true, refund=1), replace(true, total=1), replace(true, out_trade_no="other")):
        with pytest.raises(PaymentMismatch):
            refunding.record(wrong, stack.clock())
    with pytest.raises(RefundNotFound):
        refunding.record(replace(true, out_refund_no="Rnone"), stack.clock())
    # old news: a refund that has arrived does not go back to being processed
    refunding.record(replace(true, status="PROCESSING"), stack.clock())
    assert alice.get(f"/orders/{order_id}")["refund_state"] == "SUCCESS"


def test_an_event_that_the_shop_has_no_use_for_changes_nothing(stack: Stack) -> None:
    stack.shop.payments.hear(Notification("EV-1", "SECURITY_ECHO.SUCCESS", None), stack.clock())


def test_what_was_not_paid_cannot_be_refunded(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    with pytest.raises(OrderStateRefused):
        stack.shop.payments.refunding.refund_in_full(alice.member_id, order_id, "cause", "原因", stack.clock())


def test_a_refund_whose_callback_is_lost_is_asked_after(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    stack.control("POST", "faults", [{"match": "callback:REFUND", "do": "lose"}])
    slow = {"match": "/v3/refund", "do": "refund_outcome", "outcome": "SUCCESS", "seconds": 200}
    stack.control("POST", "faults", [slow])
    alice.pay(order_id, sheet, late=True)
    stack.drain(1)
    assert alice.get(f"/orders/{order_id}")["refund_state"] == "PROCESSING"
    stack.control("POST", "clock", {"advance_seconds": 600})
    while [refund["status"] for refund in stack.control("GET", "refunds")] != ["SUCCESS"]:
        pass  # WeChat's own work goes on in a thread of its own
    stack.drain(1)
    assert alice.get(f"/orders/{order_id}")["refund_state"] == "SUCCESS"


def test_settings_that_wechat_pay_refuses_are_told_as_such(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    fault = {"match": "transactions/jsapi", "do": "status", "status": 403, "code": "NO_AUTH", "times": 5}
    stack.control("POST", "faults", [fault])
    assert alice.refused("POST", f"/orders/{order_id}/payment") == "WECHAT_PAY_MISCONFIGURED"


def test_an_unsigned_denial_of_a_trade_releases_nothing_while_its_sheet_works(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    alice.open_sheet(order_id)
    denial = {"match": "out-trade-no", "do": "status", "status": 404, "code": "ORDER_NOT_EXIST", "times": 1}
    stack.control("POST", "faults", [denial])
    assert alice.refused("POST", f"/orders/{order_id}/cancel") == "WECHAT_PAY_BUSY"
    assert stack.stock("tea-01") == 99
    assert alice.post(f"/orders/{order_id}/cancel")["state"] == "CLOSED"


def test_what_was_refunded_in_the_portal_is_closed_and_never_shipped(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.control("POST", "faults", [{"match": "callback", "do": "lose"}])
    alice.pay(order_id)
    wechat = stack.shop.payments.wechat
    paid = wechat.query(f"{order_id}-1")
    wechat.refund(Refund("PORTAL-1", f"{order_id}-1", 5600, 5600))
    stack.clock.forward(minutes=16)
    stack.shop.payments.closing.close_due(stack.clock())
    assert alice.get(f"/orders/{order_id}")["state"] == "CLOSED"
    assert paid is not None
    stack.shop.payments.settling.settle(paid, "callback", stack.clock())
    stack.drain(1)
    assert alice.get(f"/orders/{order_id}")["state"] == "CLOSED"
    assert stack.stock("tea-01") == 100


def test_the_payment_row_knows_by_whom_it_was_heard(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.buy(("tea-01", 1))["order_id"]
    payment = stack.shop.payments.paying._store.payment(f"{order_id}-1")
    assert dataclasses.asdict(payment) | {"state": PaymentState.PAID, "total": 5600} == dataclasses.asdict(payment)
    assert payment.transaction_id

"""Payments and refunds: states, numbers, and what must agree before money is believed."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.ids import new_id
from chalicelib.payments.rules import (
    PAYMENT_TRANSITIONS,
    REFUND_TRANSITIONS,
    Expected,
    Payment,
    PaymentState,
    RefundOrder,
    RefundState,
    TradeType,
    differences,
    refund_number,
    trade_number,
    wait_after,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PAYMENT = Payment("o-1", "o", "m", "openid", 100, PaymentState.STARTED, "https://x/notify", NOW)
TRUE = {"appid": "wx", "mchid": "16", "total": 100, "currency": "CNY", "openid": "openid"}


def test_money_that_agrees_in_everything_is_believed() -> None:
    assert differences(Expected("wx", "16"), PAYMENT, **TRUE) == []  # type: ignore[arg-type]


@given(st.sets(st.sampled_from(sorted(TRUE)), min_size=1))
def test_whatever_differs_is_named(fields: set[str]) -> None:
    told = {**TRUE, **{name: (1 if name == "total" else "other") for name in fields}}
    assert set(differences(Expected("wx", "16"), PAYMENT, **told)) == fields  # type: ignore[arg-type]


def test_whoever_scans_a_code_may_pay_it() -> None:
    scanned = replace(PAYMENT, trade_type=TradeType.NATIVE)
    assert differences(Expected("wx", "16"), scanned, **{**TRUE, "openid": "a friend"}) == []  # type: ignore[arg-type]


def test_a_closed_refund_is_tried_again_under_a_number_of_its_own() -> None:
    number = refund_number("o-1", "c")
    first = RefundOrder(number, "o-1", "o", "m", 5, 9, "r", "aftersale", RefundState.CLOSED, NOW, "c", tries=7)
    second = first.again(NOW + timedelta(hours=1))
    assert (second.out_refund_no, second.attempt, second.tries) == (f"{number}*2", 2, 0)
    assert (second.amount, second.cause, second.case_id, second.state) == (5, "aftersale", "c", RefundState.PENDING)
    assert second.again(NOW).out_refund_no == f"{number}*3"


def test_numbers_fit_wechats_rules_and_derive_from_what_they_are_for() -> None:
    order_id = new_id(NOW)
    for attempt in (1, 12, 999):
        number = trade_number(order_id, attempt)
        assert re.fullmatch(r"[0-9A-Za-z_\-|*]{6,32}", number)
        assert re.fullmatch(r"[0-9A-Za-z_\-|*@]{1,64}", refund_number(number))
        for_case = refund_number(number, new_id(NOW), 99)
        assert re.fullmatch(r"[0-9A-Za-z_\-|*@]{1,64}", for_case)
    assert len({refund_number("o-1"), refund_number("o-1", "c"), refund_number("o-1", "c", 2), "Ro-1*2"}) == 4
    assert trade_number(order_id, 1) != trade_number(order_id, 2)
    assert refund_number(trade_number(order_id, 1)) == refund_number(trade_number(order_id, 1))


def test_a_prepay_id_is_used_for_less_than_two_hours() -> None:
    assert not PAYMENT.ready(NOW)
    prepaid = replace(PAYMENT, prepay_id="wx1", prepaid_at=NOW)
    assert prepaid.ready(NOW + timedelta(minutes=114))
    assert not prepaid.ready(NOW + timedelta(minutes=115))


@given(st.integers(0, 1000))
def test_waiting_doubles_and_never_exceeds_an_hour(tries: int) -> None:
    first = timedelta(minutes=2)
    wait = wait_after(tries, first)
    assert first <= wait <= timedelta(hours=1)
    assert wait_after(tries + 1, first) >= wait
    assert wait_after(1, first) == 2 * first


PAYMENT_WAYS = {("STARTED", "PAID"), ("STARTED", "CLOSED"), ("CLOSED", "PAID")}
REFUND_WAYS = {
    ("PENDING", "PROCESSING"), ("PENDING", "SUCCESS"), ("PENDING", "ABNORMAL"), ("PENDING", "CLOSED"),
    ("PROCESSING", "SUCCESS"), ("PROCESSING", "ABNORMAL"), ("PROCESSING", "CLOSED"),
    ("ABNORMAL", "SUCCESS"), ("ABNORMAL", "CLOSED"),
}  # fmt: skip


@pytest.mark.parametrize(("was", "to"), list(product(PaymentState, PaymentState)))
def test_every_pair_of_payment_states_is_known(was: PaymentState, to: PaymentState) -> None:
    assert (to in PAYMENT_TRANSITIONS[was]) is ((was, to) in PAYMENT_WAYS)


@pytest.mark.parametrize(("was", "to"), list(product(RefundState, RefundState)))
def test_every_pair_of_refund_states_is_known(was: RefundState, to: RefundState) -> None:
    assert (to in REFUND_TRANSITIONS[was]) is ((was, to) in REFUND_WAYS)

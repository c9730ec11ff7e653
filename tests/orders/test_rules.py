"""Orders: what may follow what, and which wishes are none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from chalicelib.kernel.errors import Invalid
from chalicelib.orders.rules import (
    MOST_LINES,
    TRANSITIONS,
    NothingToOrder,
    Order,
    OrderHeld,
    OrderLine,
    OrderState,
    OrderStateRefused,
    TooManyLines,
    digest,
    expiry,
    merged,
    must_await_payment,
    must_be_able,
    paid,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LINE = OrderLine("tea-01", "tea", "龙井茶", "", "1份", 1, 5000, 0, 0, 5000)
ORDER = Order(
    order_id="o",
    member_id="m",
    openid="x",
    state=OrderState.AWAITING_PAYMENT,
    lines=(LINE,),
    goods_total=5000,
    discount_total=0,
    freight=0,
    payable=5000,
    adjustments=(),
    placed_at=NOW,
    expires_at=NOW + timedelta(minutes=15),
)

ALLOWED = {
    ("AWAITING_PAYMENT", "PAID"), ("AWAITING_PAYMENT", "CLOSED"), ("PAID", "SHIPPED"), ("PAID", "REFUNDED"),
    ("SHIPPED", "COMPLETED"), ("SHIPPED", "REFUNDED"), ("COMPLETED", "REFUNDED"), ("CLOSED", "PAID"),
}  # fmt: skip


@pytest.mark.parametrize(("was", "to"), list(product(OrderState, OrderState)))
def test_every_pair_of_states_is_a_transition_or_refused(was: OrderState, to: OrderState) -> None:
    order = replace(ORDER, state=was)
    if (was, to) in ALLOWED:
        must_be_able(order, to)
    else:
        with pytest.raises(OrderStateRefused) as refusal:
            must_be_able(order, to)
        assert refusal.value.details == {"state": was}


def test_the_table_knows_every_state() -> None:
    assert set(TRANSITIONS) == set(OrderState)


def test_a_held_order_is_not_shipped_but_may_be_refunded() -> None:
    held = replace(ORDER, state=OrderState.PAID, held=True)
    with pytest.raises(OrderHeld):
        must_be_able(held, OrderState.SHIPPED)
    must_be_able(held, OrderState.REFUNDED)


def test_payment_is_started_only_while_the_reservation_lives() -> None:
    must_await_payment(ORDER, NOW + timedelta(minutes=14, seconds=59))
    with pytest.raises(OrderStateRefused):
        must_await_payment(ORDER, NOW + timedelta(minutes=15))
    with pytest.raises(OrderStateRefused):
        must_await_payment(replace(ORDER, state=OrderState.CLOSED), NOW)


def test_a_campaign_may_set_its_own_time_to_pay() -> None:
    assert expiry(NOW, None, timedelta(minutes=15)) == NOW + timedelta(minutes=15)
    assert expiry(NOW, timedelta(minutes=5), timedelta(minutes=15)) == NOW + timedelta(minutes=5)


def test_an_order_with_nothing_to_pay_is_paid_with_its_effects_due() -> None:
    order = paid(ORDER, NOW, held=True)
    assert (order.state, order.held, order.paid_at, order.effects_due) == (OrderState.PAID, True, NOW, True)


def test_a_sku_named_twice_is_one_line() -> None:
    assert merged((("a", 1), ("b", 2), ("a", 3))) == {"a": 4, "b": 2}


def test_wishes_that_are_none_are_refused() -> None:
    with pytest.raises(NothingToOrder):
        merged(())
    with pytest.raises(TooManyLines):
        merged(tuple((f"s{n}", 1) for n in range(MOST_LINES + 1)))
    for quantity in (0, -1, 1000):
        with pytest.raises(Invalid):
            merged((("a", quantity),))
    with pytest.raises(Invalid):
        merged((("a", 999), ("a", 1)))


def test_the_title_on_wechats_bill_names_the_first_line_and_fits() -> None:
    assert ORDER.title == "龙井茶"
    assert replace(ORDER, lines=(LINE, LINE)).title == "龙井茶等2件商品"
    assert len(replace(ORDER, lines=(replace(LINE, title="长" * 200),)).title) <= 127


def test_a_digest_tells_requests_apart() -> None:
    assert digest("a", 1) == digest("a", 1)
    assert digest("a", 1) != digest("a", 2)

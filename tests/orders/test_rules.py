"""Orders: what may follow what, and which wishes are none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from chalicelib.kernel.errors import Invalid
from chalicelib.kernel.trail import Actor, Event
from chalicelib.orders.entry import MOST_LINES, NothingToOrder, TooManyLines, digest, merged
from chalicelib.orders.rules import (
    TRANSITIONS,
    Job,
    Order,
    OrderHeld,
    OrderLine,
    OrderState,
    OrderStateRefused,
    Periods,
    expiry,
    moved,
    must_await_payment,
    must_be_sendable,
    waits_for,
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
    ("PAID", "COMPLETED"), ("SHIPPED", "COMPLETED"), ("SHIPPED", "REFUNDED"), ("COMPLETED", "REFUNDED"),
    ("CLOSED", "PAID"),
}  # fmt: skip


@pytest.mark.parametrize(("was", "to"), list(product(OrderState, OrderState)))
def test_every_pair_of_states_is_a_transition_or_refused(was: OrderState, to: OrderState) -> None:
    order = replace(ORDER, state=was)
    if was is to or (was, to) in ALLOWED:
        after = moved(order, NOW, Actor.STAFF, "因为", to=to, who="M1", held=True)
        assert (after.state, after.held) == (to, True)
        assert after.timeline == (Event(NOW, Actor.STAFF, was, to, "因为", "M1"),)
    else:
        with pytest.raises(OrderStateRefused) as refusal:
            moved(order, NOW, Actor.STAFF, "因为", to=to)
        assert refusal.value.details == {"state": was}


def test_the_table_knows_every_state() -> None:
    assert set(TRANSITIONS) == set(OrderState)


def test_only_what_is_paid_and_not_held_is_sent() -> None:
    must_be_sendable(replace(ORDER, state=OrderState.PAID))
    with pytest.raises(OrderHeld):
        must_be_sendable(replace(ORDER, state=OrderState.PAID, held=True))
    with pytest.raises(OrderStateRefused):
        must_be_sendable(ORDER)


DAY = timedelta(days=1)
PAID = moved(ORDER, NOW, Actor.WECHAT, "支付成功", to=OrderState.PAID, paid_at=NOW)
SHIPPED = replace(PAID, state=OrderState.SHIPPED, receive_by=NOW + 9 * DAY)
COMPLETED = replace(SHIPPED, state=OrderState.COMPLETED, completed_at=NOW + DAY)


@pytest.mark.parametrize(
    ("order", "job"),
    [
        (ORDER, (Job.CLOSE, NOW + timedelta(minutes=15))),
        (replace(PAID, effects_due=True), (Job.EFFECTS, NOW + timedelta(minutes=2))),
        (PAID, (Job.SHIP, NOW + 2 * DAY)),
        (replace(PAID, held=True), None),
        (SHIPPED, (Job.RECEIVE, NOW + 9 * DAY)),
        (replace(SHIPPED, effects_due=True), (Job.EFFECTS, NOW + timedelta(minutes=2))),
        (COMPLETED, (Job.FINISH, NOW + 16 * DAY)),
        (replace(COMPLETED, finished=True), None),
        (replace(ORDER, state=OrderState.CLOSED), None),
        (replace(PAID, state=OrderState.REFUNDED), None),
    ],
)
def test_an_order_waits_for_one_thing_until_it_is_over(order: Order, job: object) -> None:
    assert waits_for(order, Periods()) == job


def test_payment_is_started_only_while_the_reservation_lives() -> None:
    must_await_payment(ORDER, NOW + timedelta(minutes=14, seconds=59))
    with pytest.raises(OrderStateRefused):
        must_await_payment(ORDER, NOW + timedelta(minutes=15))
    with pytest.raises(OrderStateRefused):
        must_await_payment(replace(ORDER, state=OrderState.CLOSED), NOW)


def test_a_campaign_may_set_its_own_time_to_pay() -> None:
    assert expiry(NOW, None, timedelta(minutes=15)) == NOW + timedelta(minutes=15)
    assert expiry(NOW, timedelta(minutes=5), timedelta(minutes=15)) == NOW + timedelta(minutes=5)


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

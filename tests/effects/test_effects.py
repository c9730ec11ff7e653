"""What follows from an order's change: messages, sales, and the net under the stream."""

from dataclasses import replace

import pytest

from chalicelib.effects.rules import messages_for
from chalicelib.kernel.trail import Actor, Event
from chalicelib.orders.rules import OrderCampaign, OrderState
from tests.orders.test_rules import NOW, ORDER
from tests.shop import Stack

PAID = replace(
    ORDER,
    state=OrderState.PAID,
    paid_at=NOW,
    trade_no="o-1",
    timeline=(Event(NOW, Actor.WECHAT, OrderState.AWAITING_PAYMENT, OrderState.PAID, "支付成功"),),
)
TEAM = OrderCampaign("groupbuy", "team", "t", "三人团")


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (ORDER, []),
        (PAID, ["paid"]),
        (replace(PAID, campaign=TEAM, held=True), ["paid"]),
        (replace(PAID, campaign=TEAM), ["paid", "formed"]),
        (replace(PAID, campaign=OrderCampaign("bargain", "b", "l", "砍价")), ["paid"]),
        (replace(PAID, state=OrderState.REFUNDED, refund_cause="team-failed", refund_state="PENDING"), ["failed"]),
        (
            replace(PAID, state=OrderState.REFUNDED, refund_cause="team-failed", refund_state="SUCCESS"),
            ["failed", "refunded"],
        ),
        (replace(PAID, state=OrderState.CLOSED, refund_cause="late-payment", refund_state="SUCCESS"), ["refunded"]),
        (replace(PAID, state=OrderState.REFUNDED, refund_state="SUCCESS", trade_no=None), []),
    ],
)
def test_each_state_calls_for_its_messages(order, names) -> None:  # type: ignore[no-untyped-def]
    assert [name for name, _ in messages_for(order)] == names


def consent(stack: Stack, shopper, kind: str) -> None:  # type: ignore[no-untyped-def]
    openid = stack.shop.identity.authenticate(shopper.token).openid
    stack.control("POST", "consents", {"openid": openid, "template_id": f"tmpl_{kind}", "count": 1})
    shopper.post("/subscriptions", {"results": {f"tmpl_{kind}": "accept"}})


def test_a_member_who_agreed_is_told_once_that_the_order_is_paid(stack: Stack) -> None:
    alice = stack.shopper("alice")
    consent(stack, alice, "order_paid")
    order = alice.buy(("tea-01", 1))
    stack.drain(3)
    (message,) = stack.control("GET", "messages")
    assert message["template_id"] == "tmpl_order_paid"
    assert order["order_id"] in str(message)


def test_effects_that_the_stream_did_not_start_are_found_by_the_schedule(stack: Stack) -> None:
    alice = stack.shopper("alice")
    alice.buy(("tea-01", 1))
    assert stack.shop.effects.run_due(stack.clock()) == 0, "the stream is given its time"
    stack.clock.forward(minutes=2)
    assert stack.shop.effects.run_due(stack.clock()) == 1
    assert stack.shop.catalog.product("tea").sales == 1
    assert stack.shop.effects.run_due(stack.clock()) == 0


def test_effects_of_an_order_that_is_gone_are_nothing(stack: Stack) -> None:
    stack.shop.effects.run("nobody", "nothing", stack.clock())


def test_an_order_that_is_shipped_before_its_effects_ran_gets_them_all_the_same(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.buy(("tea-01", 1))["order_id"]
    stack.ship(alice.member_id, order_id)
    stack.clock.forward(minutes=3)
    assert stack.shop.effects.run_due(stack.clock()) == 1
    assert stack.shop.effects.run_due(stack.clock()) == 0
    assert stack.shop.catalog.product("tea").sales == 1

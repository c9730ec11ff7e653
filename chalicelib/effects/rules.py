"""Which messages an order's state calls for."""

from ..messaging.rules import Message, order_paid, refund_done, team_failed, team_formed
from ..orders.rules import Order, OrderState
from ..payments.rules import RefundState

TEAM_FAILED = "team-failed"


def messages_for(order: Order) -> list[tuple[str, Message]]:
    """(name, message) of everything the shopper should have heard of by now; each name is sent once per order."""
    told: list[tuple[str, Message]] = []
    if order.paid_at and order.state is OrderState.PAID:
        told.append(("paid", order_paid(order.order_id, order.title, order.payable, order.paid_at)))
        if order.campaign and order.campaign.kind == "groupbuy" and not order.held:
            told.append(("formed", team_formed(order.order_id, order.title, order.timeline[-1].at)))
    if order.refund_cause == TEAM_FAILED:
        told.append(("failed", team_failed(order.order_id, order.title, order.payable)))
    if order.refund_state == RefundState.SUCCESS and order.trade_no:
        last = order.timeline[-1]
        told.append(("refunded", refund_done(order.order_id, order.payable, "订单退款", last.at)))
    return told

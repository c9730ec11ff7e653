"""The one way in which an order becomes paid. Callback, active query and closing all end here, at once or again."""

from datetime import datetime

from ..log import logger
from ..orders import Order, Orders, OrderState
from ..orders.rules import Actor, Event, OrderChanged
from ..storage.writes import StorageBusy, Write, commit
from ..wechat.pay_types import Trade
from .refund import Refunding
from .rules import Expected, Payment, PaymentChanged, PaymentMismatch, PaymentState, differences
from .store import PaymentStore

TRIES = 6


class Settling:
    def __init__(self, store: PaymentStore, orders: Orders, refunding: Refunding, expected: Expected) -> None:
        self._store = store
        self._orders = orders
        self._refunding = refunding
        self._expected = expected

    def settle(self, trade: Trade, heard_by: str, now: datetime) -> None:
        """Record a successful trade and move its order, in one transaction.

        An order that is closed by now is marked for the effects, which find it another place or send the money back.
        A second payment for one order is refunded at once. Raises PaymentNotFound, PaymentMismatch (recorded and
        alarmed, never paid), StorageBusy. Repeating it changes nothing.
        """
        for _ in range(TRIES):
            payment = self._store.payment(trade.out_trade_no)
            self._compare(trade, payment)
            if payment.state is PaymentState.PAID:
                return
            order = self._orders.get(payment.member_id, payment.order_id)
            received = self._store.becomes_paid(payment, trade.transaction_id, heard_by, trade.success_time or now)
            try:
                commit(received, *self._moves(order, payment, now))
            except (OrderChanged, PaymentChanged):
                continue  # someone else was faster: look again
            logger.info("paid", order_id=order.order_id, heard_by=heard_by)
            if order.trade_no:
                logger.error("paid twice", order_id=order.order_id, alarm="paid_twice")
            return
        raise StorageBusy

    def _moves(self, order: Order, payment: Payment, now: datetime) -> list[Write]:
        store = self._orders.store
        if order.state is OrderState.AWAITING_PAYMENT:
            event = Event(now, Actor.WECHAT, order.state, OrderState.PAID, "支付成功")
            held = self._orders.holds(order)
            return [store.becomes_paid(order, event, now, payment.out_trade_no, held=held)]
        if order.state is OrderState.CLOSED and order.trade_no is None:
            event = Event(now, Actor.WECHAT, order.state, order.state, "订单关闭后收到付款")
            return [store.paid_too_late(order, event, now, payment.out_trade_no)]
        event = Event(now, Actor.WECHAT, order.state, order.state, "重复付款，自动退款")
        return [store.noted(order, event), self._refunding.begins(payment, "paid-twice", "重复付款退回", now)]

    def _compare(self, trade: Trade, payment: Payment) -> None:
        wrong = differences(
            self._expected,
            payment,
            appid=trade.appid,
            mchid=trade.mchid,
            total=trade.total,
            currency=trade.currency,
            openid=trade.openid,
        )
        if wrong:
            logger.error("payment mismatch", order_id=payment.order_id, fields=wrong, alarm="payment_mismatch")
            self._store.note_mismatch(payment.out_trade_no, ",".join(wrong))
            raise PaymentMismatch(fields=wrong)

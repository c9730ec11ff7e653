"""Giving up on an unpaid order. WeChat is asked, then told to close; only after that is anything released."""

from datetime import datetime

from ..kernel.trail import Actor, Event
from ..log import logger
from ..orders import Order, Orders, OrderState
from ..orders.rules import Job, OrderChanged, OrderStateRefused, moved
from ..storage.writes import StorageBusy, commit
from ..wechat.errors import PayError, PayRefused
from ..wechat.pay import WeChatPay
from ..wechat.pay_types import Trade
from .rules import OrderAlreadyPaid, PaymentChanged, PaymentState, WeChatPayBusy, trade_number
from .settle import Settling
from .store import PaymentStore

TRIES = 4


class Closing:
    def __init__(self, store: PaymentStore, orders: Orders, wechat: WeChatPay, settling: Settling) -> None:
        self._store = store
        self._orders = orders
        self._wechat = wechat
        self._settling = settling

    def cancel(self, order: Order, now: datetime) -> Order:
        """The shopper's wish. A cancelled order is answered again; one that is paid meanwhile raises OrderAlreadyPaid.

        Raises OrderStateRefused, WeChatPayBusy (nothing changed; repeat).
        """
        order = self._close(order, Actor.SHOPPER, "用户取消订单", now)
        if order.state is not OrderState.CLOSED:
            raise OrderAlreadyPaid
        return order

    def close_due(self, now: datetime) -> int:
        """Close what was not paid in time; what turns out to be paid is settled. Returns how many were dealt with."""
        return self._orders.store.sweep(Job.CLOSE, now, self._expire, _failed)

    def _expire(self, member_id: str, order_id: str, now: datetime) -> None:
        order = self._orders.get(member_id, order_id)
        if order.state is OrderState.AWAITING_PAYMENT and order.expires_at <= now:
            self._close(order, Actor.SCHEDULE, "超时未支付，自动关闭", now)

    def _close(self, order: Order, by: Actor, why: str, now: datetime) -> Order:
        for _ in range(TRIES):
            if order.state is OrderState.CLOSED:
                return order
            if order.state is not OrderState.AWAITING_PAYMENT:
                raise OrderAlreadyPaid if order.paid_at else OrderStateRefused(state=order.state)
            paid = order.attempt > 0 and self._paid_at_wechat(order, now)
            after = moved(order, now, by, why, to=OrderState.CLOSED)
            if not paid and self._close_here(order, after, now):
                logger.info("closed", order_id=order.order_id, by=by)
                return after
            order = self._orders.get(order.member_id, order.order_id)
            if paid:
                return order
        raise StorageBusy

    def _close_here(self, order: Order, after: Order, now: datetime) -> bool:
        writes = [self._orders.store.becomes(order, after)]
        if order.attempt:
            last = after.timeline[-1]
            event = Event(now, last.by, PaymentState.STARTED, PaymentState.CLOSED, last.why)
            writes.append(self._store.becomes_closed(trade_number(order.order_id, order.attempt), event))
        try:
            commit(*writes, *self._orders.gives_back(order, now, paid=False))
        except (OrderChanged, PaymentChanged):
            return False
        return True

    def _paid_at_wechat(self, order: Order, now: datetime) -> bool:
        """False once the trade can no longer be paid; True if it was paid, which is then settled."""
        number = trade_number(order.order_id, order.attempt)
        try:
            trade = self._wechat.query(number)
            if trade is not None and trade.trade_state == "NOTPAY":
                self._wechat.close(number)
                return False
        except PayRefused:
            trade = self._ask_again(number)
        except PayError as error:
            raise WeChatPayBusy from error
        if trade is None:
            # An answer that need not be signed: not enough while the shopper may hold a sheet that works.
            if self._store.payment(number).ready(now):
                logger.error("wechat denies a trade that it began", order_id=order.order_id, alarm="trade_state")
                raise WeChatPayBusy
            return False
        if trade.trade_state == "CLOSED":
            return False
        if trade.trade_state == "REFUND":
            logger.error("refunded outside of the shop", order_id=order.order_id, alarm="trade_state")
            return False  # paid and paid back in the portal: nobody can pay it any more
        if trade.trade_state == "SUCCESS":
            self._settling.settle(trade, "close", now)
            return True
        logger.error(
            "trade in a strange state", order_id=order.order_id, trade_state=trade.trade_state, alarm="trade_state"
        )
        raise WeChatPayBusy

    def _ask_again(self, number: str) -> Trade | None:
        try:
            return self._wechat.query(number)
        except PayError as error:
            raise WeChatPayBusy from error


def _failed(order_id: str, error: Exception) -> None:
    logger.error("closing failed", order_id=order_id, error=type(error).__name__, alarm="close_failed")

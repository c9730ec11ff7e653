"""Money back. What is owed is decided in one transaction with the order; sending it may then fail as often as it likes.

The refund's number is derived from the payment, so that neither a crash nor a repetition can refund twice.
"""

from datetime import datetime, timedelta

from ..log import logger
from ..orders import Order, Orders, OrderState
from ..orders.rules import Actor, Event, OrderChanged, OrderStateRefused
from ..storage.due import sweep
from ..storage.writes import StorageBusy, Write, commit
from ..wechat.errors import PayError
from ..wechat.pay import WeChatPay
from ..wechat.pay_types import Refund, RefundStatus
from .rules import (
    REFUND_TRANSITIONS,
    Payment,
    PaymentChanged,
    PaymentMismatch,
    RefundOrder,
    RefundState,
    refund_number,
    wait_after,
)
from .store import PaymentStore, RefundRow

TRIES = 6
# Asked after until it is over; staff mend an abnormal refund in the portal, and the shop hears of it by asking.
OPEN = (RefundState.PENDING, RefundState.PROCESSING, RefundState.ABNORMAL)
TELLING = {
    RefundState.SUCCESS: "退款已到账",
    RefundState.ABNORMAL: "退款异常，商家处理中",
    RefundState.CLOSED: "退款已关闭，商家处理中",
}


class Refunding:
    def __init__(
        self, store: PaymentStore, orders: Orders, wechat: WeChatPay, notify_url: str, first_wait: timedelta
    ) -> None:
        self._store = store
        self._orders = orders
        self._wechat = wechat
        self._notify_url = notify_url
        self._first_wait = first_wait

    def refund_in_full(
        self, member_id: str, order_id: str, cause: str, reason: str, now: datetime, *, judged: Order | None = None
    ) -> None:
        """Owe the member everything that was paid for this order, and take back what the order held; once.

        For a paid order and for a closed one that was paid too late. With `judged`, the decision holds for the order as
        it was read then, and nothing is done if it has changed since. Raises OrderNotFound, OrderStateRefused.
        """
        for _ in range(TRIES):
            order = judged or self._orders.get(member_id, order_id)
            if order.refund_state is not None:
                return
            late = order.state is OrderState.CLOSED and order.late_payment
            if order.state is not OrderState.PAID and not late:
                raise OrderStateRefused(state=order.state)
            try:
                commit(*self._decision(order, cause, reason, now))
            except OrderChanged:
                if judged:
                    return
                continue
            logger.info("refund decided", order_id=order_id, cause=cause)
            return
        raise StorageBusy

    def _decision(self, order: Order, cause: str, reason: str, now: datetime) -> list[Write]:
        store = self._orders.store
        to = OrderState.CLOSED if order.state is OrderState.CLOSED else OrderState.REFUNDED
        event = Event(now, Actor.SCHEDULE, order.state, to, f"{reason}，自动退款" if order.payable else reason)
        owed = RefundState.PENDING if order.trade_no else RefundState.SUCCESS
        writes = [store.becomes_refunded(order, event, owed, cause)]
        if order.trade_no:
            writes.append(self.begins(self._store.payment(order.trade_no), cause, reason, now))
        if order.state is not OrderState.CLOSED:
            writes += self._orders.gives_back(order, now, paid=True)
        return writes

    def begins(self, payment: Payment, cause: str, reason: str, now: datetime) -> Write:
        """The full refund of one payment, due at once."""
        refund = RefundOrder(
            out_refund_no=refund_number(payment.out_trade_no),
            out_trade_no=payment.out_trade_no,
            order_id=payment.order_id,
            member_id=payment.member_id,
            amount=payment.total,
            total=payment.total,
            reason=reason,
            cause=cause,
            state=RefundState.PENDING,
            created_at=now,
        )
        return self._store.refund_begins(refund, now)

    def advance_due(self, now: datetime) -> int:
        """Send what was not accepted yet, ask after what is on its way. Returns how many were dealt with."""
        return sweep(self._store.refunds_due(now), lambda row: self.advance(row.out_refund_no, now), now, _failed)

    def advance(self, out_refund_no: str, now: datetime) -> None:
        """One step for one refund. WeChat knows it by its number: sending it again is no second refund."""
        refund = self._store.refund(out_refund_no)
        if refund.state not in OPEN:
            return
        try:
            status = None if refund.state is RefundState.PENDING else self._wechat.query_refund(out_refund_no)
            if status is None:
                status = self._wechat.refund(_asked(refund, self._notify_url))
        except PayError as error:
            self._wait(refund, error, now)
            return
        self.record(status, now)

    def record(self, status: RefundStatus, now: datetime) -> None:
        """What WeChat says of a refund, by answer, query or callback; the order's timeline tells it to the shopper.

        Raises RefundNotFound and PaymentMismatch (alarmed), StorageBusy. Old news changes nothing.
        """
        for _ in range(TRIES):
            refund = self._store.refund(status.out_refund_no)
            self._compare(status, refund)
            state = RefundState(status.status)
            if state is refund.state and state in OPEN:
                self._look_again(refund, now)
                return
            if state not in REFUND_TRANSITIONS[refund.state]:
                return
            try:
                commit(*self._news(refund, state, status.refund_id, now))
            except (OrderChanged, PaymentChanged):
                continue
            logger.info("refund", order_id=refund.order_id, refund_no=refund.out_refund_no, state=state)
            return
        raise StorageBusy

    def _news(self, refund: RefundOrder, state: RefundState, refund_id: str, now: datetime) -> list[Write]:
        again_at = now + self._first_wait if state in OPEN else None
        writes = [self._store.refund_becomes(refund, state, refund_id, again_at)]
        order = self._orders.get(refund.member_id, refund.order_id)
        if refund.out_trade_no == order.trade_no:
            event = Event(now, Actor.WECHAT, order.state, order.state, TELLING.get(state, "退款处理中"))
            writes.append(self._orders.store.refund_moved(order, state, event))
        if state in (RefundState.ABNORMAL, RefundState.CLOSED):
            logger.error("refund needs staff", order_id=refund.order_id, state=state, alarm="refund_stuck")
        return writes

    def _wait(self, refund: RefundOrder, error: PayError, now: datetime) -> None:
        """Never the end: what cannot be sent now is sent later, under the same number; staff are told of odd cases."""
        logger.warning("refund not sent", order_id=refund.order_id, wechat_code=error.code, tries=refund.tries)
        if not error.retryable or error.is_code("NOT_ENOUGH"):
            logger.error("refund needs staff", order_id=refund.order_id, wechat_code=error.code, alarm="refund_stuck")
        self._put_off(refund, error.code, now)

    def _look_again(self, refund: RefundOrder, now: datetime) -> None:
        self._put_off(refund, None, now)

    def _put_off(self, refund: RefundOrder, error: str | None, now: datetime) -> None:
        try:
            commit(self._store.refund_waits(refund, error, now + wait_after(refund.tries, self._first_wait)))
        except PaymentChanged:
            return  # it moved on meanwhile

    def _compare(self, status: RefundStatus, refund: RefundOrder) -> None:
        same = (status.out_trade_no, status.refund, status.total) == (refund.out_trade_no, refund.amount, refund.total)
        if not same:
            logger.error("refund mismatch", order_id=refund.order_id, alarm="refund_mismatch")
            raise PaymentMismatch(fields=["refund"])


def _asked(refund: RefundOrder, notify_url: str) -> Refund:
    return Refund(
        out_refund_no=refund.out_refund_no,
        out_trade_no=refund.out_trade_no,
        refund=refund.amount,
        total=refund.total,
        reason=refund.reason,
        notify_url=notify_url,
    )


def _failed(row: RefundRow, error: Exception) -> None:
    logger.error("refund step failed", refund_no=row.out_refund_no, error=type(error).__name__, alarm="refund_failed")

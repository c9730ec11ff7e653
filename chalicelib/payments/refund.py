"""Money back. What is owed is decided in one transaction with its cause; sending it may then fail as often as it likes.

The refund's number is derived from its cause, so that neither a crash nor a repetition can refund twice; the payment
counts what goes back, so that it is never more than was paid.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from ..kernel.errors import Conflict
from ..kernel.trail import Actor, Event
from ..log import logger
from ..orders import Order, Orders, OrderState
from ..orders.rules import OrderChanged, OrderStateRefused, moved
from ..storage.due import sweep
from ..storage.writes import StorageBusy, Write, commit
from ..wechat.errors import PayError
from ..wechat.pay import WeChatPay
from ..wechat.pay_types import Refund, RefundStatus
from .rows import RefundRow
from .rules import (
    BEFORE_NEXT_ATTEMPT,
    LONGEST_BEFORE_NEXT,
    LONGEST_WAIT,
    REFUND_TRANSITIONS,
    Payment,
    PaymentChanged,
    PaymentMismatch,
    RefundOrder,
    RefundState,
    refund_number,
    wait_after,
)
from .store import PaymentStore

TRIES = 6
TRIES_A_DAY = 24  # once waiting has grown to an hour
# Asked after until it is over; staff mend an abnormal refund in the portal, and the shop hears of it by asking.
OPEN = (RefundState.PENDING, RefundState.PROCESSING, RefundState.ABNORMAL)
TELLING = {
    RefundState.SUCCESS: "退款已到账",
    RefundState.ABNORMAL: "退款异常，商家处理中",
    RefundState.CLOSED: "退款被关闭，将重新发起",
}


class RefundListener(Protocol):
    def refund_news(self, refund: RefundOrder, state: RefundState, now: datetime) -> list[Write]:
        """What the owner of the cause writes when its refund moves; joins the refund's own transaction. Conflicts are
        tried again with what is read anew.
        """


class Refunding:
    """`listeners` by cause; a refund of a cause without one is told to its order."""

    def __init__(
        self,
        store: PaymentStore,
        orders: Orders,
        wechat: WeChatPay,
        notify_url: str,
        first_wait: timedelta,
        listeners: Mapping[str, RefundListener],
    ) -> None:
        self._store = store
        self._orders = orders
        self._wechat = wechat
        self._notify_url = notify_url
        self._first_wait = first_wait
        self._listeners = listeners

    def refund_in_full(
        self, member_id: str, order_id: str, cause: str, reason: str, now: datetime, *, judged: Order | None = None
    ) -> None:
        """Owe the member everything that was paid for this order, and take back what the order held; once.

        For a paid order of which nothing was sent, and for a closed one that was paid too late. With `judged`, the
        decision holds for the order as it was read then, and nothing is done if it has changed since. Raises
        OrderNotFound, OrderStateRefused.
        """
        for _ in range(TRIES):
            order = judged or self._orders.get(member_id, order_id)
            if order.refund_state is not None:
                return
            late = order.state is OrderState.CLOSED and order.late_payment
            if (order.state is not OrderState.PAID and not late) or order.progress:
                raise OrderStateRefused(state=order.state)
            try:
                commit(*self._decision(order, cause, reason, now))
            except (OrderChanged, PaymentChanged):
                if judged:
                    return
                continue
            logger.info("refund decided", order_id=order_id, cause=cause)
            return
        raise StorageBusy

    def _decision(self, order: Order, cause: str, reason: str, now: datetime) -> list[Write]:
        after = moved(
            order,
            now,
            Actor.SCHEDULE,
            f"{reason}，自动退款" if order.payable else reason,
            to=OrderState.CLOSED if order.state is OrderState.CLOSED else OrderState.REFUNDED,
            refund_state=RefundState.PENDING if order.trade_no else RefundState.SUCCESS,
            refund_cause=cause,
            held=False,
            effects_due=False,
            late_payment=False,
        )
        writes = [self._orders.store.becomes(order, after)]
        if order.trade_no:
            payment = self._store.payment(order.trade_no)
            writes += self.begins(payment, payment.total, cause, reason, now)
        if order.state is not OrderState.CLOSED:
            writes += self._orders.gives_back(order, now, paid=True)
        return writes

    def begins(
        self,
        payment: Payment,
        amount: int,
        cause: str,
        reason: str,
        now: datetime,
        *,
        case_id: str | None = None,
        by: Actor = Actor.SCHEDULE,
        who: str = "",
    ) -> list[Write]:
        """`amount` fen of a payment are owed, and due at once; joins the transaction that decides it. `by` and `who`
        decided.

        Refuses with PaymentChanged if this cause has its refund, with RefundExceedsPayment if more than was paid would
        go back.
        """
        refund = self.owed(payment, amount, cause, reason, now)
        begun = Event(now, by, None, RefundState.PENDING, reason, who)
        number = refund_number(payment.out_trade_no, case_id)
        refund = replace(refund, out_refund_no=number, case_id=case_id, timeline=(begun,))
        return self._store.refund_begins(payment, refund, now)

    def owed(self, payment: Payment, amount: int, cause: str, reason: str, now: datetime) -> RefundOrder:
        """The refund as a value, for a write that counts it itself; decided by the shop's own rules."""
        return RefundOrder(
            out_refund_no=refund_number(payment.out_trade_no),
            out_trade_no=payment.out_trade_no,
            order_id=payment.order_id,
            member_id=payment.member_id,
            amount=amount,
            total=payment.total,
            reason=reason,
            cause=cause,
            state=RefundState.PENDING,
            created_at=now,
            timeline=(Event(now, Actor.SCHEDULE, None, RefundState.PENDING, reason),),
        )

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
        """What WeChat says of a refund, by answer, query or callback; its cause, or the order, is told in the same
        transaction, and a closed one is followed by its next attempt.

        Raises RefundNotFound and PaymentMismatch (alarmed), StorageBusy. Old news changes nothing.
        """
        for _ in range(TRIES):
            refund = self._store.refund(status.out_refund_no)
            self._compare(status, refund)
            state = RefundState(status.status)
            if state not in REFUND_TRANSITIONS[refund.state]:
                if refund.state in OPEN:  # also an abnormal one that staff have set under way again
                    self._put_off(refund, None, now)
                    self._remind(refund)
                return
            try:
                commit(*self._news(refund, status, state, now))
            except Conflict:
                continue
            logger.info("refund", order_id=refund.order_id, refund_no=refund.out_refund_no, state=state)
            if state in (RefundState.ABNORMAL, RefundState.CLOSED):
                logger.error("refund needs staff", order_id=refund.order_id, state=state, alarm="refund_stuck")
            return
        raise StorageBusy

    def _news(self, refund: RefundOrder, status: RefundStatus, state: RefundState, now: datetime) -> list[Write]:
        event = Event(now, Actor.WECHAT, refund.state, state, TELLING.get(state, "退款处理中"))
        again_at = now + self._first_wait if state in OPEN else None
        writes = [self._store.refund_becomes(refund, status, event, again_at)]
        if state is RefundState.CLOSED:
            later = wait_after(refund.attempt - 1, BEFORE_NEXT_ATTEMPT, LONGEST_BEFORE_NEXT)
            writes += self._store.refund_begins_again(refund.again(now), now + later)
            state = RefundState.PENDING
        if listener := self._listeners.get(refund.cause):
            return writes + listener.refund_news(refund, state, now)
        order = self._orders.get(refund.member_id, refund.order_id)
        if refund.out_trade_no == order.trade_no:
            after = moved(order, now, Actor.WECHAT, event.why, refund_state=str(state))
            writes.append(self._orders.store.becomes(order, after))
        return writes

    def _wait(self, refund: RefundOrder, error: PayError, now: datetime) -> None:
        """Never the end: what cannot be sent now is sent later, under the same number; staff are told of odd cases."""
        logger.warning("refund not sent", order_id=refund.order_id, wechat_code=error.code, tries=refund.tries)
        if not error.retryable or error.is_code("NOT_ENOUGH"):
            logger.error("refund needs staff", order_id=refund.order_id, wechat_code=error.code, alarm="refund_stuck")
        self._put_off(refund, error.code, now)

    def _remind(self, refund: RefundOrder) -> None:
        """About once a day, of one that waits for people."""
        if refund.state is RefundState.ABNORMAL and refund.tries % TRIES_A_DAY == TRIES_A_DAY - 1:
            logger.error("refund needs staff", order_id=refund.order_id, state=refund.state, alarm="refund_stuck")

    def _put_off(self, refund: RefundOrder, error: str | None, now: datetime) -> None:
        again_at = now + wait_after(refund.tries, self._first_wait, LONGEST_WAIT)
        try:
            commit(self._store.refund_waits(refund, error, again_at))
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

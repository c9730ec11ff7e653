"""Tables `payments` (hash out_trade_no) and `refunds` (hash out_refund_no, with the due index)."""

from collections.abc import Iterator
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from ..kernel.clock import epoch, from_epoch
from ..storage.due import DueIndex, DueRow, clear_due, due, set_due, wait_for
from ..storage.table import Row
from ..storage.writes import Write, commit, put, update
from .rules import (
    Payment,
    PaymentChanged,
    PaymentNotFound,
    PaymentState,
    RefundNotFound,
    RefundOrder,
    RefundState,
)

REFUND = "refund"


class PaymentRow(Row):
    class Meta:
        table_name = "payments"

    out_trade_no = UnicodeAttribute(hash_key=True)
    order_id = UnicodeAttribute()
    member_id = UnicodeAttribute()
    openid = UnicodeAttribute()
    total = NumberAttribute()
    state = UnicodeAttribute()
    notify_url = UnicodeAttribute()
    started_at = NumberAttribute()
    prepay_id = UnicodeAttribute(null=True)
    prepaid_at = NumberAttribute(null=True)
    transaction_id = UnicodeAttribute(null=True)
    paid_at = NumberAttribute(null=True)
    heard_by = UnicodeAttribute(null=True)
    mismatch = UnicodeAttribute(null=True)


class RefundRow(DueRow):
    class Meta:
        table_name = "refunds"

    due = DueIndex()
    out_refund_no = UnicodeAttribute(hash_key=True)
    out_trade_no = UnicodeAttribute()
    order_id = UnicodeAttribute()
    member_id = UnicodeAttribute()
    amount = NumberAttribute()
    total = NumberAttribute()
    reason = UnicodeAttribute()
    cause = UnicodeAttribute()
    state = UnicodeAttribute()
    created_at = NumberAttribute()
    tries = NumberAttribute(default=0)
    refund_id = UnicodeAttribute(null=True)
    last_error = UnicodeAttribute(null=True)


class PaymentStore:
    def payment(self, out_trade_no: str) -> Payment:
        """Consistent. Raises PaymentNotFound."""
        try:
            return _payment(PaymentRow.get(out_trade_no, consistent_read=True))
        except PaymentRow.DoesNotExist as error:
            raise PaymentNotFound from error

    def started(self, payment: Payment) -> Write:
        row = PaymentRow(
            payment.out_trade_no,
            order_id=payment.order_id,
            member_id=payment.member_id,
            openid=payment.openid,
            total=payment.total,
            state=payment.state,
            notify_url=payment.notify_url,
            started_at=epoch(payment.started_at),
        )
        return put(row, new=True, otherwise=PaymentChanged())

    def prepaid(self, payment: Payment, prepay_id: str, now: datetime) -> Write:
        """Keeps the prepay_id, unless the attempt was closed while WeChat was being asked."""
        return update(
            PaymentRow(payment.out_trade_no),
            PaymentRow.prepay_id.set(prepay_id),
            PaymentRow.prepaid_at.set(epoch(now)),
            condition=PaymentRow.state == PaymentState.STARTED,
            otherwise=PaymentChanged(),
        )

    def becomes_paid(self, payment: Payment, transaction_id: str, heard_by: str, at: datetime) -> Write:
        """Once: whatever comes later finds it paid."""
        return update(
            PaymentRow(payment.out_trade_no),
            PaymentRow.state.set(PaymentState.PAID),
            PaymentRow.transaction_id.set(transaction_id),
            PaymentRow.paid_at.set(epoch(at)),
            PaymentRow.heard_by.set(heard_by),
            condition=PaymentRow.state.is_in(PaymentState.STARTED, PaymentState.CLOSED),
            otherwise=PaymentChanged(),
        )

    def becomes_closed(self, out_trade_no: str) -> Write:
        return update(
            PaymentRow(out_trade_no),
            PaymentRow.state.set(PaymentState.CLOSED),
            condition=PaymentRow.state == PaymentState.STARTED,
            otherwise=PaymentChanged(),
        )

    def note_mismatch(self, out_trade_no: str, fields: str) -> None:
        commit(
            update(
                PaymentRow(out_trade_no),
                PaymentRow.mismatch.set(fields),
                condition=PaymentRow.out_trade_no.exists(),
            )
        )

    def refund(self, out_refund_no: str) -> RefundOrder:
        """Consistent. Raises RefundNotFound."""
        try:
            return _refund(RefundRow.get(out_refund_no, consistent_read=True))
        except RefundRow.DoesNotExist as error:
            raise RefundNotFound from error

    def refund_begins(self, refund: RefundOrder, now: datetime) -> Write:
        row = RefundRow(
            refund.out_refund_no,
            out_trade_no=refund.out_trade_no,
            order_id=refund.order_id,
            member_id=refund.member_id,
            amount=refund.amount,
            total=refund.total,
            reason=refund.reason,
            cause=refund.cause,
            state=refund.state,
            created_at=epoch(refund.created_at),
            **wait_for(REFUND, refund.out_refund_no, now),
        )
        return put(row, new=True, otherwise=PaymentChanged())

    def refund_becomes(
        self, refund: RefundOrder, state: RefundState, refund_id: str, again_at: datetime | None
    ) -> Write:
        """In `state`, if it is still in the state that was read; looked at again at `again_at`, or never."""
        waiting = clear_due(RefundRow)
        if again_at is not None:
            waiting = set_due(RefundRow, REFUND, refund.out_refund_no, again_at)
        return update(
            RefundRow(refund.out_refund_no),
            RefundRow.state.set(state),
            RefundRow.refund_id.set(refund_id),
            RefundRow.tries.set(0),
            *waiting,
            condition=RefundRow.state == refund.state,
            otherwise=PaymentChanged(),
        )

    def refund_waits(self, refund: RefundOrder, error: str | None, again_at: datetime) -> Write:
        return update(
            RefundRow(refund.out_refund_no),
            RefundRow.tries.set(refund.tries + 1),
            RefundRow.last_error.set(error) if error else RefundRow.last_error.remove(),
            *set_due(RefundRow, REFUND, refund.out_refund_no, again_at),
            condition=RefundRow.state == refund.state,
            otherwise=PaymentChanged(),
        )

    def refunds_due(self, now: datetime) -> Iterator[RefundRow]:
        return due(RefundRow, REFUND, now)


def _payment(row: PaymentRow) -> Payment:
    return Payment(
        out_trade_no=row.out_trade_no,
        order_id=row.order_id,
        member_id=row.member_id,
        openid=row.openid,
        total=int(row.total),
        state=PaymentState(row.state),
        notify_url=row.notify_url,
        started_at=from_epoch(row.started_at),
        prepay_id=row.prepay_id,
        prepaid_at=from_epoch(row.prepaid_at) if row.prepaid_at is not None else None,
        transaction_id=row.transaction_id,
        paid_at=from_epoch(row.paid_at) if row.paid_at is not None else None,
    )


def _refund(row: RefundRow) -> RefundOrder:
    return RefundOrder(
        out_refund_no=row.out_refund_no,
        out_trade_no=row.out_trade_no,
        order_id=row.order_id,
        member_id=row.member_id,
        amount=int(row.amount),
        total=int(row.total),
        reason=row.reason,
        cause=row.cause,
        state=RefundState(row.state),
        created_at=from_epoch(row.created_at),
        tries=int(row.tries),
        refund_id=row.refund_id,
        last_error=row.last_error,
    )

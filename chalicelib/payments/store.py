"""Payments and refunds as they are kept, and the writes that move them."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from pynamodb.expressions.update import Action

from ..kernel.clock import epoch
from ..kernel.paging import Page, page_of
from ..kernel.trail import Actor, Event
from ..storage.attributes import becoming, entered, packed
from ..storage.due import clear_due, due, first_due, place_of, set_due, wait_for
from ..storage.reads import Read, fetch, read
from ..storage.writes import Write, commit, put, update
from ..wechat.pay_types import RefundStatus, Trade
from .rows import (
    PaymentRow,
    RefundRow,
    day_payment_of,
    day_refund_of,
    day_shard,
    of_day,
    payment_of,
    refund_of,
)
from .rules import (
    LONGEST_BEFORE_NEXT,
    LONGEST_WAIT,
    DayPayment,
    DayRefund,
    Payment,
    PaymentChanged,
    PaymentNotFound,
    PaymentState,
    RefundExceedsPayment,
    RefundNotFound,
    RefundOrder,
    RefundState,
)

REFUND = "refund"


class PaymentStore:
    def payment(self, out_trade_no: str) -> Payment:
        (payment,) = fetch(self.reads(out_trade_no))
        return payment

    def reads(self, out_trade_no: str) -> Read[Payment]:
        """Consistent. Raises PaymentNotFound."""

        def made(rows: list[PaymentRow | None]) -> Payment:
            (row,) = rows
            if row is None:
                raise PaymentNotFound
            return payment_of(row)

        return Read([PaymentRow(out_trade_no)], made, consistent=True)

    def payments(self, out_trade_nos: Iterable[str]) -> list[Payment]:
        """Those that exist of these, consistent, in one round trip per hundred."""
        rows = read(*(PaymentRow(number) for number in out_trade_nos), consistent=True)
        return [payment_of(row) for row in rows if row is not None]

    def paid_on(self, day: date) -> Iterator[DayPayment]:
        """What WeChat took on that day in Beijing, as far as the shop knows."""
        return map(day_payment_of, of_day(PaymentRow.by_day, day))

    def started(self, payment: Payment) -> Write:
        begun = Event(payment.started_at, Actor.SHOPPER, None, payment.state, "发起支付")
        row = PaymentRow(
            payment.out_trade_no,
            order_id=payment.order_id,
            member_id=payment.member_id,
            openid=payment.openid,
            total=payment.total,
            state=payment.state,
            notify_url=payment.notify_url,
            started_at=epoch(payment.started_at),
            trade_type=payment.trade_type,
            client_ip=payment.client_ip or None,
            attach=payment.attach or None,
            timeline=[packed(begun)],
        )
        return put(row, new=True, otherwise=PaymentChanged())

    def prepaid(self, payment: Payment) -> Write:
        """Keeps the prepay_id or code, unless the attempt was closed while WeChat was being asked."""
        assert payment.prepaid_at is not None
        kept = [(PaymentRow.prepay_id, payment.prepay_id), (PaymentRow.code_url, payment.code_url)]
        return update(
            PaymentRow(payment.out_trade_no),
            *(attribute.set(value) for attribute, value in kept if value),
            PaymentRow.prepaid_at.set(epoch(payment.prepaid_at)),
            condition=PaymentRow.state == PaymentState.STARTED,
            otherwise=PaymentChanged(),
        )

    def sheet_ended(self, payment: Payment) -> Write:
        """What there is to pay with is not handed out again."""
        return update(
            PaymentRow(payment.out_trade_no),
            PaymentRow.prepaid_at.remove(),
            condition=PaymentRow.state == PaymentState.STARTED,
            otherwise=PaymentChanged(),
        )

    def becomes_paid(
        self, payment: Payment, trade: Trade, heard_by: str, now: datetime, refund: RefundOrder | None = None
    ) -> list[Write]:
        """Once: whatever comes later finds it paid. With `refund`, its money goes back at once.

        Total and payer are written as they came: for money that is not the order's they are not as they were asked for.
        """
        at = trade.success_time or now
        event = Event(now, Actor.WECHAT, payment.state, PaymentState.PAID, f"支付成功（{heard_by}）")
        owed = [*_counted(refund)] if refund else []
        changed = {
            "state": PaymentState.PAID,
            "transaction_id": trade.transaction_id,
            "total": payment.total,
            "openid": payment.openid,
            "paid_at": epoch(at),
            "heard_by": heard_by,
            "day_shard": day_shard(at, payment.out_trade_no),
        }
        paid = update(
            PaymentRow(payment.out_trade_no),
            *becoming(PaymentRow, changed),
            entered([event]),
            *owed,
            condition=PaymentRow.state == payment.state,
            otherwise=PaymentChanged(),
        )
        return [paid, self._refund_row(refund, now)] if refund else [paid]

    def becomes_closed(self, out_trade_no: str, event: Event) -> Write:
        return update(
            PaymentRow(out_trade_no),
            PaymentRow.state.set(PaymentState.CLOSED),
            entered([event]),
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
            return refund_of(RefundRow.get(out_refund_no, consistent_read=True))
        except RefundRow.DoesNotExist as error:
            raise RefundNotFound from error

    def refunds(self, out_refund_nos: Iterable[str]) -> list[RefundOrder]:
        """Those that exist of these, consistent, in one round trip per hundred."""
        rows = read(*(RefundRow(number) for number in out_refund_nos), consistent=True)
        return [refund_of(row) for row in rows if row is not None]

    def refunds_of(self, day: date) -> Iterator[DayRefund]:
        """What WeChat accepted on that day in Beijing, as far as the shop knows."""
        return map(day_refund_of, of_day(RefundRow.by_day, day))

    def refund_begins(self, payment: Payment, refund: RefundOrder, now: datetime) -> list[Write]:
        """Owed, once per number and never more than was paid. Refuses with PaymentChanged, RefundExceedsPayment."""
        left = payment.total - refund.amount
        counted = update(
            PaymentRow(payment.out_trade_no),
            *_counted(refund),
            condition=(PaymentRow.state == PaymentState.PAID) & (PaymentRow.refunding <= left),
            otherwise=RefundExceedsPayment(left=max(payment.total - payment.refunding, 0)),
        )
        return [self._refund_row(refund, now), counted]

    def refund_begins_again(self, refund: RefundOrder, at: datetime) -> list[Write]:
        """The next attempt after a closed one; the money is counted already."""
        known = PaymentRow.refund_nos.add({refund.out_refund_no})
        payment = update(PaymentRow(refund.out_trade_no), known, condition=PaymentRow.state == PaymentState.PAID)
        return [self._refund_row(refund, at), payment]

    def refund_becomes(
        self, refund: RefundOrder, status: RefundStatus, event: Event, again_at: datetime | None
    ) -> Write:
        """In the event's state, if it is still in the state that was read; looked at again at `again_at`, or never."""
        waiting: list[Action] = clear_due(RefundRow)
        if again_at is not None:
            waiting = set_due(RefundRow, REFUND, refund.out_refund_no, again_at)
        if refund.state is RefundState.PENDING:
            waiting.append(RefundRow.day_shard.set(day_shard(status.created or event.at, refund.out_refund_no)))
        return update(
            RefundRow(refund.out_refund_no),
            RefundRow.state.set(event.now),
            RefundRow.refund_id.set(status.refund_id),
            RefundRow.tries.set(0),
            entered([event]),
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

    def refunds_open(self, now: datetime, after: str | None, limit: int) -> Page[RefundOrder]:
        """Refunds that have not arrived yet, by when they are looked at next. Raises BadCursor."""
        until = now + LONGEST_BEFORE_NEXT + LONGEST_WAIT
        found = page_of(first_due(RefundRow, REFUND, until, limit + 1, after), limit, place_of)
        return Page(self.refunds(row.out_refund_no for row in found.rows), found.next_cursor)

    def refunds_due(self, now: datetime) -> Iterator[RefundRow]:
        return due(RefundRow, REFUND, now)

    def _refund_row(self, refund: RefundOrder, due_at: datetime) -> Write:
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
            case_id=refund.case_id,
            attempt=refund.attempt,
            timeline=[packed(event) for event in refund.timeline],
            **wait_for(RefundRow, REFUND, refund.out_refund_no, due_at),
        )
        return put(row, new=True, otherwise=PaymentChanged())


def _counted(refund: RefundOrder) -> list[Action]:
    return [PaymentRow.refunding.add(refund.amount), PaymentRow.refund_nos.add({refund.out_refund_no})]

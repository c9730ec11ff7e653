"""Tables `payments` (hash out_trade_no) and `refunds` (hash out_refund_no, with the due index); both with an index of
the day on which WeChat booked them, for reconciliation.
"""

import zlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from ..kernel.clock import beijing_date, from_epoch
from ..storage.attributes import unpacked
from ..storage.due import DueIndex, DueRow
from ..storage.table import Row
from .rules import DayPayment, DayRefund, Payment, PaymentState, RefundOrder, RefundState, TradeType

DAY_SHARDS = 8


class PaymentsByDay(GlobalSecondaryIndex["PaymentRow"]):
    """Only what was paid is in it."""

    class Meta:
        index_name = "by_day"
        projection = IncludeProjection(["total", "transaction_id", "state"])

    day_shard = UnicodeAttribute(hash_key=True)
    out_trade_no = UnicodeAttribute(range_key=True)
    total = NumberAttribute()
    transaction_id = UnicodeAttribute(null=True)
    state = UnicodeAttribute()


class PaymentRow(Row):
    class Meta:
        table_name = "payments"

    by_day = PaymentsByDay()
    out_trade_no = UnicodeAttribute(hash_key=True)
    order_id = UnicodeAttribute()
    member_id = UnicodeAttribute()
    openid = UnicodeAttribute()
    total = NumberAttribute()
    state = UnicodeAttribute()
    notify_url = UnicodeAttribute()
    started_at = NumberAttribute()
    trade_type = UnicodeAttribute(default=TradeType.JSAPI)
    client_ip = UnicodeAttribute(null=True)
    attach = UnicodeAttribute(null=True)
    prepay_id = UnicodeAttribute(null=True)
    code_url = UnicodeAttribute(null=True)
    prepaid_at = NumberAttribute(null=True)
    transaction_id = UnicodeAttribute(null=True)
    paid_at = NumberAttribute(null=True)
    heard_by = UnicodeAttribute(null=True)
    mismatch = UnicodeAttribute(null=True)
    refunding = NumberAttribute(default=0)
    refund_nos = UnicodeSetAttribute(null=True)
    day_shard = UnicodeAttribute(null=True)
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, default=list)


class RefundsByDay(GlobalSecondaryIndex["RefundRow"]):
    """Only what WeChat accepted is in it."""

    class Meta:
        index_name = "by_day"
        projection = IncludeProjection(["out_trade_no", "amount", "state"])

    day_shard = UnicodeAttribute(hash_key=True)
    out_refund_no = UnicodeAttribute(range_key=True)
    out_trade_no = UnicodeAttribute()
    amount = NumberAttribute()
    state = UnicodeAttribute()


class RefundRow(DueRow):
    class Meta:
        table_name = "refunds"

    due = DueIndex()
    by_day = RefundsByDay()
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
    case_id = UnicodeAttribute(null=True)
    attempt = NumberAttribute(default=1)
    tries = NumberAttribute(default=0)
    refund_id = UnicodeAttribute(null=True)
    last_error = UnicodeAttribute(null=True)
    day_shard = UnicodeAttribute(null=True)
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, default=list)


def day_shard(at: datetime, key: str) -> str:
    return f"{beijing_date(at)}#{zlib.crc32(key.encode()) % DAY_SHARDS}"


def of_day(index: Any, day: date) -> Iterator[Any]:
    """All rows of a Beijing day, page by page, shard after shard."""
    for shard in range(DAY_SHARDS):
        yield from index.query(f"{day.isoformat()}#{shard}")


def payment_of(row: PaymentRow) -> Payment:
    return Payment(
        out_trade_no=row.out_trade_no,
        order_id=row.order_id,
        member_id=row.member_id,
        openid=row.openid,
        total=int(row.total),
        state=PaymentState(row.state),
        notify_url=row.notify_url,
        started_at=from_epoch(row.started_at),
        trade_type=TradeType(row.trade_type),
        client_ip=row.client_ip or "",
        attach=row.attach or "",
        prepay_id=row.prepay_id,
        code_url=row.code_url,
        prepaid_at=from_epoch(row.prepaid_at) if row.prepaid_at is not None else None,
        transaction_id=row.transaction_id,
        paid_at=from_epoch(row.paid_at) if row.paid_at is not None else None,
        refunding=int(row.refunding),
        refund_nos=frozenset(row.refund_nos or ()),
        timeline=unpacked(row.timeline),
    )


def refund_of(row: RefundRow) -> RefundOrder:
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
        case_id=row.case_id,
        attempt=int(row.attempt),
        tries=int(row.tries),
        refund_id=row.refund_id,
        last_error=row.last_error,
        timeline=unpacked(row.timeline),
    )


def day_payment_of(row: Any) -> DayPayment:
    return DayPayment(row.out_trade_no, row.transaction_id or "", int(row.total), PaymentState(row.state))


def day_refund_of(row: Any) -> DayRefund:
    return DayRefund(row.out_refund_no, row.out_trade_no, int(row.amount), RefundState(row.state))

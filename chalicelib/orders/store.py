"""Table `orders`: hash member_id, range order_id; a local index by state; the due index; a stream of new images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, LocalSecondaryIndex

from ..kernel.clock import epoch, from_epoch
from ..kernel.errors import ShopError
from ..kernel.paging import Page, page_of
from ..storage.attributes import Packed
from ..storage.cipher import Cipher
from ..storage.due import DueIndex, DueRow, clear_due, due, set_due, wait_for
from ..storage.reads import read
from ..storage.writes import Write, put, update
from .rules import (
    Actor,
    Delivery,
    Event,
    Order,
    OrderAdjustment,
    OrderCampaign,
    OrderChanged,
    OrderLine,
    OrderNotFound,
    OrderState,
)

CLOSE = "order-close"
EFFECTS = "order-effects"
# The stream works on effects at once; the schedule finds those that it did not finish.
EFFECTS_GRACE = timedelta(minutes=2)


@dataclass(frozen=True)
class Sold:
    """The part of an order that never changes."""

    lines: tuple[OrderLine, ...]
    goods_total: int
    discount_total: int
    freight: int
    adjustments: tuple[OrderAdjustment, ...]
    remark: str
    nickname: str
    avatar_url: str
    campaign_title: str


class ByState(LocalSecondaryIndex["OrderRow"]):
    """Local, so that a list by state is right at once after a change."""

    class Meta:
        index_name = "by_state"
        projection = AllProjection()

    member_id = UnicodeAttribute(hash_key=True)
    state_key = UnicodeAttribute(range_key=True)


class OrderRow(DueRow):
    class Meta:
        table_name = "orders"
        stream_view_type = "NEW_IMAGE"

    by_state = ByState()
    due = DueIndex()
    member_id = UnicodeAttribute(hash_key=True)
    order_id = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute()
    state_key = UnicodeAttribute()
    openid = UnicodeAttribute()
    sold: Packed[Sold] = Packed(Sold)
    delivery = UnicodeAttribute(null=True)
    payable = NumberAttribute()
    coupon_id = UnicodeAttribute(null=True)
    campaign_kind = UnicodeAttribute(null=True)
    activity_id = UnicodeAttribute(null=True)
    group_id = UnicodeAttribute(null=True)
    held = BooleanAttribute(default=False)
    attempt = NumberAttribute(default=0)
    late_payment = BooleanAttribute(default=False)
    effects_due = BooleanAttribute(default=False)
    refund_state = UnicodeAttribute(null=True)
    refund_cause = UnicodeAttribute(null=True)
    trade_no = UnicodeAttribute(null=True)
    placed_at = NumberAttribute()
    pay_by = NumberAttribute()
    paid_at = NumberAttribute(null=True)
    shipped_at = NumberAttribute(null=True)
    tracking = UnicodeAttribute(null=True)
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)


class OrderStore:
    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def get(self, member_id: str, order_id: str) -> Order:
        """Consistent. Raises OrderNotFound, also for another member's order."""
        try:
            return self._order(OrderRow.get(member_id, order_id, consistent_read=True))
        except OrderRow.DoesNotExist as error:
            raise OrderNotFound from error

    def many(self, keys: Sequence[tuple[str, str]]) -> list[Order]:
        """Those that exist of these (member_id, order_id), consistent, in one round trip per hundred."""
        rows = read(*(OrderRow(member_id, order_id) for member_id, order_id in keys), consistent=True)
        return [self._order(row) for row in rows if row is not None]

    def page(self, member_id: str, state: OrderState | None, after: str | None, limit: int) -> Page[Order]:
        """Newest first. `after` is the order id that the last page ended with."""
        if state is None:
            older = OrderRow.order_id < after if after else None
            rows = OrderRow.query(member_id, older, scan_index_forward=False, limit=limit + 1)
        else:
            key = OrderRow.state_key
            within = key.between(f"{state}#", f"{state}#{after}") if after else key.startswith(f"{state}#")
            rows = OrderRow.by_state.query(member_id, within, scan_index_forward=False, limit=limit + 2)
        orders = [self._order(row) for row in rows if row.order_id != after]
        return page_of(orders[: limit + 1], limit, lambda order: order.order_id)

    def placed(self, order: Order) -> Write:
        """The new order, waiting for its payment, or for its effects if there is nothing to pay."""
        waiting = order.state is OrderState.AWAITING_PAYMENT
        job, at = (CLOSE, order.expires_at) if waiting else (EFFECTS, order.placed_at + EFFECTS_GRACE)
        campaign = order.campaign
        row = OrderRow(
            order.member_id,
            order.order_id,
            state=order.state,
            state_key=f"{order.state}#{order.order_id}",
            openid=order.openid,
            sold=_sold(order),
            delivery=self._seal(order),
            payable=order.payable,
            coupon_id=order.coupon_id,
            campaign_kind=campaign.kind if campaign else None,
            activity_id=campaign.activity_id if campaign else None,
            group_id=campaign.group_id if campaign else None,
            held=order.held,
            effects_due=order.effects_due,
            placed_at=epoch(order.placed_at),
            pay_by=epoch(order.expires_at),
            paid_at=epoch(order.paid_at) if order.paid_at else None,
            timeline=[_packed(event) for event in order.timeline],
            **wait_for(job, order.order_id, at),
        )
        return put(row, new=True)

    def moved(
        self,
        order: Order,
        to: OrderState,
        event: Event,
        *actions: Action,
        condition: Condition | None = None,
        otherwise: ShopError | None = None,
    ) -> Write:
        """The order in state `to`, if it is still in the state that was read. Adds the event; OrderChanged
        otherwise.
        """
        unchanged = (OrderRow.state == order.state) & (OrderRow.attempt == order.attempt)
        return update(
            OrderRow(order.member_id, order.order_id),
            OrderRow.state.set(to),
            OrderRow.state_key.set(f"{to}#{order.order_id}"),
            OrderRow.timeline.set(OrderRow.timeline.append([_packed(event)])),
            *actions,
            condition=unchanged if condition is None else unchanged & condition,
            otherwise=otherwise or OrderChanged(),
        )

    def becomes_paid(self, order: Order, event: Event, now: datetime, trade_no: str, *, held: bool) -> Write:
        return self.moved(
            order,
            OrderState.PAID,
            event,
            OrderRow.held.set(held),
            OrderRow.trade_no.set(trade_no),
            OrderRow.paid_at.set(epoch(now)),
            OrderRow.late_payment.set(False),
            OrderRow.effects_due.set(True),
            *set_due(OrderRow, EFFECTS, order.order_id, now + EFFECTS_GRACE),
        )

    def becomes_closed(self, order: Order, event: Event) -> Write:
        return self.moved(order, OrderState.CLOSED, event, *clear_due(OrderRow))

    def paid_too_late(self, order: Order, event: Event, now: datetime, trade_no: str) -> Write:
        """Stays closed; the effects decide whether it gets another place or its money back."""
        return self.moved(
            order,
            order.state,
            event,
            OrderRow.late_payment.set(True),
            OrderRow.trade_no.set(trade_no),
            OrderRow.effects_due.set(True),
            *set_due(OrderRow, EFFECTS, order.order_id, now + EFFECTS_GRACE),
            condition=OrderRow.trade_no.does_not_exist(),
        )

    def becomes_refunded(self, order: Order, event: Event, refund_state: str, cause: str) -> Write:
        """REFUNDED, or still CLOSED for a late payment; either way nothing is owed but the money."""
        to = OrderState.CLOSED if order.state is OrderState.CLOSED else OrderState.REFUNDED
        return self.moved(
            order,
            to,
            event,
            OrderRow.refund_state.set(refund_state),
            OrderRow.refund_cause.set(cause),
            OrderRow.held.set(False),
            OrderRow.effects_due.set(False),
            OrderRow.late_payment.set(False),
            *clear_due(OrderRow),
            condition=OrderRow.refund_state.does_not_exist(),
        )

    def noted(self, order: Order, event: Event) -> Write:
        """Only an entry in the timeline."""
        return self.moved(order, order.state, event)

    def refund_moved(self, order: Order, refund_state: str, event: Event) -> Write:
        return self.moved(order, order.state, event, OrderRow.refund_state.set(refund_state))

    def regrouped(self, order: Order, to: OrderState, group_id: str, event: Event, now: datetime) -> Write:
        """Paid, in another group than before."""
        return self.moved(
            order,
            to,
            event,
            OrderRow.group_id.set(group_id),
            OrderRow.held.set(True),
            OrderRow.late_payment.set(False),
            OrderRow.effects_due.set(True),
            OrderRow.paid_at.set(epoch(now)),
            *set_due(OrderRow, EFFECTS, order.order_id, now + EFFECTS_GRACE),
            condition=OrderRow.group_id == (order.campaign.group_id if order.campaign else ""),
        )

    def released_from_hold(self, order: Order, event: Event) -> Write:
        return self.moved(order, order.state, event, OrderRow.held.set(False), condition=OrderRow.held == True)  # noqa: E712

    def attempted(self, order: Order, attempt: int) -> Write:
        """A payment attempt begins; only one of several at once."""
        return update(
            OrderRow(order.member_id, order.order_id),
            OrderRow.attempt.set(attempt),
            condition=(OrderRow.state == OrderState.AWAITING_PAYMENT) & (OrderRow.attempt == order.attempt),
            otherwise=OrderChanged(),
        )

    def effects_done(self, order: Order) -> Write:
        """Nothing is due any more for the state that was read."""
        return update(
            OrderRow(order.member_id, order.order_id),
            OrderRow.effects_due.set(False),
            *clear_due(OrderRow),
            condition=(OrderRow.state == order.state) & (OrderRow.effects_due == True),  # noqa: E712
            otherwise=OrderChanged(),
        )

    def shipped(self, order: Order, event: Event, now: datetime, tracking: str) -> Write:
        return self.moved(
            order,
            OrderState.SHIPPED,
            event,
            OrderRow.shipped_at.set(epoch(now)),
            OrderRow.tracking.set(tracking),
            condition=OrderRow.held == False,  # noqa: E712
        )

    def due(self, job: str, now: datetime) -> Iterator[OrderRow]:
        return due(OrderRow, job, now)

    def _seal(self, order: Order) -> str | None:
        if order.delivery is None:
            return None
        return self._cipher.seal(msgspec.json.encode(order.delivery).decode(), f"order:{order.order_id}")

    def _order(self, row: OrderRow) -> Order:
        sold = row.sold
        delivery = None
        if row.delivery:
            delivery = msgspec.json.decode(self._cipher.open(row.delivery, f"order:{row.order_id}"), type=Delivery)
        return Order(
            order_id=row.order_id,
            member_id=row.member_id,
            openid=row.openid,
            state=OrderState(row.state),
            lines=sold.lines,
            goods_total=sold.goods_total,
            discount_total=sold.discount_total,
            freight=sold.freight,
            payable=int(row.payable),
            adjustments=sold.adjustments,
            placed_at=from_epoch(row.placed_at),
            expires_at=from_epoch(row.pay_by),
            delivery=delivery,
            coupon_id=row.coupon_id,
            campaign=_campaign(row),
            remark=sold.remark,
            nickname=sold.nickname,
            avatar_url=sold.avatar_url,
            held=row.held,
            attempt=int(row.attempt),
            late_payment=row.late_payment,
            effects_due=row.effects_due,
            refund_state=row.refund_state,
            refund_cause=row.refund_cause,
            trade_no=row.trade_no,
            paid_at=from_epoch(row.paid_at) if row.paid_at is not None else None,
            shipped_at=from_epoch(row.shipped_at) if row.shipped_at is not None else None,
            tracking=row.tracking,
            timeline=tuple(msgspec.json.decode(text, type=Event) for text in row.timeline),
        )


def _sold(order: Order) -> Sold:
    return Sold(
        lines=order.lines,
        goods_total=order.goods_total,
        discount_total=order.discount_total,
        freight=order.freight,
        adjustments=order.adjustments,
        remark=order.remark,
        nickname=order.nickname,
        avatar_url=order.avatar_url,
        campaign_title=order.campaign.title if order.campaign else "",
    )


def _campaign(row: OrderRow) -> OrderCampaign | None:
    if row.campaign_kind is None:
        return None
    return OrderCampaign(row.campaign_kind, row.activity_id or "", row.group_id or "", row.sold.campaign_title)


def _packed(event: Event) -> str:
    return msgspec.json.encode(event).decode()


__all__ = ["CLOSE", "EFFECTS", "Actor", "OrderRow", "OrderStore"]

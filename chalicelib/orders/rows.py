"""Table `orders`: hash member_id, range order_id; a local index by state; the due index; a stream of new images."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec
from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, LocalSecondaryIndex

from ..kernel.clock import epoch, from_epoch
from ..storage.attributes import Packed
from ..storage.due import DueIndex, DueRow
from .rules import Delivery, Event, Order, OrderAdjustment, OrderCampaign, OrderLine, OrderState


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


def row_of(order: Order, delivery: str | None, **waits: Any) -> OrderRow:
    """A new order's row. `delivery` is sealed; `waits` as `wait_for` answers it."""
    campaign = order.campaign
    return OrderRow(
        order.member_id,
        order.order_id,
        state=order.state,
        state_key=f"{order.state}#{order.order_id}",
        openid=order.openid,
        sold=_sold(order),
        delivery=delivery,
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
        timeline=[packed(event) for event in order.timeline],
        **waits,
    )


def order_of(row: OrderRow, delivery: Delivery | None) -> Order:
    """The order of a row and its opened delivery."""
    sold = row.sold
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


def packed(event: Event) -> str:
    """An entry of a timeline, as it is kept: to the second, as all times are."""
    return msgspec.json.encode(replace(event, at=event.at.replace(microsecond=0))).decode()

"""Table `orders`: hash member_id, range order_id; a local index by state; the due index; a stream of new images."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, LocalSecondaryIndex

from ..kernel.clock import epoch, from_epoch
from ..storage.attributes import Packed, packed, unpacked
from ..storage.due import DueIndex, DueRow
from .rules import Delivery, Order, OrderAdjustment, OrderCampaign, OrderLine, OrderState, PickupPlace, Progress


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
    pickup: PickupPlace | None = None
    points: int = 0
    points_off: int = 0


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
    receive_by = NumberAttribute(null=True)
    extended = BooleanAttribute(default=False)
    completed_at = NumberAttribute(null=True)
    finished = BooleanAttribute(default=False)
    progress: Packed[dict[str, Progress]] = Packed(dict[str, Progress], null=True)
    refunded = NumberAttribute(default=0)
    cases: Packed[dict[str, bool]] = Packed(dict[str, bool], null=True)
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)


def row_of(order: Order, delivery: str | None, **waits: Any) -> OrderRow:
    """A new order's row. `delivery` is sealed; `waits` as `wait_for` answers it."""
    return OrderRow(
        order.member_id,
        order.order_id,
        openid=order.openid,
        sold=_sold(order),
        delivery=delivery,
        payable=order.payable,
        coupon_id=order.coupon_id,
        campaign_kind=order.campaign.kind if order.campaign else None,
        activity_id=order.campaign.activity_id if order.campaign else None,
        placed_at=epoch(order.placed_at),
        pay_by=epoch(order.expires_at),
        timeline=[packed(event) for event in order.timeline],
        **changing(order),
        **waits,
    )


def changing(order: Order) -> dict[str, Any]:
    """What may change after an order was placed, by attribute; None is no attribute at all."""
    return {
        "state": str(order.state),
        "state_key": f"{order.state}#{order.order_id}",
        "group_id": order.campaign.group_id if order.campaign else None,
        "held": order.held,
        "late_payment": order.late_payment,
        "effects_due": order.effects_due,
        "refund_state": order.refund_state,
        "refund_cause": order.refund_cause,
        "trade_no": order.trade_no,
        "paid_at": _seconds(order.paid_at),
        "shipped_at": _seconds(order.shipped_at),
        "receive_by": _seconds(order.receive_by),
        "extended": order.extended,
        "completed_at": _seconds(order.completed_at),
        "finished": order.finished,
        "progress": dict(order.progress) or None,
        "refunded": order.refunded,
        "cases": dict(order.cases) or None,
    }


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
        pickup=sold.pickup,
        coupon_id=row.coupon_id,
        points=sold.points,
        points_off=sold.points_off,
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
        paid_at=_moment(row.paid_at),
        shipped_at=_moment(row.shipped_at),
        receive_by=_moment(row.receive_by),
        extended=row.extended,
        completed_at=_moment(row.completed_at),
        finished=row.finished,
        progress=row.progress or {},
        refunded=int(row.refunded),
        cases=row.cases or {},
        timeline=unpacked(row.timeline),
    )


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else epoch(moment)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else from_epoch(seconds)


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
        pickup=order.pickup,
        points=order.points,
        points_off=order.points_off,
    )


def _campaign(row: OrderRow) -> OrderCampaign | None:
    if row.campaign_kind is None:
        return None
    return OrderCampaign(row.campaign_kind, row.activity_id or "", row.group_id or "", row.sold.campaign_title)

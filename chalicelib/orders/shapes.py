"""Orders as HTTP shows them, how they are put into these shapes, and how routes ask for the one that a path names."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from ..cart.api import AdjustmentView, HintView
from ..kernel.trail import Event
from ..storage.reads import Read
from ..web import Call, NextCursor, PageQuery
from .rules import Delivery, Order, OrderCampaign, OrderState
from .wanted import Preview

GoodsTotal = Annotated[int, msgspec.Meta(description="Fen; the goods before savings.", examples=[11800])]
DiscountTotal = Annotated[int, msgspec.Meta(description="Fen; all savings.", examples=[3000])]
Freight = Annotated[int, msgspec.Meta(description="Fen.", examples=[0])]
Payable = Annotated[int, msgspec.Meta(description="Fen; goods less savings, and freight.", examples=[8800])]
PointsUsed = Annotated[int, msgspec.Meta(description="Points that pay a part of the goods.", examples=[0])]
PointsOff = Annotated[int, msgspec.Meta(description="Fen that they pay for; among the savings.", examples=[0])]
OrderId = Annotated[str, msgspec.Meta(description="Order id.", examples=["01K0000000000000000000000A"])]
EXAMPLE_TIME = "2026-11-22T02:00:00Z"


class OrderLineView(msgspec.Struct, frozen=True):
    sku_id: Annotated[str, msgspec.Meta(description="SKU.", examples=["tee-white-01"])]
    product_id: Annotated[str, msgspec.Meta(description="Product.", examples=["tee-white"])]
    title: Annotated[str, msgspec.Meta(description="Title when ordered.", examples=["纯棉圆领T恤"])]
    image: Annotated[str, msgspec.Meta(description="Picture's address.", examples=["https://img.example.com/tee.jpg"])]
    spec: Annotated[str, msgspec.Meta(description="Chosen specification.", examples=["白 / L"])]
    quantity: Annotated[int, msgspec.Meta(description="Pieces.", examples=[2])]
    unit_price: Annotated[int, msgspec.Meta(description="Fen a piece.", examples=[5900])]
    discount: Annotated[int, msgspec.Meta(description="Fen off this line.", examples=[3000])]
    freight: Annotated[int, msgspec.Meta(description="Fen of freight borne by this line.", examples=[0])]
    payable: Payable


class PreviewView(msgspec.Struct, frozen=True):
    lines: Annotated[list[OrderLineView], msgspec.Meta(description="Lines with their shares of the discounts.")]
    goods_total: GoodsTotal
    discount_total: DiscountTotal
    freight: Freight
    payable: Payable
    points: PointsUsed
    points_off: PointsOff
    adjustments: Annotated[list[AdjustmentView], msgspec.Meta(description="Each saving, explained.")]
    hints: Annotated[list[HintView], msgspec.Meta(description="What is missing to the next saving.")]
    notes: Annotated[list[str], msgspec.Meta(description="Remarks for the shopper.", examples=[["活动商品不参与优惠"]])]


class DeliveryView(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(description="Receiver.", examples=["张三"])]
    phone: Annotated[str, msgspec.Meta(description="Receiver's phone.", examples=["13800138000"])]
    province: Annotated[str, msgspec.Meta(description="Province.", examples=["广东省"])]
    city: Annotated[str, msgspec.Meta(description="City.", examples=["深圳市"])]
    district: Annotated[str, msgspec.Meta(description="District; empty where there is none.", examples=["南山区"])]
    detail: Annotated[str, msgspec.Meta(description="Street and house.", examples=["科技园1号"])]


class PickupView(msgspec.Struct, frozen=True):
    """Where the goods are fetched. The code is shown once they are paid for and can be fetched, until they were."""

    point_id: Annotated[str, msgspec.Meta(description="Pickup point.", examples=["nanshan-01"])]
    name: Annotated[str, msgspec.Meta(description="What it is called.", examples=["南山店"])]
    address: Annotated[str, msgspec.Meta(description="Where it is.", examples=["深圳市南山区科技园1号一楼"])]
    phone: Annotated[str, msgspec.Meta(description="To be called.", examples=["0755-12345678"])]
    hours: Annotated[str, msgspec.Meta(description="When it is open.", examples=["每天 9:00-21:00"])]
    code: Annotated[
        str | None, msgspec.Meta(description="To be shown there; for nobody else's eyes.", examples=["042017339184"])
    ]


class EventView(msgspec.Struct, frozen=True):
    at: Annotated[datetime, msgspec.Meta(description="When.", examples=[EXAMPLE_TIME])]
    by: Annotated[str, msgspec.Meta(description="SHOPPER, STAFF, WECHAT or SCHEDULE.", examples=["SHOPPER"])]
    was: Annotated[str | None, msgspec.Meta(description="State before.", examples=[None])]
    now: Annotated[str, msgspec.Meta(description="State after.", examples=["AWAITING_PAYMENT"])]
    why: Annotated[str, msgspec.Meta(description="Reason, in Chinese.", examples=["提交订单"])]


class StaffEventView(EventView, frozen=True):
    """For the staff's eyes."""

    who: Annotated[str, msgspec.Meta(description="Member id of the staff member who did it.", examples=[""])]


class CampaignView(msgspec.Struct, frozen=True):
    kind: Annotated[str, msgspec.Meta(description="groupbuy or bargain.", examples=["groupbuy"])]
    activity_id: Annotated[str, msgspec.Meta(description="Activity.", examples=["team-tea"])]
    group_id: Annotated[str, msgspec.Meta(description="Team or launch.", examples=["01JDA3X5G8Q0V7M2K4N6P8R0T2"])]
    title: Annotated[str, msgspec.Meta(description="Activity's title.", examples=["三人团"])]


class OrderCard(msgspec.Struct, frozen=True):
    """An order in a list. `refund_state` tells of a refund of the whole order by the shop; `cases` of others."""

    order_id: OrderId
    state: Annotated[OrderState, msgspec.Meta(description="Where it stands.", examples=["AWAITING_PAYMENT"])]
    held: Annotated[bool, msgspec.Meta(description="Paid, and waiting for its team.", examples=[False])]
    lines: Annotated[list[OrderLineView], msgspec.Meta(description="What was ordered.")]
    payable: Payable
    placed_at: Annotated[datetime, msgspec.Meta(description="When it was placed.", examples=[EXAMPLE_TIME])]
    expires_at: Annotated[
        datetime, msgspec.Meta(description="To be paid until then.", examples=["2026-11-22T02:15:00Z"])
    ]
    refund_state: Annotated[
        str | None, msgspec.Meta(description="PENDING, PROCESSING, SUCCESS or ABNORMAL.", examples=[None])
    ]
    refunded: Annotated[int, msgspec.Meta(description="Fen that after-sale cases returned.", examples=[0])]
    cases: Annotated[dict[str, bool], msgspec.Meta(description="After-sale cases: open or not, by id.", examples=[{}])]


class OrderView(OrderCard, frozen=True):
    """An order in full."""

    goods_total: GoodsTotal
    discount_total: DiscountTotal
    freight: Freight
    adjustments: Annotated[list[AdjustmentView], msgspec.Meta(description="Each saving, explained.")]
    delivery: Annotated[DeliveryView | None, msgspec.Meta(description="Where it goes, as it was when ordered.")]
    pickup: Annotated[PickupView | None, msgspec.Meta(description="Where it is fetched, if it is.", examples=[None])]
    coupon_id: Annotated[str | None, msgspec.Meta(description="Coupon spent.", examples=[None])]
    points: PointsUsed
    points_off: PointsOff
    campaign: Annotated[
        CampaignView | None, msgspec.Meta(description="What it was bought in, if any.", examples=[None])
    ]
    remark: Annotated[str, msgspec.Meta(description="Words for the merchant.", examples=[""])]
    paid_at: Annotated[datetime | None, msgspec.Meta(description="When it was paid.", examples=[None])]
    shipped_at: Annotated[datetime | None, msgspec.Meta(description="When it was shipped.", examples=[None])]
    receive_by: Annotated[
        datetime | None, msgspec.Meta(description="Receipt counts as confirmed then.", examples=[None])
    ]
    extended: Annotated[bool, msgspec.Meta(description="That time was made longer already.", examples=[False])]
    completed_at: Annotated[datetime | None, msgspec.Meta(description="When receipt was confirmed.", examples=[None])]
    finished: Annotated[bool, msgspec.Meta(description="The time for after-sale cases is over.", examples=[False])]
    timeline: Annotated[list[EventView], msgspec.Meta(description="Every change, oldest first.")]


class OrderPage(msgspec.Struct, frozen=True):
    items: Annotated[list[OrderCard], msgspec.Meta(description="Newest first.")]
    next_cursor: NextCursor


class OrderQuery(PageQuery, frozen=True, kw_only=True):
    state: Annotated[OrderState | None, msgspec.Meta(description="Only orders in this state.", examples=["PAID"])] = (
        None
    )


def order_view(order: Order) -> OrderView:
    """How an order is shown to its member, here and in the answers of payments."""
    return OrderView(
        order_id=order.order_id,
        state=order.state,
        held=order.held,
        lines=_lines(order),
        payable=order.payable,
        placed_at=order.placed_at,
        expires_at=order.expires_at,
        refund_state=order.refund_state,
        refunded=order.refunded,
        cases=dict(order.cases),
        goods_total=order.goods_total,
        discount_total=order.discount_total,
        freight=order.freight,
        adjustments=[AdjustmentView(a.kind, a.id, a.title, a.amount, dict(a.lines)) for a in order.adjustments],
        delivery=_delivery(order.delivery),
        pickup=_pickup(order),
        coupon_id=order.coupon_id,
        points=order.points,
        points_off=order.points_off,
        campaign=_campaign(order.campaign),
        remark=order.remark,
        paid_at=order.paid_at,
        shipped_at=order.shipped_at,
        receive_by=order.receive_by,
        extended=order.extended,
        completed_at=order.completed_at,
        finished=order.finished,
        timeline=[EventView(e.at, e.by, e.was, e.now, e.why) for e in order.timeline],
    )


def staff_event_view(event: Event) -> StaffEventView:
    return StaffEventView(event.at, event.by, event.was, event.now, event.why, event.who)


def order_card(order: Order) -> OrderCard:
    """The same, in a list."""
    return OrderCard(
        order_id=order.order_id,
        state=order.state,
        held=order.held,
        lines=_lines(order),
        payable=order.payable,
        placed_at=order.placed_at,
        expires_at=order.expires_at,
        refund_state=order.refund_state,
        refunded=order.refunded,
        cases=dict(order.cases),
    )


def _lines(order: Order) -> list[OrderLineView]:
    return [OrderLineView(*(getattr(line, name) for name in OrderLineView.__struct_fields__)) for line in order.lines]


def _delivery(to: Delivery | None) -> DeliveryView | None:
    return DeliveryView(to.name, to.phone, to.province, to.city, to.district, to.detail) if to else None


def _pickup(order: Order) -> PickupView | None:
    place = order.pickup
    if place is None:
        return None
    shown = place.code and order.state is OrderState.PAID and not order.held
    return PickupView(
        place.point_id, place.name, place.address, place.phone, place.hours, place.code if shown else None
    )


def _campaign(of: OrderCampaign | None) -> CampaignView | None:
    return CampaignView(of.kind, of.activity_id, of.group_id, of.title) if of else None


def preview_view(preview: Preview) -> PreviewView:
    priced, offers = preview.priced, preview.offers
    return PreviewView(
        lines=[
            OrderLineView(
                line.sku_id,
                offers[line.sku_id].product_id,
                offers[line.sku_id].title,
                offers[line.sku_id].image,
                offers[line.sku_id].spec,
                line.quantity,
                line.unit_price,
                line.discount,
                line.freight,
                line.payable,
            )
            for line in priced.lines
        ],
        goods_total=priced.goods_total,
        discount_total=priced.discount_total,
        freight=priced.freight,
        payable=priced.payable,
        points=priced.points_used,
        points_off=priced.points_off,
        adjustments=[AdjustmentView(a.kind, a.id, a.title, a.amount, dict(a.lines)) for a in priced.adjustments],
        hints=[HintView(h.kind, h.id, h.measure, h.missing, h.saves, h.text) for h in priced.hints],
        notes=list(priced.notes),
    )


def reads_order(call: Call[Any]) -> Sequence[Read[Order]]:
    """The order of the path: the member's own, or that of the member whom the path names."""
    owner = call.path.get("member_id", call.member_id)
    return [call.shop.orders.reads(owner, call.path["order_id"])]

"""What an order keeps of goods, campaign and address, as they were when it was placed; and what a campaign kind may
know of the order."""

from collections.abc import Mapping

from ..addresses import Address
from ..campaigns.base import CampaignOrder, CampaignPrice
from ..catalog import Offer
from ..pickup import PickupPoint
from ..pricing import Priced
from .rules import Delivery, Order, OrderCampaign, OrderLine, PickupPlace


def sold_lines(priced: Priced, offers: Mapping[str, Offer]) -> tuple[OrderLine, ...]:
    lines = []
    for line in priced.lines:
        offer = offers[line.sku_id]
        lines.append(
            OrderLine(
                sku_id=line.sku_id,
                product_id=offer.product_id,
                title=offer.title,
                image=offer.image,
                spec=offer.spec,
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount=line.discount,
                freight=line.freight,
                payable=line.payable,
                no_reason_days=offer.no_reason_days,
            )
        )
    return tuple(lines)


def sold_in(campaign: CampaignPrice | None, order_id: str) -> OrderCampaign | None:
    if campaign is None:
        return None
    return OrderCampaign(campaign.kind, campaign.activity_id, campaign.group_id or order_id, campaign.title)


def sold_to(address: Address | None) -> Delivery | None:
    if address is None:
        return None
    return Delivery(
        name=address.name,
        phone=address.phone,
        province=address.province,
        city=address.city,
        district=address.district,
        detail=address.detail,
        region_code=address.region_code,
    )


def fetched_at(point: PickupPoint | None, code: str) -> PickupPlace | None:
    if point is None:
        return None
    return PickupPlace(point.point_id, point.name, point.address, point.phone, point.hours, code)


def campaign_order(order: Order) -> CampaignOrder:
    """What the order's campaign kind may know of it."""
    assert order.campaign is not None
    line = order.lines[0]
    return CampaignOrder(
        order_id=order.order_id,
        member_id=order.member_id,
        kind=order.campaign.kind,
        activity_id=order.campaign.activity_id,
        group_id=order.campaign.group_id,
        sku_id=line.sku_id,
        quantity=line.quantity,
        nickname=order.nickname,
        avatar_url=order.avatar_url,
        unit_price=line.unit_price,
    )

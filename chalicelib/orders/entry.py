"""What a shopper asks for, checked: lines added up, and why an order is refused before it exists. Pure."""

import hashlib
from collections.abc import Mapping

from ..catalog.rules import Offer
from ..kernel.errors import Conflict, Invalid, Refused
from ..stock.rules import Level, SoldOut

MOST_LINES = 50
MOST_PIECES = 999


class IdempotencyKeyReused(Refused):
    """The same Idempotency-Key came with another request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    message = "重复的请求标识对应了不同的订单内容"


class AlreadyPlaced(Conflict):
    """Never leaves the service: the same key placed an order before, which is then answered."""

    code = "ALREADY_PLACED"


class PriceChanged(Refused):
    """The shopper agreed to another amount; `details.payable` is the amount of now, in fen."""

    code = "PRICE_CHANGED"
    message = "价格已变化，请确认后重新提交"


class AddressNeeded(Invalid):
    """A preview does without an address or a pickup point, an order does not."""

    code = "ADDRESS_NEEDED"
    message = "请选择收货地址或自提点"


class AddressOrPickup(Invalid):
    """Goods are either sent to an address or fetched at a pickup point."""

    code = "ADDRESS_OR_PICKUP"
    message = "收货地址和自提点只能选一个"


class NothingToOrder(Refused):
    """No lines were given, and nothing is selected in the cart."""

    code = "NOTHING_TO_ORDER"
    message = "请选择要购买的商品"


class TooManyLines(Refused):
    """More different SKUs than one order takes."""

    code = "TOO_MANY_LINES"
    message = "一次最多购买50种商品"


class SkuNotForSale(Refused):
    """`details.sku_ids`: gone or off the shelf."""

    code = "SKU_NOT_FOR_SALE"
    message = "部分商品已下架"


class CampaignTakesOneSku(Invalid):
    """A campaign is bought with one SKU alone in the order."""

    code = "CAMPAIGN_TAKES_ONE_SKU"
    message = "活动商品请单独购买"


class CouponNotWithCampaign(Refused):
    """Campaign prices and coupons do not add up."""

    code = "COUPON_NOT_WITH_CAMPAIGN"
    message = "活动商品不可使用优惠券"


def merged(wanted: tuple[tuple[str, int], ...]) -> dict[str, int]:
    """Pieces per SKU; the same SKU named twice is one line. Raises NothingToOrder, TooManyLines, Invalid."""
    pieces: dict[str, int] = {}
    for sku_id, quantity in wanted:
        if quantity < 1:
            raise Invalid(field="quantity")
        pieces[sku_id] = pieces.get(sku_id, 0) + quantity
    if not pieces:
        raise NothingToOrder
    if len(pieces) > MOST_LINES:
        raise TooManyLines(limit=MOST_LINES)
    if max(pieces.values()) > MOST_PIECES:
        raise Invalid(field="quantity", limit=MOST_PIECES)
    return pieces


def for_sale(sku_id: str, offers: Mapping[str, Offer]) -> bool:
    return sku_id in offers and offers[sku_id].on_shelf


def must_be_for_sale(pieces: Mapping[str, int], offers: Mapping[str, Offer], levels: Mapping[str, Level]) -> None:
    """What can be seen to fail is refused without a write; the writes decide the rest."""
    gone = [sku_id for sku_id in pieces if not for_sale(sku_id, offers)]
    if gone:
        raise SkuNotForSale(sku_ids=gone)
    for sku_id, wanted in pieces.items():
        if levels[sku_id].available < wanted:
            raise SoldOut(sku_id=sku_id)


def digest(*parts: object) -> str:
    """Tells whether a repeated Idempotency-Key came with the same request."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

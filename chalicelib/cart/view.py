"""A cart as the shopper sees it: each line as it is sold now, and what the selected ones come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..catalog import Offer
from ..pricing import (
    Adjustment,
    CouponOffer,
    Hint,
    Priced,
    PriceRules,
    coupon_hints,
    line_of,
    price,
    with_best_coupon,
)
from .rules import CartLine, Change, Contents, ForSale, changes, selectable

MOST_HINTS = 5


@dataclass(frozen=True)
class LineView:
    """`price` and `subtotal` (fen) are those of now, None for a SKU that is gone. What is selected is selectable."""

    sku_id: str
    product_id: str | None
    title: str
    image: str
    spec: str
    price: int | None
    struck_price: int | None
    quantity: int
    subtotal: int | None
    available: int
    selected: bool
    selectable: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class CouponView:
    """The coupon that takes the most off; `saves` in fen."""

    coupon_id: str
    title: str
    saves: int


@dataclass(frozen=True)
class PointsView:
    """How many of the shopper's points could be spent, beside the coupon, and the fen that they would pay for."""

    points: int
    off: int


@dataclass(frozen=True)
class CartView:
    """Money in fen, of the selected lines, without freight. `pieces` counts them.

    `payable` = `goods_total` - `discount_total`, by promotions alone. `payable_with_coupon` (用券后) is with the best
    coupon; `saved` is what that is below `goods_total`, and `adjustments` say how. `points` are in none of these.
    """

    lines: tuple[LineView, ...]
    pieces: int
    goods_total: int
    discount_total: int
    payable: int
    coupon: CouponView | None
    payable_with_coupon: int
    points: PointsView | None
    saved: int
    adjustments: Sequence[Adjustment]
    hints: Sequence[Hint]
    notes: Sequence[str]


def line_views(contents: Contents, offers: Mapping[str, Offer], levels: Mapping[str, int]) -> tuple[LineView, ...]:
    """What was put in last comes first."""
    ordered = sorted(contents.lines.values(), key=lambda line: (line.added_at, line.sku_id), reverse=True)
    return tuple(_line_view(line, offers.get(line.sku_id), levels.get(line.sku_id, 0)) for line in ordered)


def for_sale(offer: Offer | None, available: int) -> ForSale | None:
    return ForSale(offer.price, offer.on_shelf, available) if offer else None


def total(
    lines: tuple[LineView, ...],
    offers: Mapping[str, Offer],
    rules: PriceRules,
    coupons: Sequence[CouponOffer],
    points: int,
) -> CartView:
    """Price the selected lines, find the best of the coupons for them, and what the shopper's points could pay then."""
    goods = [line_of(offers[line.sku_id], line.quantity) for line in lines if line.selected]
    plain = price(goods, rules.promotions, None, rules.freight, None)
    best, with_coupon = None, plain
    if coupons:
        best, with_coupon = with_best_coupon(goods, rules.promotions, coupons, rules.freight, None)
    paying = plain
    if points and rules.points:
        paying = price(goods, rules.promotions, best, rules.freight, None, points=points, points_rule=rules.points)
    hints = (*plain.hints, *coupon_hints(goods, plain, coupons))
    return CartView(
        lines=lines,
        pieces=sum(line.quantity for line in goods),
        goods_total=plain.goods_total,
        discount_total=plain.discount_total,
        payable=plain.payable,
        coupon=_coupon_view(best, plain, with_coupon),
        payable_with_coupon=with_coupon.payable,
        points=PointsView(paying.points_used, paying.points_off) if paying.points_used else None,
        saved=plain.goods_total - with_coupon.payable,
        adjustments=with_coupon.adjustments,
        hints=hints[:MOST_HINTS],
        notes=plain.notes if goods else (),
    )


def _line_view(line: CartLine, offer: Offer | None, available: int) -> LineView:
    now = for_sale(offer, available)
    can_buy = selectable(line, now)
    return LineView(
        sku_id=line.sku_id,
        product_id=offer.product_id if offer else None,
        title=offer.title if offer else "",
        image=offer.image if offer else "",
        spec=offer.spec if offer else "",
        price=offer.price if offer else None,
        struck_price=offer.struck_price if offer else None,
        quantity=line.quantity,
        subtotal=offer.price * line.quantity if offer else None,
        available=available if offer else 0,
        selected=line.selected and can_buy,
        selectable=can_buy,
        changes=changes(line, now),
    )


def _coupon_view(best: CouponOffer | None, plain: Priced, with_coupon: Priced) -> CouponView | None:
    return CouponView(best.coupon_id, best.title, plain.payable - with_coupon.payable) if best else None

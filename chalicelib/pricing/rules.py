"""The price of an order: pure, exact, the same for cart, order and refund. The steps are in steps.py, points in
points.py."""

from collections.abc import Mapping, Sequence

from .freight import parcels
from .hints import coupon_hints, promotion_hint, short_yuan
from .points import pay_with, points_notes
from .steps import SCOPES, Applied, Basket, Draft, settle
from .terms import (
    Adjustment,
    BadPriceRule,
    CouponKind,
    CouponOffer,
    FreightRule,
    FreightTemplate,
    FreightUnit,
    Hint,
    Line,
    Measure,
    NotDeliverable,
    PointsRule,
    Priced,
    PricedLine,
    PriceRules,
    Promotion,
    Scope,
    ScopeKind,
    Tier,
)

CAMPAIGN_NOTE = "活动商品不参与优惠"
FREIGHT_NOTE = "运费将在选择收货地址后计算"


def price(
    lines: Sequence[Line],
    promotions: Sequence[Promotion],
    coupon: CouponOffer | None,
    freight: Mapping[str, FreightTemplate],
    region_code: str | None,
    pickup: bool = False,
    points: int = 0,
    points_rule: PointsRule | None = None,
) -> Priced:
    """The lowest price that the rules give, of which up to `points` points pay a part. `promotions` are those that run
    now.

    A coupon that is not reached, or that saves nothing, is not used: `coupon_id` is None and a note says why. Of the
    points as many are used as the rule allows, never all of the price; a note says why not more. Without
    `region_code` freight is not known: it is 0 and a note says so. Raises NotDeliverable.
    """
    basket = _basket(lines, promotions, (coupon,) if coupon else (), freight, region_code, pickup)
    draft = settle(basket)
    used, paid = pay_with(points, points_rule, basket, draft)
    notes = (*_notes(basket, draft), *points_notes(points, used, points_rule, basket))
    off = draft.payable - paid.payable
    return _priced(basket, paid, _promotion_hints(basket, draft), notes, used, off)


def with_best_coupon(
    lines: Sequence[Line],
    promotions: Sequence[Promotion],
    coupons: Sequence[CouponOffer],
    freight: Mapping[str, FreightTemplate],
    region_code: str | None,
    pickup: bool = False,
) -> tuple[CouponOffer | None, Priced]:
    """The coupon that gives the lowest price, the first of equals, or None when none saves anything; and the price with
    it, without hints and notes. Raises NotDeliverable.
    """
    basket = _basket(lines, promotions, coupons, freight, region_code, pickup)
    draft = settle(basket)
    return draft.coupon, _priced(basket, draft, (), ())


def _basket(
    lines: Sequence[Line],
    promotions: Sequence[Promotion],
    coupons: Sequence[CouponOffer],
    freight: Mapping[str, FreightTemplate],
    region_code: str | None,
    pickup: bool,
) -> Basket:
    if len({line.sku_id for line in lines}) < len(lines) or any(line.quantity < 1 for line in lines):
        raise ValueError("each SKU stands in one line, with at least one piece")
    ordered = tuple(sorted(promotions, key=lambda promotion: promotion.promotion_id))
    sent = () if pickup else None if region_code is None else parcels(lines, freight, region_code)
    return Basket(tuple(lines), ordered, tuple(coupons), sent)


def _priced(
    basket: Basket,
    draft: Draft,
    hints: Sequence[Hint],
    notes: Sequence[str],
    points_used: int = 0,
    points_off: int = 0,
) -> Priced:
    lines = tuple(
        PricedLine(
            sku_id=line.sku_id,
            quantity=line.quantity,
            unit_price=line.unit_price,
            subtotal=line.subtotal,
            discount=line.subtotal - goods,
            freight=freight,
            payable=goods + freight,
        )
        for line, goods, freight in zip(basket.lines, draft.goods, draft.freight, strict=True)
    )
    adjustments = tuple(_adjustment(basket, applied) for applied in draft.applied if applied.parts)
    discount_total = sum(line.discount for line in lines)
    return Priced(
        lines=lines,
        goods_total=sum(line.subtotal for line in lines),
        discount_total=discount_total,
        freight=sum(draft.freight),
        freight_discount=sum(adjustment.amount for adjustment in adjustments) - discount_total,
        payable=draft.payable,
        coupon_id=draft.coupon.coupon_id if draft.coupon else None,
        adjustments=adjustments,
        hints=hints,
        notes=notes,
        points_used=points_used,
        points_off=points_off,
    )


def _adjustment(basket: Basket, applied: Applied) -> Adjustment:
    by_sku = {basket.lines[i].sku_id: part for i, part in applied.parts.items()}
    return Adjustment(applied.kind, applied.id, applied.title, sum(by_sku.values()), by_sku)


def _promotion_hints(basket: Basket, draft: Draft) -> tuple[Hint, ...]:
    """One for each promotion that covers something and could save more than promotions of its kind of scope do now."""
    hints = []
    kinds = {promotion.promotion_id: promotion.scope.kind for promotion in basket.promotions}
    goods = [line.subtotal for line in basket.lines]
    for kind in SCOPES:
        saved = [0] * len(goods)
        for applied in draft.applied:
            if applied.kind == "PROMOTION" and kinds[applied.id] is kind:
                saved = [fen + applied.parts.get(i, 0) for i, fen in enumerate(saved)]
        for promotion in basket.promotions:
            covered = basket.covered(promotion.scope)
            if promotion.scope.kind is kind and covered:
                amount, now = sum(goods[i] for i in covered), sum(saved[i] for i in covered)
                hints += promotion_hint(promotion, amount, basket.pieces(covered), now)
        goods = [fen - off for fen, off in zip(goods, saved, strict=True)]
    return tuple(hints)


def _notes(basket: Basket, draft: Draft) -> tuple[str, ...]:
    notes = []
    if not all(line.discountable for line in basket.lines):
        notes.append(CAMPAIGN_NOTE)
    notes += [_why_unused(basket, draft, coupon) for coupon in basket.coupons if coupon is not draft.coupon]
    if basket.parcels is None:
        notes.append(FREIGHT_NOTE)
    return tuple(notes)


def _why_unused(basket: Basket, draft: Draft, coupon: CouponOffer) -> str:
    covered = basket.covered(coupon.scope)
    if not covered:
        return f"「{coupon.title}」不适用于所选商品"
    missing = coupon.threshold - sum(draft.goods[i] for i in covered)
    if missing > 0:
        return f"再买{short_yuan(missing)}元可用「{coupon.title}」"
    return f"「{coupon.title}」未使用：不能再省"


__all__ = [
    "Adjustment",
    "BadPriceRule",
    "CouponKind",
    "CouponOffer",
    "FreightRule",
    "FreightTemplate",
    "FreightUnit",
    "Hint",
    "Line",
    "Measure",
    "NotDeliverable",
    "PointsRule",
    "PriceRules",
    "Priced",
    "PricedLine",
    "Promotion",
    "Scope",
    "ScopeKind",
    "Tier",
    "coupon_hints",
    "price",
    "with_best_coupon",
]

"""Short words for the tests of pricing."""

from datetime import UTC, datetime
from typing import Any

from chalicelib.pricing.rules import (
    CouponKind,
    CouponOffer,
    FreightRule,
    FreightTemplate,
    FreightUnit,
    Line,
    Measure,
    PointsRule,
    Priced,
    Promotion,
    Scope,
    ScopeKind,
    Tier,
    price,
)

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
SHENZHEN, BEIJING, LHASA = "440305", "110101", "540102"


def line(sku_id: str, shop_price: int, quantity: int = 1, **more: Any) -> Line:
    """SKU `a-01` is of product `a`."""
    more.setdefault("category_ids", ())
    return Line(sku_id, sku_id.rpartition("-")[0], quantity=quantity, shop_price=shop_price, **more)


def by_amount(promotion_id: str, *tiers: tuple[int, int], scope: Scope | None = None) -> Promotion:
    """满 `reach` 减 `off`."""
    return _promotion(promotion_id, Measure.AMOUNT, tuple(Tier(reach, off=off) for reach, off in tiers), scope)


def by_pieces(promotion_id: str, *tiers: tuple[int, int], scope: Scope | None = None) -> Promotion:
    """满 `reach` 件减 `percent`%."""
    return _promotion(promotion_id, Measure.PIECES, tuple(Tier(n, percent_off=percent) for n, percent in tiers), scope)


def _promotion(promotion_id: str, measure: Measure, tiers: tuple[Tier, ...], scope: Scope | None) -> Promotion:
    return Promotion(promotion_id, f"活动{promotion_id}", scope or Scope(), measure, tiers, START, END)


def products(*ids: str) -> Scope:
    return Scope(ScopeKind.PRODUCT, ids)


def categories(*ids: str) -> Scope:
    return Scope(ScopeKind.CATEGORY, ids)


def amount_coupon(value: int, threshold: int = 0, scope: Scope | None = None, coupon_id: str = "c1") -> CouponOffer:
    return CouponOffer(coupon_id, CouponKind.AMOUNT, "立减券", value, None, threshold, scope or Scope())


def percent_coupon(percent: int, cap: int | None = None, threshold: int = 0, coupon_id: str = "c1") -> CouponOffer:
    return CouponOffer(coupon_id, CouponKind.PERCENT, "折扣券", percent, cap, threshold)


def freight_coupon(value: int, threshold: int = 0, scope: Scope | None = None, coupon_id: str = "c1") -> CouponOffer:
    return CouponOffer(coupon_id, CouponKind.FREIGHT, "运费券", value, None, threshold, scope or Scope())


def template(
    template_id: str, *rules: FreightRule, unit: FreightUnit = FreightUnit.PIECES
) -> dict[str, FreightTemplate]:
    return {template_id: FreightTemplate(template_id, f"运费{template_id}", unit, rules)}


def flat(fee: int, free_from: int | None = None) -> dict[str, FreightTemplate]:
    """Template `f`: the same fee everywhere, for any number of pieces."""
    return template("f", FreightRule(("",), first=10**6, first_fee=fee, free_from=free_from))


def priced(
    *lines: Line,
    promotions: tuple[Promotion, ...] = (),
    coupon: CouponOffer | None = None,
    freight: dict[str, FreightTemplate] | None = None,
    region: str | None = SHENZHEN,
    pickup: bool = False,
    points: int = 0,
    rule: PointsRule | None = None,
) -> Priced:
    return price(lines, promotions, coupon, freight or {}, region, pickup, points, rule)

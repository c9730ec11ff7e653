"""Pricing: what an order costs and why, and the merchant's rules for it (promotions, freight, what points are worth).

Table `pricing`.

`price()` is the one engine for cart, order and refund. It owns no state of orders and knows no shopper.
"""

from .rules import (
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
    coupon_hints,
    price,
    with_best_coupon,
)
from .service import Promotions, coupon_offer, line_of
from .store import PriceRuleStore

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
    "PriceRuleStore",
    "PriceRules",
    "Priced",
    "PricedLine",
    "Promotion",
    "Promotions",
    "Scope",
    "ScopeKind",
    "Tier",
    "coupon_hints",
    "coupon_offer",
    "line_of",
    "price",
    "with_best_coupon",
]

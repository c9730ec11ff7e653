"""Coupons: templates that the shop offers, and the coupons that members hold.

    UNUSED -> USED        spent by an order
    USED   -> UNUSED      the order was closed or refunded in full
    UNUSED -> EXPIRED     by time; readers see it at once, a schedule writes it down

Owns the tables `coupon_templates` (with the number claimed so far), `coupons` (what members hold) and `coupon_counts`
(how many of each template a member has claimed).
"""

from .rules import (
    Coupon,
    CouponKind,
    CouponNotFound,
    CouponNotUsable,
    CouponState,
    CouponTemplate,
    ScopeKind,
    Source,
    Terms,
)
from .service import Coupons
from .store import CouponStore

__all__ = [
    "Coupon",
    "CouponKind",
    "CouponNotFound",
    "CouponNotUsable",
    "CouponState",
    "CouponStore",
    "CouponTemplate",
    "Coupons",
    "ScopeKind",
    "Source",
    "Terms",
]

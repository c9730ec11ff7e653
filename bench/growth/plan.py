"""Of what there is how much in a shop with a million rows behind; a smaller number has the same shares.

Half of the hurt is in what a member or a list holds itself: thousands of orders and of points of the visitor, tens of
thousands of products in the lists that are visited, thousands of campaigns of the visited product that have ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PAGE, LONG_PAGE = 21, 101
"""Copies of a kind, however few rows are wanted: pages of twenty are full, and those of what is a member's own."""


@dataclass(frozen=True)
class Kind:
    """Rows of a table that are copied, in a shop with a million: `others` for other members, or of other goods; `own`
    for the visitor.

    `also`: attributes whose text is an id, beside those that look like one. `limited`: what no shop has many of, so
    that all have as many. `least`, `own_least`: so many, however few rows are wanted, since a page shows only some.
    """

    table: str
    others: int
    own: int = 0
    also: tuple[str, ...] = ()
    which: Callable[[dict[str, Any]], bool] = lambda item: True
    limited: bool = False
    least: int = PAGE
    own_least: int = LONG_PAGE

    def wanted(self, rows: int) -> tuple[int, int]:
        """Others' and own copies in a shop with so many `rows` behind."""
        others = self.others if self.limited else max(self.others * rows // 1_000_000, self.least)
        return others, max(self.own * rows // 1_000_000, self.own_least) if self.own else 0


def has(attribute: str, *prefixes: str) -> Callable[[dict[str, Any]], bool]:
    return lambda item: item[attribute]["S"].startswith(prefixes)


def has_not(attribute: str, *prefixes: str) -> Callable[[dict[str, Any]], bool]:
    return lambda item: not item[attribute]["S"].startswith(prefixes)


NOT_COPIED = frozenset({"wechat_keys", "wechat_tokens"})
"""A shop has one row in each."""

PLAN = (
    Kind("members", 110_000, which=lambda item: "staff" not in item),
    Kind("addresses", 80_000),
    Kind("cart", 40_000),
    Kind("orders", 150_000, own=5_000),
    Kind("payments", 120_000),
    Kind("refunds", 15_000),
    Kind("catalog", 40_000, also=("pk",), which=has_not("pk", "#")),
    Kind("listings", 60_000, also=("product_id",), least=400),
    Kind("stock", 40_000, also=("sku_id",)),
    Kind("coupons", 60_000, own=2_000, own_least=250),
    Kind("coupon_counts", 30_000),
    Kind("coupon_templates", 100, also=("template_id",), limited=True),
    Kind("points", 40_000, own=5_000, which=has_not("entry", "#")),
    Kind("consents", 20_000),
    Kind("deliveries", 20_000),
    Kind("claims", 40_000, also=("claim",)),
    Kind("aftersales", 15_000, own=500, least=400),
    Kind("parcels", 30_000),
    Kind("shipping_uploads", 25_000),
    Kind("groupbuy", 20_000, own=1_000),
    Kind("bargain", 20_000, own=500),
    Kind("activities", 5_000, also=("activity_id",), least=66),
    Kind("pricing", 50, also=("sk",), which=has("sk", "P#snacks"), limited=True),
    Kind("pickup_points", 50, also=("point_id",), limited=True),
    Kind("pickup_codes", 10_000, also=("code",)),
    Kind("reconciliations", 2_000, also=("key",)),
)

"""The words of pricing: what is bought, which rules there are, and what a price says. Money is fen everywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ..kernel.errors import Invalid, Refused


class BadPriceRule(Invalid):
    """`details.problem` says, in English, what a promotion, coupon or freight template gets wrong."""

    code = "BAD_PRICE_RULE"
    message = "价格规则设置有误"


class NotDeliverable(Refused):
    """`details.sku_ids`: what cannot be sent to the region."""

    code = "NOT_DELIVERABLE"
    message = "部分商品不支持配送到所选地区"


class ScopeKind(StrEnum):
    ALL = "ALL"
    CATEGORY = "CATEGORY"
    PRODUCT = "PRODUCT"


class Measure(StrEnum):
    """What the tiers of a promotion count: fen of goods, or pieces."""

    AMOUNT = "AMOUNT"
    PIECES = "PIECES"


class FreightUnit(StrEnum):
    """What a freight template counts: pieces, grams, or cubic centimetres."""

    PIECES = "PIECES"
    WEIGHT = "WEIGHT"
    VOLUME = "VOLUME"


class CouponKind(StrEnum):
    AMOUNT = "AMOUNT"
    PERCENT = "PERCENT"
    FREIGHT = "FREIGHT"


@dataclass(frozen=True)
class Line:
    """One SKU of an order. A SKU appears once. `campaign_price` is None outside of campaigns."""

    sku_id: str
    product_id: str
    category_ids: tuple[str, ...]
    quantity: int
    shop_price: int
    campaign_price: int | None = None
    weight_g: int = 0
    volume_cm3: int = 0
    freight_template_id: str | None = None

    @property
    def unit_price(self) -> int:
        """The first step of a price; a limited-time or member price would be weighed here."""
        return self.shop_price if self.campaign_price is None else self.campaign_price

    @property
    def subtotal(self) -> int:
        return self.unit_price * self.quantity

    @property
    def discountable(self) -> bool:
        """Campaign prices do not stack with promotions or coupons."""
        return self.campaign_price is None


@dataclass(frozen=True)
class Scope:
    """`ids` are category ids (of either level) or product ids; unused for ALL."""

    kind: ScopeKind = ScopeKind.ALL
    ids: tuple[str, ...] = ()

    def covers(self, line: Line) -> bool:
        if self.kind is ScopeKind.CATEGORY:
            return any(category in self.ids for category in line.category_ids)
        return self.kind is ScopeKind.ALL or line.product_id in self.ids


@dataclass(frozen=True)
class Tier:
    """From `reach` (fen or pieces) on, take `off` fen off, or `percent_off` of the amount (15 is 8.5折)."""

    reach: int
    off: int = 0
    percent_off: int = 0

    def __post_init__(self) -> None:
        one_kind = bool(self.off) != bool(self.percent_off)
        if self.reach < 1 or self.off < 0 or not 0 <= self.percent_off <= 100 or not one_kind:
            raise BadPriceRule(problem="a tier has a reach of at least 1, and either off or percent_off (1-100)")

    def saves(self, amount: int) -> int:
        """Fen off goods worth `amount`; a part of a fen stays with the shop."""
        return min(amount, self.off or amount * self.percent_off // 100)


@dataclass(frozen=True)
class Promotion:
    """A full reduction (满减 / 满件折): the best tier that is reached counts."""

    promotion_id: str
    title: str
    scope: Scope
    measure: Measure
    tiers: tuple[Tier, ...]
    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if not self.tiers or self.starts_at >= self.ends_at:
            raise BadPriceRule(problem="a promotion has at least one tier, and starts before it ends")

    def running(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True)
class CouponOffer:
    """What a coupon takes off. `threshold`: fen of goods in its scope, after promotions.

    `value`: fen for AMOUNT and FREIGHT; for PERCENT, percent taken off (15 is 8.5折), at most `cap` fen.
    """

    coupon_id: str
    kind: CouponKind
    title: str
    value: int
    cap: int | None = None
    threshold: int = 0
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True)
class FreightRule:
    """For regions whose six-digit GB/T 2260 code starts with one of `regions` ("" is everywhere).

    `first_fee` up to `first` units, `next_fee` for every `next` units begun beyond them. Nothing when the goods sent
    under the template come to `free_from` fen, after discounts.
    """

    regions: tuple[str, ...]
    first: int = 1
    first_fee: int = 0
    next: int = 1
    next_fee: int = 0
    free_from: int | None = None
    deliverable: bool = True

    def __post_init__(self) -> None:
        if not self.regions or any(region and not region.isdigit() for region in self.regions):
            raise BadPriceRule(problem="a freight rule names regions by digits of their code")
        if self.first < 0 or self.next < 1 or self.first_fee < 0 or self.next_fee < 0:
            raise BadPriceRule(problem="a freight rule has next of at least 1, and no negative fee")


@dataclass(frozen=True)
class FreightTemplate:
    """The rule with the longest matching prefix counts; where none matches, nothing is delivered."""

    template_id: str
    title: str
    unit: FreightUnit
    rules: tuple[FreightRule, ...]


@dataclass(frozen=True)
class PointsRule:
    """What points are worth. One pays for `value_fen`; together they pay for at most `most_percent` of the goods that
    take them (0: points are only collected), and an order takes none or at least `least_points`.

    Every whole yuan that the shop keeps earns `earn_per_yuan`.
    """

    value_fen: int = 1
    most_percent: int = 100
    least_points: int = 0
    earn_per_yuan: int = 1

    def __post_init__(self) -> None:
        if self.value_fen < 1 or not 0 <= self.most_percent <= 100 or self.least_points < 0 or self.earn_per_yuan < 0:
            raise BadPriceRule(problem="a point is worth 1 fen or more, most_percent is 0-100, nothing is negative")

    def earned(self, kept: int) -> int:
        """Points for an order of which the shop keeps `kept` fen of money in the end."""
        return kept // 100 * self.earn_per_yuan


@dataclass(frozen=True)
class PriceRules:
    """All that the merchant has set: the promotions that run, freight templates by id, and what points are worth (None:
    the shop has no points)."""

    promotions: tuple[Promotion, ...] = ()
    freight: Mapping[str, FreightTemplate] = field(default_factory=dict)
    points: PointsRule | None = None


@dataclass(frozen=True)
class Adjustment:
    """One discount: `kind` PROMOTION, COUPON or POINTS, and how `amount` was shared (fen by SKU; adds up exactly)."""

    kind: str
    id: str
    title: str
    amount: int
    lines: Mapping[str, int]


@dataclass(frozen=True)
class Hint:
    """What is missing (fen or pieces, as `measure` says) for the next saving.

    The PROMOTION or COUPON `id` would then take `saves` fen off in all; for a percentage at least that.
    """

    kind: str
    id: str
    measure: Measure
    missing: int
    saves: int
    text: str


@dataclass(frozen=True)
class PricedLine:
    """`payable` = `subtotal` - `discount` + `freight`, none of them negative: what a refund of the line returns."""

    sku_id: str
    quantity: int
    unit_price: int
    subtotal: int
    discount: int
    freight: int
    payable: int


@dataclass(frozen=True)
class Priced:
    """`payable` = `goods_total` - `discount_total` + `freight`, and the lines add up to each of them.

    `freight` is what is paid for it, after a freight coupon took `freight_discount` off. `adjustments` add up to
    `discount_total` + `freight_discount`. `coupon_id` is the coupon that was used, None if none was worth using.
    `points_used` points pay for `points_off` fen, which is a part of `discount_total`.
    """

    lines: Sequence[PricedLine]
    goods_total: int
    discount_total: int
    freight: int
    freight_discount: int
    payable: int
    coupon_id: str | None
    adjustments: Sequence[Adjustment]
    hints: Sequence[Hint]
    notes: Sequence[str]
    points_used: int = 0
    points_off: int = 0

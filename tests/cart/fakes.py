"""What the cart asks others for, in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chalicelib.catalog import Offer
from chalicelib.coupons import Coupon, CouponKind, CouponState, Source, Terms
from chalicelib.pricing import PriceRules
from chalicelib.stock import Level
from chalicelib.storage.reads import NOTHING, Read

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SHOPPER, OTHER = "M1", "M2"


class FakeClock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


class Shelf:
    """Catalog and stock in one. It counts how often it is asked."""

    def __init__(self) -> None:
        self.sold: dict[str, Offer] = {}
        self.left: dict[str, int] = {}
        self.asked: list[str] = []

    def put(self, sku_id: str, price: int = 1000, available: int = 100) -> None:
        product_id = sku_id.rpartition("-")[0]
        self.left[sku_id] = available
        self.sold[sku_id] = Offer(
            sku_id=sku_id,
            product_id=product_id,
            title=f"商品{product_id}",
            image="https://img.example.com/1.jpg",
            spec="白 / L",
            price=price,
            struck_price=None,
            category_ids=("clothes",),
            weight_g=200,
            volume_cm3=1000,
            freight_template_id="f",
            on_shelf=True,
        )

    def take_down(self, sku_id: str) -> None:
        self.sold[sku_id] = replace(self.sold[sku_id], on_shelf=False)

    def reprice(self, sku_id: str, price: int) -> None:
        self.sold[sku_id] = replace(self.sold[sku_id], price=price)

    def reads_offers(self, sku_ids: Iterable[str]) -> Read[dict[str, Offer]]:
        self.asked.append("offers")
        return NOTHING.then(lambda _: {sku_id: self.sold[sku_id] for sku_id in sku_ids if sku_id in self.sold})

    def reads_levels(self, sku_ids: Iterable[str]) -> Read[dict[str, Level]]:
        self.asked.append("levels")
        return NOTHING.then(lambda _: {sku_id: Level(sku_id, self.left.get(sku_id, 0)) for sku_id in sku_ids})

    def closer(self, levels: Mapping[str, Level], wanted: Mapping[str, int]) -> Mapping[str, Level]:
        return levels


class Offers:
    """Price rules, coupons and points in one. It counts how often it is asked."""

    def __init__(self) -> None:
        self.set = PriceRules()
        self.held: dict[str, list[Coupon]] = {}
        self.points: dict[str, int] = {}
        self.asked: list[str] = []

    def reads_rules(self) -> Read[PriceRules]:
        self.asked.append("rules")
        return NOTHING.then(lambda _: self.set)

    def reads_usable(self, member_id: str, now: datetime) -> Read[list[Coupon]]:
        self.asked.append("coupons")
        return NOTHING.then(lambda _: self.held.get(member_id, []))

    def reads(self, member_id: str) -> Read[int]:
        return NOTHING.then(lambda _: self.points.get(member_id, 0))

    def give(self, member_id: str, coupon_id: str, value: int, threshold: int = 0) -> None:
        coupon = Coupon(
            coupon_id=coupon_id,
            member_id=member_id,
            template_id="t",
            terms=Terms(CouponKind.AMOUNT, f"减{value // 100}元", value, threshold),
            source=Source.CLAIM,
            state=CouponState.UNUSED,
            claimed_at=NOON,
            valid_from=NOON,
            expires_at=NOON + timedelta(days=7),
        )
        self.held.setdefault(member_id, []).append(coupon)

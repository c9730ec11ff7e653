"""Tables and the demo shop, made once. Everything is put in through the shop's own services."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.campaigns.bargain import BargainConfig
from chalicelib.campaigns.base import Activity
from chalicelib.campaigns.groupbuy import GroupBuyConfig
from chalicelib.catalog import Sort
from chalicelib.coupons import CouponKind, CouponTemplate, ScopeKind, Terms
from chalicelib.pickup import PickupPoint
from chalicelib.pricing.terms import (
    FreightRule,
    FreightTemplate,
    FreightUnit,
    Measure,
    PointsRule,
    Promotion,
    Scope,
    Tier,
)
from chalicelib.pricing.terms import ScopeKind as PriceScope
from chalicelib.settings import from_environment
from chalicelib.shop import Shop, build
from chalicelib.storage.once import first_time
from chalicelib.storage.table import dynamodb
from chalicelib.storage.tables import create_all, tables
from sandbox.clock import SandboxClock
from sandbox.local.goods import CATEGORIES, GOODS, product
from sandbox.local.place import Place

YEAR = timedelta(days=365)
TEAM, BARGAIN, CHEAP_BARGAIN = "team-longjing", "bargain-wok", "bargain-thermos"
PICKUP_POINT = PickupPoint("nanshan", "集市南山店", "深圳市南山区科技园2号一楼", "0755-00000000", "每天 9:00-21:00")
FAR = ("54", "65", "63", "15")  # Tibet, Xinjiang, Qinghai, Inner Mongolia


def prepare(place: Place) -> None:
    """Makes the tables, if there are none, and the demo goods, if they are not all there. Raises LookupError if only
    some of the tables are there: what their rows belong to is gone.
    """
    shop = build(from_environment(), clock=SandboxClock(place.clock_file))
    existing = set(dynamodb().list_tables(Limit=100)["TableNames"])
    wanted = {kind.Meta.table_name for kind in tables().values()}
    if not existing & wanted:
        print(f"Created {len(create_all())} tables.", flush=True)
    elif missing := sorted(wanted - existing):
        raise LookupError(f"no table {', '.join(missing)}")
    if not shop.catalog.products("all", Sort.NEWEST, None, 50).rows[len(GOODS) - 1 :]:
        print(f"Loading the demo shop: {len(GOODS)} products ...", flush=True)
        load(shop)


def load(shop: Shop) -> None:
    _prices(shop)
    _coupons(shop)
    _campaigns(shop)
    shop.pickups.put_point(PICKUP_POINT)
    for category in CATEGORIES:
        shop.catalog.put_category(category)
    for goods in GOODS:
        new = product(goods)
        shop.catalog.put_product(new)
        for sku in new.skus:
            # Once, so that a load that was interrupted and begun again does not stock twice.
            if first_time(f"seed:{sku.sku_id}", shop.clock(), YEAR):
                shop.stock.add(sku.sku_id, goods.stock)


def _prices(shop: Shop) -> None:
    now = shop.clock()
    shop.promotions.put_freight_template(
        FreightTemplate(
            "standard",
            "标准快递",
            FreightUnit.WEIGHT,
            (
                FreightRule(("",), first=1000, first_fee=800, next=1000, next_fee=200, free_from=9900),
                FreightRule(FAR, first=1000, first_fee=1800, next=1000, next_fee=1000, free_from=29900),
            ),
        )
    )
    shop.promotions.put_points_rule(PointsRule(value_fen=1, most_percent=50, least_points=100, earn_per_yuan=1))
    three_snacks = Scope(PriceScope.CATEGORY, ("snack",))
    by_amount, by_pieces = (Tier(19900, off=2000), Tier(39900, off=5000)), (Tier(3, percent_off=10),)
    promotions = (
        Promotion("all", "全场满199减20，满399减50", Scope(), Measure.AMOUNT, by_amount, now, now + YEAR),
        Promotion("snacks", "休闲零食3件9折", three_snacks, Measure.PIECES, by_pieces, now, now + YEAR),
    )
    for promotion in promotions:
        shop.promotions.put_promotion(promotion)


def _coupons(shop: Shop) -> None:
    welcome = Terms(CouponKind.AMOUNT, "新人满99减10", 1000, threshold=9900)
    tea = Terms(CouponKind.PERCENT, "茗茶8折券", 20, 10000, 5000, ScopeKind.CATEGORY, ("tea",))
    freight = Terms(CouponKind.FREIGHT, "运费抵扣券", 800)
    one_day = Terms(CouponKind.AMOUNT, "限时24小时满59减6", 600, threshold=5900)
    templates = (
        CouponTemplate("welcome", welcome, total=100_000, valid_days=7),
        CouponTemplate("tea-8", tea, total=10_000, per_member=2, valid_days=30),
        CouponTemplate("freight", freight, total=50_000, per_member=3, valid_days=15),
        CouponTemplate("one-day", one_day, total=100_000, valid_days=1),
    )
    for template in templates:
        shop.coupons.put_template(template)


def _campaigns(shop: Shop) -> None:
    now = shop.clock().replace(microsecond=0)
    activities = (
        Activity(
            TEAM, "groupbuy", "longjing", "西湖龙井三人团", now, now + YEAR, {"longjing-01": 6800, "longjing-02":
            14900},
            GroupBuyConfig(team_size=3, team_hours=24, limit_per_member=5, limit_per_order=2),
        ),
        Activity(
            BARGAIN, "bargain", "wok", "章丘铁锅砍到99元", now, now + YEAR, {"wok-01": 26800},
            BargainConfig(start_price=26800, floor_price=9900, cuts_to_floor=5, stock=5000, limit_per_member=2),
        ),
        Activity(
            CHEAP_BARGAIN, "bargain", "thermos", "保温杯免费拿", now, now + YEAR, {"thermos-01": 7900},
            BargainConfig(start_price=7900, floor_price=0, cuts_to_floor=10, stock=20),
        ),
    )  # fmt: skip
    for activity in activities:
        shop.campaigns.activities.put(activity)

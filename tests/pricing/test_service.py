"""Price rules kept on a real engine, and other domains' words put into those of pricing."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.catalog import Offer
from chalicelib.coupons import Coupon, CouponState, Source, Terms
from chalicelib.coupons import CouponKind as HeldKind
from chalicelib.coupons import ScopeKind as HeldScope
from chalicelib.pricing import (
    CouponKind,
    CouponOffer,
    FreightRule,
    FreightTemplate,
    FreightUnit,
    Line,
    PointsRule,
    PriceRuleStore,
    Promotions,
    Scope,
    ScopeKind,
    coupon_offer,
    line_of,
)
from chalicelib.pricing.service import KEPT
from chalicelib.pricing.store import PriceRuleRow
from chalicelib.storage.table import dynamodb

from .terms import END, START, by_amount, by_pieces, categories

DURING = START + timedelta(days=3)
RATES = FreightTemplate(
    "f",
    "江浙沪包邮",
    FreightUnit.WEIGHT,
    (
        FreightRule(("",), first=1000, first_fee=1200, next=500, next_fee=300, free_from=9900),
        FreightRule(("31", "32", "33")),
    ),
)


class SettableClock:
    now = DURING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def promotions(tables: str, clock: SettableClock) -> Promotions:
    return Promotions(PriceRuleStore(), clock)


def test_a_shop_without_rules_has_none(promotions: Promotions) -> None:
    rules = promotions.rules()
    assert (rules.promotions, rules.freight, rules.points) == ((), {}, None)


def test_rules_come_back_as_they_were_put(promotions: Promotions) -> None:
    money, pieces = by_amount("m", (10000, 1000), (20000, 3000)), by_pieces("n", (2, 10), scope=categories("x", "y"))
    promotions.put_promotion(money)
    promotions.put_promotion(pieces)
    promotions.put_freight_template(RATES)
    rules = promotions.rules()
    assert (rules.promotions, rules.freight) == ((money, pieces), {"f": RATES})


def test_a_shop_has_points_from_the_first_rule_on_until_it_takes_the_rule_away(promotions: Promotions) -> None:
    promotions.put_points_rule(PointsRule())
    promotions.put_points_rule(PointsRule(value_fen=2, most_percent=50, least_points=100, earn_per_yuan=3))
    promotions.put_promotion(by_amount("p", (10000, 1000)))
    assert promotions.rules().points == PointsRule(2, 50, 100, 3)
    for _ in range(2):
        promotions.remove_points_rule()
        assert promotions.rules().points is None
    assert len(promotions.rules().promotions) == 1


def test_only_promotions_that_run_count(promotions: Promotions, clock: SettableClock) -> None:
    promotions.put_promotion(by_amount("p", (10000, 1000)))
    running = []
    for moment in (START - timedelta(seconds=1), START, END - timedelta(seconds=1), END):
        clock.now = moment
        running.append(len(promotions.rules().promotions))
    assert running == [0, 1, 1, 0]


def test_a_rule_put_again_is_replaced_and_a_promotion_can_be_removed(promotions: Promotions) -> None:
    promotions.put_promotion(by_amount("p", (10000, 1000)))
    promotions.put_promotion(by_amount("p", (10000, 2000)))
    assert promotions.rules().promotions == (by_amount("p", (10000, 2000)),)
    promotions.put_freight_template(RATES)
    promotions.put_freight_template(replace(RATES, title="全国包邮"))
    assert promotions.rules().freight["f"].title == "全国包邮"
    for _ in range(2):
        promotions.remove_promotion("p")
        assert promotions.rules().promotions == ()


def test_a_promotion_is_forgotten_some_time_after_its_end_and_freight_never(promotions: Promotions) -> None:
    promotions.put_promotion(by_amount("p", (10000, 1000)))
    promotions.put_freight_template(RATES)
    kept = {row.sk: row.expires_at for row in PriceRuleRow.query("RULES", limit=10)}
    assert kept == {"P#p": END.timestamp(), "F#f": None}


def test_a_line_takes_from_the_offer_what_pricing_needs() -> None:
    offer = Offer("a-01", "a", "茶", "", "大", 1990, 2990, ("tea", "drinks"), 500, 1200, "f", on_shelf=True)
    expected = Line("a-01", "a", ("tea", "drinks"), 3, 1990, None, 500, 1200, "f")
    assert line_of(offer, 3) == expected
    assert line_of(offer, 3, 990) == replace(expected, campaign_price=990)


@pytest.mark.parametrize("kind", ["AMOUNT", "PERCENT", "FREIGHT"])
@pytest.mark.parametrize(("scope", "ids"), [("ALL", ()), ("CATEGORY", ("x",)), ("PRODUCT", ("a", "b"))])
def test_a_coupon_takes_its_terms_along(kind: str, scope: str, ids: tuple[str, ...]) -> None:
    terms = Terms(HeldKind(kind), "券", 15, 10000, 2000, HeldScope(scope), ids)
    coupon = Coupon("c1", "M1", "t", terms, Source.CLAIM, CouponState.UNUSED, START, START, END)
    expected = CouponOffer("c1", CouponKind(kind), "券", 15, 2000, 10000, Scope(ScopeKind(scope), ids))
    assert coupon_offer(coupon) == expected


def test_rules_that_were_read_are_kept_for_seconds(promotions: Promotions, clock: SettableClock) -> None:
    elsewhere = Promotions(PriceRuleStore(), clock)
    clock.now = START
    assert promotions.rules().promotions == ()
    elsewhere.put_promotion(by_amount("p", (10000, 1000)))
    seen = []
    for moment in (START, START + KEPT - timedelta(seconds=1), START + KEPT, START + KEPT):
        clock.now = moment
        seen.append(len(promotions.rules().promotions))
    assert seen == [0, 0, 1, 1]
    elsewhere.remove_promotion("p")
    clock.now = START  # a clock that was put back
    assert promotions.rules().promotions == ()


def test_kept_rules_are_not_asked_for(promotions: Promotions, clock: SettableClock) -> None:
    sent: list[str] = []
    note = lambda event_name, **_: sent.append(event_name)  # noqa: E731
    dynamodb().meta.events.register("before-send.dynamodb", note)
    try:
        promotions.rules()
        promotions.rules()
        clock.now += KEPT
        promotions.rules()
    finally:
        dynamodb().meta.events.unregister("before-send.dynamodb", note)
    assert sent == ["before-send.dynamodb.Query"] * 2

"""What holds of every price."""

from dataclasses import replace
from itertools import chain, combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.pricing.rules import (
    CouponKind,
    CouponOffer,
    FreightRule,
    FreightTemplate,
    FreightUnit,
    Line,
    Measure,
    Priced,
    Promotion,
    Scope,
    ScopeKind,
    Tier,
    price,
    with_best_coupon,
)

from .terms import END, SHENZHEN, START

PRODUCTS, CATEGORIES, TEMPLATES = ("a", "b", "c", "d"), ("x", "y", "z"), ("f", "g")

fen = st.integers(0, 300)
lines = st.lists(
    st.builds(
        lambda product, number, price_, **more: Line(f"{product}-{number:02}", product, shop_price=price_, **more),
        st.sampled_from(PRODUCTS),
        st.integers(1, 2),
        fen,
        category_ids=st.lists(st.sampled_from(CATEGORIES), max_size=2).map(tuple),
        quantity=st.integers(1, 4),
        campaign_price=st.one_of(st.none(), st.none(), st.none(), fen),
        weight_g=st.integers(0, 900),
        freight_template_id=st.sampled_from([None, *TEMPLATES]),
    ),
    max_size=5,
    unique_by=lambda line: line.sku_id,
)
scopes = st.one_of(
    st.just(Scope()),
    st.builds(
        Scope, st.just(ScopeKind.PRODUCT), st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=3).map(tuple)
    ),
    st.builds(
        Scope, st.just(ScopeKind.CATEGORY), st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=2).map(tuple)
    ),
)
tiers = st.one_of(
    st.builds(Tier, st.integers(1, 800), off=st.integers(1, 300)),
    st.builds(Tier, st.integers(1, 800), percent_off=st.integers(1, 100)),
)
promotion = st.builds(
    Promotion,
    st.uuids().map(str),
    st.just("活动"),
    scopes,
    st.sampled_from(Measure),
    st.lists(tiers, min_size=1, max_size=2).map(tuple),
    st.just(START),
    st.just(END),
)
coupon = st.builds(
    CouponOffer,
    st.uuids().map(str),
    st.sampled_from(CouponKind),
    st.just("券"),
    st.integers(1, 99),
    st.one_of(st.none(), st.integers(1, 50)),
    st.integers(0, 800),
    scopes,
)
rate = st.builds(
    FreightRule,
    st.just(("",)),
    first=st.integers(0, 1000),
    first_fee=st.integers(0, 120),
    next=st.integers(1, 500),
    next_fee=st.integers(0, 30),
    free_from=st.one_of(st.none(), st.integers(0, 800)),
)
freight = st.fixed_dictionaries(
    {
        name: st.builds(FreightTemplate, st.just(name), st.just("运费"), st.sampled_from(FreightUnit), st.tuples(rate))
        for name in TEMPLATES
    }
)
promotions = st.lists(promotion, max_size=4)
region = st.sampled_from([None, SHENZHEN])


@given(lines, promotions, st.none() | coupon, freight, region)
def test_parts_add_up_for_every_adjustment_and_in_total(
    goods: list[Line],
    offers: list[Promotion],
    one: CouponOffer | None,
    rates: dict[str, FreightTemplate],
    where: str | None,
) -> None:
    total = price(goods, offers, one, rates, where)
    for adjustment in total.adjustments:
        assert sum(adjustment.lines.values()) == adjustment.amount > 0
        assert all(part > 0 for part in adjustment.lines.values())
    for line in total.lines:
        assert line.subtotal - line.discount + line.freight == line.payable
    assert sum(line.subtotal for line in total.lines) == total.goods_total
    assert sum(line.discount for line in total.lines) == total.discount_total
    assert sum(line.freight for line in total.lines) == total.freight
    assert sum(line.payable for line in total.lines) == total.payable
    assert total.goods_total - total.discount_total + total.freight == total.payable
    assert sum(each.amount for each in total.adjustments) == total.discount_total + total.freight_discount


@given(lines, promotions, st.none() | coupon, freight)
def test_no_line_falls_below_zero_and_no_discount_exceeds_its_subtotal(
    goods: list[Line], offers: list[Promotion], one: CouponOffer | None, rates: dict[str, FreightTemplate]
) -> None:
    total = price(goods, offers, one, rates, SHENZHEN)
    for line in total.lines:
        assert 0 <= line.discount <= line.subtotal
        assert line.freight >= 0
    assert total.freight_discount >= 0


@given(lines, promotions, st.none() | coupon, freight)
def test_campaign_lines_are_in_no_adjustment(
    goods: list[Line], offers: list[Promotion], one: CouponOffer | None, rates: dict[str, FreightTemplate]
) -> None:
    total = price(goods, offers, one, rates, SHENZHEN)
    touched = set(chain.from_iterable(each.lines for each in total.adjustments))
    assert touched <= {line.sku_id for line in goods if line.campaign_price is None}


@given(lines, promotions, promotion, st.none() | coupon, freight)
def test_one_more_promotion_never_makes_an_order_dearer(
    goods: list[Line],
    offers: list[Promotion],
    another: Promotion,
    one: CouponOffer | None,
    rates: dict[str, FreightTemplate],
) -> None:
    before = price(goods, offers, one, rates, SHENZHEN).payable
    assert price(goods, [*offers, another], one, rates, SHENZHEN).payable <= before


@given(lines, promotions, coupon, freight)
def test_a_coupon_never_makes_an_order_dearer_and_is_only_used_if_it_saves(
    goods: list[Line], offers: list[Promotion], one: CouponOffer, rates: dict[str, FreightTemplate]
) -> None:
    without, with_it = price(goods, offers, None, rates, SHENZHEN), price(goods, offers, one, rates, SHENZHEN)
    assert (with_it.coupon_id == one.coupon_id) == (with_it.payable < without.payable)
    assert with_it.payable <= without.payable


@given(lines, promotions, st.lists(coupon, max_size=5), freight, region)
def test_the_best_coupon_is_the_one_that_brute_force_finds(
    goods: list[Line],
    offers: list[Promotion],
    held: list[CouponOffer],
    rates: dict[str, FreightTemplate],
    where: str | None,
) -> None:
    best, with_it = with_best_coupon(goods, offers, held, rates, where)
    payable = {each.coupon_id: price(goods, offers, each, rates, where).payable for each in held}
    lowest = min([price(goods, offers, None, rates, where).payable, *payable.values()])
    assert with_it.payable == lowest
    assert with_it == replace(price(goods, offers, best, rates, where), hints=(), notes=())
    if best:
        assert best.coupon_id == next(name for name, fen in payable.items() if fen == lowest)


@given(lines, promotions)
def test_the_price_is_that_of_the_best_choice_of_promotions_a_line_in_one_of_each_kind(
    goods: list[Line], offers: list[Promotion]
) -> None:
    choices = chain.from_iterable(combinations(offers, n) for n in range(len(offers) + 1))
    allowed = [choice for choice in choices if not _collide(goods, choice)]
    assert price(goods, offers, None, {}, None).payable == min(_plainly(goods, choice) for choice in allowed)


@given(lines, promotions, freight)
def test_the_order_in_which_promotions_are_given_makes_no_difference(
    goods: list[Line], offers: list[Promotion], rates: dict[str, FreightTemplate]
) -> None:
    there, back = (price(goods, each, None, rates, SHENZHEN) for each in (offers, offers[::-1]))
    assert there == back


@settings(max_examples=30)
@given(lines, st.lists(promotion, min_size=7, max_size=12), st.none() | coupon)
def test_more_promotions_than_are_weighed_together_still_save_and_add_up(
    goods: list[Line], offers: list[Promotion], one: CouponOffer | None
) -> None:
    total: Priced = price(goods, offers, one, {}, None)
    assert total.payable <= min(price(goods, [each], None, {}, None).payable for each in offers)
    assert sum(line.payable for line in total.lines) == total.payable


def _members(goods: list[Line], offer: Promotion) -> set[str]:
    return {line.sku_id for line in goods if line.campaign_price is None and offer.scope.covers(line)}


def _collide(goods: list[Line], choice: tuple[Promotion, ...]) -> bool:
    return any(
        one.scope.kind is two.scope.kind and _members(goods, one) & _members(goods, two)
        for one, two in combinations(choice, 2)
    )


def _plainly(goods: list[Line], choice: tuple[Promotion, ...]) -> int:
    """Payable, computed anew: narrow to wide, each discount shared by whole fen and the largest remainders."""
    left = {line.sku_id: line.subtotal for line in goods}
    for kind in ("PRODUCT", "CATEGORY", "ALL"):
        for offer in sorted((each for each in choice if each.scope.kind == kind), key=lambda each: each.promotion_id):
            members = [line for line in goods if line.sku_id in _members(goods, offer)]
            amount, pieces = sum(left[line.sku_id] for line in members), sum(line.quantity for line in members)
            reached = amount if offer.measure is Measure.AMOUNT else pieces
            off = [
                min(amount, tier.off) if tier.off else amount * tier.percent_off // 100
                for tier in offer.tiers
                if tier.reach <= reached
            ]
            taken = max(off, default=0)
            if not taken:
                continue
            exact = {line.sku_id: taken * left[line.sku_id] / amount for line in members}
            whole = {sku_id: int(part + 1e-9) for sku_id, part in exact.items()}
            rest = sorted(exact, key=lambda sku_id: -round(exact[sku_id] - whole[sku_id], 9))
            for sku_id in rest[: taken - sum(whole.values())]:
                whole[sku_id] += 1
            for sku_id, part in whole.items():
                left[sku_id] -= part
    return sum(left.values())

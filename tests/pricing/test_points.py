"""What points pay for, by example and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.pricing.rules import (
    Adjustment,
    BadPriceRule,
    CouponOffer,
    FreightTemplate,
    Line,
    PointsRule,
    Promotion,
    price,
)

from .terms import SHENZHEN, amount_coupon, by_amount, flat, freight_coupon, line, priced
from .test_properties import coupon, freight, lines, promotions, region

ONE_FEN = PointsRule()
rules = st.builds(PointsRule, st.integers(1, 9), st.integers(0, 100), st.integers(0, 60))
wishes = st.integers(0, 3000)


def test_points_pay_their_value_and_the_answer_says_how_it_was_shared() -> None:
    total = priced(line("a-01", 2000), line("b-01", 1000), points=100, rule=PointsRule(value_fen=3))
    assert (total.points_used, total.points_off, total.payable) == (100, 300, 2700)
    assert total.adjustments == (Adjustment("POINTS", "points", "积分抵扣", 300, {"a-01": 200, "b-01": 100}),)
    assert (total.discount_total, total.notes) == (300, ())


def test_points_worth_more_than_the_price_leave_one_fen_to_pay() -> None:
    total = priced(line("a-01", 2000), points=10**9, rule=ONE_FEN)
    assert (total.points_used, total.payable) == (1999, 1)
    assert total.notes == ("本单最多可用1999积分",)


def test_freight_is_paid_in_money_so_that_goods_may_be_paid_by_points_alone() -> None:
    total = priced(line("a-01", 2000, freight_template_id="f"), freight=flat(600), points=5000, rule=ONE_FEN)
    assert (total.points_used, total.freight, total.payable) == (2000, 600, 600)


def test_a_point_pays_for_its_full_value_or_is_not_used() -> None:
    total = priced(line("a-01", 999), points=500, rule=PointsRule(value_fen=10))
    assert (total.points_used, total.points_off, total.payable) == (99, 990, 9)


def test_points_pay_for_a_part_of_the_goods_as_the_rule_says() -> None:
    total = priced(line("a-01", 2000, freight_template_id="f"), freight=flat(600), points=5000, rule=PointsRule(1, 30))
    assert (total.points_used, total.payable) == (600, 2000)


@pytest.mark.parametrize(("wish", "used"), [(99, 0), (100, 100), (101, 101)])
def test_fewer_points_than_the_least_are_not_used(wish: int, used: int) -> None:
    total = priced(line("a-01", 2000), points=wish, rule=PointsRule(least_points=100))
    assert total.points_used == used
    assert total.notes == (() if used else ("每单至少使用100积分",))


@pytest.mark.parametrize(
    ("rule", "note"),
    [(None, "暂不支持使用积分"), (PointsRule(most_percent=0), "本单不能使用积分")],
)
def test_where_points_cannot_be_spent_the_answer_says_so(rule: PointsRule | None, note: str) -> None:
    total = priced(line("a-01", 2000), points=100, rule=rule)
    assert (total.points_used, total.points_off, total.payable, total.notes) == (0, 0, 2000, (note,))
    assert priced(line("a-01", 2000), points=0, rule=rule).notes == ()


def test_nothing_and_what_is_free_take_no_points() -> None:
    assert priced(points=100, rule=ONE_FEN).points_used == 0
    assert priced(line("a-01", 0), points=100, rule=ONE_FEN).payable == 0
    assert priced(line("a-01", 500), coupon=amount_coupon(500), points=100, rule=ONE_FEN).points_used == 0


def test_campaign_lines_take_no_points_and_the_answer_says_so() -> None:
    goods = line("a-01", 5000, campaign_price=4000), line("b-01", 3000)
    total = priced(*goods, points=9000, rule=ONE_FEN)
    assert (total.points_used, [each.payable for each in total.lines]) == (3000, [4000, 0])
    assert total.notes == ("活动商品不参与优惠", "活动商品不能使用积分", "本单最多可用3000积分")
    alone = priced(goods[0], points=9000, rule=PointsRule(least_points=100))
    assert (alone.points_used, alone.notes) == (0, ("活动商品不参与优惠", "活动商品不能使用积分"))


def test_points_pay_for_what_promotions_and_the_coupon_have_left() -> None:
    total = priced(
        line("a-01", 10000),
        promotions=(by_amount("p", (10000, 1000)),),
        coupon=amount_coupon(2000),
        points=10**6,
        rule=PointsRule(most_percent=50),
    )
    assert (total.points_off, total.payable, total.coupon_id) == (3500, 3500, "c1")
    assert [each.kind for each in total.adjustments] == ["PROMOTION", "COUPON", "POINTS"]


def test_points_take_no_free_freight_away() -> None:
    """They are a means of payment: the goods still come to the threshold."""
    total = priced(line("a-01", 9900, freight_template_id="f"), freight=flat(600, 9900), points=1000, rule=ONE_FEN)
    assert (total.freight, total.payable) == (0, 8900)


def test_points_change_neither_hints_nor_why_a_coupon_is_not_used() -> None:
    given_ = {"promotions": (by_amount("p", (30000, 900)),), "coupon": amount_coupon(500, threshold=10500)}
    without = priced(line("a-01", 10000), **given_)  # type: ignore[arg-type]
    with_them = priced(line("a-01", 10000), **given_, points=500, rule=ONE_FEN)  # type: ignore[arg-type]
    assert (with_them.points_off, with_them.hints, with_them.notes) == (500, without.hints, without.notes)


def test_a_freight_coupon_and_points_go_together() -> None:
    total = priced(
        line("a-01", 2000, freight_template_id="f"),
        freight=flat(600),
        coupon=freight_coupon(500),
        points=10**6,
        rule=ONE_FEN,
    )
    assert (total.freight, total.freight_discount, total.points_off, total.payable) == (100, 500, 2000, 100)


@pytest.mark.parametrize(("kept", "points"), [(0, 0), (99, 0), (100, 2), (199, 2), (12345, 246)])
def test_every_whole_yuan_kept_earns(kept: int, points: int) -> None:
    assert PointsRule(earn_per_yuan=2).earned(kept) == points


@pytest.mark.parametrize(
    "wrong",
    [{"value_fen": 0}, {"most_percent": -1}, {"most_percent": 101}, {"least_points": -1}, {"earn_per_yuan": -1}],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadPriceRule):
        PointsRule(**wrong)


@given(lines, promotions, st.none() | coupon, freight, region, wishes, rules)
def test_points_pay_exactly_and_leave_a_fen_and_change_nothing_else(
    goods: list[Line],
    offers: list[Promotion],
    one: CouponOffer | None,
    rates: dict[str, FreightTemplate],
    where: str | None,
    wish: int,
    rule: PointsRule,
) -> None:
    before = price(goods, offers, one, rates, where)
    total = price(goods, offers, one, rates, where, points=wish, points_rule=rule)
    assert total.points_off == total.points_used * rule.value_fen == before.payable - total.payable
    assert 0 <= total.points_used <= wish
    assert total.points_used == 0 or total.points_used >= max(rule.least_points, 1)
    assert total.payable >= min(1, before.payable)
    taking = {line.sku_id for line in goods if line.campaign_price is None}
    payable = sum(line.payable - line.freight for line in before.lines if line.sku_id in taking)
    assert total.points_off <= payable * rule.most_percent // 100
    for was, is_ in zip(before.lines, total.lines, strict=True):
        assert is_.freight == was.freight
        assert is_.discount <= is_.subtotal
        assert is_.discount == was.discount or is_.sku_id in taking
    assert (total.freight, total.freight_discount, total.coupon_id) == (
        before.freight, before.freight_discount, before.coupon_id,
    )  # fmt: skip


@given(lines, promotions, st.none() | coupon, freight, wishes, rules)
def test_with_points_the_parts_still_add_up(
    goods: list[Line],
    offers: list[Promotion],
    one: CouponOffer | None,
    rates: dict[str, FreightTemplate],
    wish: int,
    rule: PointsRule,
) -> None:
    total = price(goods, offers, one, rates, SHENZHEN, points=wish, points_rule=rule)
    for each in total.lines:
        assert each.subtotal - each.discount + each.freight == each.payable >= 0
    assert sum(each.payable for each in total.lines) == total.payable
    assert total.goods_total - total.discount_total + total.freight == total.payable
    assert sum(each.amount for each in total.adjustments) == total.discount_total + total.freight_discount
    points = [each for each in total.adjustments if each.kind == "POINTS"]
    assert sum(each.amount for each in points) == total.points_off
    assert all(sum(each.lines.values()) == each.amount > 0 for each in points)


@given(lines, freight, wishes, rules)
def test_as_many_points_are_used_as_can_be(
    goods: list[Line], rates: dict[str, FreightTemplate], wish: int, rule: PointsRule
) -> None:
    """One more would be beyond the wish, beyond the rule's part of the goods, or leave nothing to pay."""
    total = price(goods, (), None, rates, SHENZHEN, points=wish, points_rule=rule)
    before = price(goods, (), None, rates, SHENZHEN)
    open_ = sum(line.subtotal for line in goods if line.campaign_price is None)
    allowed = [
        n
        for n in range(wish + 1)
        if n * rule.value_fen <= min(open_ * rule.most_percent // 100, before.payable - 1)
        and (n == 0 or n >= rule.least_points)
    ]
    assert total.points_used == max(allowed, default=0)


@given(lines, freight, wishes, rules)
def test_more_points_never_make_an_order_dearer(
    goods: list[Line], rates: dict[str, FreightTemplate], wish: int, rule: PointsRule
) -> None:
    fewer, more = (price(goods, (), None, rates, SHENZHEN, points=n, points_rule=rule) for n in (wish, wish + 7))
    assert more.payable <= fewer.payable

"""What an order costs, by example."""

import pytest

from chalicelib.pricing.rules import Line, Scope, with_best_coupon

from .terms import (
    amount_coupon,
    by_amount,
    by_pieces,
    categories,
    flat,
    freight_coupon,
    line,
    percent_coupon,
    priced,
    products,
)


def test_without_rules_an_order_costs_its_shop_prices() -> None:
    total = priced(line("a-01", 1990, 2), line("b-01", 500))
    assert (total.goods_total, total.discount_total, total.freight, total.payable) == (4480, 0, 0, 4480)
    assert [(each.unit_price, each.subtotal, each.payable) for each in total.lines] == [
        (1990, 3980, 3980),
        (500, 500, 500),
    ]
    assert (total.adjustments, total.hints, total.notes, total.coupon_id) == ((), (), (), None)


def test_nothing_costs_nothing() -> None:
    assert priced().payable == 0


def test_a_campaign_price_replaces_the_shop_price() -> None:
    assert priced(line("a-01", 1990, 2, campaign_price=990)).payable == 1980


def test_a_campaign_price_may_be_zero() -> None:
    assert priced(line("a-01", 1990, campaign_price=0)).payable == 0


def test_a_campaign_line_takes_no_promotion_and_no_coupon_and_the_answer_says_so() -> None:
    total = priced(
        line("a-01", 5000, campaign_price=4000),
        line("b-01", 3000),
        promotions=(by_amount("p", (3000, 300)),),
        coupon=amount_coupon(200),
    )
    assert [each.discount for each in total.lines] == [0, 500]
    assert total.notes == ("活动商品不参与优惠",)


def test_a_campaign_line_does_not_help_to_reach_a_tier_or_threshold() -> None:
    total = priced(
        line("a-01", 5000, campaign_price=4000),
        line("b-01", 2999),
        promotions=(by_amount("p", (3000, 300)),),
        coupon=amount_coupon(200, threshold=3000),
    )
    assert total.discount_total == 0


@pytest.mark.parametrize(("fen", "off"), [(9999, 0), (10000, 1000), (19999, 1000), (20000, 3000), (90000, 3000)])
def test_the_best_tier_that_is_reached_counts(fen: int, off: int) -> None:
    total = priced(line("a-01", fen), promotions=(by_amount("p", (10000, 1000), (20000, 3000)),))
    assert total.discount_total == off


def test_a_higher_tier_that_saves_less_is_passed_over() -> None:
    assert priced(line("a-01", 20000), promotions=(by_amount("p", (10000, 1000), (20000, 500)),)).discount_total == 1000


@pytest.mark.parametrize(("pieces", "off"), [(1, 0), (2, 200), (3, 600)])
def test_tiers_by_pieces_take_a_percentage_off(pieces: int, off: int) -> None:
    total = priced(line("a-01", 1000, pieces), promotions=(by_pieces("p", (2, 10), (3, 20)),))
    assert total.discount_total == off


def test_a_part_of_a_fen_stays_with_the_shop() -> None:
    assert priced(line("a-01", 99, 1), promotions=(by_pieces("p", (1, 15)),)).discount_total == 14


def test_a_promotion_covers_products_or_categories_of_either_level() -> None:
    tea = line("t-01", 3000, category_ids=("green-tea", "drinks"))
    cup = line("c-01", 3000, category_ids=("kitchen",))
    for scope in (products("t"), categories("green-tea"), categories("drinks")):
        total = priced(tea, cup, promotions=(by_amount("p", (3000, 100), scope=scope),))
        assert [each.discount for each in total.lines] == [100, 0]
    assert priced(tea, cup, promotions=(by_amount("p", (3001, 100), scope=products("t")),)).discount_total == 0


def test_promotions_of_different_scopes_add_up_narrow_ones_first() -> None:
    total = priced(
        line("a-01", 10000, category_ids=("x",)),
        promotions=(
            by_amount("all", (8500, 500)),
            by_amount("cat", (9000, 500), scope=categories("x")),
            by_amount("prod", (10000, 1000), scope=products("a")),
        ),
    )
    assert [(each.id, each.amount) for each in total.adjustments] == [("prod", 1000), ("cat", 500), ("all", 500)]


def test_of_two_promotions_of_one_scope_the_better_one_counts() -> None:
    total = priced(line("a-01", 10000), promotions=(by_amount("p1", (5000, 500)), by_amount("p2", (8000, 900))))
    assert [(each.id, each.amount) for each in total.adjustments] == [("p2", 900)]


def test_promotions_for_different_products_both_count() -> None:
    total = priced(
        line("a-01", 1000),
        line("b-01", 1000),
        promotions=(
            by_amount("p1", (1000, 100), scope=products("a")),
            by_amount("p2", (1000, 50), scope=products("b")),
        ),
    )
    assert total.discount_total == 150


def test_a_line_is_in_one_promotion_of_a_kind_of_scope_and_two_small_ones_beat_a_large_one() -> None:
    both = by_amount("both", (2000, 100), scope=products("a", "b"))
    small = (by_amount("p1", (1000, 60), scope=products("a")), by_amount("p2", (1000, 60), scope=products("b")))
    total = priced(line("a-01", 1000), line("b-01", 1000), promotions=(both, *small))
    assert total.discount_total == 120


def test_many_promotions_of_different_products_all_count() -> None:
    lines = [line(f"p{n}-01", 1000) for n in range(12)]
    offers = tuple(by_amount(f"p{n}", (1000, 10 + n), scope=products(f"p{n}")) for n in range(12))
    assert priced(*lines, promotions=offers).discount_total == sum(range(10, 22))


def test_a_discount_is_shared_by_largest_remainder() -> None:
    total = priced(line("a-01", 100), line("b-01", 100), line("c-01", 100), promotions=(by_amount("p", (300, 100)),))
    assert total.adjustments[0].lines == {"a-01": 34, "b-01": 33, "c-01": 33}


def test_a_discount_beyond_the_goods_brings_them_to_nothing_and_no_lower() -> None:
    total = priced(line("a-01", 100), promotions=(by_amount("p", (50, 500)),), freight=flat(700))
    assert (total.discount_total, total.payable) == (100, 0)


def test_the_coupon_threshold_is_measured_on_what_promotions_leave() -> None:
    offer = by_amount("p", (10000, 1000))
    assert priced(line("a-01", 10000), promotions=(offer,), coupon=amount_coupon(500, 9000)).discount_total == 1500
    assert priced(line("a-01", 10000), promotions=(offer,), coupon=amount_coupon(500, 9001)).discount_total == 1000


def test_the_coupon_threshold_is_measured_in_its_scope() -> None:
    goods = (line("a-01", 3000), line("b-01", 9000))
    unused = priced(*goods, coupon=amount_coupon(500, 4000, products("a")))
    assert (unused.coupon_id, unused.notes) == (None, ("再买10元可用「立减券」",))
    used = priced(*goods, coupon=amount_coupon(500, 3000, products("a")))
    assert (used.coupon_id, [each.discount for each in used.lines]) == ("c1", [500, 0])


def test_a_coupon_whose_scope_has_no_goods_is_not_used_and_the_answer_says_so() -> None:
    total = priced(line("a-01", 3000), coupon=amount_coupon(500, 0, products("z")))
    assert (total.coupon_id, total.notes) == (None, ("「立减券」不适用于所选商品",))


@pytest.mark.parametrize(("percent", "cap", "off"), [(15, None, 1500), (15, 1000, 1000), (15, 2000, 1500)])
def test_a_percent_coupon_takes_off_its_part_up_to_the_cap(percent: int, cap: int | None, off: int) -> None:
    assert priced(line("a-01", 10000), coupon=percent_coupon(percent, cap)).discount_total == off


def test_an_amount_coupon_may_bring_goods_to_nothing_but_not_freight() -> None:
    total = priced(line("a-01", 300, freight_template_id="f"), coupon=amount_coupon(500), freight=flat(800))
    assert (total.discount_total, total.freight, total.payable) == (300, 800, 800)


def test_a_promotion_is_left_out_where_it_would_cost_the_shopper_a_better_coupon() -> None:
    total = priced(line("a-01", 10000), promotions=(by_amount("p", (10000, 100)),), coupon=amount_coupon(5000, 10000))
    assert (total.payable, [each.kind for each in total.adjustments]) == (5000, ["COUPON"])


def test_a_coupon_is_kept_where_it_would_cost_the_shopper_free_freight() -> None:
    goods = line("a-01", 10000, freight_template_id="f")
    total = priced(goods, coupon=amount_coupon(100), freight=flat(1000, free_from=10000))
    assert (total.payable, total.coupon_id, total.notes) == (10000, None, ("「立减券」未使用：不能再省",))


def test_a_promotion_is_left_out_where_it_would_cost_the_shopper_free_freight() -> None:
    goods = line("a-01", 10000, freight_template_id="f")
    total = priced(goods, promotions=(by_amount("p", (5000, 100)),), freight=flat(1000, free_from=10000))
    assert (total.payable, total.adjustments) == (10000, ())


def test_of_two_equal_ways_the_one_that_keeps_the_coupon_counts() -> None:
    goods = line("a-01", 1000, freight_template_id="f")
    offer, rates = by_amount("p", (1000, 100)), flat(300, free_from=1000)
    total = priced(goods, promotions=(offer,), coupon=amount_coupon(200), freight=rates)
    assert (total.payable, total.coupon_id) == (1000, None)


def test_a_freight_coupon_takes_off_freight_and_nothing_else() -> None:
    goods = line("a-01", 10000, freight_template_id="f")
    part = priced(goods, coupon=freight_coupon(500, 10000), freight=flat(800))
    assert (part.freight, part.freight_discount, part.discount_total, part.payable) == (300, 500, 0, 10300)
    whole = priced(goods, coupon=freight_coupon(900, 10000), freight=flat(800))
    assert (whole.freight, whole.freight_discount, whole.payable) == (0, 800, 10000)
    assert [(each.kind, each.amount) for each in whole.adjustments] == [("COUPON", 800)]
    assert priced(goods, coupon=freight_coupon(900, 10001), freight=flat(800)).freight == 800


def test_a_freight_coupon_covers_the_freight_of_its_scope_only() -> None:
    goods = (line("a-01", 1000, freight_template_id="f"), line("b-01", 1000, freight_template_id="f"))
    total = priced(*goods, coupon=freight_coupon(900, 0, products("a")), freight=flat(800))
    assert [each.freight for each in total.lines] == [0, 400]


def test_a_freight_coupon_without_freight_stays_with_the_shopper() -> None:
    assert priced(line("a-01", 1000), coupon=freight_coupon(900)).coupon_id is None


def test_without_a_region_freight_is_not_known_and_the_answer_says_so() -> None:
    total = priced(line("a-01", 1000, freight_template_id="f"), freight=flat(800), region=None)
    assert (total.freight, total.payable, total.notes) == (0, 1000, ("运费将在选择收货地址后计算",))


def test_whoever_picks_up_pays_no_freight() -> None:
    total = priced(line("a-01", 1000, freight_template_id="f"), freight=flat(800), region=None, pickup=True)
    assert (total.freight, total.notes) == (0, ())


def test_the_best_coupon_is_the_first_of_the_best() -> None:
    coupons = [
        amount_coupon(100, coupon_id="small"),
        percent_coupon(10, coupon_id="percent"),
        amount_coupon(1000, coupon_id="equal"),
        amount_coupon(5000, threshold=10001, coupon_id="unreached"),
    ]
    best, _ = with_best_coupon([line("a-01", 10000)], [], coupons, {}, None)
    assert best is coupons[1]


def test_there_is_no_best_coupon_where_none_saves_anything() -> None:
    assert with_best_coupon([line("a-01", 10000)], [], [freight_coupon(500)], {}, None)[0] is None
    assert with_best_coupon([line("a-01", 10000)], [], [], {}, None)[0] is None


@pytest.mark.parametrize("lines", [[line("a-01", 1), line("a-01", 1)], [line("a-01", 1, 0)], [line("a-01", 1, -1)]])
def test_a_sku_stands_in_one_line_with_a_piece_at_least(lines: list[Line]) -> None:
    with pytest.raises(ValueError, match="each SKU"):
        priced(*lines)


def test_the_scope_of_everything_covers_everything() -> None:
    assert Scope().covers(line("a-01", 1))

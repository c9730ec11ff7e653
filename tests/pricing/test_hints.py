"""What is missing for the next saving, by example."""

import pytest

from chalicelib.pricing.rules import CouponOffer, Hint, Measure, Promotion, Scope, Tier, coupon_hints

from .terms import (
    END,
    START,
    amount_coupon,
    by_amount,
    by_pieces,
    categories,
    freight_coupon,
    line,
    percent_coupon,
    priced,
    products,
)


def test_the_hint_names_what_is_missing_to_the_next_tier_in_money() -> None:
    total = priced(line("a-01", 18000), promotions=(by_amount("p", (10000, 1000), (20000, 5000), (30000, 9000)),))
    assert total.hints == (Hint("PROMOTION", "p", Measure.AMOUNT, 2000, 5000, "再买20元减50元"),)


@pytest.mark.parametrize(
    ("percent", "text"), [(20, "再买1件打8折"), (15, "再买1件打8.5折"), (95, "再买1件打0.5折"), (100, "再买1件免单")]
)
def test_the_hint_names_what_is_missing_to_the_next_tier_in_pieces(percent: int, text: str) -> None:
    total = priced(line("a-01", 1000, 2), promotions=(by_pieces("p", (3, percent)),))
    assert total.hints == (Hint("PROMOTION", "p", Measure.PIECES, 1, 20 * percent, text),)


def test_a_percentage_by_money_saves_at_least_its_part_of_the_tier() -> None:
    offer = Promotion("p", "满百九折", Scope(), Measure.AMOUNT, (Tier(10000, percent_off=10),), START, END)
    assert priced(line("a-01", 9990), promotions=(offer,)).hints == (
        Hint("PROMOTION", "p", Measure.AMOUNT, 10, 1000, "再买0.1元打9折"),
    )


def test_there_is_no_hint_at_the_highest_tier_nor_for_what_saves_no_more() -> None:
    assert priced(line("a-01", 20000), promotions=(by_amount("p", (10000, 1000), (20000, 5000)),)).hints == ()
    assert priced(line("a-01", 15000), promotions=(by_amount("p", (10000, 1000), (20000, 1000)),)).hints == ()


def test_there_is_no_hint_for_a_promotion_that_covers_nothing_here() -> None:
    assert priced(line("a-01", 100), promotions=(by_amount("p", (10000, 1000), scope=products("b")),)).hints == ()


def test_a_hint_counts_from_what_narrower_promotions_leave() -> None:
    narrow = by_amount("n", (10000, 1000), scope=categories("x"))
    total = priced(line("a-01", 10000, category_ids=("x",)), promotions=(narrow, by_amount("w", (10000, 500))))
    assert [(hint.id, hint.missing) for hint in total.hints] == [("w", 1000)]


def test_a_promotion_that_lost_against_a_better_one_hints_at_a_tier_that_beats_it() -> None:
    better, other = by_amount("p1", (10000, 1000)), by_amount("p2", (10000, 500), (20000, 800), (30000, 4000))
    total = priced(line("a-01", 10000), promotions=(better, other))
    assert [(hint.id, hint.missing, hint.saves) for hint in total.hints] == [("p2", 20000, 4000)]


@pytest.mark.parametrize(
    ("coupon", "saves", "text"),
    [
        (amount_coupon(3000, 10000), 3000, "再买10元可用「立减券」"),
        (percent_coupon(15, None, 10000), 1500, "再买10元可用「折扣券」"),
        (percent_coupon(15, 1000, 10000), 1000, "再买10元可用「折扣券」"),
        (freight_coupon(800, 10000), 800, "再买10元可用「运费券」"),
    ],
)
def test_a_coupon_hint_names_what_is_missing_to_its_threshold(coupon: CouponOffer, saves: int, text: str) -> None:
    goods = [line("a-01", 9000)]
    assert coupon_hints(goods, priced(*goods), [coupon]) == (Hint("COUPON", "c1", Measure.AMOUNT, 1000, saves, text),)


def test_coupon_hints_come_nearest_first_and_only_for_what_is_not_reached() -> None:
    goods = [line("a-01", 9000)]
    coupons = [
        amount_coupon(1, 20000, coupon_id="far"),
        amount_coupon(1, 9001, coupon_id="near"),
        amount_coupon(1, 9000, coupon_id="reached"),
        amount_coupon(1, 9001, products("b"), coupon_id="elsewhere"),
    ]
    assert [hint.id for hint in coupon_hints(goods, priced(*goods), coupons)] == ["near", "far"]


def test_coupon_hints_count_after_promotions() -> None:
    goods = [line("a-01", 9000)]
    total = priced(*goods, promotions=(by_amount("p", (9000, 500)),))
    assert [hint.missing for hint in coupon_hints(goods, total, [amount_coupon(1, 9000)])] == [500]

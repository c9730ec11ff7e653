"""Freight, by example."""

import pytest

from chalicelib.pricing.rules import FreightRule, FreightUnit, Line, NotDeliverable

from .terms import BEIJING, LHASA, SHENZHEN, amount_coupon, flat, line, priced, template

NEAR_AND_FAR = template(
    "f",
    FreightRule(("",), first=1, first_fee=1000, next=1, next_fee=500),
    FreightRule(("44", "11"), first=1, first_fee=600, next=2, next_fee=100),
    FreightRule(("4403",), first=5, first_fee=0, next=1, next_fee=0),
    FreightRule(("54", "65"), deliverable=False),
)


def goods(sku_id: str = "a-01", fen: int = 1000, pieces: int = 1, template_id: str | None = "f", **more: int) -> Line:
    return line(sku_id, fen, pieces, freight_template_id=template_id, **more)


@pytest.mark.parametrize(
    ("region", "pieces", "fee"),
    [
        ("330106", 1, 1000),
        ("330106", 3, 2000),
        (BEIJING, 1, 600),
        (BEIJING, 2, 700),
        (BEIJING, 3, 700),
        (BEIJING, 4, 800),
        ("440106", 1, 600),
        (SHENZHEN, 9, 0),
    ],
)
def test_the_longest_prefix_of_the_region_decides_and_each_unit_begun_counts(
    region: str, pieces: int, fee: int
) -> None:
    assert priced(goods(pieces=pieces), freight=NEAR_AND_FAR, region=region).freight == fee


def test_what_cannot_be_sent_to_a_region_is_refused_and_named() -> None:
    lines = (goods("a-01"), goods("b-01", template_id=None), goods("c-01"))
    with pytest.raises(NotDeliverable) as refusal:
        priced(*lines, freight=NEAR_AND_FAR, region=LHASA)
    assert refusal.value.details == {"sku_ids": ["a-01", "c-01"]}


def test_a_region_that_no_rule_names_is_not_delivered_to() -> None:
    near = template("f", FreightRule(("44",), first_fee=600))
    with pytest.raises(NotDeliverable):
        priced(goods(), freight=near, region=BEIJING)


def test_goods_whose_template_is_gone_are_not_sent_for_nothing() -> None:
    with pytest.raises(NotDeliverable):
        priced(goods(), freight={})


def test_goods_without_a_template_travel_free() -> None:
    assert priced(goods(template_id=None), freight=NEAR_AND_FAR, region=LHASA).freight == 0


@pytest.mark.parametrize(("grams", "pieces", "fee"), [(500, 2, 1000), (501, 2, 1200), (1000, 2, 1400), (1001, 2, 1600)])
def test_freight_by_weight(grams: int, pieces: int, fee: int) -> None:
    rule = FreightRule(("",), first=1000, first_fee=1000, next=500, next_fee=200)
    rates = template("f", rule, unit=FreightUnit.WEIGHT)
    assert priced(goods(pieces=pieces, weight_g=grams), freight=rates).freight == fee


def test_freight_by_volume() -> None:
    rule = FreightRule(("",), first=1000, first_fee=1000, next=1000, next_fee=300)
    rates = template("f", rule, unit=FreightUnit.VOLUME)
    assert priced(goods(pieces=3, volume_cm3=1000), freight=rates).freight == 1600


def test_goods_that_weigh_nothing_still_pay_the_first_fee() -> None:
    rule = FreightRule(("",), first=1000, first_fee=1000)
    assert priced(goods("a-01"), goods("b-01"), freight=template("f", rule, unit=FreightUnit.WEIGHT)).freight == 1000


def test_each_template_of_an_order_has_its_own_fee() -> None:
    both = NEAR_AND_FAR | template("g", FreightRule(("",), first=1, first_fee=50, next=1, next_fee=1))
    lines = (goods("a-01", pieces=2), goods("b-01", template_id="g"), goods("c-01", pieces=1))
    total = priced(*lines, freight=both, region=BEIJING)
    assert [each.freight for each in total.lines] == [467, 50, 233]


def test_freight_is_free_from_the_threshold_of_goods_after_discounts() -> None:
    assert priced(goods(fen=9999), freight=flat(800, free_from=10000)).freight == 800
    assert priced(goods(fen=10000), freight=flat(800, free_from=10000)).freight == 0
    after = priced(goods(fen=10500), freight=flat(800, free_from=10000), coupon=amount_coupon(1000))
    assert (after.freight, after.payable) == (800, 10300)


def test_only_goods_of_the_template_count_for_its_free_freight() -> None:
    lines = (goods("a-01", 6000), goods("b-01", 6000, template_id=None))
    assert priced(*lines, freight=flat(800, free_from=10000)).freight == 800


def test_a_region_without_a_code_is_not_taken_for_a_region_that_is_not_known() -> None:
    with pytest.raises(NotDeliverable):
        priced(goods(), freight=template("f", FreightRule(("44",), first_fee=600)), region="")

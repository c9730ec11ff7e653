"""Which rules a merchant may set."""

from datetime import timedelta

import pytest

from chalicelib.pricing.rules import BadPriceRule, FreightRule, Measure, Promotion, Scope, Tier

from .terms import END, START, by_amount


@pytest.mark.parametrize(
    ("reach", "off", "percent"), [(0, 1, 0), (1, 0, 0), (1, 1, 1), (1, -1, 0), (1, 0, -1), (1, 0, 101), (1, -1, 101)]
)
def test_a_tier_has_a_reach_and_one_way_of_saving(reach: int, off: int, percent: int) -> None:
    with pytest.raises(BadPriceRule):
        Tier(reach, off, percent)


def test_a_promotion_has_tiers_and_starts_before_it_ends() -> None:
    with pytest.raises(BadPriceRule):
        Promotion("p", "空", Scope(), Measure.AMOUNT, (), START, END)
    with pytest.raises(BadPriceRule):
        Promotion("p", "反", Scope(), Measure.AMOUNT, (Tier(1, 1),), END, END)


@pytest.mark.parametrize(
    "wrong",
    [{"regions": ()}, {"regions": ("广东",)}, {"first": -1}, {"next": 0}, {"first_fee": -1}, {"next_fee": -1}],
)
def test_a_freight_rule_names_regions_by_digits_and_has_no_negative_numbers(wrong: dict[str, object]) -> None:
    with pytest.raises(BadPriceRule):
        FreightRule(**({"regions": ("44",)} | wrong))  # type: ignore[arg-type]


def test_a_promotion_runs_from_its_start_to_before_its_end() -> None:
    offer, moment = by_amount("p", (1, 1)), timedelta(seconds=1)
    running = [offer.running(when) for when in (START - moment, START, END - moment, END)]
    assert running == [False, True, True, False]

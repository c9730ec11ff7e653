from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog import entry
from chalicelib.catalog.entry import (
    LOOK_BACK,
    MOST_CATEGORIES,
    MOST_FORMER_PRICES,
    InvalidCategory,
    InvalidProduct,
    NewProduct,
    StruckPriceMisleads,
    check_category,
    check_product,
    enter,
    repriced,
    shelved,
    struck_price_limit,
)
from chalicelib.catalog.rules import Category, FormerPrice, Sku
from tests.catalog.goods import CLOTHES, NOON, SHIRTS, details, new_product, new_sku, product, sku

DAY = timedelta(days=1)
WHITE, BLACK = {"颜色": "白"}, {"颜色": "黑"}


def skus(*given: Any) -> dict[str, Any]:
    return {"skus": given}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"product_id": "a b"}, "product_id"),
        ({"product_id": "x" * 61}, "product_id"),
        ({"title": " "}, "title"),
        ({"title": "长" * 121}, "title"),
        (skus(), "skus"),
        (skus(*(new_sku(f"tee-{n:02d}", spec={"号": str(n)}) for n in range(51))), "skus"),
        (skus(new_sku(spec=WHITE), new_sku(spec=BLACK)), "skus"),
        (skus(new_sku("tee-01", spec=WHITE), new_sku("tee-02", spec=WHITE)), "skus"),
        (skus(new_sku("tee-01", spec=WHITE), new_sku("tee-02", spec={"尺码": "L"})), "skus"),
        (skus(new_sku("other-01")), "other-01.sku_id"),
        (skus(new_sku("tee-1")), "tee-1.sku_id"),
        (skus(new_sku("tee-011")), "tee-011.sku_id"),
        (skus(new_sku(price=0)), "tee-01.price"),
        (skus(new_sku(price=entry.MOST_PRICE + 1)), "tee-01.price"),
        (skus(new_sku(price=100, struck_price=100)), "tee-01.struck_price"),
        (skus(new_sku(struck_price=entry.MOST_PRICE + 1)), "tee-01.struck_price"),
        (skus(new_sku(spec={"号": "长" * 200})), "tee-01.spec"),
        (skus(new_sku(image="x" * 501)), "tee-01.image"),
        (skus(new_sku(weight_g=-1)), "tee-01.weight_g"),
        (skus(new_sku(volume_cm3=-1)), "tee-01.volume_cm3"),
        ({"tags": ("新品", "新品")}, "tags"),
        ({"tags": tuple(map(str, range(11)))}, "tags"),
        ({"tags": ("",)}, "tags"),
        ({"tags": ("长" * 21,)}, "tags"),
        ({"details": details(images=())}, "images"),
        ({"details": details(images=("x",) * 21)}, "images"),
        ({"details": details(images=("x" * 501,))}, "images"),
        ({"details": details(detail_images=("x",) * 21)}, "detail_images"),
        ({"details": details(attributes={str(n): "" for n in range(51)})}, "attributes"),
        ({"details": details(description="字" * 20_001)}, "description"),
        *(({"no_reason_days": days}, "no_reason_days") for days in (-1, 1, 6, 31)),
    ],
)
def test_a_wrong_product_is_refused_by_the_name_of_what_is_wrong(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidProduct) as refused:
        check_product(replace(new_product(), **given))
    assert refused.value.details == {"field": field}


def test_a_product_at_every_limit_is_accepted() -> None:
    check_product(
        NewProduct(
            product_id="x" * 60,
            title="长" * 120,
            category_id="shirts",
            skus=tuple(
                new_sku(
                    "x" * 60 + f"-{n:02d}", entry.MOST_PRICE - 1, spec={"号": str(n)}, struck_price=entry.MOST_PRICE
                )
                for n in range(50)
            ),
            details=details(
                images=("x",) * 20,
                detail_images=("x",) * 20,
                attributes={str(n): "" for n in range(50)},
                description="字" * 20_000,
            ),
            tags=tuple("长" * 19 + str(n) for n in range(10)),
        )
    )


@pytest.mark.parametrize(
    "category",
    [
        Category("", "无名"),
        Category("with space", "空格"),
        Category("new", ""),
        Category("new", "第三级", parent_id="shirts"),
        Category("new", "孤儿", parent_id="nowhere"),
        Category("shirts", "升为一级"),
        Category("clothes", "降为二级", parent_id="clothes"),
    ],
)
def test_categories_are_a_tree_of_two_levels_in_which_nothing_moves(category: Category) -> None:
    with pytest.raises(InvalidCategory):
        check_category(category, {"clothes": CLOTHES, "shirts": SHIRTS})


@pytest.mark.parametrize("category", [SHIRTS, Category("shirts", "短袖", "clothes", 3), Category("new", "新分类")])
def test_a_category_can_be_created_and_renamed(category: Category) -> None:
    check_category(category, {"clothes": CLOTHES, "shirts": SHIRTS})


def test_there_is_a_limit_to_categories_but_not_to_changing_them() -> None:
    known = {str(n): Category(str(n), "类") for n in range(MOST_CATEGORIES)}
    check_category(Category("0", "改名"), known)
    with pytest.raises(InvalidCategory):
        check_category(Category("one-more", "类"), known)


def test_a_product_belongs_to_its_category_and_to_that_ones_parent() -> None:
    assert enter(new_product(), SHIRTS, None, NOON).category_ids == ("shirts", "clothes")
    assert enter(new_product(), CLOTHES, None, NOON).category_ids == ("clothes",)


def test_a_product_is_listed_when_it_first_comes_onto_the_shelf_and_only_then() -> None:
    draft = enter(new_product(on_shelf=False), SHIRTS, None, NOON)
    assert draft.listed_at is None
    assert shelved(draft, NOON, on_shelf=False).listed_at is None
    listed = shelved(draft, NOON + DAY, on_shelf=True)
    assert (listed.on_shelf, listed.listed_at) == (True, NOON + DAY)
    again = shelved(shelved(listed, NOON + 2 * DAY, on_shelf=False), NOON + 3 * DAY, on_shelf=True)
    assert again.listed_at == NOON + DAY
    assert enter(new_product(), SHIRTS, again, NOON + 4 * DAY).listed_at == NOON + DAY


def test_a_price_that_stays_keeps_its_history() -> None:
    old = sku(price=5900, price_since=NOON - DAY, former=(FormerPrice(4900, NOON - DAY),))
    kept = repriced(new_sku(price=5900, weight_g=300), old, NOON)
    assert (kept.price_since, kept.former, kept.weight_g) == (old.price_since, old.former, 300)


def test_a_struck_price_without_explanation_is_at_most_the_lowest_price_of_the_week_before() -> None:
    old = product(skus=(sku(price=9900, price_since=NOON - 30 * DAY),))
    cut = new_product(skus=(new_sku(price=7900, struck_price=9900),))
    entered = enter(cut, SHIRTS, old, NOON)
    assert entered.skus[0].struck_price == 9900
    assert enter(cut, SHIRTS, entered, NOON + 20 * DAY).skus[0].struck_price == 9900, "the price did not change since"
    with pytest.raises(StruckPriceMisleads) as refused:
        enter(new_product(skus=(new_sku(price=7900, struck_price=9901),)), SHIRTS, old, NOON)
    assert refused.value.details == {"sku_id": "tee-01", "limit": 9900}


def test_raising_a_price_just_before_a_discount_does_not_raise_what_may_be_struck_through() -> None:
    usual = product(skus=(sku(price=7900, price_since=NOON - 30 * DAY),))
    raised = enter(new_product(skus=(new_sku(price=19900),)), SHIRTS, usual, NOON)
    discount = new_product(skus=(new_sku(price=7800, struck_price=19900),))
    with pytest.raises(StruckPriceMisleads):
        enter(discount, SHIRTS, raised, NOON + 6 * DAY)
    assert enter(discount, SHIRTS, raised, NOON + 7 * DAY).skus[0].struck_price == 19900


def test_a_struck_price_that_was_never_asked_needs_an_explanation() -> None:
    new = new_product(skus=(new_sku(price=7900, struck_price=9900),))
    with pytest.raises(StruckPriceMisleads) as refused:
        enter(new, SHIRTS, None, NOON)
    assert refused.value.details["limit"] is None
    assert enter(replace(new, struck_price_meaning="吊牌价"), SHIRTS, None, NOON).skus[0].struck_price == 9900


Changes = st.lists(
    st.tuples(st.integers(0, 4 * 24), st.integers(1, 12)), max_size=3 * MOST_FORMER_PRICES
)  # hours after the change before, price


def by_hand(changes: list[tuple[int, int]]) -> tuple[Sku, int | None]:
    """The SKU after all changes, and from the full record the lowest price of the week before its present one."""
    at: datetime = NOON
    current = repriced(new_sku(price=10), None, at)
    asked: list[tuple[int, datetime]] = []
    for hours, price in changes:
        at += timedelta(hours=hours)
        if price != current.price:
            asked.append((current.price, at))
        current = repriced(new_sku(price=price), current, at)
    return current, min((p for p, until in asked if until > current.price_since - LOOK_BACK), default=None)


@given(Changes)
def test_the_short_history_gives_the_limit_that_the_full_record_gives(changes: list[tuple[int, int]]) -> None:
    current, limit = by_hand(changes)
    assert struck_price_limit(current) == limit


@given(st.lists(st.integers(0, 12), min_size=2 * MOST_FORMER_PRICES, max_size=3 * MOST_FORMER_PRICES))
def test_a_price_raised_again_and_again_keeps_a_bounded_history_that_is_never_lenient(hours: list[int]) -> None:
    changes = [(pause, 11 + step) for step, pause in enumerate(hours)]
    current, limit = by_hand(changes)
    kept = struck_price_limit(current)
    assert len(current.former) <= MOST_FORMER_PRICES
    assert kept is not None
    assert limit is not None
    assert kept <= limit


def test_a_price_that_goes_up_and_down_keeps_only_what_can_be_a_lowest_one() -> None:
    current, limit = by_hand([(1, 5 + n % 3) for n in range(3 * MOST_FORMER_PRICES)])
    assert [past.price for past in current.former] == [5, 6]
    assert struck_price_limit(current) == limit == 5

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.rules import (
    Category,
    by_category,
    by_tag,
    card,
    offer,
    product_id_of,
    scopes,
    shown_sales,
    tree,
)
from tests.catalog.goods import product, sku


def test_a_product_stands_in_all_in_its_categories_and_its_tags() -> None:
    assert scopes(product()) == {"all", by_category("shirts"), by_category("clothes"), by_tag("新品")}


def test_off_the_shelf_it_stands_nowhere() -> None:
    assert scopes(product(on_shelf=False)) == frozenset()


def test_a_tag_and_a_category_of_one_name_are_two_lists() -> None:
    assert by_tag("sale") != by_category("sale")


def test_a_sku_tells_its_product() -> None:
    assert product_id_of("tee-white-01") == "tee-white"
    assert product_id_of("nonsense") == ""


def test_an_offer_has_the_skus_own_picture_and_the_products_where_there_is_none() -> None:
    plain, own = sku("tee-01"), sku("tee-02", image="https://img.example.com/2.jpg")
    both = product(skus=(plain, own))
    assert offer(both, plain).image == "https://img.example.com/1.jpg"
    assert offer(both, own).image == "https://img.example.com/2.jpg"


def test_an_offers_specification_is_text() -> None:
    assert offer(product(), sku(spec={"颜色": "白", "尺码": "L"})).spec == "白 / L"
    assert offer(product(), sku()).spec == ""


def test_a_card_shows_the_cheapest_sku_and_what_is_struck_through_for_it() -> None:
    shown = card(product(skus=(sku("tee-01", 5900, struck_price=9900), sku("tee-02", 4900, struck_price=6900))))
    assert (shown.price, shown.struck_price) == (4900, 6900)


def test_sales_are_exact_below_a_hundred_and_then_have_two_digits() -> None:
    shown = {sales: shown_sales(sales) for sales in (0, 7, 99, 100, 109, 110, 999, 1987, 12_345_678)}
    assert shown == {
        0: 0, 7: 7, 99: 99, 100: 100, 109: 100, 110: 110, 999: 990, 1987: 1900, 12_345_678: 12_000_000,
    }  # fmt: skip


@given(st.integers(0, 10**9), st.integers(0, 10**6))
def test_shown_sales_never_promise_more_and_never_change_the_order(sales: int, more: int) -> None:
    assert 0.9 * sales <= shown_sales(sales) <= sales
    assert shown_sales(sales) <= shown_sales(sales + more)


def test_the_tree_is_sorted_by_position_then_by_id() -> None:
    a, b, c = Category("a", "甲", position=2), Category("b", "乙", position=1), Category("c", "丙", position=1)
    a1, a2 = Category("a1", "甲一", "a", position=9), Category("a2", "甲二", "a", position=3)
    assert tree([a, a1, c, a2, b]) == [(b, []), (c, []), (a, [a2, a1])]

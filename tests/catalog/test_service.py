from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from chalicelib.catalog import Catalog, CatalogStore, Category, NewProduct, ProductNotFound, Sort, store
from chalicelib.catalog.entry import InvalidCategory, InvalidProduct, ProductChanged, StruckPriceMisleads
from chalicelib.catalog.rules import ALL, Card, CategoryNotFound, by_category, by_tag, shown_sales
from chalicelib.catalog.store import SALES_ROWS, CatalogRow
from chalicelib.kernel.paging import BadCursor, encode_cursor
from chalicelib.storage.once import AlreadyDone, claim
from chalicelib.storage.reads import Wish, fetch
from chalicelib.storage.writes import commit, update
from tests.catalog.goods import NOON, FakeClock, details, new_product, new_sku


def ids(catalog: Catalog, scope: str = ALL, sort: Sort = Sort.NEWEST) -> list[str]:
    return [card.product_id for card in catalog.products(scope, sort, None, 50).rows]


def cards_everywhere(catalog: Catalog, *lists: str) -> set[Card]:
    return {card for scope in lists for card in catalog.products(scope, Sort.NEWEST, None, 50).rows}


def count_silently(pieces: int) -> None:
    """Sales that nobody has told the lists of."""
    commit(update(CatalogRow("tee", "sales#0"), CatalogRow.sales.add(pieces)))


def test_categories_come_back_in_one_round_trip(catalog: Catalog, requests: list[str]) -> None:
    requests.clear()
    assert {category.category_id for category in catalog.categories()} == {"clothes", "shirts"}
    assert requests == ["Query"]


def test_a_category_is_renamed_by_putting_it_again(catalog: Catalog) -> None:
    catalog.put_category(Category("shirts", "短袖", parent_id="clothes"))
    assert {category.name for category in catalog.categories()} == {"服饰", "短袖"}


def test_two_who_create_one_category_under_different_parents_do_not_both_succeed(catalog: Catalog) -> None:
    rows = CatalogStore()
    rows.put_category(Category("hats", "帽子", parent_id="clothes"))
    with pytest.raises(InvalidCategory):
        rows.put_category(Category("hats", "帽子"))


def test_a_product_page_is_one_round_trip(catalog: Catalog, requests: list[str]) -> None:
    catalog.put_product(new_product(subtitle="重磅", details=details(description="很好", attributes={"材质": "棉"})))
    requests.clear()
    page = catalog.product("tee")
    assert requests == ["Query"]
    assert (page.product.title, page.product.subtitle, page.details.description) == ("纯棉T恤", "重磅", "很好")
    assert (page.details.attributes, page.sales) == ({"材质": "棉"}, 0)


def test_putting_a_product_is_one_read_and_one_transaction(catalog: Catalog, requests: list[str]) -> None:
    requests.clear()
    catalog.put_product(new_product())
    assert requests == ["BatchGetItem", "Query", "TransactWriteItems"]


def test_a_product_of_the_greatest_size_fits_into_its_transaction_twice_over(catalog: Catalog) -> None:
    def great(letter: str) -> NewProduct:
        skus = tuple(new_sku(f"tee-{n:02d}", spec={"号": f"{letter}{n}"}) for n in range(50))
        return new_product(skus=skus, tags=tuple(f"{letter}{n}" for n in range(10)))

    catalog.put_product(great("a"))
    catalog.put_product(great("b"))
    assert [ids(catalog, by_tag(f"{letter}{n}")) for letter in "ab" for n in range(10)] == [[]] * 10 + [["tee"]] * 10


def test_what_is_not_there_has_no_page(catalog: Catalog) -> None:
    with pytest.raises(ProductNotFound):
        catalog.product("nothing")


def test_a_product_needs_a_category_that_exists(catalog: Catalog) -> None:
    with pytest.raises(CategoryNotFound):
        catalog.put_product(new_product(category_id="nowhere"))


def test_a_wrong_product_is_not_stored(catalog: Catalog) -> None:
    with pytest.raises(InvalidProduct):
        catalog.put_product(new_product(title=""))
    with pytest.raises(StruckPriceMisleads):
        catalog.put_product(new_product(skus=(new_sku(price=5900, struck_price=9900),)))
    assert ids(catalog) == []


def test_a_lowered_price_may_strike_through_the_one_before(catalog: Catalog, clock: FakeClock) -> None:
    catalog.put_product(new_product(skus=(new_sku(price=9900),)))
    clock.advance(days=30)
    catalog.put_product(new_product(skus=(new_sku(price=5900, struck_price=9900),)))
    assert catalog.offers(["tee-01"])["tee-01"].struck_price == 9900


def test_a_product_stands_in_all_lists_of_its_own_and_in_no_other(catalog: Catalog) -> None:
    catalog.put_category(Category("hats", "帽子", parent_id="clothes"))
    catalog.put_product(new_product("tee"))
    catalog.put_product(new_product("cap", category_id="hats", tags=("防晒",)))
    assert set(ids(catalog)) == set(ids(catalog, by_category("clothes"))) == {"tee", "cap"}
    assert ids(catalog, by_category("shirts")) == ids(catalog, by_tag("新品")) == ["tee"]
    assert ids(catalog, by_category("hats")) == ids(catalog, by_tag("防晒")) == ["cap"]
    assert ids(catalog, by_tag("无人")) == []


def test_changing_category_and_tags_moves_a_product_between_lists(catalog: Catalog) -> None:
    catalog.put_product(new_product(tags=("新品", "热卖")))
    catalog.put_product(new_product(tags=("热卖", "清仓"), category_id="clothes", title="新名"))
    assert ids(catalog, by_tag("新品")) == ids(catalog, by_category("shirts")) == []
    seen = cards_everywhere(catalog, ALL, by_category("clothes"), by_tag("热卖"), by_tag("清仓"))
    assert [card.title for card in seen] == ["新名"]


def test_a_sku_that_is_left_out_is_gone(catalog: Catalog) -> None:
    both = (new_sku("tee-01", spec={"尺码": "M"}), new_sku("tee-02", spec={"尺码": "L"}))
    catalog.put_product(new_product(skus=both))
    catalog.put_product(new_product(skus=both[1:]))
    assert list(catalog.offers(["tee-01", "tee-02"])) == ["tee-02"]


def test_off_the_shelf_a_product_has_no_page_and_no_place_but_carts_see_why(catalog: Catalog) -> None:
    catalog.put_product(new_product())
    catalog.set_on_shelf("tee", False)
    with pytest.raises(ProductNotFound):
        catalog.product("tee")
    assert ids(catalog) == ids(catalog, by_category("shirts")) == ids(catalog, by_tag("新品")) == []
    assert catalog.offers(["tee-01"])["tee-01"].on_shelf is False


def test_a_product_put_back_keeps_its_page_its_sales_and_its_age(catalog: Catalog, clock: FakeClock) -> None:
    catalog.put_product(new_product("tee", details=details(description="旧")))
    clock.advance(hours=1)
    catalog.put_product(new_product("cap"))
    catalog.add_sales("tee", 3)
    catalog.set_on_shelf("tee", False)
    catalog.add_sales("tee", 2)
    clock.advance(hours=1)
    catalog.set_on_shelf("tee", True)
    page = catalog.product("tee")
    assert (page.details.description, page.sales) == ("旧", 5)
    assert ids(catalog) == ["cap", "tee"]
    assert ids(catalog, sort=Sort.SALES) == ["tee", "cap"]


def test_only_what_exists_goes_on_the_shelf(catalog: Catalog) -> None:
    with pytest.raises(ProductNotFound):
        catalog.set_on_shelf("nothing", True)


def test_offers_of_many_products_are_one_round_trip_and_leave_out_what_does_not_exist(
    catalog: Catalog, requests: list[str]
) -> None:
    catalog.put_product(new_product("tee", freight_template_id="light", skus=(new_sku("tee-01", 5900, weight_g=200),)))
    catalog.put_product(new_product("cap"))
    requests.clear()
    offers = catalog.offers(["cap-01", "tee-01", "tee-99", "gone-01", "nonsense", "", "tee-01"])
    assert requests == ["BatchGetItem"]
    assert list(offers) == ["cap-01", "tee-01"]
    tee = offers["tee-01"]
    assert (tee.product_id, tee.price, tee.weight_g, tee.freight_template_id) == ("tee", 5900, 200, "light")
    assert (tee.category_ids, tee.on_shelf) == (("shirts", "clothes"), True)


def test_no_offers_ask_for_nothing(catalog: Catalog, requests: list[str]) -> None:
    requests.clear()
    assert catalog.offers(["nonsense"]) == {}
    assert requests == []


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.NEWEST, ["p4", "p3", "p2", "p1", "p0"]),
        (Sort.PRICE_ASC, ["p3", "p1", "p4", "p0", "p2"]),
        (Sort.PRICE_DESC, ["p2", "p0", "p4", "p1", "p3"]),
        (Sort.SALES, ["p1", "p4", "p2", "p0", "p3"]),
    ],
)
def test_a_list_is_sorted_and_paged_without_gap_or_repetition(
    catalog: Catalog, clock: FakeClock, requests: list[str], sort: Sort, expected: list[str]
) -> None:
    for n, (price, sales) in enumerate([(1000, 9), (900, 1000), (100_000, 9), (99, 0), (900, 120)]):
        clock.advance(minutes=1)
        catalog.put_product(new_product(f"p{n}", skus=(new_sku(f"p{n}-01", price),)))
        if sales:
            catalog.add_sales(f"p{n}", sales)
    requests.clear()
    seen: list[str] = []
    cursor: str | None = None
    for size in (2, 2, 1):
        page = catalog.products(ALL, sort, cursor, 2)
        assert len(page.rows) == size
        seen += [card.product_id for card in page.rows]
        cursor = page.next_cursor
    assert (seen, cursor) == (expected, None)
    assert requests == ["Query"] * 3


def test_a_last_page_that_is_full_has_no_next(catalog: Catalog) -> None:
    catalog.put_product(new_product())
    assert catalog.products(ALL, Sort.NEWEST, None, 1).next_cursor is None


@pytest.mark.parametrize("cursor", ["%%%", "a", "\u0000"])
def test_a_cursor_that_nobody_gave_is_refused(catalog: Catalog, cursor: str) -> None:
    with pytest.raises(BadCursor):
        catalog.products(ALL, Sort.NEWEST, cursor, 20)


def test_a_cursor_of_another_sort_shows_no_more_than_the_list_has(catalog: Catalog) -> None:
    catalog.put_product(new_product())
    assert len(catalog.products(ALL, Sort.PRICE_ASC, encode_cursor("zzz"), 20).rows) == 0


def test_sales_are_counted_and_shown_rounded(catalog: Catalog) -> None:
    catalog.put_product(new_product())
    catalog.add_sales("tee", 1987)
    assert catalog.product("tee").sales == 1987
    lists = cards_everywhere(catalog, ALL, by_category("shirts"), by_category("clothes"), by_tag("新品"))
    assert [card.sales for card in lists] == [1900]


def test_sales_that_lists_do_not_show_cost_one_write(catalog: Catalog, requests: list[str]) -> None:
    catalog.put_product(new_product())
    catalog.add_sales("tee", 1987)
    requests.clear()
    catalog.add_sales("tee", 2)
    counted = ["TransactWriteItems", "BatchGetItem", "Query"]
    assert requests == counted
    catalog.add_sales("tee", 11)
    assert requests == [*counted, *counted, "TransactWriteItems"]
    assert cards_everywhere(catalog, ALL).pop().sales == 2000


def test_sales_are_spread_over_rows_of_their_own_and_leave_the_product_alone(catalog: Catalog) -> None:
    catalog.put_product(new_product())
    before = CatalogRow.get("tee", "#").serialize()
    for _ in range(20):
        catalog.add_sales("tee", 3)
    rows = {row.sk: row for row in CatalogRow.query("tee")}
    assert rows["#"].serialize() == before
    counts = [int(rows[f"sales#{n}"].sales) for n in range(SALES_ROWS) if f"sales#{n}" in rows]
    assert (len(rows), sum(counts)) == (2 + len(counts), 60)
    assert len(counts) > 1
    assert (catalog.product("tee").sales, CatalogStore().get("tee").sales) == (60, 60)


def test_what_a_product_itself_has_counted_before_goes_on_counting(catalog: Catalog) -> None:
    catalog.put_product(new_product())
    CatalogRow("tee", "#").update([CatalogRow.sales.set(40)])
    catalog.add_sales("tee", 1)
    catalog.put_product(new_product(title="新名"))
    assert catalog.product("tee").sales == cards_everywhere(catalog, ALL).pop().sales == 41


def test_lists_that_missed_a_step_are_put_right_by_the_next_sale(catalog: Catalog) -> None:
    catalog.put_product(new_product())
    catalog.add_sales("tee", 108)
    count_silently(3)
    catalog.add_sales("tee", 1)
    assert cards_everywhere(catalog, ALL).pop().sales == 110


def test_of_sales_that_cross_a_step_together_the_last_tells_the_lists(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.put_product(new_product())
    catalog.add_sales("tee", 108)

    def overtaken(*wishes: Wish[Any]) -> tuple[Any, ...]:
        assert all(wish.consistent for wish in wishes)
        count_silently(2)
        return fetch(*wishes)

    monkeypatch.setattr(store, "fetch", overtaken)
    catalog.add_sales("tee", 1)
    assert cards_everywhere(catalog, ALL).pop().sales == 110


def test_a_sale_counted_by_one_who_died_is_told_to_the_lists_when_it_is_repeated(catalog: Catalog) -> None:
    catalog.put_product(new_product())
    once = claim("sales", NOON, timedelta(days=1), AlreadyDone())
    commit(once)
    count_silently(5)
    with pytest.raises(AlreadyDone):
        catalog.add_sales("tee", 5, once)
    assert catalog.product("tee").sales == cards_everywhere(catalog, ALL).pop().sales == 5


def test_a_count_that_comes_late_does_not_take_lists_back(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog.put_product(new_product())

    def overtaken(*wishes: Wish[Any]) -> tuple[Any, ...]:
        found = fetch(*wishes)
        monkeypatch.undo()
        catalog.add_sales("tee", 10)
        return found

    monkeypatch.setattr(store, "fetch", overtaken)
    catalog.add_sales("tee", 1)
    assert cards_everywhere(catalog, ALL).pop().sales == 11


@pytest.mark.parametrize("first", [0, 1])
def test_a_product_that_leaves_the_lists_while_it_is_sold_is_not_put_back(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    catalog.put_product(new_product())

    def overtaken(*wishes: Wish[Any]) -> tuple[Any, ...]:
        before = fetch(*wishes)
        monkeypatch.undo()
        catalog.set_on_shelf("tee", False)
        after = fetch(*wishes)
        return (before[0], after[1]) if first == 0 else (after[0], before[1])

    monkeypatch.setattr(store, "fetch", overtaken)
    catalog.add_sales("tee", 1)
    assert cards_everywhere(catalog, ALL, by_category("shirts")) == set()
    assert CatalogStore().get("tee").sales == 1


def test_a_changed_product_keeps_its_sales(catalog: Catalog) -> None:
    catalog.put_product(new_product())
    catalog.add_sales("tee", 12)
    catalog.put_product(new_product(title="新名"))
    assert catalog.product("tee").sales == 12
    assert cards_everywhere(catalog, ALL).pop().sales == 12


def test_sales_of_what_does_not_exist_are_shown_nowhere(catalog: Catalog) -> None:
    catalog.add_sales("nothing", 1)
    assert ids(catalog) == []
    with pytest.raises(ProductNotFound):
        catalog.product("nothing")


def test_sales_only_grow(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="only grow"):
        catalog.add_sales("tee", 0)


@pytest.mark.parametrize("before", [0, 1_975])
def test_forty_sales_at_once_are_forty_and_lists_know_it(catalog: Catalog, before: int) -> None:
    catalog.put_product(new_product())
    count_silently(before)
    start = Barrier(40)

    def sell(_: int) -> None:
        start.wait()
        catalog.add_sales("tee", 1)

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(sell, range(40)))
    assert catalog.product("tee").sales == before + 40
    lists = cards_everywhere(catalog, ALL, by_category("shirts"), by_category("clothes"), by_tag("新品"))
    assert [card.sales for card in lists] == [shown_sales(before + 40)]


def test_editors_at_the_same_moment_leave_one_whole_product_and_lose_no_sale(catalog: Catalog) -> None:
    catalog.put_product(new_product(tags=("t0",)))
    start = Barrier(50)

    def work(n: int) -> str | None:
        start.wait()
        if n % 2:
            catalog.add_sales("tee", 1)
            return None
        try:
            catalog.put_product(new_product(tags=(f"t{n}",), title=f"T{n}"))
        except ProductChanged:
            return "changed"
        return "written"

    with ThreadPoolExecutor(50) as pool:
        ends = list(pool.map(work, range(50)))
    page = catalog.product("tee")
    assert page.sales == 25
    assert "written" in ends
    where = [f"t{n}" for n in range(50) if ids(catalog, by_tag(f"t{n}"))]
    assert where == list(page.product.tags)
    everywhere = cards_everywhere(catalog, ALL, by_category("shirts"), by_category("clothes"), by_tag(where[0]))
    assert {card.title for card in everywhere} == {page.product.title}


def test_taking_down_and_editing_at_once_never_leave_a_hidden_product_in_a_list(catalog: Catalog) -> None:
    rows = CatalogStore()
    catalog.put_product(new_product())
    seen = rows.get("tee")
    catalog.set_on_shelf("tee", False)
    with pytest.raises(ProductChanged):
        rows.save(replace(seen.product, title="新名"), None, seen)
    assert ids(catalog) == []

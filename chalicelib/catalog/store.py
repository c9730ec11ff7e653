"""Rows of the catalog: table `catalog` (products, their pages, categories) and table `listings` (the lists)."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import randrange
from typing import Any, ClassVar, TypeAlias

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from ..kernel.clock import epoch
from ..kernel.errors import ShopError
from ..kernel.paging import Page, page_of
from ..storage.attributes import Packed
from ..storage.reads import Read, Search, fetch, search
from ..storage.table import Row
from ..storage.writes import Write, commit, delete, put, update
from .entry import MOST_CATEGORIES, InvalidCategory, ProductChanged
from .rules import (
    ALL,
    Card,
    Category,
    CategoryNotFound,
    Details,
    Product,
    ProductNotFound,
    Sort,
    card,
    scopes,
    shown_sales,
)

CATEGORIES = "#categories"  # no product id has a #
PRODUCT, DETAILS = "#", "details"
SALES_ROWS = 8
"""Transactions write one item some 31 times a second, so eight bear 250 paid orders a second of one product. They are
less than half a KB together: more would make every reader of the page pay for what few sales need.
"""


class CatalogRow(Row):
    """pk = product id: sk `#` is the product with all of its SKUs, sk `details` what only its page shows, `sales#0` to
    `sales#7` some of the pieces sold each; `#` may hold some of before. All together are the product's sales.
    pk `#categories`: a row a category, with its parent ("" for the first level) to hold it by.

    A product is one item, so that its SKUs change together and a cart reads one item a product. Sales stand beside it:
    they are written with every paid order, and a write costs what the whole item weighs.
    """

    class Meta:
        table_name = "catalog"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    product: Packed[Product] = Packed(Product, null=True)
    sales = NumberAttribute(null=True)
    revision = NumberAttribute(null=True)
    details: Packed[Details] = Packed(Details, null=True)
    category: Packed[Category] = Packed(Category, null=True)
    parent_id = UnicodeAttribute(null=True)


class ByNewest(GlobalSecondaryIndex["ListingRow"]):
    class Meta:
        index_name = "by_newest"
        projection = AllProjection()

    scope = UnicodeAttribute(hash_key=True)
    newest_key = UnicodeAttribute(range_key=True)


class ByPrice(GlobalSecondaryIndex["ListingRow"]):
    class Meta:
        index_name = "by_price"
        projection = AllProjection()

    scope = UnicodeAttribute(hash_key=True)
    price_key = UnicodeAttribute(range_key=True)


class BySales(GlobalSecondaryIndex["ListingRow"]):
    class Meta:
        index_name = "by_sales"
        projection = AllProjection()

    scope = UnicodeAttribute(hash_key=True)
    sales_key = UnicodeAttribute(range_key=True)


class ListingRow(Row):
    """A product in a list. Sort keys are padded numbers ending in the product id: unique, so that one is a cursor."""

    class Meta:
        table_name = "listings"

    by_newest = ByNewest()
    by_price = ByPrice()
    by_sales = BySales()
    scope = UnicodeAttribute(hash_key=True)
    product_id = UnicodeAttribute(range_key=True)
    newest_key = UnicodeAttribute()
    price_key = UnicodeAttribute()
    sales_key = UnicodeAttribute()
    sales = NumberAttribute()
    card: Packed[Card] = Packed(Card)


Rows: TypeAlias = dict[str, CatalogRow]


class _Overtaken(ShopError):
    """Never leaves this file: the lists know of newer sales, or the product left them."""

    code = "OVERTAKEN"


@dataclass(frozen=True)
class Stored:
    """A product as it was read; `revision` tells whether it is still so."""

    product: Product
    sales: int
    revision: int


def _key(number: int, product_id: str) -> str:
    return f"{number:012d}#{product_id}"


class CatalogStore:
    _orders: ClassVar[dict[Sort, tuple[Any, Any, bool]]] = {
        Sort.NEWEST: (ListingRow.by_newest, ListingRow.newest_key, False),
        Sort.PRICE_ASC: (ListingRow.by_price, ListingRow.price_key, True),
        Sort.PRICE_DESC: (ListingRow.by_price, ListingRow.price_key, False),
        Sort.SALES: (ListingRow.by_sales, ListingRow.sales_key, False),
    }

    def categories(self, *, consistent: bool = False) -> list[Category]:
        # Two that are created at once may pass the limit together, hence twice.
        all_ = Search(CatalogRow, CATEGORIES, list[CatalogRow], 2 * MOST_CATEGORIES, consistent=consistent)
        return [row.category for row in search(all_)]

    def put_category(self, category: Category) -> None:
        """Raises InvalidCategory if another parent was given to it meanwhile."""
        parent = category.parent_id or ""
        row = CatalogRow(CATEGORIES, category.category_id, category=category, parent_id=parent)
        stays = CatalogRow.pk.does_not_exist() | (CatalogRow.parent_id == parent)
        commit(put(row, condition=stays, otherwise=InvalidCategory(problem="a category keeps its parent")))

    def products(self, product_ids: Sequence[str]) -> Read[list[Product]]:
        """Those that exist."""
        rows = [CatalogRow(product_id, PRODUCT) for product_id in product_ids]
        return Read(rows, lambda stored: [row.product for row in stored if row is not None])

    def page(self, product_id: str) -> Search[tuple[Stored, Details] | None]:
        def made(rows: Rows) -> tuple[Stored, Details] | None:
            stored = _stored(rows)
            return (stored, rows[DETAILS].details) if stored else None

        return _rows(product_id).then(made)

    def for_change(self, product_id: str, category_id: str) -> tuple[Stored | None, Category]:
        """What `save` needs to know. Raises CategoryNotFound."""
        product = _rows(product_id, consistent=True).then(_stored)
        stored, (category,) = fetch(product, Read([CatalogRow(CATEGORIES, category_id)], list[Any], consistent=True))
        if category is None:
            raise CategoryNotFound(category_id=category_id)
        return stored, category.category

    def get(self, product_id: str) -> Stored:
        """Raises ProductNotFound."""
        stored = search(_rows(product_id, consistent=True).then(_stored))
        if stored is None:
            raise ProductNotFound
        return stored

    def save(self, product: Product, details: Details | None, old: Stored | None) -> None:
        """Product, page and lists in one transaction. `details` None: the page stays. Raises ProductChanged."""
        row = CatalogRow(product.product_id, PRODUCT)
        unchanged = CatalogRow.revision == old.revision if old else CatalogRow.pk.does_not_exist()
        writes: list[Write] = [
            update(
                row,
                CatalogRow.product.set(product),
                CatalogRow.revision.set(old.revision + 1 if old else 1),
                condition=unchanged,
                otherwise=ProductChanged(),
            )
        ]
        if details is not None:
            writes.append(put(CatalogRow(product.product_id, DETAILS, details=details)))
        stands_in = scopes(product)
        writes += [put(_listing(scope, product, old.sales if old else 0)) for scope in sorted(stands_in)]
        left = scopes(old.product) - stands_in if old else ()
        writes += [delete(ListingRow(scope, product.product_id)) for scope in sorted(left)]
        commit(*writes)

    def add_sales(self, product_id: str, pieces: int, *once: Write) -> None:
        """No condition on the product: to check it would conflict like a write. Products are never deleted; of one that
        does not exist, sales are counted and shown nowhere.
        """
        row = CatalogRow(product_id, f"sales#{randrange(SALES_ROWS)}")
        try:
            commit(*once, update(row, CatalogRow.sales.add(pieces)))
        finally:  # also when it was counted before: whoever did so may have died before lists were told
            self._tell_lists(product_id)

    def _tell_lists(self, product_id: str) -> None:
        """Whoever is last to count sees all that was sold, and what lists show of it whichever step was crossed."""
        all_ = Read([ListingRow(ALL, product_id)], list[Any], consistent=True)  # a product's lists change together
        stored, (listed,) = fetch(_rows(product_id, consistent=True).then(_stored), all_)
        if stored is None or listed is None or not stored.product.on_shelf:
            return
        shown = shown_sales(stored.sales)
        if listed.sales < shown:
            with suppress(_Overtaken):
                commit(*[_new_sales(scope, product_id, shown) for scope in sorted(scopes(stored.product))])

    def listed(self, scope: str, sort: Sort, after: str | None, limit: int) -> Page[Card]:
        index, key, ascending = self._orders[sort]

        def made(rows: list[ListingRow]) -> Page[Card]:
            page = page_of(rows, limit, lambda row: str(getattr(row, key.attr_name)))
            return Page([replace(row.card, sales=int(row.sales)) for row in page.rows], page.next_cursor)

        beyond = None if after is None else key > after if ascending else key < after
        return search(Search(index, scope, made, limit + 1, beyond, ascending))


def _rows(product_id: str, *, consistent: bool = False) -> Search[Rows]:
    """All of a product, by sk."""

    def made(rows: list[CatalogRow]) -> Rows:
        return {row.sk: row for row in rows}

    return Search(CatalogRow, product_id, made, 2 + SALES_ROWS, consistent=consistent)


def _stored(rows: Rows) -> Stored | None:
    if PRODUCT not in rows:
        return None
    product = rows[PRODUCT]
    return Stored(product.product, sum(int(row.sales or 0) for row in rows.values()), int(product.revision))


def _listing(scope: str, product: Product, sales: int) -> ListingRow:
    shown = shown_sales(sales)
    assert product.listed_at is not None, "a product in a list has been put on the shelf"
    return ListingRow(
        scope,
        product.product_id,
        newest_key=_key(epoch(product.listed_at), product.product_id),
        price_key=_key(product.cheapest.price, product.product_id),
        sales_key=_key(shown, product.product_id),
        sales=shown,
        card=card(product),
    )


def _new_sales(scope: str, product_id: str, shown: int) -> Write:
    return update(
        ListingRow(scope, product_id),
        ListingRow.sales.set(shown),
        ListingRow.sales_key.set(_key(shown, product_id)),
        condition=ListingRow.sales < shown,
        otherwise=_Overtaken(),
    )

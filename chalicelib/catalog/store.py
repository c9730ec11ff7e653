"""Rows of the catalog: table `catalog` (products, their pages, categories) and table `listings` (the lists)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from ..kernel.clock import epoch
from ..kernel.errors import ShopError
from ..kernel.paging import Page, page_of
from ..storage.attributes import Packed
from ..storage.reads import Read, Search, read, search
from ..storage.table import Row
from ..storage.writes import Write, commit, delete, put, update
from .entry import MOST_CATEGORIES, InvalidCategory, ProductChanged
from .rules import (
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


class CatalogRow(Row):
    """pk = product id: sk `#` is the product with all of its SKUs, sk `details` what only its page shows.
    pk `#categories`: a row a category, with its parent ("" for the first level) to hold it by.

    A product is one item, so that its SKUs change together and a cart reads one item a product.
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
        def made(found: list[CatalogRow]) -> tuple[Stored, Details] | None:
            rows = {row.sk: row for row in found}
            return (_stored(rows[PRODUCT]), rows[DETAILS].details) if PRODUCT in rows else None

        return Search(CatalogRow, product_id, made, 2)

    def for_change(self, product_id: str, category_id: str) -> tuple[Stored | None, Category]:
        """What `save` needs to know. Raises CategoryNotFound."""
        product, category = read(CatalogRow(product_id, PRODUCT), CatalogRow(CATEGORIES, category_id), consistent=True)
        if category is None:
            raise CategoryNotFound(category_id=category_id)
        return (_stored(product) if product else None), category.category

    def get(self, product_id: str) -> Stored:
        """Raises ProductNotFound."""
        (row,) = read(CatalogRow(product_id, PRODUCT), consistent=True)
        if row is None:
            raise ProductNotFound
        return _stored(row)

    def save(self, product: Product, details: Details | None, old: Stored | None) -> None:
        """Product, page and lists in one transaction. `details` None: the page stays. Raises ProductChanged."""
        row = CatalogRow(product.product_id, PRODUCT)
        unchanged = CatalogRow.revision == old.revision if old else CatalogRow.pk.does_not_exist()
        writes: list[Write] = [
            update(
                row,
                CatalogRow.product.set(product),
                CatalogRow.sales.set(CatalogRow.sales | 0),  # add_sales may be at work on it
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
        row = CatalogRow(product_id, PRODUCT)
        exists = CatalogRow.pk.exists()
        commit(*once, update(row, CatalogRow.sales.add(pieces), condition=exists, otherwise=ProductNotFound()))
        if once:
            row.refresh(consistent_read=True)  # a transaction, unlike an update, reads nothing back
        now_sold = int(row.sales)
        shown = shown_sales(now_sold)
        if shown == shown_sales(now_sold - pieces):
            return
        changes = [_new_sales(scope, product_id, shown) for scope in sorted(scopes(row.product))]
        if changes:
            try:
                commit(*changes)
            except _Overtaken:
                return

    def listed(self, scope: str, sort: Sort, after: str | None, limit: int) -> Page[Card]:
        index, key, ascending = self._orders[sort]

        def made(rows: list[ListingRow]) -> Page[Card]:
            page = page_of(rows, limit, lambda row: str(getattr(row, key.attr_name)))
            return Page([replace(row.card, sales=int(row.sales)) for row in page.rows], page.next_cursor)

        beyond = None if after is None else key > after if ascending else key < after
        return search(Search(index, scope, made, limit + 1, beyond, ascending))


def _stored(row: CatalogRow) -> Stored:
    return Stored(row.product, int(row.sales), int(row.revision))


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

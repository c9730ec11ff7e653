"""Use cases of the catalog."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..kernel.clock import Clock
from ..kernel.paging import Page, decode_cursor
from ..storage.reads import Read, Search, fetch, search
from ..storage.writes import Write
from .entry import NewProduct, check_category, check_product, enter, shelved
from .rules import Card, Category, Details, Offer, Product, ProductNotFound, Sort, offer, product_id_of
from .store import CatalogStore, Stored


@dataclass(frozen=True)
class ProductPage:
    """A product that is on the shelf, as its page shows it. `sales` counts pieces."""

    product: Product
    details: Details
    sales: int


class Catalog:
    def __init__(self, store: CatalogStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def categories(self) -> list[Category]:
        """All of them, in no order; `rules.tree` arranges them. One round trip."""
        return self._store.categories()

    def products(self, scope: str, sort: Sort, cursor: str | None, limit: int) -> Page[Card]:
        """A page of what is on the shelf in a scope (`rules.ALL`, `by_category`, `by_tag`). One round trip.

        Raises BadCursor. A product that changes its place between two pages may be shown twice or not at all.
        """
        return self._store.listed(scope, sort, decode_cursor(cursor), limit)

    def product(self, product_id: str) -> ProductPage:
        """One round trip. Raises ProductNotFound, also for a product that is off the shelf."""
        return search(self.reads_page(product_id))

    def reads_page(self, product_id: str) -> Search[ProductPage]:
        """`product`, to be read together with other things."""

        def made(found: tuple[Stored, Details] | None) -> ProductPage:
            if found is None or not found[0].product.on_shelf:
                raise ProductNotFound
            stored, details = found
            return ProductPage(stored.product, details, stored.sales)

        return self._store.page(product_id).then(made)

    def offers(self, sku_ids: Iterable[str]) -> dict[str, Offer]:
        """SKUs as they are sold now, also those off the shelf (`on_shelf` False); what does not exist is left out.

        One round trip up to 100 products.
        """
        (offers,) = fetch(self.reads_offers(sku_ids))
        return offers

    def reads_offers(self, sku_ids: Iterable[str]) -> Read[dict[str, Offer]]:
        """`offers`, to be read together with other things."""
        wanted = list(dict.fromkeys(sku_ids))

        def made(products: list[Product]) -> dict[str, Offer]:
            skus = {sku.sku_id: (product, sku) for product in products for sku in product.skus}
            return {sku_id: offer(*skus[sku_id]) for sku_id in wanted if sku_id in skus}

        product_ids = dict.fromkeys(map(product_id_of, wanted))
        return self._store.products([product_id for product_id in product_ids if product_id]).then(made)

    def put_category(self, category: Category) -> None:
        """Create or replace a category. Raises InvalidCategory."""
        check_category(category, {known.category_id: known for known in self._store.categories(consistent=True)})
        self._store.put_category(category)

    def put_product(self, new: NewProduct) -> None:
        """Create or replace a product with its SKUs, page and places in the lists, at once; its sales count stays.

        Raises InvalidProduct, CategoryNotFound, StruckPriceMisleads, ProductChanged.
        """
        check_product(new)
        old, category = self._store.for_change(new.product_id, new.category_id)
        product = enter(new, category, old.product if old else None, self._clock())
        self._store.save(product, new.details, old)

    def set_on_shelf(self, product_id: str, on_shelf: bool) -> None:
        """Put a product into the lists, or take it out of them. Raises ProductNotFound, ProductChanged."""
        old = self._store.get(product_id)
        self._store.save(shelved(old.product, self._clock(), on_shelf=on_shelf), None, old)

    def add_sales(self, product_id: str, pieces: int, *once: Write) -> None:
        """Count `pieces` >= 1 as sold, in one step with `once`, which sees to it that an order is counted once.

        Raises what `once` refuses with. Sales of a product that does not exist are shown nowhere.

        The product's count is exact. The lists follow when `shown_sales` changes, whoever crosses the step; when this
        fails, repeat it with `once`, and they do. One who edits the product at that very moment can hold them at the
        step before, until the next sale, and a list that it enters then until the next step.
        """
        if pieces < 1:
            raise ValueError("sales only grow")
        self._store.add_sales(product_id, pieces, *once)

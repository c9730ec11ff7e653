"""What is sold: categories, products, SKUs, and what a list shows of them. Fen, g and cm³."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ..kernel.errors import NotFound


class ProductNotFound(NotFound):
    """Also for a product that is off the shelf."""

    code = "PRODUCT_NOT_FOUND"
    message = "商品不存在或已下架"


class CategoryNotFound(NotFound):
    code = "CATEGORY_NOT_FOUND"
    message = "商品分类不存在"


@dataclass(frozen=True)
class Category:
    """`parent_id` None: of the first level. Shown by `position`, then by id."""

    category_id: str
    name: str
    parent_id: str | None = None
    position: int = 0
    icon: str = ""


@dataclass(frozen=True)
class FormerPrice:
    """A price that was asked until a moment."""

    price: int
    until: datetime


@dataclass(frozen=True)
class Sku:
    """`spec` maps names to values, `{"颜色": "白", "尺码": "L"}`; empty where there is nothing to choose.

    `former`: the prices before `price_since`, as `entry.repriced` keeps them.
    """

    sku_id: str
    spec: Mapping[str, str]
    price: int
    struck_price: int | None
    image: str
    weight_g: int
    volume_cm3: int
    price_since: datetime
    former: tuple[FormerPrice, ...] = ()


@dataclass(frozen=True)
class Product:
    """What carts, orders and lists need. `category_ids`: the product's own category, then that one's parent.

    `listed_at`: when it was first put on the shelf. `struck_price_meaning` tells shoppers what was struck through.
    `no_reason_days`: how long it may be returned without a reason; 0 for what the law excepts.
    """

    product_id: str
    title: str
    subtitle: str
    image: str
    category_ids: tuple[str, ...]
    tags: tuple[str, ...]
    skus: tuple[Sku, ...]
    freight_template_id: str | None
    struck_price_meaning: str
    on_shelf: bool
    listed_at: datetime | None
    no_reason_days: int = 7

    @property
    def cheapest(self) -> Sku:
        return min(self.skus, key=lambda sku: sku.price)


@dataclass(frozen=True)
class Details:
    """What only the product page shows. `description` is plain text; long pictures go into `detail_images`."""

    images: tuple[str, ...]
    video: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    detail_images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """A SKU as carts and orders see it. `spec` is text for shoppers, `白 / L`; `category_ids` as in Product."""

    sku_id: str
    product_id: str
    title: str
    image: str
    spec: str
    price: int
    struck_price: int | None
    category_ids: tuple[str, ...]
    weight_g: int
    volume_cm3: int
    freight_template_id: str | None
    on_shelf: bool
    no_reason_days: int = 0


@dataclass(frozen=True)
class Card:
    """A product in a list: price and struck price of its cheapest SKU; `sales` as `shown_sales` rounds it."""

    product_id: str
    title: str
    subtitle: str
    image: str
    price: int
    struck_price: int | None
    tags: tuple[str, ...]
    sales: int = 0


class Sort(StrEnum):
    NEWEST = "newest"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"
    SALES = "sales"


ALL = "all"


def by_category(category_id: str) -> str:
    """The scope of all products of a category or of its sub categories."""
    return f"c:{category_id}"


def by_tag(tag: str) -> str:
    return f"t:{tag}"


def scopes(product: Product) -> frozenset[str]:
    """The lists a product stands in; none when it is off the shelf."""
    if not product.on_shelf:
        return frozenset()
    return frozenset({ALL, *map(by_category, product.category_ids), *map(by_tag, product.tags)})


def product_id_of(sku_id: str) -> str:
    """Empty for what cannot be a SKU."""
    return sku_id.rpartition("-")[0]


def offer(product: Product, sku: Sku) -> Offer:
    return Offer(
        sku_id=sku.sku_id,
        product_id=product.product_id,
        title=product.title,
        image=sku.image or product.image,
        spec=" / ".join(sku.spec.values()),
        price=sku.price,
        struck_price=sku.struck_price,
        category_ids=product.category_ids,
        weight_g=sku.weight_g,
        volume_cm3=sku.volume_cm3,
        freight_template_id=product.freight_template_id,
        on_shelf=product.on_shelf,
        no_reason_days=product.no_reason_days,
    )


def card(product: Product) -> Card:
    cheapest = product.cheapest
    return Card(
        product_id=product.product_id,
        title=product.title,
        subtitle=product.subtitle,
        image=product.image,
        price=cheapest.price,
        struck_price=cheapest.struck_price,
        tags=product.tags,
    )


def shown_sales(sales: int) -> int:
    """Exact below 100, then rounded down to two digits (1987 -> 1900): lists are rewritten only when it changes."""
    unit = int("1" + "0" * (len(str(sales)) - 2)) if sales >= 100 else 1
    return sales // unit * unit


def tree(categories: Sequence[Category]) -> list[tuple[Category, list[Category]]]:
    """The first level, each with its second, in the order in which they are shown."""
    ordered = sorted(categories, key=lambda category: (category.position, category.category_id))
    return [
        (top, [category for category in ordered if category.parent_id == top.category_id])
        for top in ordered
        if top.parent_id is None
    ]

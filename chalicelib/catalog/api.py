"""Routes of the catalog: public, and cacheable by a CDN."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..kernel.errors import Invalid
from ..kernel.paging import BadCursor
from ..storage.reads import fetch
from ..web import Call, NextCursor, PageQuery, Routes
from .rules import ALL, Category, ProductNotFound, Sku, Sort, by_category, by_tag, tree
from .service import ProductPage

routes = Routes(__name__)

# Seconds. The product page tells the stock, so it is kept for a moment only.
CATEGORIES_KEPT, LIST_KEPT, PAGE_KEPT = 300, 60, 5

ProductId = Annotated[str, Meta(description="Stable.", examples=["tee-white"])]
Title = Annotated[str, Meta(description="Name of the product.", examples=["纯棉圆领T恤"])]
Subtitle = Annotated[str, Meta(description="Selling point; may be empty.", examples=["260克重磅，不透不变形"])]
Tags = Annotated[list[str], Meta(description="Usable as `tag` of the list.", examples=[["新品"]])]
Price = Annotated[int, Meta(description="In fen; of the cheapest SKU.", examples=[5900])]
StruckPrice = Annotated[
    int | None, Meta(description="In fen, to be shown struck through; of the same SKU.", examples=[7900])
]


class Look(PageQuery, frozen=True, kw_only=True):
    """One of `category` and `tag`, or neither for all products."""

    category: Annotated[
        Annotated[str, Meta(max_length=64)] | None,
        Meta(description="A category of either level.", examples=["clothes"]),
    ] = None
    tag: Annotated[Annotated[str, Meta(max_length=20)] | None, Meta(description="A tag.", examples=["新品"])] = None
    sort: Annotated[Sort, Meta(description="Order of the list.", examples=["newest"])] = Sort.NEWEST


class SubCategoryView(msgspec.Struct, frozen=True):
    category_id: Annotated[str, Meta(description="Stable.", examples=["t-shirts"])]
    name: Annotated[str, Meta(description="For shoppers.", examples=["T恤"])]
    icon: Annotated[str, Meta(description="Picture; may be empty.", examples=[""])]


class CategoryView(msgspec.Struct, frozen=True):
    category_id: Annotated[str, Meta(description="Stable.", examples=["clothes"])]
    name: Annotated[str, Meta(description="For shoppers.", examples=["服饰"])]
    icon: Annotated[str, Meta(description="Picture; may be empty.", examples=[""])]
    children: Annotated[list[SubCategoryView], Meta(description="Second level, in the order to show.", examples=[[]])]


class CategoriesView(msgspec.Struct, frozen=True):
    items: Annotated[list[CategoryView], Meta(description="First level, in the order to show.")]


class CardView(msgspec.Struct, frozen=True):
    product_id: ProductId
    title: Title
    subtitle: Subtitle
    image: Annotated[str, Meta(description="Main picture.", examples=["https://img.example.com/tee.jpg"])]
    price: Price
    struck_price: StruckPrice
    tags: Tags
    sales: Annotated[
        int, Meta(description="Pieces sold: exact below 100, then rounded down to two digits.", examples=[1900])
    ]


class CardsView(msgspec.Struct, frozen=True):
    items: Annotated[list[CardView], Meta(description="A page of products.")]
    next_cursor: NextCursor


class SkuView(msgspec.Struct, frozen=True):
    sku_id: Annotated[str, Meta(description="What goes into the cart.", examples=["tee-white-01"])]
    spec: Annotated[
        dict[str, str],
        Meta(description="The choices that lead here; empty if there is one SKU.", examples=[{"尺码": "M"}]),
    ]
    price: Annotated[int, Meta(description="In fen.", examples=[5900])]
    struck_price: Annotated[int | None, Meta(description="In fen, to be shown struck through.", examples=[7900])]
    image: Annotated[str, Meta(description="Picture of this SKU; may be empty.", examples=[""])]
    stock: Annotated[int, Meta(description="Pieces that can be bought now.", examples=[42])]


class CampaignCard(msgspec.Struct, frozen=True):
    """A campaign that runs for the product now."""

    kind: Annotated[str, Meta(description="Kind of campaign.", examples=["groupbuy"])]
    activity_id: Annotated[str, Meta(description="Stable.", examples=["team-tee"])]
    title: Annotated[str, Meta(description="For shoppers.", examples=["三人成团"])]
    starts_at: Annotated[datetime, Meta(description="Start.", examples=["2026-11-20T02:00:00Z"])]
    ends_at: Annotated[datetime, Meta(description="End.", examples=["2026-11-30T02:00:00Z"])]
    prices: Annotated[
        dict[str, int], Meta(description="Fen by SKU, of the SKUs that take part.", examples=[{"tee-white-01": 3900}])
    ]
    facts: Annotated[dict[str, Any], Meta(description="What this kind adds.", examples=[{"team_size": 3}])]


class ProductView(msgspec.Struct, frozen=True):
    product_id: ProductId
    title: Title
    subtitle: Subtitle
    price: Price
    struck_price: StruckPrice
    struck_price_meaning: Annotated[
        str,
        Meta(
            description="What was struck through, to be shown beside it; empty: the lowest price of the week before.",
            examples=["吊牌价"],
        ),
    ]
    images: Annotated[
        list[str], Meta(description="Main picture first.", examples=[["https://img.example.com/tee.jpg"]])
    ]
    video: Annotated[str | None, Meta(description="Address of the video.", examples=[None])]
    attributes: Annotated[dict[str, str], Meta(description="Name to value, in order.", examples=[{"材质": "棉"}])]
    description: Annotated[str, Meta(description="Plain text.", examples=["精梳棉，柔软亲肤。"])]
    detail_images: Annotated[list[str], Meta(description="Long pictures below the text.", examples=[[]])]
    no_reason_days: Annotated[
        int, Meta(description="Days after receipt in which it may be returned without a reason; 0: not.", examples=[7])
    ]
    category_ids: Annotated[
        list[str], Meta(description="Own category, then its parent.", examples=[["t-shirts", "clothes"]])
    ]
    tags: Tags
    sales: Annotated[int, Meta(description="Pieces sold.", examples=[1987])]
    skus: Annotated[list[SkuView], Meta(description="What can be bought; at least one.")]
    campaigns: Annotated[list[CampaignCard], Meta(description="Running now, the one that ends first in front.")]


@routes.endpoint(
    "GET",
    "/categories",
    summary="The categories, in two levels",
    answers=CategoriesView,
    public=True,
    cache=CATEGORIES_KEPT,
)
def list_categories(call: Call[None]) -> CategoriesView:
    return CategoriesView([_category(*branch) for branch in tree(call.shop.catalog.categories())])


@routes.endpoint(
    "GET", "/products", summary="Products by category or tag", query=Look, answers=CardsView,
    errors=(BadCursor, Invalid), public=True, cache=LIST_KEPT,
)  # fmt: skip
def list_products(call: Call[None]) -> CardsView:
    """An unknown category or tag has no products. A cursor belongs to the category, tag and sort it came with."""
    look: Look = call.query
    page = call.shop.catalog.products(_scope(look), look.sort, look.cursor, look.limit)
    return msgspec.convert({"items": page.rows, "next_cursor": page.next_cursor}, CardsView, from_attributes=True)


@routes.endpoint(
    "GET", "/products/{product_id}", summary="A product with SKUs, stock and running campaigns", answers=ProductView,
    errors=(ProductNotFound,), public=True, cache=PAGE_KEPT,
)  # fmt: skip
def show_product(call: Call[None]) -> ProductView:
    product_id = call.path["product_id"]
    page, campaigns = fetch(call.shop.catalog.reads_page(product_id), call.shop.campaigns.cards(product_id, call.now))
    return _product(page, call.shop.stock.levels(sku.sku_id for sku in page.product.skus), campaigns)


def _scope(look: Look) -> str:
    if look.category is not None and look.tag is not None:
        raise Invalid(field="tag", problem="give a category or a tag, not both")
    if look.category is not None:
        return by_category(look.category)
    return by_tag(look.tag) if look.tag is not None else ALL


def _category(top: Category, children: Sequence[Category]) -> CategoryView:
    return CategoryView(
        top.category_id, top.name, top.icon, [SubCategoryView(sub.category_id, sub.name, sub.icon) for sub in children]
    )


def _product(page: ProductPage, levels: Mapping[str, int], campaigns: Sequence[Mapping[str, Any]]) -> ProductView:
    product, details = page.product, page.details
    return ProductView(
        product_id=product.product_id,
        title=product.title,
        subtitle=product.subtitle,
        price=product.cheapest.price,
        struck_price=product.cheapest.struck_price,
        struck_price_meaning=product.struck_price_meaning,
        images=list(details.images),
        video=details.video,
        attributes=dict(details.attributes),
        description=details.description,
        detail_images=list(details.detail_images),
        no_reason_days=product.no_reason_days,
        category_ids=list(product.category_ids),
        tags=list(product.tags),
        sales=page.sales,
        skus=[_sku(sku, levels[sku.sku_id]) for sku in product.skus],
        campaigns=msgspec.convert(campaigns, list[CampaignCard], from_attributes=True),
    )


def _sku(sku: Sku, stock: int) -> SkuView:
    return SkuView(
        sku_id=sku.sku_id,
        spec=dict(sku.spec),
        price=sku.price,
        struck_price=sku.struck_price,
        image=sku.image,
        stock=stock,
    )

"""What the merchant enters, checked and turned into what is sold; what the law says of struck-through prices. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..kernel.errors import Conflict, Invalid, Refused
from .rules import Category, Details, FormerPrice, Product, Sku

MOST_CATEGORIES = 300
MOST_SKUS = 50
MOST_TAGS = 10
MOST_IMAGES = 20
MOST_ADDRESS, MOST_SPEC = 500, 200
"""Characters. An order keeps both of each of its fifty lines, in a row that must have room to go on."""
MOST_ATTRIBUTES = 50
MOST_PRICE = 1_000_000_000
MOST_FORMER_PRICES = 20
LOOK_BACK = timedelta(days=7)
LAWFUL_DAYS, MOST_DAYS = 7, 30
PRODUCT_ID = re.compile(r"[A-Za-z0-9_.\-]{1,60}")
CATEGORY_ID = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class InvalidProduct(Invalid):
    """`details.field` names what is wrong."""

    code = "INVALID_PRODUCT"
    message = "商品资料有误"


class InvalidCategory(Refused):
    """Categories have two levels, keep their parent, and are at most MOST_CATEGORIES; `details.problem` says which."""

    code = "INVALID_CATEGORY"
    message = "商品分类设置有误"


class StruckPriceMisleads(Refused):
    """An unexplained struck-through price is above `struck_price_limit`; `details`: sku_id, limit (fen, or None)."""

    code = "STRUCK_PRICE_MISLEADS"
    message = "划线价高于调价前七日最低价，须注明划线价含义"


class ProductChanged(Conflict):
    """Somebody else changed the product meanwhile; nothing was written."""

    code = "PRODUCT_CHANGED"
    message = "商品刚被他人修改，请刷新后再试"


@dataclass(frozen=True)
class NewSku:
    """`sku_id` is `<product_id>-<two digits>`, so that a SKU's product is known without asking."""

    sku_id: str
    price: int
    spec: Mapping[str, str] = field(default_factory=dict)
    struck_price: int | None = None
    image: str = ""
    weight_g: int = 0
    volume_cm3: int = 0


@dataclass(frozen=True)
class NewProduct:
    """A product as the merchant gives it, whole; the first of `details.images` is its picture in lists.

    `no_reason_days`: at least the 7 of the Consumer Law (Art. 25), or 0 for what it excepts: made to order, perishable,
    downloaded or unsealed media, newspapers, and what the shopper agreed to when buying.
    """

    product_id: str
    title: str
    category_id: str
    skus: tuple[NewSku, ...]
    details: Details
    subtitle: str = ""
    tags: tuple[str, ...] = ()
    freight_template_id: str | None = None
    struck_price_meaning: str = ""
    on_shelf: bool = True
    no_reason_days: int = LAWFUL_DAYS


def check_category(category: Category, known: Mapping[str, Category]) -> None:
    """Raises InvalidCategory."""
    before = known.get(category.category_id)
    if not CATEGORY_ID.fullmatch(category.category_id) or not category.name:
        raise InvalidCategory(problem="a category needs an id and a name")
    if before is None and len(known) >= MOST_CATEGORIES:
        raise InvalidCategory(problem="too many categories", limit=MOST_CATEGORIES)
    if before is not None and before.parent_id != category.parent_id:
        # Lists carry a product's category and its parent: a category that moved would leave them behind.
        raise InvalidCategory(problem="a category keeps its parent")
    if category.parent_id is not None:
        parent = known.get(category.parent_id)
        if parent is None or parent.parent_id is not None:
            raise InvalidCategory(problem="the parent must be a category of the first level")


def check_product(new: NewProduct) -> None:
    """Raises InvalidProduct with the first field that is wrong."""
    for wrong in (*_wrong_in_product(new), *(place for sku in new.skus for place in _wrong_in_sku(sku, new))):
        raise InvalidProduct(field=wrong)


def _wrong_in_product(new: NewProduct) -> Iterator[str]:
    sound = {
        "product_id": PRODUCT_ID.fullmatch(new.product_id),
        "title": new.title.strip() != "" and len(new.title) <= 120,
        "skus": 1 <= len(new.skus) <= MOST_SKUS
        and len({sku.sku_id for sku in new.skus}) == len(new.skus)
        and len({tuple(sku.spec.items()) for sku in new.skus}) == len(new.skus)
        and len({tuple(sku.spec) for sku in new.skus}) == 1,
        "tags": len(set(new.tags)) == len(new.tags) <= MOST_TAGS and all(1 <= len(tag) <= 20 for tag in new.tags),
        "images": 1 <= len(new.details.images) <= MOST_IMAGES
        and all(len(image) <= MOST_ADDRESS for image in new.details.images),
        "detail_images": len(new.details.detail_images) <= MOST_IMAGES,
        "attributes": len(new.details.attributes) <= MOST_ATTRIBUTES,
        "no_reason_days": new.no_reason_days == 0 or LAWFUL_DAYS <= new.no_reason_days <= MOST_DAYS,
        "description": len(new.details.description) <= 20_000,
    }
    return (name for name, fine in sound.items() if not fine)


def _wrong_in_sku(sku: NewSku, new: NewProduct) -> Iterator[str]:
    sound = {
        "sku_id": re.fullmatch(rf"{re.escape(new.product_id)}-\d\d", sku.sku_id),
        "price": 1 <= sku.price <= MOST_PRICE,
        "struck_price": sku.struck_price is None or sku.price < sku.struck_price <= MOST_PRICE,
        "spec": sum(len(name) + len(value) for name, value in sku.spec.items()) <= MOST_SPEC,
        "image": len(sku.image) <= MOST_ADDRESS,
        "weight_g": sku.weight_g >= 0,
        "volume_cm3": sku.volume_cm3 >= 0,
    }
    return (f"{sku.sku_id}.{name}" for name, fine in sound.items() if not fine)


def enter(new: NewProduct, category: Category, old: Product | None, now: datetime) -> Product:
    """The product to store. Prices keep their history by SKU. Raises StruckPriceMisleads."""
    known = {sku.sku_id: sku for sku in old.skus} if old else {}
    skus = tuple(repriced(sku, known.get(sku.sku_id), now) for sku in new.skus)
    if not new.struck_price_meaning:
        for sku in skus:
            _check_struck_price(sku)
    product = Product(
        product_id=new.product_id,
        title=new.title,
        subtitle=new.subtitle,
        image=new.details.images[0],
        category_ids=(category.category_id, category.parent_id) if category.parent_id else (category.category_id,),
        tags=new.tags,
        skus=skus,
        freight_template_id=new.freight_template_id,
        struck_price_meaning=new.struck_price_meaning,
        on_shelf=False,
        listed_at=old.listed_at if old else None,
        no_reason_days=new.no_reason_days,
    )
    return shelved(product, now, on_shelf=new.on_shelf)


def shelved(product: Product, now: datetime, *, on_shelf: bool) -> Product:
    """On or off the shelf. `listed_at` stays the first time, so that a product taken down and put back is not new."""
    return replace(product, on_shelf=on_shelf, listed_at=product.listed_at or (now if on_shelf else None))


def repriced(new: NewSku, old: Sku | None, now: datetime) -> Sku:
    """The SKU with its price history: `former` holds what was asked in the LOOK_BACK before `price_since`.

    Only prices that can be a lowest one are kept: an earlier price that is not below a later one never matters again.
    """
    since, former = now, tuple[FormerPrice, ...]()
    if old is not None and old.price == new.price:
        since, former = old.price_since, old.former
    elif old is not None:
        lower = [past for past in old.former if past.until > now - LOOK_BACK and past.price < old.price]
        former = _short((*lower, FormerPrice(old.price, now)))
    return Sku(
        sku_id=new.sku_id,
        spec=dict(new.spec),
        price=new.price,
        struck_price=new.struck_price,
        image=new.image,
        weight_g=new.weight_g,
        volume_cm3=new.volume_cm3,
        price_since=since,
        former=former,
    )


def _short(former: tuple[FormerPrice, ...]) -> tuple[FormerPrice, ...]:
    """Prices rise along `former`. Of too many, the two oldest become one that errs on the strict side."""
    if len(former) <= MOST_FORMER_PRICES:
        return former
    first, second, *rest = former
    return (FormerPrice(first.price, second.until), *rest)


def struck_price_limit(sku: Sku) -> int | None:
    """The highest struck-through price that needs no explanation: the lowest price of the seven days before the present
    price began. None: there was no earlier price to strike through.

    Source: rules on clearly marked prices (SAMR order 56 of 2022), Arts 16 and 17.
    """
    return min((past.price for past in sku.former), default=None)


def _check_struck_price(sku: Sku) -> None:
    limit = struck_price_limit(sku)
    if sku.struck_price is not None and (limit is None or sku.struck_price > limit):
        raise StruckPriceMisleads(sku_id=sku.sku_id, limit=limit)

"""Products to test with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.catalog import Category, Details, NewProduct, NewSku
from chalicelib.catalog.rules import Product, Sku

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
CLOTHES, SHIRTS = Category("clothes", "服饰"), Category("shirts", "T恤", parent_id="clothes")


class FakeClock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: int) -> None:
        self.now += timedelta(**by)


def details(**given: Any) -> Details:
    return Details(**{"images": ("https://img.example.com/1.jpg",), **given})


def new_sku(sku_id: str = "tee-01", price: int = 5900, **given: Any) -> NewSku:
    return NewSku(sku_id, price, **given)


def new_product(product_id: str = "tee", **given: Any) -> NewProduct:
    defaults: dict[str, Any] = {
        "title": "纯棉T恤",
        "category_id": "shirts",
        "skus": (new_sku(f"{product_id}-01"),),
        "details": details(),
        "tags": ("新品",),
    }
    return NewProduct(product_id, **{**defaults, **given})


def sku(sku_id: str = "tee-01", price: int = 5900, **given: Any) -> Sku:
    defaults: dict[str, Any] = {
        "spec": {},
        "struck_price": None,
        "image": "",
        "weight_g": 0,
        "volume_cm3": 0,
        "price_since": NOON,
    }
    return Sku(sku_id=sku_id, price=price, **{**defaults, **given})


def product(**given: Any) -> Product:
    defaults: dict[str, Any] = {
        "product_id": "tee",
        "title": "纯棉T恤",
        "subtitle": "",
        "image": "https://img.example.com/1.jpg",
        "category_ids": ("shirts", "clothes"),
        "tags": ("新品",),
        "skus": (sku(),),
        "freight_template_id": None,
        "struck_price_meaning": "",
        "on_shelf": True,
        "listed_at": NOON,
    }
    return Product(**{**defaults, **given})

"""The catalog: what the shop sells and how it is found. How much is left is stock's, what it costs today pricing's.

A product is on the shelf or off it. Off the shelf it stands in no list and has no page, and carts still see its offers.
Table `catalog`: products with their SKUs, their pages and sales, and the categories. Table `listings`: a row for each
list that a product stands in (all, its category and that one's parent, its tags), sorted by time, price and sales.
"""

from .entry import NewProduct, NewSku
from .rules import Category, Details, Offer, ProductNotFound, Sort
from .service import Catalog, ProductPage
from .store import CatalogStore

__all__ = [
    "Catalog",
    "CatalogStore",
    "Category",
    "Details",
    "NewProduct",
    "NewSku",
    "Offer",
    "ProductNotFound",
    "ProductPage",
    "Sort",
]

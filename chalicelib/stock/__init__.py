"""Stock: how many pieces of a SKU can still be sold. One number a SKU, which never falls below zero.

Placing an order reserves, closing or refunding it releases; paying changes nothing here. Table `stock`: one row a SKU
(and counter, of which there is one now).
"""

from .rules import SoldOut
from .service import Stock
from .store import StockStore

__all__ = ["SoldOut", "Stock", "StockStore"]

"""Stock: how many pieces of a SKU can still be sold, which never falls below zero.

Placing an order reserves, closing or refunding it releases; paying changes nothing here. Table `stock`: a SKU has one
row, its head. A SKU that many buy at once has counters besides, rows of their own among which buyers spread, since
DynamoDB writes one item only so often. Head and counters together are what can be sold.

    add, release -> head
    head -> counters    `spread` by the merchant, or when too many take from the head
    counters -> head    `spread` over none
    head or counter -> an order, whichever has enough

All counters empty: the head is marked as drained, and nobody looks into them until pieces are poured again.
"""

from .rules import Level, SoldOut
from .service import Stock
from .store import StockStore

__all__ = ["Level", "SoldOut", "Stock", "StockStore"]

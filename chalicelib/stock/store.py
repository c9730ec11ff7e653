"""Rows of stock: table `stock`."""

from collections.abc import Iterable
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from ..storage.reads import Read
from ..storage.table import Row
from ..storage.writes import Write, update
from .rules import SoldOut

ONLY = 0


class StockRow(Row):
    """`available`: pieces that nobody has reserved. `counter` leaves room to spread a hot SKU over several rows."""

    class Meta:
        table_name = "stock"

    sku_id = UnicodeAttribute(hash_key=True)
    counter = NumberAttribute(range_key=True)
    available = NumberAttribute()


class StockStore:
    def levels(self, sku_ids: Iterable[str]) -> Read[dict[str, int]]:
        wanted = list(dict.fromkeys(sku_ids))

        def made(rows: list[Any]) -> dict[str, int]:
            return {sku_id: int(row.available) if row else 0 for sku_id, row in zip(wanted, rows, strict=True)}

        return Read([StockRow(sku_id, ONLY) for sku_id in wanted], made)

    def take(self, sku_id: str, n: int) -> Write:
        return update(
            StockRow(sku_id, ONLY),
            StockRow.available.set(StockRow.available - n),
            condition=StockRow.available >= n,
            otherwise=SoldOut(sku_id=sku_id),
        )

    def give(self, sku_id: str, n: int) -> Write:
        """Without a condition: a SKU's first pieces make its row, and the closing of an order must never fail here."""
        return update(StockRow(sku_id, ONLY), StockRow.available.add(n))

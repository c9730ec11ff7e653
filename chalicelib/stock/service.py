"""Use cases of stock."""

from collections.abc import Iterable

from ..storage.reads import Read, fetch
from ..storage.writes import Write, commit
from .rules import pieces
from .store import StockStore


class Stock:
    """Reservations are writes that join the transaction that places or closes an order, and so happen once.

    An order that has one SKU in several lines adds them up first: a transaction takes one write per row.
    """

    def __init__(self, store: StockStore) -> None:
        self._store = store

    def levels(self, sku_ids: Iterable[str]) -> dict[str, int]:
        """Pieces available of each SKU asked for, 0 of what was never stocked. One round trip up to 100 SKUs."""
        (levels,) = fetch(self.reads_levels(sku_ids))
        return levels

    def reads_levels(self, sku_ids: Iterable[str]) -> Read[dict[str, int]]:
        """`levels`, to be read together with other things."""
        return self._store.levels(sku_ids)

    def reserve(self, sku_id: str, n: int) -> Write:
        """Takes `n` >= 1 pieces, or refuses with SoldOut(sku_id) and takes none."""
        return self._store.take(sku_id, pieces(n))

    def release(self, sku_id: str, n: int) -> Write:
        """Gives back `n` >= 1 reserved pieces. Cannot fail."""
        return self._store.give(sku_id, pieces(n))

    def add(self, sku_id: str, n: int) -> None:
        """`n` >= 1 new pieces have arrived."""
        commit(self._store.give(sku_id, pieces(n)))

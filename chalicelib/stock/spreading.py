"""Moving a SKU's pieces between its head and its counters. Every move is one transaction, so no piece is ever nowhere
or in two places.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from random import Random

from ..log import logger
from ..storage.reads import fetch
from ..storage.table import STORAGE_FAILURES
from ..storage.writes import ATTEMPTS, StorageBusy, Write, commit
from .rules import HOT_COUNTERS, WORTH_POURING, Level, Moved, evened, poured, share
from .store import StockStore

MARK, POUR = 16, 8
"""Of so many who find the same to be done, about one does it: not everybody at once."""
MOVES = 10


class Spreading:
    def __init__(self, store: StockStore, chance: Random) -> None:
        self._store = store
        self._chance = chance

    def whole(self, sku_ids: Iterable[str]) -> dict[str, Level]:
        """With every counter that may hold pieces seen. Heads are read first: what is poured afterwards was there to be
        seen at the head, and only so can counters that are found empty be marked as drained. Then their heads are read
        again: what the counters held may have been gathered in between.
        """
        (levels,) = fetch(self._store.levels(sku_ids, consistent=True))
        hidden = {sku_id: level.hidden for sku_id, level in levels.items() if level.hidden}
        (whole,) = fetch(self._store.closer(levels, hidden, consistent=True))
        (again,) = fetch(self._store.levels((s for s in hidden if not any(whole[s].seen.values())), consistent=True))
        moved = [sku_id for sku_id, level in again.items() if level.pours != whole[sku_id].pours]
        for sku_id in again.keys() - moved:
            whole[sku_id] = replace(again[sku_id], seen=whole[sku_id].seen)
            self._mark(whole[sku_id])
        return {**whole, **self.whole(moved)} if moved else whole

    def spread(self, sku_id: str, counters: int) -> None:
        """Over so many counters; 0 or 1: over none. Where there were as many before, each gets as much of the head's
        pieces as the head keeps; else all pieces are shared anew. Raises StorageBusy.
        """
        if counters < 2:
            self.gather(sku_id)
        else:
            self._move(sku_id, lambda level: self._shared(level, counters))

    def gather(self, sku_id: str, attempts: range = range(ATTEMPTS)) -> None:
        """All pieces to the head. Raises StorageBusy if others take from the counters faster than they are emptied."""
        self._move(sku_id, lambda level: self._shared(level, 0), attempts)

    def cool(self, level: Level, minute: int) -> None:
        """Spread what is taken from too often. Nobody waits for it: where it fails, the next will try."""
        counters = level.counters or HOT_COUNTERS
        if not level.hot(minute) or share(level.head, counters) < WORTH_POURING or self._chance.randrange(POUR):
            return
        try:
            commit(*self._store.move(level, counters, poured(level, counters)), attempts=range(2))
        except Moved:
            pass
        except Exception:  # the order that came first is placed
            logger.exception("hot stock not spread", about=level.sku_id)
        else:
            logger.info("hot stock spread", about=level.sku_id)

    def _move(self, sku_id: str, decide: Callable[[Level], list[Write]], attempts: range = range(ATTEMPTS)) -> None:
        """What is decided of the pieces as they are, decided anew until nobody takes one of them meanwhile."""
        for _ in range(MOVES):
            with suppress(Moved):
                if writes := decide(self._whole(sku_id)):
                    commit(*writes, attempts=attempts)
                return
        raise StorageBusy

    def _shared(self, level: Level, counters: int) -> list[Write]:
        """None, if there is nothing to do."""
        if level.counters != counters:
            return self._store.move(level, counters, evened(level, counters))
        given = poured(level, counters)
        return self._store.move(level, counters, given) if any(given.values()) else []

    def _whole(self, sku_id: str) -> Level:
        return self.whole([sku_id])[sku_id]

    def _mark(self, level: Level) -> None:
        """So that nobody else looks into the counters, which are empty."""
        if not level.drained and not self._chance.randrange(MARK):
            with suppress(Moved, StorageBusy, *STORAGE_FAILURES):  # then the next to look marks it
                commit(self._store.drained(level), attempts=range(1))

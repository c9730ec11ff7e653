"""Use cases of stock."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from random import Random
from typing import Protocol

from ..kernel.clock import Clock, epoch, system_clock
from ..storage.reads import Read, fetch
from ..storage.writes import StorageBusy, Write, commit
from .rules import Level, NeverStocked, Scattered, SoldOut, pieces, plan
from .spreading import Spreading
from .store import StockStore

SAMPLE = 8
"""Counters that are looked into first."""
ROUNDS, TRIES = 10, 2
"""How often stock is looked at again, and how often an order is tried in between: a counter that others hold is soon
left for another.
"""
SPARE = 30
"""Writes that an order may need beyond one for each SKU. A transaction holds 100 items, an order 50 lines."""


class Writing(Protocol):
    """`commit`, perhaps with other writes bound to it."""

    def __call__(self, *writes: Write, attempts: range = ...) -> None: ...


class Stock:
    """Reservations are writes that join the transaction that places or closes an order, and so happen once.

    An order that has one SKU in several lines adds them up first: a transaction takes one write per row.
    """

    def __init__(self, store: StockStore, clock: Clock = system_clock, chance: Random | None = None) -> None:
        self._store = store
        self._clock = clock
        self._chance = chance or Random()
        self._spreading = Spreading(store, self._chance)

    def levels(self, sku_ids: Iterable[str]) -> dict[str, int]:
        """Pieces available of each SKU asked for, 0 of what was never stocked. One round trip up to 100 SKUs; where one
        is spread, one more, and an estimate.
        """
        (levels,) = fetch(self.reads_levels(sku_ids))
        return {sku_id: level.available for sku_id, level in self.closer(levels).items()}

    def reads_levels(self, sku_ids: Iterable[str]) -> Read[dict[str, Level]]:
        """What the heads tell, to be read together with other things and given to `closer`."""
        return self._store.levels(sku_ids)

    def closer(self, levels: Mapping[str, Level], wanted: Mapping[str, int] | None = None) -> dict[str, Level]:
        """`levels`, with some counters seen where a SKU is spread, or all if some do not show the pieces `wanted` (any,
        where nothing is said). No round trip if nothing is spread.
        """
        some = {
            sku_id: self._chance.sample(level.hidden, min(SAMPLE, len(level.hidden)))
            for sku_id, level in levels.items()
            if level.hidden
        }
        if not some:
            return dict(levels)
        (closer,) = fetch(self._store.closer(levels, some))
        short = [
            sku_id
            for sku_id in some
            if not any(closer[sku_id].seen.values()) or closer[sku_id].found < (wanted or {}).get(sku_id, 1)
        ]
        return {**closer, **self._spreading.whole(short)} if short else closer

    def whole(self, sku_id: str) -> Level:
        """All that is known of a SKU's stock. Raises NeverStocked."""
        level = self._spreading.whole([sku_id])[sku_id]
        if not level.stocked:
            raise NeverStocked
        return level

    def take(self, wanted: Mapping[str, int], write: Writing, levels: Mapping[str, Level] | None = None) -> None:
        """`write` reservations of `wanted` (pieces by SKU, each >= 1) from where `levels` say that they are.

        Where others were faster it is looked again and written anew. Raises SoldOut(sku_id) if then there are too few,
        StorageBusy, after either of which nothing was written, and what `write` raises beside.
        """
        if not wanted:
            return write()
        seen = levels or {sku_id: Level(sku_id, head=pieces(n), stocked=False) for sku_id, n in wanted.items()}
        tried = 0
        for _ in range(ROUNDS):
            attempts = range(tried, tried + TRIES)
            try:
                write(*self._takes(wanted, seen), attempts=attempts)
            except SoldOut:
                pass
            except StorageBusy as busy:
                if busy.in_vain:
                    raise
                tried += TRIES
            except Scattered as scattered:
                tried += TRIES
                with suppress(StorageBusy):  # then somebody takes from there, and it looks different now
                    self._spreading.gather(scattered.sku_id, attempts)
            else:
                return self._cool(seen)
            seen = self._spreading.whole(wanted)
            for sku_id, n in wanted.items():
                if seen[sku_id].found < n:
                    raise SoldOut(sku_id=sku_id)
        raise StorageBusy

    def release(self, sku_id: str, n: int) -> Write:
        """Gives back `n` >= 1 reserved pieces. Cannot fail."""
        return self._store.give(sku_id, pieces(n))

    def add(self, sku_id: str, n: int) -> None:
        """`n` >= 1 new pieces have arrived."""
        commit(self._store.give(sku_id, pieces(n)))

    def spread(self, sku_id: str, counters: int) -> Level:
        """Over so many counters, so that as many orders can take from it at once; 0 or 1: over none. May be repeated
        when pieces have arrived. Raises NeverStocked, StorageBusy.
        """
        self.whole(sku_id)
        self._spreading.spread(sku_id, counters)
        return self.whole(sku_id)

    def heat(self, level: Level) -> int:
        """Takes from the head in this minute."""
        return level.heat if level.heat_minute == self._minute() else 0

    def _takes(self, wanted: Mapping[str, int], seen: Mapping[str, Level]) -> list[Write]:
        most, minute = 1 + SPARE // len(wanted), self._minute()
        return [
            self._store.take(seen[sku_id], counter, part, minute)
            for sku_id, n in wanted.items()
            for counter, part in plan(seen[sku_id], pieces(n), most, self._chance.choice).items()
        ]

    def _cool(self, seen: Mapping[str, Level]) -> None:
        minute = self._minute()
        for level in seen.values():
            self._spreading.cool(level, minute)

    def _minute(self) -> int:
        return epoch(self._clock()) // 60

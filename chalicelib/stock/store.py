"""Rows of stock: table `stock`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ..storage.reads import Read
from ..storage.table import Row
from ..storage.writes import Write, update
from .rules import HEAD, Level, Moved, SoldOut


class StockRow(Row):
    """`available`: pieces that nobody has reserved, at the head of a SKU or in one of its counters. The rest stands at
    heads only and means what it means in `Level`.

    A counter's hash key differs from its head's: rows of one hash key could share a partition and its limits.
    """

    class Meta:
        table_name = "stock"

    sku_id = UnicodeAttribute(hash_key=True)
    counter = NumberAttribute(range_key=True)
    available = NumberAttribute()
    counters = NumberAttribute(null=True)
    pours = NumberAttribute(null=True)
    drained = BooleanAttribute(null=True)
    heat = NumberAttribute(null=True)
    heat_minute = NumberAttribute(null=True)


class StockStore:
    def levels(self, sku_ids: Iterable[str], *, consistent: bool = False) -> Read[dict[str, Level]]:
        """What the heads tell."""
        wanted = list(dict.fromkeys(sku_ids))

        def made(rows: list[Any]) -> dict[str, Level]:
            return {sku_id: _level(sku_id, row) for sku_id, row in zip(wanted, rows, strict=True)}

        return Read([_key(sku_id, HEAD) for sku_id in wanted], made, consistent)

    def closer(
        self, levels: Mapping[str, Level], counters: Mapping[str, Sequence[int]], *, consistent: bool = False
    ) -> Read[dict[str, Level]]:
        """`levels`, those named in `counters` with these counters seen."""
        wanted = [(sku_id, counter) for sku_id, each in counters.items() for counter in each]

        def made(rows: list[Any]) -> dict[str, Level]:
            seen: dict[str, dict[int, int]] = {sku_id: {} for sku_id in counters}
            for (sku_id, counter), row in zip(wanted, rows, strict=True):
                seen[sku_id][counter] = int(row.available) if row else 0
            return {**levels, **{sku_id: replace(levels[sku_id], seen=each) for sku_id, each in seen.items()}}

        return Read([_key(sku_id, counter) for sku_id, counter in wanted], made, consistent)

    def take(self, level: Level, counter: int, n: int, minute: int) -> Write:
        """At a head that was looked at, the take is counted as heat of this `minute`."""
        return update(
            _key(level.sku_id, counter),
            StockRow.available.set(StockRow.available - n),
            *(_warmed(level, minute) if counter == HEAD and level.stocked else ()),
            condition=StockRow.available >= n,
            otherwise=SoldOut(sku_id=level.sku_id),
        )

    def give(self, sku_id: str, n: int) -> Write:
        """Without a condition: a SKU's first pieces make its row, and the closing of an order must never fail here."""
        return update(_key(sku_id, HEAD), StockRow.available.add(n))

    def drained(self, level: Level) -> Write:
        """Only if nothing was moved since the head was read, which was before the counters were: then they are as
        empty as they were found, since only a pour fills them. Refuses with Moved.
        """
        return update(
            _key(level.sku_id, HEAD), StockRow.drained.set(True), condition=_unmoved(level), otherwise=Moved()
        )

    def move(self, level: Level, counters: int, given: Mapping[int, int]) -> list[Write]:
        """The SKU over so many `counters`, each `given` so many of the head's pieces; where that is less than none, it
        gives them back. None beyond `counters` may be left with any. If none is given any, all must have been looked
        into. Refuses with Moved if head or counters do not hold what they should give, or pieces were moved since.
        """
        total = sum(given.values())
        left = (level.seen.get(counter, 0) + given.get(counter, 0) for counter in range(1, counters + 1))
        head = update(
            _key(level.sku_id, HEAD),
            StockRow.available.add(-total),
            StockRow.pours.set(level.pours + 1),
            StockRow.counters.set(counters) if counters else StockRow.counters.remove(),
            StockRow.drained.set(True) if counters and not any(left) else StockRow.drained.remove(),
            condition=_unmoved(level) & (StockRow.available >= total) if total > 0 else _unmoved(level),
            otherwise=Moved(),
        )
        return [head, *(_given(_key(level.sku_id, counter), n) for counter, n in given.items() if n)]


def _key(sku_id: str, counter: int) -> StockRow:
    return StockRow(sku_id if counter == HEAD else f"{sku_id}#{counter}", counter)


def _given(counter: StockRow, n: int) -> Write:
    """The first pieces of a counter make its row."""
    if n > 0:
        return update(counter, StockRow.available.add(n))
    return update(counter, StockRow.available.add(n), condition=StockRow.available >= -n, otherwise=Moved())


def _level(sku_id: str, row: StockRow | None) -> Level:
    if row is None:
        return Level(sku_id, stocked=False)
    return Level(
        sku_id,
        head=int(row.available),
        counters=int(row.counters or 0),
        pours=int(row.pours or 0),
        drained=bool(row.drained),
        heat=int(row.heat or 0),
        heat_minute=int(row.heat_minute or 0),
    )


def _warmed(level: Level, minute: int) -> tuple[Action, ...]:
    """Takes that meet as a minute begins may count as one: heat is told by hundreds."""
    if level.heat_minute == minute:
        return (StockRow.heat.add(1),)
    return (StockRow.heat.set(1), StockRow.heat_minute.set(minute))


def _unmoved(level: Level) -> Condition:
    poured = StockRow.pours == level.pours if level.pours else StockRow.pours.does_not_exist()
    unmoved: Condition = poured & StockRow.available.exists()
    return unmoved

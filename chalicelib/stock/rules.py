"""What is known of a SKU's stock, which counters to take from, and what stock refuses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..kernel.errors import Conflict, NotFound, Refused

HEAD = 0
MOST_COUNTERS = 64
HOT_COUNTERS = 16
"""What a SKU that is found hot is spread over: sixteen times as many orders at once."""
HOT_PER_MINUTE = 300
"""Takes from one head in a minute. A transaction holds its items for about 20 ms, so at 5 a second every tenth order
finds the head held by another, and from there on tries in vain grow faster than orders.
"""
WORTH_POURING = 4
"""Pieces for each counter; what is less will be sold before it is moved."""


class SoldOut(Refused):
    """Fewer pieces are left than asked for; `details.sku_id` says of what."""

    code = "SOLD_OUT"
    message = "商品已售罄或库存不足"


class NeverStocked(NotFound):
    """No piece of this SKU has ever arrived."""

    code = "NEVER_STOCKED"
    message = "该规格还没有入库"


class Moved(Conflict):
    """Never leaves this room: pieces were moved or taken since they were looked at."""

    code = "STOCK_MOVED"


class Scattered(Exception):
    """There are enough pieces, but in too many counters for one order."""

    def __init__(self, sku_id: str) -> None:
        super().__init__(sku_id)
        self.sku_id = sku_id


@dataclass(frozen=True)
class Level:
    """Pieces of a SKU as they were seen: at its `head`, and in those of its `counters` (1 to so many; 0: none) that
    were looked into. `drained`: all of them were found empty, and nothing was poured since.

    `pours` grows whenever pieces move between head and counters. `heat`: takes from the head in `heat_minute`, in
    minutes since 1970.
    """

    sku_id: str
    head: int = 0
    counters: int = 0
    pours: int = 0
    drained: bool = False
    heat: int = 0
    heat_minute: int = 0
    seen: Mapping[int, int] = field(default_factory=dict)
    stocked: bool = True

    @property
    def hidden(self) -> range:
        """The counters that may hold pieces."""
        return range(1, self.counters + 1) if not self.drained else range(0)

    @property
    def whole(self) -> bool:
        """Whether every piece was seen."""
        return len(self.seen) >= len(self.hidden)

    @property
    def found(self) -> int:
        """Pieces that were seen."""
        return self.head + sum(self.seen.values())

    @property
    def available(self) -> int:
        """Pieces that can be sold; estimated where not all counters were seen, and then 0 only of `found` 0."""
        if self.whole:
            return self.found
        if not self.seen:
            raise ValueError(f"look closer at {self.sku_id} first: it is spread")
        return self.head + sum(self.seen.values()) * len(self.hidden) // len(self.seen)

    def hot(self, minute: int) -> bool:
        """Whether too many take from the head to leave its pieces there."""
        return self.heat_minute == minute and self.heat >= HOT_PER_MINUTE


def pieces(n: int) -> int:
    """`n`, if it is a number of pieces: a reservation of none or less would give stock away. Raises ValueError."""
    if n < 1:
        raise ValueError(f"stock moves by at least one piece, not {n}")
    return n


def plan(level: Level, n: int, most: int, pick: Callable[[Sequence[int]], int]) -> dict[int, int]:
    """Pieces to take by counter, HEAD among them: all from one that `pick` chooses of those with enough, so that buyers
    meet seldom; else from the fullest.

    Raises SoldOut if fewer than `n` were seen, Scattered if it would take more than `most` counters.
    """
    held = {HEAD: level.head, **level.seen}
    if enough := [counter for counter, available in held.items() if available >= n]:
        return {pick(enough): n}
    taken: dict[int, int] = {}
    for counter in sorted(held, key=lambda counter: -held[counter]):
        if n and held[counter] > 0:
            taken[counter] = min(n, held[counter])
            n -= taken[counter]
    if n:
        raise SoldOut(sku_id=level.sku_id)
    if len(taken) > most:
        raise Scattered(level.sku_id)
    return taken


def share(n: int, counters: int) -> int:
    """Pieces that each counter gets of `n`. The head keeps as many, and so a margin: what is sold from it while they
    are poured makes the pouring fail only once that is gone.
    """
    return max(0, n) // (counters + 1)


def poured(level: Level, counters: int) -> dict[int, int]:
    """The head's pieces shared: what each counter is given."""
    return dict.fromkeys(range(1, counters + 1), share(level.head, counters))


def evened(level: Level, counters: int) -> dict[int, int]:
    """All pieces shared anew, of a `level` that was seen whole: what each counter is given, or gives back (below 0)."""
    part = share(level.found, counters)
    return {
        counter: (part if counter <= counters else 0) - level.seen.get(counter, 0)
        for counter in range(1, max(counters, level.counters) + 1)
    }

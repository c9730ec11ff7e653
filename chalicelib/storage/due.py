"""Work that is due at a time, found by a sparse index: its cost follows what is due, not what exists.

A row that waits for something carries `due_shard` = `<job>#<shard>` and `due_at` = epoch seconds; a row that waits for
nothing carries neither and is not in the index. A row waits for one thing at a time.

A partition of the index takes a thousand writes a second, so rows of a job are spread over SHARDS of them; those of
kinds that change seldom are all in the first, which alone is asked by each run.
"""

import random
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from ..kernel.clock import epoch
from ..kernel.errors import ShopError
from ..kernel.paging import BadCursor
from .reads import Search, fetch
from .table import STORAGE_FAILURES, Row
from .writes import commit, keys_of, update

SHARDS = 8
PER_RUN = 8000
"""More than a run has time for, in all shards that it asks."""
PER_SECOND = 1000
"""Rows of one shard that can be due in the same second."""

Found = TypeVar("Found", bound="DueRow")
Item = TypeVar("Item")


class DueIndex(GlobalSecondaryIndex[Any]):
    """Declare in a row: `due = due_index()`, with `due_shard` and `due_at` as nullable attributes."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    due_at = NumberAttribute(range_key=True)


class DueRow(Row):
    """Base of rows that can wait. Subclasses add `due = DueIndex()` themselves, since pynamodb ties an index to its
    class; and `seldom = True`, if all of the kind together change a few hundred times a second at the very most.
    """

    seldom: ClassVar[bool] = False

    due_shard = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)


def shard_of(kind: type[DueRow], job: str, key: str) -> str:
    return f"{job}#{0 if kind.seldom else zlib.crc32(key.encode()) % SHARDS}"


def wait_for(kind: type[DueRow], job: str, key: str, at: datetime) -> dict[str, Any]:
    """Attributes for a new row: `OrderRow(..., **wait_for(OrderRow, "close", order_id, expires_at))`."""
    return {"due_shard": shard_of(kind, job, key), "due_at": epoch(at)}


def set_due(kind: type[DueRow], job: str, key: str, at: datetime) -> list[Action]:
    """Actions that make an existing row wait for `job` (instead of what it waited for)."""
    return [kind.due_shard.set(shard_of(kind, job, key)), kind.due_at.set(epoch(at))]


def clear_due(kind: type[DueRow]) -> list[Action]:
    """Actions that let a row wait for nothing."""
    return [kind.due_shard.remove(), kind.due_at.remove()]


def due(kind: type[Found], job: str, now: datetime) -> Iterator[Found]:
    """Key-only rows of `job` that are due, the longest waiting first; at most PER_RUN, the rest next time. One round
    trip.

    The index lags behind: whoever works on a row reads it and looks again.
    """
    shards = _shards(kind)
    yield from _waiting(kind, job, shards, (DueIndex.due_at <= epoch(now), PER_RUN // len(shards)))


def _shards(kind: type[DueRow]) -> Collection[int]:
    """Where a run looks. Of a kind that changes seldom, also in one of the shards where none is written: rows of a time
    when it did not, as a restored table may hold them, are found within some runs.
    """
    return [0, *random.sample(range(1, SHARDS), min(1, SHARDS - 1))] if kind.seldom else range(SHARDS)


def first_due(kind: type[Found], job: str, until: datetime, most: int, after: str | None = None) -> list[Found]:
    """The `most` key-only rows of `job` with the earliest times, in order: what people are shown as a list. `after` is
    the `place_of` the row that the last page ended with. One round trip. Raises BadCursor.
    """
    last = epoch(until)
    if not after:
        return _waiting(kind, job, range(SHARDS), (DueIndex.due_at <= last, most))[:most]
    since = after.partition("#")[0]
    if not since.isdecimal():
        raise BadCursor
    second = min(int(since), last)
    # Some of that second were shown already, and in what order the index has them is not told.
    rest = (DueIndex.due_at == second, PER_SECOND), (DueIndex.due_at > second, most)
    found = _waiting(kind, job, range(SHARDS), *rest)
    return [row for row in found if place_of(row) > after and row.due_at <= last][:most]


def _waiting(kind: type[Found], job: str, shards: Collection[int], *ranges: tuple[Condition, int]) -> list[Found]:
    """So many rows of each range of times in each of these shards, in their order."""
    index: DueIndex = kind.due  # type: ignore[attr-defined]
    asked = [Search(index, f"{job}#{shard}", list[Found], most, times) for shard in shards for times, most in ranges]
    return sorted((row for rows in fetch(*asked) for row in rows), key=place_of)


def place_of(row: Any) -> str:
    """Where a row that waits stands in the order of what is due."""
    return f"{int(row.due_at):011d}#{'/'.join(str(key) for key in keys_of(row) if key is not None)}"


@dataclass(frozen=True)
class Pace:
    """How a run goes about what is due: so much of it at once, and nothing begun after `until` (time.monotonic_ns)."""

    workers: int = 1
    until: int | None = None


ONE_BY_ONE = Pace()
_pace: ContextVar[Pace] = ContextVar("pace", default=ONE_BY_ONE)


@contextmanager
def at_pace(workers: int, milliseconds: int | None) -> Iterator[None]:
    """What is swept inside is worked on by so many threads, and nothing is begun after so long; None: without end."""
    until = None if milliseconds is None else time.monotonic_ns() + milliseconds * 1_000_000
    token = _pace.set(Pace(workers, until))
    try:
        yield
    finally:
        _pace.reset(token)


def side_by_side(items: Iterable[Item], work: Callable[[Item], bool]) -> int:
    """Do `work` for each item at the pace of the run, which is mostly waiting for others. Returns how many answered
    True; what there was no time for did not, and is the next run's.
    """
    pace = _pace.get()

    def in_time(item: Item) -> bool:
        return (pace.until is None or time.monotonic_ns() < pace.until) and work(item)

    if pace.workers == 1:
        return sum(map(in_time, items))
    with ThreadPoolExecutor(pace.workers) as threads:
        return sum(threads.map(in_time, items))


def sweep(
    rows: Iterable[Found], work: Callable[[Found], object], now: datetime, failed: Callable[[Found, Exception], None]
) -> int:
    """Do `work` for each row, side by side; the failure of one leaves the others unharmed. Returns how many succeeded.

    A row that fails is told to `failed` (which logs it) and put off by a few minutes, so that a row that always fails
    cannot keep the others waiting behind it.
    """

    def harmless(row: Found) -> bool:
        try:
            work(row)
        except Exception as error:
            failed(row, error)
            _put_off(row, now)
            return False
        return True

    return side_by_side(rows, harmless)


def _put_off(row: Any, now: datetime) -> None:
    kind = type(row)
    if row.due_at is None:
        return
    later = kind.due_at.set(epoch(now + timedelta(minutes=3)))
    try:
        commit(update(row, later, condition=(kind.due_shard == row.due_shard) & (kind.due_at == row.due_at)))
    except (ShopError, *STORAGE_FAILURES):
        return  # it changed meanwhile, or storage is down: the next run sees it as it is

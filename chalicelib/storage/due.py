"""Work that is due at a time, found by a sparse index: its cost follows what is due, not what exists.

A row that waits for something carries `due_shard` = `<job>#<shard>` and `due_at` = epoch seconds; a row that waits for
nothing carries neither and is not in the index. A row waits for one thing at a time. Rows of a job are spread over
SHARDS partitions of the index, so that no partition takes all of the writes.
"""

import random
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from ..kernel.clock import epoch
from ..kernel.errors import ShopError
from ..kernel.paging import BadCursor
from .table import STORAGE_FAILURES, Row
from .writes import commit, keys_of, update

SHARDS = 8
PER_SHARD = 200

Found = TypeVar("Found", bound=Row)
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
    class.
    """

    due_shard = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)


def shard_of(job: str, key: str) -> str:
    return f"{job}#{zlib.crc32(key.encode()) % SHARDS}"


def wait_for(job: str, key: str, at: datetime) -> dict[str, Any]:
    """Attributes for a new row: `OrderRow(..., **wait_for("close", order_id, expires_at))`."""
    return {"due_shard": shard_of(job, key), "due_at": epoch(at)}


def set_due(kind: type[DueRow], job: str, key: str, at: datetime) -> list[Action]:
    """Actions that make an existing row wait for `job` (instead of what it waited for)."""
    return [kind.due_shard.set(shard_of(job, key)), kind.due_at.set(epoch(at))]


def clear_due(kind: type[DueRow]) -> list[Action]:
    """Actions that let a row wait for nothing."""
    return [kind.due_shard.remove(), kind.due_at.remove()]


def due(kind: type[Found], job: str, now: datetime) -> Iterator[Found]:
    """Key-only rows of `job` that are due, oldest first in each shard; at most PER_SHARD of each, the rest next time.

    The index lags behind: whoever works on a row reads it and looks again.
    """
    index: DueIndex = kind.due  # type: ignore[attr-defined]
    for shard in random.sample(
        range(SHARDS), SHARDS
    ):  # a run that is cut short must not starve the same ones each time
        yield from index.query(f"{job}#{shard}", DueIndex.due_at <= epoch(now), limit=PER_SHARD)


def first_due(kind: type[Found], job: str, until: datetime, most: int, after: str | None = None) -> list[Found]:
    """The `most` key-only rows of `job` with the earliest times, in order: what people are shown as a list. `after` is
    the `place_of` the row that the last page ended with. Raises BadCursor.
    """
    index: DueIndex = kind.due  # type: ignore[attr-defined]
    since = after.partition("#")[0] if after else "0"
    if not since.isdecimal():
        raise BadCursor
    between = DueIndex.due_at.between(min(int(since), epoch(until)), epoch(until))
    rows: list[Found] = []
    for shard in range(SHARDS):
        found = index.query(f"{job}#{shard}", between, page_size=most)
        rows += islice((row for row in found if after is None or place_of(row) > after), most)
    return sorted(rows, key=place_of)[:most]


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

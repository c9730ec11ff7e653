"""Table `points`: under each member the balance (`#`) and the entries (`<movement>#<cause>`)."""

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, LocalSecondaryIndex

from ..kernel.clock import epoch, from_epoch
from ..kernel.paging import BadCursor, Page, decode_cursor, page_of
from ..storage.reads import Read, Search, read
from ..storage.table import Row
from ..storage.writes import Write, put, update
from .rules import Entry, MovedBefore, Movement, NotEnoughPoints

BALANCE = "#"


class ByTime(LocalSecondaryIndex[Any]):
    """A member's entries as they came. The balance is not in it."""

    class Meta:
        index_name = "by_time"
        projection = AllProjection()

    member_id = UnicodeAttribute(hash_key=True)
    moment = UnicodeAttribute(range_key=True)


class PointsRow(Row):
    """What both kinds of rows share. `moment` is `<epoch seconds, 11 digits>#<entry>`."""

    class Meta:
        table_name = "points"

    by_time = ByTime()
    member_id = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)


class BalanceRow(PointsRow):
    balance = NumberAttribute()


class EntryRow(PointsRow):
    moment = UnicodeAttribute()
    kind = UnicodeAttribute()
    cause_id = UnicodeAttribute()
    points = NumberAttribute()
    why = UnicodeAttribute()
    at = NumberAttribute()
    who = UnicodeAttribute(null=True)


class PointsStore:
    def balance(self, member_id: str) -> Read[int]:
        """0 for whoever never had any. Consistent."""
        return Read([BalanceRow(member_id, BALANCE)], lambda rows: int(rows[0].balance) if rows[0] else 0, True)

    def move(self, member_id: str, entry: Entry) -> list[Write]:
        """The entry and the balance after it, in one transaction: refuses with MovedBefore what is in the books, and
        with NotEnoughPoints what would take the balance below zero."""
        key = _key(entry.kind, entry.cause_id)
        row = EntryRow(
            member_id,
            key,
            moment=f"{epoch(entry.at):011d}#{key}",
            kind=entry.kind,
            cause_id=entry.cause_id,
            points=entry.points,
            why=entry.why,
            at=epoch(entry.at),
            who=entry.who or None,
        )
        enough = BalanceRow.balance >= -entry.points if entry.points < 0 else None
        return [
            put(row, new=True, otherwise=MovedBefore()),
            update(
                BalanceRow(member_id, BALANCE),
                BalanceRow.balance.add(entry.points),
                condition=enough,
                otherwise=NotEnoughPoints(),
            ),
        ]

    def find(self, member_id: str, kind: Movement, cause_id: str) -> Entry | None:
        """Consistent."""
        (row,) = read(EntryRow(member_id, _key(kind, cause_id)), consistent=True)
        return _entry(row) if row else None

    def page(self, member_id: str, cursor: str | None, limit: int) -> Search[Page[Entry]]:
        """Newest first, consistent. Raises BadCursor."""
        after = decode_cursor(cursor)
        if after and not after[:11].isdecimal():
            raise BadCursor

        def made(rows: list[EntryRow]) -> Page[Entry]:
            page = page_of(rows, limit, lambda row: row.moment)
            return Page([_entry(row) for row in page.rows], page.next_cursor)

        before = ByTime.moment < after if after else None
        return Search(EntryRow.by_time, member_id, made, limit + 1, before, ascending=False, consistent=True)


def _key(kind: Movement, cause_id: str) -> str:
    return f"{kind}#{cause_id}"


def _entry(row: EntryRow) -> Entry:
    return Entry(Movement(row.kind), row.cause_id, int(row.points), row.why, from_epoch(row.at), row.who or "")

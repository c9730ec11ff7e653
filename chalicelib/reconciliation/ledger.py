"""Both sides of one day, on disk: entries are appended, indexed once, and compared by the database.

SQLite without a journal, since a run that dies begins anew. Nothing of it grows in memory with the bill.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .rules import Compared, Detail, Entry, Finding, Outcome, Subject, Tally

PAGE = 100
_SUBJECT = {subject: code for code, subject in enumerate(Subject)}
_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}
# Ours of the trade bill are held against the fund flow too.
_OURS = {each: Subject.PAYMENT if each.is_payment else Subject.REFUND for each in Subject}

_SCHEMA = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -8192;
CREATE TABLE theirs (subject INTEGER, number TEXT, amount INTEGER, said TEXT, wechat_no TEXT);
CREATE TABLE ours (subject INTEGER, number TEXT, amount INTEGER, said TEXT);
CREATE TABLE found (
    rank INTEGER, subject INTEGER, number TEXT, theirs INTEGER, ours INTEGER, detail TEXT,
    PRIMARY KEY (rank, subject, number)
) WITHOUT ROWID;
"""
_UNMATCHED = """
SELECT {a}.number, {a}.amount, {a}.said FROM {a} WHERE {a}.subject = ? AND {a}.number > ? AND NOT EXISTS (
    SELECT 1 FROM {b} WHERE {b}.subject = ? AND {b}.number = {a}.number
) ORDER BY {a}.number LIMIT ?
"""
# The plus keeps the planner from carrying `number > ?` over to ours, where it would search by that instead.
_MATCHED = """
SELECT t.number, t.amount, t.said, o.amount, o.said FROM theirs t JOIN ours o ON o.subject = ? AND o.number = +t.number
WHERE t.subject = ? AND t.number > ? AND {which} ORDER BY t.number LIMIT ?
"""
_TALLY = """
SELECT count(*), coalesce(sum(t.amount), 0), count(o.number), coalesce(sum(iif(o.number IS NULL, 0, t.amount)), 0),
    coalesce(sum(o.amount = t.amount), 0), coalesce(sum(iif(o.amount = t.amount, t.amount, 0)), 0),
    coalesce(sum(o.amount), 0)
FROM theirs t LEFT JOIN ours o ON o.subject = ? AND o.number = t.number WHERE t.subject = ?
"""
_OURS_ONLY = """
SELECT count(*), coalesce(sum(amount), 0) FROM ours o WHERE subject = ? AND NOT EXISTS (
    SELECT 1 FROM theirs t WHERE t.subject = ? AND t.number = o.number
)
"""

Row = Sequence[Any]


class Ledger:
    """A scratch file. Methods that give pages may be interleaved with changes: each page is read whole."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def theirs(self, entries: Iterable[Entry]) -> None:
        """Append what a bill says. What is odd about a line by itself is a finding, and is not compared."""
        self._append("INSERT INTO theirs VALUES (?, ?, ?, ?, ?)", self._comparable(entries))

    def ours(self, entries: Iterable[Entry]) -> None:
        rows = ((_SUBJECT[each.subject], each.number, each.amount, each.said) for each in entries)
        self._append("INSERT INTO ours VALUES (?, ?, ?, ?)", rows)

    def index(self) -> None:
        """Between appending and comparing. Numbers that a bill has twice become findings, and count once."""
        self._db.execute("CREATE INDEX their_numbers ON theirs (subject, number, amount)")
        self._db.execute("CREATE INDEX our_numbers ON ours (subject, number, amount)")
        self._translate()
        for table in ("theirs", "ours"):
            self._single_out(table)

    def their_own(self, subject: Subject) -> Iterator[list[Row]]:
        """Pages of (number, amount, said) that we lack."""
        return self._pages(_UNMATCHED.format(a="theirs", b="ours"), _SUBJECT[subject], None, _SUBJECT[_OURS[subject]])

    def our_own(self, subject: Subject) -> Iterator[list[Row]]:
        """Pages of (number, amount, said) that they lack."""
        return self._pages(_UNMATCHED.format(a="ours", b="theirs"), _SUBJECT[_OURS[subject]], None, _SUBJECT[subject])

    def differing(self, subject: Subject) -> Iterator[list[Row]]:
        """Pages of (number, their amount, theirs said, our amount, ours said) whose amounts differ."""
        return self._matched(subject, "t.amount != o.amount")

    def unended(self, subject: Subject, ended: Sequence[str], under_way: Sequence[str]) -> Iterator[list[Row]]:
        """The same, of those that have ended there and are under way here. Both lists are words of code."""
        there, here = (", ".join(f"'{word}'" for word in words) for words in (ended, under_way))
        return self._matched(subject, f"t.said IN ({there}) AND o.said IN ({here})")

    def now_ours(self, subject: Subject, number: str, amount: int, said: str) -> None:
        """Ours after all: found under another day, or mended."""
        self.not_ours(subject, number)
        self._db.execute("INSERT INTO ours VALUES (?, ?, ?, ?)", (_SUBJECT[_OURS[subject]], number, amount, said))

    def not_ours(self, subject: Subject, number: str) -> None:
        """Ours of another day."""
        self._db.execute("DELETE FROM ours WHERE subject = ? AND number = ?", (_SUBJECT[_OURS[subject]], number))

    def keep_refunds(self, said: str) -> None:
        """Forget our refunds in any other state."""
        self._db.execute("DELETE FROM ours WHERE subject = ? AND said != ?", (_SUBJECT[Subject.REFUND], said))

    def find(self, finding: Finding) -> None:
        row = (
            _RANK[finding.outcome], _SUBJECT[finding.subject], finding.number, finding.theirs, finding.ours,
            finding.detail,
        )  # fmt: skip
        self._db.execute("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?)", row)

    def found(self, most: int) -> list[Finding]:
        """The worst first."""
        subjects, outcomes = list(Subject), list(Outcome)
        rows = self._db.execute("SELECT * FROM found ORDER BY rank, subject, number LIMIT ?", (most,))
        return [
            Finding(subjects[subject], outcomes[rank], number, theirs, ours, Detail(detail))
            for rank, subject, number, theirs, ours, detail in rows
        ]

    def count_found(self) -> int:
        return int(self._one("SELECT count(*) FROM found")[0])

    def compared(self, subject: Subject, elsewhere: int) -> Compared:
        theirs, ours = _SUBJECT[subject], _SUBJECT[_OURS[subject]]
        rows, fen, met, met_fen, same, same_fen, our_fen = map(int, self._one(_TALLY, ours, theirs))
        return Compared(
            both=Tally(same, same_fen),
            theirs_only=Tally(rows - met, fen - met_fen),
            ours_only=Tally(*map(int, self._one(_OURS_ONLY, ours, theirs))),
            differ=Tally(met - same, met_fen - same_fen),
            differ_ours=Tally(met - same, our_fen - same_fen),
            elsewhere=elsewhere,
        )

    def _comparable(self, entries: Iterable[Entry]) -> Iterator[Row]:
        for each in entries:
            if each.odd is None:
                yield _SUBJECT[each.subject], each.number, each.amount, each.said, each.wechat_no
            else:
                detail = Detail.REVOKED if each.odd is Outcome.REVOKED else Detail.OTHER_ACCOUNT
                self.find(Finding(each.subject, each.odd, each.number, each.amount, None, detail))

    def _append(self, insert: str, rows: Iterator[Row]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(insert, rows)
        self._db.execute("COMMIT")

    def _translate(self) -> None:
        """The fund flow may name a payment by WeChat's number alone; the trade bill knows both."""
        pairs = ((Subject.FLOW_PAYMENT, Subject.PAYMENT), (Subject.FLOW_REFUND, Subject.REFUND))
        unknown = "subject = ? AND NOT EXISTS (SELECT 1 FROM theirs t WHERE t.subject = ? AND t.number = theirs.number)"
        strangers = [(_SUBJECT[flow], _SUBJECT[trade]) for flow, trade in pairs]
        if not any(self._one(f"SELECT EXISTS (SELECT 1 FROM theirs WHERE {unknown})", *pair)[0] for pair in strangers):
            return
        self._db.execute("CREATE INDEX wechats_numbers ON theirs (subject, wechat_no, number)")
        known = "SELECT number FROM theirs t WHERE t.subject = ? AND t.wechat_no = theirs.wechat_no"
        for flow, trade in strangers:
            self._db.execute(
                f"UPDATE theirs SET number = coalesce(({known}), number) WHERE {unknown}", (trade, flow, trade)
            )

    def _single_out(self, table: str) -> None:
        twice = f"""
            SELECT subject, number, count(*), sum(amount), min(rowid) FROM {table} WHERE (subject, number) > (?, ?)
            GROUP BY subject, number HAVING count(*) > 1 ORDER BY subject, number LIMIT ?
        """
        last: tuple[int, str] = (-1, "")
        while rows := self._db.execute(twice, (*last, PAGE)).fetchall():
            for code, number, _, amount, first in rows:
                drop = f"DELETE FROM {table} WHERE subject = ? AND number = ? AND rowid != ?"
                self._db.execute(drop, (code, number, first))
                if table == "theirs":
                    subject = list(Subject)[code]
                    self.find(Finding(subject, Outcome.DUPLICATE, number, amount, None, Detail.TWICE))
            last = rows[-1][:2]

    def _matched(self, subject: Subject, which: str) -> Iterator[list[Row]]:
        return self._pages(_MATCHED.format(which=which), _SUBJECT[_OURS[subject]], _SUBJECT[subject], None)

    def _pages(self, query: str, *parameters: int | None) -> Iterator[list[Row]]:
        """`None` among the parameters is the number after which a page begins."""
        last = ""
        while True:
            given = [last if each is None else each for each in parameters]
            rows = self._db.execute(query, (*given, PAGE)).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield rows

    def _one(self, query: str, *parameters: int) -> Row:
        row: Row = self._db.execute(query, parameters).fetchone()
        return row

"""Reports and findings as they are kept. Whatever a run writes holds only as long as it has the lease."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ..kernel.clock import epoch
from ..kernel.ids import new_id
from ..kernel.paging import Page, decode_cursor, page_of
from ..storage.reads import read
from ..storage.writes import Write, check, commit, delete, put, update
from .rows import (
    REPORTS,
    FindingRow,
    ReportRow,
    finding_key,
    finding_of,
    finding_row,
    report_key,
    report_of,
)
from .rules import (
    LEASE,
    Compared,
    Detail,
    Finding,
    FindingChanged,
    FindingNotFound,
    FindingNotOpen,
    FindingState,
    LeaseLost,
    Report,
    ReportNotFound,
    ReportState,
    Subject,
    Tally,
)

UNSETTLED = (FindingState.OPEN, FindingState.MENDING)
AT_ONCE = 90  # of the hundred writes that a transaction takes


@dataclass(frozen=True)
class Run:
    """The right to work on a day's report."""

    day: date
    token: str
    tries: int


@dataclass(frozen=True)
class Result:
    """What a run found; `findings` are those to be kept of `found`."""

    compared: Mapping[Subject, Compared]
    fees: Tally
    others: Tally
    hashes: Mapping[str, str]
    findings: Sequence[Finding]
    found: int


class ReconciliationStore:
    def begin(self, days: Sequence[date], now: datetime) -> Run | None:
        """Take the first of these days whose report is not done and that nobody works on, the least tried in front:
        a day that fails again and again keeps no other waiting. None if there is none, or somebody was faster.
        """
        rows = read(*map(report_key, days), consistent=True)
        free = [
            (int(row.tries) if row else 0, day)
            for day, row in zip(days, rows, strict=True)
            if row is None or (row.state != ReportState.DONE and row.lease_until <= epoch(now))
        ]
        if not free:
            return None
        tries, day = min(free)
        run = Run(day, new_id(now), tries + 1)
        ended = (ReportRow.state != ReportState.DONE) & (ReportRow.lease_until <= epoch(now))
        # botocore repeats a call whose answer was lost: then the lease is ours already.
        mine = ReportRow.run == run.token
        taken = update(
            report_key(day),
            ReportRow.state.set(ReportState.RUNNING),
            ReportRow.tries.set(run.tries),
            ReportRow.started_at.set(epoch(now)),
            ReportRow.run.set(run.token),
            ReportRow.lease_until.set(epoch(now + LEASE)),
            condition=ReportRow.key.does_not_exist() | ended | mine,
            otherwise=LeaseLost(),
        )
        try:
            commit(taken)
        except LeaseLost:
            return None
        return run

    def put_off(self, run: Run, problem: str) -> None:
        """Not finished: the next run may take it. Raises LeaseLost."""
        commit(_closed(run, ReportState.WAITING, ReportRow.problem.set(problem)))

    def finish(self, run: Run, result: Result, at: datetime) -> None:
        """Findings first, then the report: where a run dies in between, the next one comes to the same end.

        Raises LeaseLost.
        """
        known = {row.key: row.state for row in self._findings(run.day)}
        wanted = [finding_row(run.day, finding, FindingState.OPEN) for finding in result.findings]
        kept = {row.key for row in wanted}
        stale = [key for key, state in known.items() if state in UNSETTLED and key not in kept]
        writes = [delete(FindingRow(run.day.isoformat(), key), condition=_unsettled()) for key in stale]
        writes += [put(row, condition=_unsettled()) for row in wanted if known.get(row.key) in (None, *UNSETTLED)]
        for start in range(0, len(writes), AT_ONCE):
            commit(_held(run), *writes[start : start + AT_ONCE])
        done = _closed(
            run,
            ReportState.DONE,
            ReportRow.finished_at.set(epoch(at)),
            ReportRow.problem.remove(),
            ReportRow.compared.set(dict(result.compared)),
            ReportRow.fees.set(result.fees),
            ReportRow.others.set(result.others),
            ReportRow.hashes.set(dict(result.hashes)),
            ReportRow.found.set(result.found),
            ReportRow.listed.set(len(wanted)),
        )
        commit(done)

    def mending(self, run: Run, finding: Finding) -> None:
        """Raises LeaseLost; FindingChanged if it was dealt with before."""
        row = finding_row(run.day, finding, FindingState.MENDING)
        commit(_held(run), put(row, condition=_unsettled(), otherwise=FindingChanged()))

    def mended(self, run: Run, finding: Finding, detail: Detail) -> None:
        """Counted once. Raises LeaseLost."""
        mended = update(
            finding_key(run.day, finding.finding_id),
            FindingRow.state.set(FindingState.MENDED),
            FindingRow.detail.set(detail),
            condition=FindingRow.state == FindingState.MENDING,
            otherwise=FindingChanged(),
        )
        counted = update(report_key(run.day), ReportRow.mended.add(1), condition=_holds(run), otherwise=LeaseLost())
        try:
            commit(counted, mended)
        except FindingChanged:
            return

    def half_mended(self, day: date) -> list[Finding]:
        """What runs that died had begun to mend."""
        return [finding_of(row) for row in self._findings(day) if row.state == FindingState.MENDING]

    def report(self, day: date) -> Report:
        """Raises ReportNotFound."""
        (row,) = read(report_key(day), consistent=True)
        if row is None:
            raise ReportNotFound
        return report_of(row)

    def reports(self, cursor: str | None, limit: int) -> Page[Report]:
        """Newest day first."""
        after = decode_cursor(cursor)
        older = ReportRow.key < after if after else None
        rows = list(ReportRow.query(REPORTS, older, limit=limit + 1, scan_index_forward=False))
        page = page_of(rows, limit, lambda row: row.key)
        return Page([report_of(row) for row in page.rows], page.next_cursor)

    def findings(self, day: date, cursor: str | None, limit: int) -> Page[Finding]:
        """By subject and outcome."""
        after = decode_cursor(cursor)
        later = FindingRow.key > after if after else None
        rows = list(FindingRow.query(day.isoformat(), later, limit=limit + 1, consistent_read=True))
        page = page_of(rows, limit, lambda row: row.key)
        return Page([finding_of(row) for row in page.rows], page.next_cursor)

    def resolve(self, day: date, finding_id: str, note: str, who: str, now: datetime) -> Finding:
        """Once; the same again is answered the same. Raises FindingNotFound, FindingNotOpen."""
        row = finding_key(day, finding_id)
        resolved = update(
            row,
            FindingRow.state.set(FindingState.RESOLVED),
            FindingRow.note.set(note),
            FindingRow.resolved_by.set(who),
            FindingRow.resolved_at.set(epoch(now)),
            condition=FindingRow.state == FindingState.OPEN,
            otherwise=FindingNotOpen(),
        )
        try:
            commit(resolved)
            return finding_of(row)  # an update leaves the whole row in it, as it is now stored
        except FindingNotOpen:
            (stored,) = read(finding_key(day, finding_id), consistent=True)
            if stored is None:
                raise FindingNotFound from None
            if (stored.state, stored.resolved_by, stored.note) != (FindingState.RESOLVED, who, note):
                raise
            return finding_of(stored)

    def _findings(self, day: date) -> list[FindingRow]:
        """All that are kept of a day: a bounded number, and those that were mended."""
        return list(FindingRow.query(day.isoformat(), consistent_read=True))


def _holds(run: Run) -> Condition:
    holds: Condition = (ReportRow.run == run.token) & (ReportRow.state == ReportState.RUNNING)
    return holds


def _held(run: Run) -> Write:
    return check(report_key(run.day), _holds(run), otherwise=LeaseLost())


def _closed(run: Run, state: ReportState, *more: Action) -> Write:
    """The end of a run. Again with the same run is no harm: its own answer may have been lost."""
    mine = (ReportRow.run == run.token) & ReportRow.state.is_in(ReportState.RUNNING, state)
    freed = ReportRow.lease_until.set(0)
    return update(report_key(run.day), ReportRow.state.set(state), freed, *more, condition=mine, otherwise=LeaseLost())


def _unsettled() -> Condition:
    """Not there yet, or still to be decided."""
    unsettled: Condition = FindingRow.key.does_not_exist() | FindingRow.state.is_in(*UNSETTLED)
    return unsettled

"""Rows of the table `reconciliations`: the reports as one list by day, and the findings of each day."""

from datetime import date

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from ..kernel.clock import from_epoch
from ..storage.attributes import Packed
from ..storage.table import Row
from .rules import Compared, Detail, Finding, FindingState, Outcome, Report, ReportState, Subject, Tally

REPORTS = "reports"


class ReportRow(Row):
    """`run` and `lease_until`: who works on it, and until when that is believed."""

    class Meta:
        table_name = "reconciliations"

    part = UnicodeAttribute(hash_key=True)
    key = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute()
    tries = NumberAttribute()
    started_at = NumberAttribute()
    run = UnicodeAttribute()
    lease_until = NumberAttribute()
    finished_at = NumberAttribute(null=True)
    problem = UnicodeAttribute(null=True)
    compared = Packed[dict[Subject, Compared]](dict[Subject, Compared], null=True)
    fees = Packed[Tally](Tally, null=True)
    others = Packed[Tally](Tally, null=True)
    hashes = Packed[dict[str, str]](dict[str, str], null=True)
    mended = NumberAttribute(null=True)
    found = NumberAttribute(null=True)
    listed = NumberAttribute(null=True)


class FindingRow(Row):
    class Meta:
        table_name = "reconciliations"

    part = UnicodeAttribute(hash_key=True)
    key = UnicodeAttribute(range_key=True)
    subject = UnicodeAttribute()
    outcome = UnicodeAttribute()
    number = UnicodeAttribute()
    theirs = NumberAttribute(null=True)
    ours = NumberAttribute(null=True)
    detail = UnicodeAttribute()
    state = UnicodeAttribute()
    note = UnicodeAttribute(null=True)
    resolved_by = UnicodeAttribute(null=True)
    resolved_at = NumberAttribute(null=True)


def report_key(day: date) -> ReportRow:
    return ReportRow(REPORTS, day.isoformat())


def finding_key(day: date, finding_id: str) -> FindingRow:
    return FindingRow(day.isoformat(), f"F#{finding_id}")


def finding_row(day: date, finding: Finding, state: FindingState) -> FindingRow:
    row = finding_key(day, finding.finding_id)
    row.subject = finding.subject
    row.outcome = finding.outcome
    row.number = finding.number
    row.theirs = finding.theirs
    row.ours = finding.ours
    row.detail = finding.detail
    row.state = state
    return row


def finding_of(row: FindingRow) -> Finding:
    return Finding(
        subject=Subject(row.subject),
        outcome=Outcome(row.outcome),
        number=row.number,
        theirs=int(row.theirs) if row.theirs is not None else None,
        ours=int(row.ours) if row.ours is not None else None,
        detail=Detail(row.detail),
        state=FindingState(row.state),
        note=row.note or "",
        resolved_by=row.resolved_by or "",
        resolved_at=from_epoch(row.resolved_at) if row.resolved_at is not None else None,
    )


def report_of(row: ReportRow) -> Report:
    return Report(
        day=date.fromisoformat(row.key),
        state=ReportState(row.state),
        tries=int(row.tries),
        started_at=from_epoch(row.started_at),
        finished_at=from_epoch(row.finished_at) if row.finished_at is not None else None,
        problem=row.problem or "",
        compared=row.compared or {},
        fees=row.fees or Tally(),
        others=row.others or Tally(),
        hashes=row.hashes or {},
        mended=int(row.mended or 0),
        found=int(row.found or 0),
        listed=int(row.listed or 0),
    )

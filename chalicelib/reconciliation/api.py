"""Routes of reconciliation, for the staff who look after the money."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from ..kernel.paging import BadCursor
from ..kernel.staff import StaffRole
from ..storage.writes import StorageBusy
from ..web import Call, NextCursor, PageQuery, Routes
from .rules import (
    Compared,
    Detail,
    Finding,
    FindingNotFound,
    FindingNotOpen,
    FindingState,
    Outcome,
    Report,
    ReportNotFound,
    ReportState,
    Subject,
    Tally,
)

routes = Routes(__name__)

Day = Annotated[date, Meta(description="In Beijing.", examples=["2026-11-21"])]
Count = Annotated[int, Meta(description="How many.", examples=[3])]
Fen = Annotated[int, Meta(description="Together, in fen.", examples=[14700])]


class TallyView(msgspec.Struct, frozen=True):
    count: Count
    fen: Fen


class ComparedView(msgspec.Struct, frozen=True):
    subject: Annotated[
        Subject,
        Meta(
            description="`payment` and `refund`: of the trade bill. `flow-payment` and `flow-refund`: money that came"
            " and went on the basic account.",
            examples=["payment"],
        ),
    ]
    both: Annotated[TallyView, Meta(description="On both sides with the same amount; what was mended included.")]
    theirs_only: Annotated[TallyView, Meta(description="WeChat has it and the shop does not.")]
    ours_only: Annotated[TallyView, Meta(description="The shop has it and WeChat does not.")]
    differ: Annotated[TallyView, Meta(description="On both sides with different amounts: WeChat's.")]
    differ_ours: Annotated[TallyView, Meta(description="The same: the shop's.")]
    elsewhere: Annotated[int, Meta(description="The shop's of this day that WeChat counts to another.", examples=[0])]


class ReportView(msgspec.Struct, frozen=True):
    day: Day
    state: Annotated[
        ReportState,
        Meta(description="WAITING: tried, and to be tried again; figures only count when DONE.", examples=["DONE"]),
    ]
    tries: Annotated[int, Meta(description="How often it was begun.", examples=[1])]
    started_at: Annotated[datetime, Meta(description="The last try.", examples=["2026-11-22T02:00:05Z"])]
    finished_at: Annotated[datetime | None, Meta(description="Null until DONE.", examples=["2026-11-22T02:00:41Z"])]
    problem: Annotated[
        str,
        Meta(
            description="Why the last try did not finish: NOT_READY, DAMAGED, MALFORMED, TOTALS, UNANSWERED, REFUSED,"
            " FAILED; else empty.",
            examples=[""],
        ),
    ]
    compared: Annotated[list[ComparedView], Meta(description="The four ways; empty until DONE.")]
    fees: Annotated[TallyView, Meta(description="What WeChat took for itself, less what it gave back.")]
    others: Annotated[TallyView, Meta(description="Whatever else moved on the account: withdrawals, top-ups.")]
    hashes: Annotated[
        dict[str, str],
        Meta(description="SHA-1 of each bill, empty if there was none.", examples=[{"trade": "", "fund_flow": ""}]),
    ]
    mended: Annotated[int, Meta(description="Put right by the shop itself.", examples=[0])]
    found: Annotated[int, Meta(description="Left to staff.", examples=[0])]
    listed: Annotated[int, Meta(description="How many of those are kept as findings, the worst first.", examples=[0])]


class ReportsView(msgspec.Struct, frozen=True):
    items: Annotated[list[ReportView], Meta(description="Newest day first.")]
    next_cursor: NextCursor


class FindingView(msgspec.Struct, frozen=True):
    finding_id: Annotated[str, Meta(description="Stable.", examples=["payment.theirs-only.2cf24dba5fb0a30e26e83b2a"])]
    subject: Annotated[Subject, Meta(description="What was compared.", examples=["payment"])]
    outcome: Annotated[Outcome, Meta(description="What is wrong with it.", examples=["theirs-only"])]
    number: Annotated[
        str, Meta(description="out_trade_no or out_refund_no.", examples=["01JDA3X5G8Q0V7M2K4N6P8R0T2-1"])
    ]
    theirs: Annotated[int | None, Meta(description="WeChat's fen; null if it has nothing.", examples=[5600])]
    ours: Annotated[int | None, Meta(description="The shop's fen; null if it has nothing.", examples=[None])]
    detail: Annotated[Detail, Meta(description="What is known beyond that.", examples=["UNKNOWN_HERE"])]
    state: Annotated[
        FindingState, Meta(description="MENDED by the shop, or OPEN until RESOLVED by staff.", examples=["OPEN"])
    ]
    note: Annotated[str, Meta(description="How it was resolved.", examples=[""])]
    resolved_by: Annotated[str, Meta(description="Member id of who did; empty if nobody.", examples=[""])]
    resolved_at: Annotated[datetime | None, Meta(description="When.", examples=[None])]


class DayView(msgspec.Struct, frozen=True):
    report: Annotated[ReportView, Meta(description="The whole day.")]
    items: Annotated[list[FindingView], Meta(description="Findings by subject and outcome.")]
    next_cursor: NextCursor


class Resolution(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    note: Annotated[
        str, Meta(min_length=1, max_length=500, description="What was done.", examples=["已在商户平台核实"])
    ]


@routes.endpoint(
    "GET", "/staff/reconciliations", summary="Reports of reconciliation", query=PageQuery, answers=ReportsView,
    errors=(BadCursor,), staff=StaffRole.FINANCE,
)  # fmt: skip
def reports(call: Call[None]) -> ReportsView:
    """One report a day. Each morning after 10:00 in Beijing the bills of the day before are compared with the books."""
    page = call.shop.reconciliation.reports(call.query.cursor, call.query.limit)
    return ReportsView([*map(_report, page.rows)], page.next_cursor)


@routes.endpoint(
    "GET", "/staff/reconciliations/{day}", summary="A day's report and what was found", query=PageQuery,
    answers=DayView, errors=(ReportNotFound, BadCursor), staff=StaffRole.FINANCE,
)  # fmt: skip
def day(call: Call[None]) -> DayView:
    report, page = call.shop.reconciliation.report(_day(call.path["day"]), call.query.cursor, call.query.limit)
    return DayView(_report(report), [*map(_finding, page.rows)], page.next_cursor)


@routes.endpoint(
    "POST", "/staff/reconciliations/{day}/findings/{finding_id}/resolution", summary="Say that a finding is dealt with",
    body=Resolution, answers=FindingView, errors=(ReportNotFound, FindingNotFound, FindingNotOpen, StorageBusy),
    staff=StaffRole.FINANCE, signed=True,
)  # fmt: skip
def resolve(call: Call[Resolution]) -> FindingView:
    """Who said so, when, and the note are kept. The same again changes nothing."""
    finding_id, note = call.path["finding_id"], call.body.note
    return _finding(
        call.shop.reconciliation.resolve(_day(call.path["day"]), finding_id, note, call.member_id, call.now)
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ReportNotFound from error


def _report(report: Report) -> ReportView:
    return ReportView(
        day=report.day,
        state=report.state,
        tries=report.tries,
        started_at=report.started_at,
        finished_at=report.finished_at,
        problem=report.problem,
        compared=[_compared(subject, each) for subject, each in report.compared.items()],
        fees=_tally(report.fees),
        others=_tally(report.others),
        hashes=dict(report.hashes),
        mended=report.mended,
        found=report.found,
        listed=report.listed,
    )


def _compared(subject: Subject, each: Compared) -> ComparedView:
    return ComparedView(
        subject=subject,
        both=_tally(each.both),
        theirs_only=_tally(each.theirs_only),
        ours_only=_tally(each.ours_only),
        differ=_tally(each.differ),
        differ_ours=_tally(each.differ_ours),
        elsewhere=each.elsewhere,
    )


def _tally(tally: Tally) -> TallyView:
    return TallyView(tally.count, tally.fen)


def _finding(finding: Finding) -> FindingView:
    return FindingView(
        finding_id=finding.finding_id,
        subject=finding.subject,
        outcome=finding.outcome,
        number=finding.number,
        theirs=finding.theirs,
        ours=finding.ours,
        detail=finding.detail,
        state=finding.state,
        note=finding.note,
        resolved_by=finding.resolved_by,
        resolved_at=finding.resolved_at,
    )

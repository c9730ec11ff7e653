"""What a report and a finding are, and which days are to be reconciled. Money is fen, days are days in Beijing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from ..kernel.clock import SHANGHAI
from ..kernel.errors import Conflict, NotFound, Refused

READY_AT = time(10)
"""WeChat Pay: bills of a day are ready after 10:00 the next morning."""
DAYS = 7
MOST_FINDINGS = 1000
MOST_ASKED = 200
MOST_TRIES = 12
"""What WeChat could not answer in so many tries is left to staff, so that one bad number never holds up a report."""
LEASE = timedelta(minutes=20)
"""Longer than any function runs: whoever holds a lease that has ended is dead."""


class Subject(StrEnum):
    """What is compared: rows of the trade bill, and movements of the fund flow, each with the same of ours."""

    PAYMENT = "payment"
    REFUND = "refund"
    FLOW_PAYMENT = "flow-payment"
    FLOW_REFUND = "flow-refund"

    @property
    def is_payment(self) -> bool:
        return self in (Subject.PAYMENT, Subject.FLOW_PAYMENT)


class Outcome(StrEnum):
    """The worst first: when there are more than can be kept, these are kept."""

    DIFFERS = "differs"
    THEIRS_ONLY = "theirs-only"
    OURS_ONLY = "ours-only"
    STATE = "state"
    DUPLICATE = "duplicate"
    FOREIGN = "foreign"
    REVOKED = "revoked"


class Detail(StrEnum):
    """What is known about a finding beyond its outcome."""

    OTHER_AMOUNT = "OTHER_AMOUNT"  # the same number, other money
    UNKNOWN_HERE = "UNKNOWN_HERE"  # no such payment or refund in the shop: made in the portal, or by another program
    UNPAID_THERE = "UNPAID_THERE"  # the bill says paid, WeChat asked directly says not
    REFUNDED_OUTSIDE = "REFUNDED_OUTSIDE"  # paid and given back in the portal, and the shop knows of neither
    NOT_OURS = "NOT_OURS"  # other amount, payer, appid or merchant than the shop's payment: never settled
    NOT_IN_BILL = "NOT_IN_BILL"  # WeChat asked directly knows it, of this day, and the bill lacks it
    UNKNOWN_THERE = "UNKNOWN_THERE"  # WeChat asked directly does not know it either
    NOT_ASKED = "NOT_ASKED"  # there were too many to ask WeChat about each
    UNANSWERED = "UNANSWERED"  # WeChat could not be asked
    FAILED = "FAILED"  # mending failed; the log says why
    STILL_OPEN = "STILL_OPEN"  # the bill says ended, WeChat asked directly says under way
    CLOSED_HERE = "CLOSED_HERE"  # money moved for a refund that WeChat called closed: the next one pays twice
    TWICE = "TWICE"  # the same number more than once in one bill
    OTHER_ACCOUNT = "OTHER_ACCOUNT"  # other merchant number, appid or currency
    REVOKED = "REVOKED"  # neither a payment nor a refund
    SETTLED = "SETTLED"  # mended: the payment counts; the money of an order that is closed goes back by itself
    ADVANCED = "ADVANCED"  # mended: the refund is where WeChat says it is


TRANSIENT = frozenset({Detail.UNANSWERED, Detail.FAILED})
"""Worth another try."""


class FindingState(StrEnum):
    MENDING = "MENDING"
    MENDED = "MENDED"
    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


class ReportState(StrEnum):
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    DONE = "DONE"


FINDING_TRANSITIONS: Mapping[FindingState, frozenset[FindingState]] = {
    FindingState.MENDING: frozenset({FindingState.MENDED, FindingState.OPEN}),
    FindingState.OPEN: frozenset({FindingState.RESOLVED, FindingState.MENDING}),
    FindingState.MENDED: frozenset(),
    FindingState.RESOLVED: frozenset(),
}
REPORT_TRANSITIONS: Mapping[ReportState, frozenset[ReportState]] = {
    ReportState.RUNNING: frozenset({ReportState.WAITING, ReportState.DONE}),
    ReportState.WAITING: frozenset({ReportState.RUNNING}),
    ReportState.DONE: frozenset(),
}


class ReportNotFound(NotFound):
    code = "RECONCILIATION_NOT_FOUND"
    message = "该日没有对账报告"


class FindingNotFound(NotFound):
    code = "FINDING_NOT_FOUND"
    message = "差异记录不存在"


class FindingNotOpen(Refused):
    """Mended by the shop itself, or dealt with by somebody else before."""

    code = "FINDING_NOT_OPEN"
    message = "该差异已处理"


class FindingChanged(Conflict):
    """Never leaves this domain: the finding was dealt with before."""

    code = "FINDING_CHANGED"


class LeaseLost(Conflict):
    """Never leaves this domain: another run has taken over, and this one must not write another word."""

    code = "LEASE_LOST"


class Entry(NamedTuple):
    """One payment or refund on one side. `said`: its state there. `wechat_no`: WeChat's own number, if known."""

    subject: Subject
    number: str
    amount: int
    said: str = ""
    wechat_no: str = ""
    odd: Outcome | None = None


@dataclass(frozen=True)
class Tally:
    count: int = 0
    fen: int = 0

    def plus(self, fen: int) -> "Tally":
        return Tally(self.count + 1, self.fen + fen)


@dataclass(frozen=True)
class Compared:
    """The four ways. `differ` and `differ_ours` count the same things, with their money there and here.

    `elsewhere`: ours of this day that WeChat counts to another one.
    """

    both: Tally = Tally()
    theirs_only: Tally = Tally()
    ours_only: Tally = Tally()
    differ: Tally = Tally()
    differ_ours: Tally = Tally()
    elsewhere: int = 0


@dataclass(frozen=True)
class Finding:
    """`theirs` and `ours` in fen; None where a side has nothing. `note`, `resolved_by`, `resolved_at` are staff's."""

    subject: Subject
    outcome: Outcome
    number: str
    theirs: int | None
    ours: int | None
    detail: Detail
    state: FindingState = FindingState.OPEN
    note: str = ""
    resolved_by: str = ""
    resolved_at: datetime | None = None

    @property
    def finding_id(self) -> str:
        """The same in every run of a day; numbers of strangers may hold any character, so only a digest of them."""
        digest = sha256(self.number.encode()).hexdigest()[:24]
        return f"{self.subject}.{self.outcome}.{digest}"


@dataclass(frozen=True)
class Report:
    """`problem`: why the last try did not finish. `listed`: how many of the `found` are kept. `hashes`: SHA-1 of the
    bills, empty where WeChat had none. `mended` counts over all tries.
    """

    day: date
    state: ReportState
    tries: int
    started_at: datetime
    finished_at: datetime | None = None
    problem: str = ""
    compared: Mapping[Subject, Compared] = field(default_factory=dict)
    fees: Tally = Tally()
    others: Tally = Tally()
    hashes: Mapping[str, str] = field(default_factory=dict)
    mended: int = 0
    found: int = 0
    listed: int = 0


def last_days(now: datetime) -> list[date]:
    """The days whose bills may be had and are not too old to be of use, oldest first; none before 10:00."""
    local = now.astimezone(SHANGHAI)
    if local.time() < READY_AT:
        return []
    return [local.date() - timedelta(days=ago) for ago in range(DAYS, 0, -1)]


def beijing_day(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()

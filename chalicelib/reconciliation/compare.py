"""One day, four ways. What is on one side only is looked at before it counts: it may stand under another day, or be
put right; only then are the books closed and counted.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime

from ..payments.rules import PaymentState, RefundState
from ..wechat.errors import PayError, PayUnreachable
from .ledger import Ledger
from .mend import UNDER_WAY, Asking, Books, Mending
from .rules import MOST_ASKED, TRANSIENT, Compared, Detail, Entry, Finding, Outcome, Subject, beijing_day

ENDED = ("SUCCESS", "FAIL", "CHANGE")
"""The bill's words for a refund that is no longer under way; they are not the API's."""
MOST_SILENT = 5


class WeChatSilent(Exception):
    """WeChat left question after question unanswered: the day must wait."""


class Comparison:
    """To be run once. `unfinished` counts what another try may do better, `mended` what was put right."""

    def __init__(
        self, day: date, ledger: Ledger, books: Books, wechat: Asking, mending: Mending, now: datetime
    ) -> None:
        self._day = day
        self._ledger = ledger
        self._books = books
        self._wechat = wechat
        self._mending = mending
        self._now = now
        self._answers: dict[tuple[bool, str], Detail | None] = {}
        self._silent = 0
        self.unfinished = 0
        self.mended = 0

    def run(self) -> dict[Subject, Compared]:
        """The ledger holds theirs. Raises WeChatSilent."""
        self._ledger.ours(self._our_entries())
        self._ledger.index()
        compared = {}
        for subject in Subject:
            if subject is Subject.FLOW_REFUND:  # money leaves when a refund succeeds, be that days later
                self._ledger.keep_refunds(RefundState.SUCCESS)
            self._missing_here(subject)
            if subject is Subject.REFUND:
                self._behind()
            elsewhere = self._missing_there(subject)
            self._differing(subject)
            compared[subject] = self._ledger.compared(subject, elsewhere)
        return compared

    def _our_entries(self) -> Iterator[Entry]:
        for paid in self._books.paid_on(self._day):
            yield Entry(Subject.PAYMENT, paid.out_trade_no, paid.total, paid.state)
        for refund in self._books.refunds_of(self._day):
            yield Entry(Subject.REFUND, refund.out_refund_no, refund.amount, refund.state)

    def _missing_here(self, subject: Subject) -> None:
        look = self._missing_payments if subject.is_payment else self._missing_refunds
        for page in self._ledger.their_own(subject):
            look(subject, {number: amount for number, amount, _ in page})

    def _missing_payments(self, subject: Subject, theirs: dict[str, int]) -> None:
        known = {payment.out_trade_no: payment for payment in self._books.payments(theirs)}
        for number, amount in theirs.items():
            payment = known.get(number)
            finding = Finding(subject, Outcome.THEIRS_ONLY, number, amount, None, Detail.UNKNOWN_HERE)
            if payment is None:
                self._ledger.find(finding)
            elif payment.state is PaymentState.PAID or self._mended(finding, self._mending.payment):
                self._ledger.now_ours(subject, number, payment.total, PaymentState.PAID)

    def _missing_refunds(self, subject: Subject, theirs: dict[str, int]) -> None:
        known = {refund.out_refund_no: refund for refund in self._books.refunds(theirs)}
        for number, amount in theirs.items():
            refund = known.get(number)
            finding = Finding(subject, Outcome.THEIRS_ONLY, number, amount, None, Detail.UNKNOWN_HERE)
            if refund is None:
                self._ledger.find(finding)
            elif refund.state is RefundState.CLOSED and subject is Subject.FLOW_REFUND:
                self._ledger.find(
                    replace(finding, outcome=Outcome.STATE, ours=refund.amount, detail=Detail.CLOSED_HERE)
                )
            elif refund.state is not RefundState.PENDING or self._mended(finding, self._mending.refund):
                state = refund.state
                if state is RefundState.PENDING:
                    (state,) = (each.state for each in self._books.refunds([number]))
                self._ledger.now_ours(subject, number, refund.amount, state)

    def _behind(self) -> None:
        """Refunds that have ended there and are under way here."""
        for page in self._ledger.unended(Subject.REFUND, ENDED, UNDER_WAY):
            for number, theirs, _, ours, _ in page:
                finding = Finding(Subject.REFUND, Outcome.STATE, number, theirs, ours, Detail.STILL_OPEN)
                if self._mended(finding, self._mending.refund):
                    (refund,) = self._books.refunds([number])
                    self._ledger.now_ours(Subject.REFUND, number, refund.amount, refund.state)

    def _mended(self, finding: Finding, mend: Callable[[Finding, datetime], Detail]) -> bool:
        detail = mend(finding, self._now)
        self._hear(detail)
        if detail in (Detail.SETTLED, Detail.ADVANCED):
            self.mended += 1
            return True
        self._ledger.find(replace(finding, detail=detail))
        return False

    def _missing_there(self, subject: Subject) -> int:
        """Asks WeChat about what its bill lacks; returns how many belong to another day."""
        elsewhere = 0
        for page in self._ledger.our_own(subject):
            for number, amount, _ in page:
                detail = self._asked(subject, number)
                if detail is None:
                    elsewhere += 1
                    self._ledger.not_ours(subject, number)
                else:
                    self._ledger.find(Finding(subject, Outcome.OURS_ONLY, number, None, amount, detail))
        return elsewhere

    def _asked(self, subject: Subject, number: str) -> Detail | None:
        """None if it is of another day. Each is asked about once, and no more of them than a run has time for."""
        key = (subject is Subject.FLOW_REFUND, number)
        if key not in self._answers:
            if len(self._answers) >= MOST_ASKED:
                return Detail.NOT_ASKED
            self._answers[key] = self._ask(subject, number)
            self._hear(self._answers[key])
        return self._answers[key]

    def _ask(self, subject: Subject, number: str) -> Detail | None:
        try:
            if subject.is_payment:
                return self._of_payment(number)
            return self._of_refund(number, moved=subject is Subject.FLOW_REFUND)
        except PayUnreachable:
            return Detail.UNANSWERED
        except PayError:
            return Detail.UNKNOWN_THERE

    def _of_payment(self, number: str) -> Detail | None:
        trade = self._wechat.query(number)
        if trade is None:
            return Detail.UNKNOWN_THERE
        if trade.success_time is None:
            return Detail.UNPAID_THERE
        return Detail.NOT_IN_BILL if beijing_day(trade.success_time) == self._day else None

    def _of_refund(self, number: str, *, moved: bool) -> Detail | None:
        status = self._wechat.query_refund(number)
        if status is None:
            return Detail.UNKNOWN_THERE
        moment = status.success_time if moved else status.created
        return Detail.NOT_IN_BILL if moment is None or beijing_day(moment) == self._day else None

    def _differing(self, subject: Subject) -> None:
        for page in self._ledger.differing(subject):
            for number, theirs, _, ours, _ in page:
                self._ledger.find(Finding(subject, Outcome.DIFFERS, number, theirs, ours, Detail.OTHER_AMOUNT))

    def _hear(self, detail: Detail | None) -> None:
        self.unfinished += detail in TRANSIENT
        self._silent = self._silent + 1 if detail is Detail.UNANSWERED else 0
        if self._silent >= MOST_SILENT:
            raise WeChatSilent

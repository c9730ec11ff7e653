"""What can be put right by rule. The bill alone is never believed: WeChat is asked about each, and answers signed."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Protocol

from ..kernel.errors import ShopError, Unavailable
from ..log import logger
from ..payments.rules import DayPayment, DayRefund, Payment, PaymentState, RefundOrder, RefundState
from ..wechat.errors import PayError, PayUnreachable
from ..wechat.pay_types import RefundStatus, Trade
from .rules import Detail, Finding, LeaseLost, Outcome

UNDER_WAY = (RefundState.PENDING, RefundState.PROCESSING)


class Books(Protocol):
    """The shop's own. Those that exist of the numbers asked for, as they are now."""

    def paid_on(self, day: date) -> Iterator[DayPayment]: ...
    def refunds_of(self, day: date) -> Iterator[DayRefund]: ...
    def payments(self, out_trade_nos: Iterable[str]) -> list[Payment]: ...
    def refunds(self, out_refund_nos: Iterable[str]) -> list[RefundOrder]: ...


class Asking(Protocol):
    def query(self, out_trade_no: str) -> Trade | None: ...
    def query_refund(self, out_refund_no: str) -> RefundStatus | None: ...


class Settles(Protocol):
    def settle(self, trade: Trade, heard_by: str, now: datetime) -> None: ...


class Advances(Protocol):
    def advance(self, out_refund_no: str, now: datetime) -> None: ...


class Journal(Protocol):
    """Written before and after, so that a run that dies in between is not the last to know of it."""

    def mending(self, finding: Finding) -> None: ...
    def mended(self, finding: Finding, detail: Detail) -> None: ...


class Mending:
    """Each method answers with what came of it: SETTLED and ADVANCED are in the journal by then."""

    def __init__(self, books: Books, wechat: Asking, settling: Settles, refunding: Advances, journal: Journal) -> None:
        self._books = books
        self._wechat = wechat
        self._settling = settling
        self._refunding = refunding
        self._journal = journal

    def payment(self, finding: Finding, now: datetime) -> Detail:
        """Paid there, unpaid here: settled like any other, or refunded if its order is closed."""
        try:
            trade = self._wechat.query(finding.number)
            if trade is None or trade.trade_state != "SUCCESS":
                refunded = trade is not None and trade.trade_state == "REFUND"
                return Detail.REFUNDED_OUTSIDE if refunded else Detail.UNPAID_THERE
            self._journal.mending(finding)
            self._settling.settle(trade, "reconciliation", now)
        except Exception as error:
            return _failure(error)
        return self.look(finding) or Detail.FAILED

    def refund(self, finding: Finding, now: datetime) -> Detail:
        """Accepted or ended there, and not here: moved on by what WeChat says of it."""
        try:
            self._journal.mending(finding)
            self._refunding.advance(finding.number, now)
        except Exception as error:
            return _failure(error)
        return self.look(finding) or (Detail.STILL_OPEN if finding.outcome is Outcome.STATE else Detail.UNANSWERED)

    def look(self, finding: Finding) -> Detail | None:
        """Whether what was begun is done, by this run or one that died; None if not."""
        done = self._paid(finding) if finding.subject.is_payment else self._advanced(finding)
        if not done:
            return None
        detail = Detail.SETTLED if finding.subject.is_payment else Detail.ADVANCED
        self._journal.mended(finding, detail)
        return detail

    def _paid(self, finding: Finding) -> bool:
        return any(payment.state is PaymentState.PAID for payment in self._books.payments([finding.number]))

    def _advanced(self, finding: Finding) -> bool:
        waiting = UNDER_WAY if finding.outcome is Outcome.STATE else (RefundState.PENDING,)
        return any(refund.state not in waiting for refund in self._books.refunds([finding.number]))


def _failure(error: Exception) -> Detail:
    if isinstance(error, LeaseLost):
        raise error
    if isinstance(error, PayUnreachable):
        return Detail.UNANSWERED
    if isinstance(error, ShopError) and not isinstance(error, Unavailable):
        return Detail.NOT_OURS
    # One bad number must not keep the others waiting.
    code = error.code if isinstance(error, PayError) else None
    logger.error("mending failed", error=type(error).__name__, wechat_code=code, alarm="reconciliation")
    return Detail.FAILED

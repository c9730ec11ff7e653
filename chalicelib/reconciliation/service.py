"""Which day is next, once at a time; and what staff see of it and decide."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from ..kernel.clock import Clock
from ..kernel.paging import Page
from ..log import logger
from ..payments.rules import Expected
from ..wechat.bills import BillOffer
from ..wechat.errors import BillNotReady, NoBill, PayError, PayUnreachable
from .bill import BadBill, Bill, FlowBill, TradeBill
from .compare import Comparison, WeChatSilent
from .ledger import Ledger
from .mend import Advances, Asking, Books, Mending, Settles
from .rules import MOST_FINDINGS, MOST_TRIES, Detail, Finding, LeaseLost, Report, last_days
from .store import ReconciliationStore, Result, Run

LATE = 6
"""Tries, half an hour apart: a bill that is still being made at 13:00 is worth a look."""


class BillSource(Protocol):
    """Raises PayError: BillNotReady, NoBill and whatever WeChat or the network does."""

    def trade(self, day: date) -> BillOffer: ...
    def fund_flow(self, day: date) -> BillOffer: ...
    def download(self, offer: BillOffer) -> Iterator[bytes]: ...


class Unfinished(Exception):
    """WeChat or the storage failed for some: another try may do better."""


class Reconciliation:
    def __init__(
        self,
        store: ReconciliationStore,
        bills: BillSource,
        books: Books,
        wechat: Asking,
        settling: Settles,
        refunding: Advances,
        account: Expected,
        clock: Clock,
    ) -> None:
        self._store = store
        self._bills = bills
        self._books = books
        self._wechat = wechat
        self._settling = settling
        self._refunding = refunding
        self._account = account
        self._clock = clock

    def run(self, now: datetime) -> int:
        """Reconcile one day of the last seven that has no finished report, from 10:00 in Beijing on; how many things
        were mended or left to staff. May be repeated, run twice at once, and die at any point.
        """
        run = self._store.begin(last_days(now), now)
        if run is None:
            return 0
        try:
            return self._reconcile(run, now)
        except LeaseLost:
            logger.warning("reconciliation was taken over", about=run.day.isoformat())
        except Exception as error:
            self._put_off(run, error)
        return 0

    def reports(self, cursor: str | None, limit: int) -> Page[Report]:
        """Newest day first."""
        return self._store.reports(cursor, limit)

    def report(self, day: date, cursor: str | None, limit: int) -> tuple[Report, Page[Finding]]:
        """Raises ReportNotFound."""
        return self._store.report(day), self._store.findings(day, cursor, limit)

    def resolve(self, day: date, finding_id: str, note: str, who: str, now: datetime) -> Finding:
        """Staff say that a finding was dealt with, and how. Raises FindingNotFound, FindingNotOpen."""
        return self._store.resolve(day, finding_id, note, who, now)

    def _reconcile(self, run: Run, now: datetime) -> int:
        mending = Mending(self._books, self._wechat, self._settling, self._refunding, _Journal(self._store, run))
        with TemporaryDirectory() as place, closing(Ledger(Path(place, "ledger"))) as ledger:
            trade, flow = TradeBill(self._account), FlowBill()
            hashes = {
                "trade": self._take(ledger, trade, lambda: self._bills.trade(run.day)),
                "fund_flow": self._take(ledger, flow, lambda: self._bills.fund_flow(run.day)),
            }
            for finding in self._store.half_mended(run.day):
                mending.look(finding)
            comparison = Comparison(run.day, ledger, self._books, self._wechat, mending, now)
            compared = comparison.run()
            if comparison.unfinished and run.tries < MOST_TRIES:
                raise Unfinished
            found = ledger.count_found()
            result = Result(compared, flow.fees, flow.others, hashes, ledger.found(MOST_FINDINGS), found)
        self._store.finish(run, result, self._clock())
        if found:
            logger.error("reconciliation found differences", about=run.day.isoformat(), alarm="reconciliation")
        return comparison.mended + found

    def _take(self, ledger: Ledger, bill: Bill, asked: Callable[[], BillOffer]) -> str:
        """Put a bill into the ledger; its hash, empty if there was nothing on that day."""
        try:
            offer = asked()
        except NoBill:
            return ""
        if offer.hash_type != "SHA1":
            raise BadBill("MALFORMED", "unknown hash")
        ledger.theirs(bill.entries(self._bills.download(offer), offer.hash_value))
        return offer.hash_value

    def _put_off(self, run: Run, error: Exception) -> None:
        problem, day = _problem(error), run.day.isoformat()
        if isinstance(error, BillNotReady) and run.tries < LATE:
            logger.info("bill not ready", about=day, tries=run.tries)
        else:
            code = error.code if isinstance(error, PayError) else None
            logger.error(
                "reconciliation put off", about=day, reason=problem, tries=run.tries, error=type(error).__name__,
                wechat_code=code, alarm="reconciliation",
            )  # fmt: skip
        try:
            self._store.put_off(run, problem)
        except LeaseLost:
            return


class _Journal:
    def __init__(self, store: ReconciliationStore, run: Run) -> None:
        self._store = store
        self._run = run

    def mending(self, finding: Finding) -> None:
        self._store.mending(self._run, finding)

    def mended(self, finding: Finding, detail: Detail) -> None:
        self._store.mended(self._run, finding, detail)


def _problem(error: Exception) -> str:
    """NOT_READY, UNANSWERED, REFUSED, a bad bill's reason, or FAILED."""
    if isinstance(error, BadBill):
        return error.reason
    if isinstance(error, BillNotReady):
        return "NOT_READY"
    if isinstance(error, (PayUnreachable, WeChatSilent, Unfinished)):
        return "UNANSWERED"
    return "REFUSED" if isinstance(error, PayError) else "FAILED"

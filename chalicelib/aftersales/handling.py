"""Each step of a case after it was opened: who takes it, from where to where. Every repetition changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from ..kernel.trail import Actor
from ..log import logger
from ..orders.rules import OrderChanged
from ..payments.rules import PaymentChanged
from ..stock import Stock
from ..storage.writes import StorageBusy, commit
from .change import Change, Changes
from .rules import (
    SHOPPER,
    Case,
    CaseChanged,
    CaseState,
    Doer,
    Kind,
    Parcel,
    TooManyCorrections,
    moved,
    still_to_do,
)
from .store import CaseStore

TRIES = 6
MOST_CORRECTIONS = 3

APPLIED, AGREED = frozenset({CaseState.APPLIED}), frozenset({CaseState.AGREED})
RETURNED, RECEIVED = frozenset({CaseState.RETURNED}), frozenset({CaseState.RECEIVED})
RESENT, CANCELLED = frozenset({CaseState.RESENT}), frozenset({CaseState.CANCELLED})
PAYING = frozenset({CaseState.REFUNDING, CaseState.DONE})

Decide = Callable[[Case], Change | None]
"""What a step makes of a case as it was read; None if there is nothing to do any more."""


class Handling:
    """Each step takes the case as it was read. All raise CaseStateRefused, and StorageBusy, after which nothing was
    written. `return_to` is where goods are sent back, unless the staff says otherwise.
    """

    def __init__(self, cases: CaseStore, changes: Changes, stock: Stock, return_to: str) -> None:
        self._cases = cases
        self._changes = changes
        self._stock = stock
        self._return_to = return_to

    def agree(self, case: Case, doer: Doer, now: datetime, *, why: str = "商家同意", return_to: str = "") -> Case:
        """APPLIED -> REFUNDING, or AGREED where goods come back; then `return_to` may still be changed."""

        def decide(case: Case) -> Change | None:
            if case.state is CaseState.AGREED and return_to not in ("", case.return_to):
                return Change(moved(case, now, doer, "更新退货地址", return_to=return_to), case)
            if not still_to_do(case, APPLIED, AGREED | PAYING):
                return None
            change = self._changes.on(case) if case.kind is Kind.REFUND else Change(case, case)
            return self.agreed(change, doer, why, now, return_to=return_to)

        return self._step(case, decide)

    def agreed(self, change: Change, doer: Doer, why: str, now: datetime, *, return_to: str = "") -> Change:
        """What agreeing makes of a case that was applied for, also in the moment when it is opened."""
        if change.case.kind is Kind.REFUND:
            return self._changes.paid_back(change, doer, why, now)
        where = return_to or self._return_to
        if not where:
            logger.error("no address for returns", case_id=change.case.case_id, alarm="return_address")
        return replace(change, case=moved(change.case, now, doer, why, to=CaseState.AGREED, return_to=where))

    def reject(self, case: Case, doer: Doer, why: str, now: datetime) -> Case:
        """APPLIED -> REJECTED; the shopper may apply again."""
        return self._ends(case, APPLIED, CaseState.REJECTED, doer, why, now)

    def cancel(self, case: Case, now: datetime) -> Case:
        """APPLIED or AGREED -> CANCELLED, by the shopper."""
        return self._ends(case, APPLIED | AGREED, CaseState.CANCELLED, SHOPPER, "撤销申请", now)

    def expire(self, case: Case, doer: Doer, now: datetime) -> Case:
        """AGREED -> CANCELLED: nothing was sent back in time."""
        return self._ends(case, AGREED, CaseState.CANCELLED, doer, "超时未寄回，自动关闭", now)

    def refuse(self, case: Case, doer: Doer, why: str, now: datetime) -> Case:
        """RETURNED -> REFUSED: what came back is not taken."""
        return self._ends(case, RETURNED, CaseState.REFUSED, doer, why, now)

    def arrived(self, case: Case, doer: Doer, why: str, now: datetime) -> Case:
        """RESENT -> DONE: the shopper has the replacement."""
        return self._ends(case, RESENT, CaseState.DONE, doer, why, now)

    def send_back(self, case: Case, parcel: Parcel, now: datetime) -> Case:
        """AGREED -> RETURNED, by the shopper; later the number may be corrected a few times. Raises
        TooManyCorrections.
        """

        def decide(case: Case) -> Change | None:
            if case.state is CaseState.RETURNED and case.parcel != parcel:
                if sum(event.was == event.now == CaseState.RETURNED for event in case.timeline) >= MOST_CORRECTIONS:
                    raise TooManyCorrections
                return Change(moved(case, now, SHOPPER, "修改退货单号", parcel=parcel), case)
            if not still_to_do(case, AGREED, RETURNED):
                return None
            return Change(moved(case, now, SHOPPER, "已寄回商品", to=CaseState.RETURNED, parcel=parcel), case)

        return self._step(case, decide)

    def receive(self, case: Case, doer: Doer, why: str, now: datetime, *, restock: bool) -> Case:
        """RETURNED -> REFUNDING, or RECEIVED where a replacement is owed. `restock`: the goods can be sold again."""

        def decide(case: Case) -> Change | None:
            if not still_to_do(case, RETURNED, RECEIVED | PAYING):
                return None
            if case.kind is Kind.RETURN:
                return self._changes.paid_back(self._changes.on(case), doer, why, now, restock=restock)
            after = moved(case, now, doer, why, to=CaseState.RECEIVED, restock=restock)
            sold_again = [self._stock.release(sku_id, n) for sku_id, n in case.pieces.items()] if restock else []
            return Change(after, case, writes=tuple(sold_again))

        return self._step(case, decide)

    def resend(self, case: Case, doer: Doer, parcel: Parcel, now: datetime) -> Case:
        """RECEIVED -> RESENT; the replacement leaves the stock. Raises SoldOut."""

        def decide(case: Case) -> Change | None:
            if not still_to_do(case, RECEIVED, RESENT):
                return None
            after = moved(case, now, doer, "已寄出换货商品", to=CaseState.RESENT, replacement=parcel)
            return Change(after, case, takes=case.pieces)

        return self._step(case, decide)

    def pay_instead(self, case: Case, doer: Doer, why: str, now: datetime) -> Case:
        """RECEIVED -> REFUNDING: there is nothing to exchange for."""

        def decide(case: Case) -> Change | None:
            if not still_to_do(case, RECEIVED, PAYING):
                return None
            return self._changes.paid_back(self._changes.on(case), doer, why, now)

        return self._step(case, decide)

    def _ends(
        self,
        case: Case,
        begin: frozenset[CaseState],
        to: CaseState,
        doer: Doer,
        why: str,
        now: datetime,
    ) -> Case:
        def decide(case: Case) -> Change | None:
            if not still_to_do(case, begin, frozenset({to})):
                return None
            return self._changes.let_go(self._changes.on(case), to, doer, why, now)

        return self._step(case, decide)

    def _step(self, case: Case, decide: Decide) -> Case:
        for _ in range(TRIES):
            change = decide(case)
            if change is None:
                return case
            try:
                self._stock.take(change.takes, partial(commit, *self._changes.writes(change)))
            except (CaseChanged, OrderChanged, PaymentChanged):
                case = self._cases.get(case.member_id, case.case_id)
                continue
            logger.info("aftersale", order_id=case.order_id, case_id=case.case_id, state=change.case.state)
            return change.case
        raise StorageBusy


def staff(who: str) -> Doer:
    return Doer(Actor.STAFF, who)

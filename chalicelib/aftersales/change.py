"""One step of a case together with what it changes of its order: decided as values, written in one transaction.

Both are written only as they were read: whatever happened to either meanwhile makes the whole step be decided anew.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from ..kernel.money import yuan
from ..kernel.trail import Actor
from ..orders import Order, Orders, OrderState
from ..orders.progress import Claim, advanced, most, to_send, with_back, with_claim, without_claim
from ..orders.rules import Progress
from ..payments.rules import Payment, RefundOrder
from ..points import Points
from ..storage.writes import Write
from .entry import TEXTS
from .rules import Case, CaseState, Doer, moved
from .store import CaseStore

CAUSE = "aftersale"


class Books(Protocol):
    def payment(self, out_trade_no: str) -> Payment: ...
    def refunds(self, out_refund_nos: list[str]) -> list[RefundOrder]: ...


class Refunds(Protocol):
    def begins(
        self,
        payment: Payment,
        amount: int,
        cause: str,
        reason: str,
        now: datetime,
        *,
        case_id: str | None,
        by: Actor,
        who: str,
    ) -> list[Write]: ...


@dataclass(frozen=True)
class Change:
    """A case and its order as they were read (`None`: not there yet, not touched), as they are to be, what is written
    beside them, and the pieces by SKU that leave the stock.
    """

    case: Case
    case_read: Case | None = None
    order: Order | None = None
    order_read: Order | None = None
    writes: tuple[Write, ...] = ()
    takes: Mapping[str, int] = field(default_factory=dict)


class Changes:
    def __init__(self, cases: CaseStore, orders: Orders, points: Points, books: Books, refunds: Refunds) -> None:
        self._cases = cases
        self._orders = orders
        self._points = points
        self._books = books
        self._refunds = refunds

    def writes(self, change: Change) -> list[Write]:
        """All that the change is but for what it takes, for one transaction. Refuses with CaseChanged or OrderChanged
        what is not as read.
        """
        if change.case_read is None:
            found = [self._cases.opened(change.case)]
        else:
            found = [self._cases.becomes(change.case_read, change.case)]
        if change.order and change.order_read:
            found.append(self._orders.store.becomes(change.order_read, change.order))
        return [*found, *change.writes]

    def claimed(self, case: Case, order: Order, doer: Doer, now: datetime) -> Change:
        """A new case takes its pieces and their money, so that no other can."""
        progress = order.progress
        for claim in case.claims:
            progress = with_claim(replace(order, progress=progress), claim)
        cases = {**order.cases, case.case_id: True}
        after = self._advanced(order, doer, f"申请售后：{TEXTS[case.reason]}", now, progress=progress, cases=cases)
        return Change(case, None, after, order)

    def on(self, case: Case) -> Change:
        """The case and its order, read now."""
        order = self._orders.get(case.member_id, case.order_id)
        return Change(case, case, order, order)

    def paid_back(self, change: Change, doer: Doer, why: str, now: datetime, *, restock: bool = False) -> Change:
        """The shop owes the money, and no pieces any more: they were never sent, or came back, or are left to the
        shopper. What can be sold again is sold again.
        """
        case, order = change.case, change.order
        assert order is not None
        returned = case.state in (CaseState.RETURNED, CaseState.RECEIVED)
        progress = order.progress
        for claim in case.claims if returned or not case.sent else ():
            progress = with_back(replace(order, progress=progress), claim)
        after = self._advanced(
            order,
            doer,
            f"售后退款 ¥{yuan(case.amount)}",
            now,
            progress=progress,
            refunded=order.refunded + case.amount,
            cases={**order.cases, case.case_id: False},
        )
        to = CaseState.REFUNDING if case.amount else CaseState.DONE
        done = moved(case, now, doer, why, to=to, restock=restock or case.restock)
        sold_again = case.pieces if restock or not case.sent else {}
        change = self._settled(replace(change, case=done), order, after, case.points, sold_again, now)
        return replace(change, writes=(*change.writes, *self._owed(case, order, doer, now)))

    def let_go(self, change: Change, to: CaseState, doer: Doer, why: str, now: datetime) -> Change:
        """The case ends without money: its pieces and their money are as they were before it."""
        case, order = change.case, change.order
        assert order is not None
        progress = order.progress
        for claim in case.claims:
            progress = without_claim(replace(order, progress=progress), claim)
        cases = {**order.cases, case.case_id: False}
        after = self._advanced(order, doer, f"售后结束：{ENDS[to]}", now, progress=progress, cases=cases)
        return self._settled(replace(change, case=moved(case, now, doer, why, to=to)), order, after, 0, {}, now)

    def _advanced(self, order: Order, doer: Doer, why: str, now: datetime, **changes: object) -> Order:
        return advanced(order, now, doer.by, why, self._orders.store.periods, who=doer.who, **changes)

    def _settled(
        self, change: Change, before: Order, after: Order, points: int, sold_again: Mapping[str, int], now: datetime
    ) -> Change:
        """With what leaves the order: goods, points, and at its end all else that it held.

        All of an order's money may be back while pieces that cost nothing were never sent: they stay in the shop. The
        member's points move once, since a transaction may touch a row once.
        """
        writes: list[Write] = []
        if after.state is OrderState.REFUNDED:
            kept, stays = _kept(after)
            if before.state is OrderState.REFUNDED:
                points += sum(claim.points for claim in stays)
            else:
                left = after.points - sum(done.points for done in after.progress.values())
                writes += self._orders.lets_go(replace(after, points=after.points - left), now, paid=True)
                points += left
            after = replace(after, progress=kept)
            sold_again = Counter(sold_again) + Counter({claim.sku_id: claim.pieces for claim in stays})
        writes += self._points.give_back(before.member_id, points, change.case.case_id, now)
        writes += self._orders.puts_back(sold_again)
        return replace(change, order=after, writes=(*change.writes, *writes))

    def _owed(self, case: Case, order: Order, doer: Doer, now: datetime) -> list[Write]:
        if not case.amount:
            return []
        assert order.trade_no, "money of an order that nobody paid"
        payment = self._books.payment(order.trade_no)
        reason = f"售后退款：{TEXTS[case.reason]}"
        return self._refunds.begins(
            payment, case.amount, CAUSE, reason, now, case_id=case.case_id, by=doer.by, who=doer.who
        )


ENDS: Mapping[CaseState, str] = {
    CaseState.CANCELLED: "已撤销",
    CaseState.REJECTED: "商家未同意",
    CaseState.REFUSED: "商家拒收退货",
    CaseState.DONE: "换货完成",
}


def _kept(order: Order) -> tuple[Mapping[str, Progress], list[Claim]]:
    """The progress of an order that is over, with what was never sent and is claimed by nobody as the shop's again."""
    stays = [most(order, sku_id, pieces, sent=False) for sku_id, pieces in to_send(order).items()]
    for claim in stays:
        order = replace(order, progress=with_claim(order, claim))
        order = replace(order, progress=with_back(order, claim))
    return order.progress, stays

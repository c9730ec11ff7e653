"""The money of one order, added up: what came in, what went back, what is under way, and what the shop may keep.

Two books that are kept apart are held against each other: payments and refunds as WeChat reported them, and the order
with what its after-sale cases decided. Their difference is zero, at every moment; anything else is a fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..kernel.paging import Page, decode_cursor
from ..kernel.trail import Event
from ..log import logger
from ..orders import Order, Orders, OrderState
from ..storage.writes import StorageBusy
from .rules import Payment, PaymentState, RefundOrder, RefundState, trade_number
from .store import PaymentStore

TRIES = 4


@dataclass(frozen=True)
class Movement:
    """One payment (`amount` above zero) or one attempt of a refund (below), in fen; `counts` if it is money that moved
    or will.
    """

    number: str
    amount: int
    state: str
    cause: str
    counts: bool
    problem: str
    timeline: tuple[Event, ...]


@dataclass(frozen=True)
class MoneyReport:
    """Fen. `received` came in; `sent_back` has arrived, `under_way` is owed; `undecided` came in for a closed order and
    waits for the decision; `kept` is what the order says is the shop's.
    """

    order_id: str
    state: OrderState
    payable: int
    received: int
    sent_back: int
    under_way: int
    undecided: int
    kept: int
    movements: tuple[Movement, ...]

    @property
    def difference(self) -> int:
        return self.received - self.sent_back - self.under_way - self.undecided - self.kept


def money_report(order: Order, payments: Sequence[Payment], refunds: Sequence[RefundOrder]) -> MoneyReport:
    """From what was read of one order at one moment."""
    arrived = [refund for refund in refunds if refund.state is RefundState.SUCCESS]
    # A closed attempt moved nothing; the one that follows it owes the same money.
    owed = [refund for refund in refunds if refund.state not in (RefundState.SUCCESS, RefundState.CLOSED)]
    return MoneyReport(
        order_id=order.order_id,
        state=order.state,
        payable=order.payable,
        received=sum(payment.total for payment in payments if payment.state is PaymentState.PAID),
        sent_back=sum(refund.amount for refund in arrived),
        under_way=sum(refund.amount for refund in owed),
        undecided=order.payable if order.late_payment else 0,
        kept=_kept(order),
        movements=(*map(_paid, payments), *map(_returned, refunds)),
    )


def _paid(payment: Payment) -> Movement:
    counts = payment.state is PaymentState.PAID
    return Movement(
        payment.out_trade_no, payment.total, payment.state, payment.trade_type, counts, "", payment.timeline
    )


def _returned(refund: RefundOrder) -> Movement:
    counts = refund.state is not RefundState.CLOSED
    problem = "" if refund.state is RefundState.SUCCESS else refund.last_error or ""
    return Movement(refund.out_refund_no, -refund.amount, refund.state, refund.cause, counts, problem, refund.timeline)


def _kept(order: Order) -> int:
    if order.state in (OrderState.AWAITING_PAYMENT, OrderState.CLOSED) or order.refund_state is not None:
        return 0
    return order.payable - order.refunded


class Money:
    """What staff see of money."""

    def __init__(self, store: PaymentStore, orders: Orders) -> None:
        self._store = store
        self._orders = orders

    def refunds_open(self, cursor: str | None, limit: int, now: datetime) -> Page[RefundOrder]:
        """Refunds that have not arrived yet, with what hinders them. Raises BadCursor."""
        return self._store.refunds_open(now, decode_cursor(cursor), limit)

    def payment(self, out_trade_no: str) -> Payment:
        """Whose payment a number of WeChat's bills is. Raises PaymentNotFound."""
        return self._store.payment(out_trade_no)

    def report(self, member_id: str, order_id: str) -> MoneyReport:
        """Raises OrderNotFound. A difference is alarmed."""
        for _ in range(TRIES):
            order, payments = self._paid(member_id, order_id)
            refunds = self._store.refunds(sorted(number for payment in payments for number in payment.refund_nos))
            report = money_report(order, payments, refunds)
            if report.difference == 0:
                return report
            # The rows were read one after another: only what stands still may be judged.
            if self._paid(member_id, order_id) == (order, payments):
                logger.error("money does not add up", order_id=order_id, alarm="money_difference")
                return report
        raise StorageBusy

    def _paid(self, member_id: str, order_id: str) -> tuple[Order, list[Payment]]:
        """What a refund that begins, or begins again, changes one of."""
        order = self._orders.get(member_id, order_id)
        return order, self._store.payments(trade_number(order_id, n + 1) for n in range(order.attempt))

"""One day of a shop and of WeChat, in memory, with the true store of reports on the engine beside it.

`strike` stops the process before or after its n-th write or call to the outside, whatever that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import chalicelib.reconciliation.store as reports
from chalicelib.kernel.clock import SHANGHAI
from chalicelib.payments.rules import (
    DayPayment,
    DayRefund,
    Expected,
    Payment,
    PaymentMismatch,
    PaymentState,
    RefundOrder,
    RefundState,
)
from chalicelib.reconciliation import Reconciliation, ReconciliationStore
from chalicelib.reconciliation.rules import Compared, Finding, Report, Subject
from chalicelib.storage.writes import Write, commit
from chalicelib.wechat.errors import PayError
from chalicelib.wechat.pay_types import RefundStatus, Trade

from . import bills
from .bills import FakeBills

DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, tzinfo=SHANGHAI)
MORNING = datetime(2026, 11, 22, 10, tzinfo=SHANGHAI).astimezone(UTC)


class Died(BaseException):
    """The process was killed: nothing that runs in it may catch this."""


@dataclass
class Strikes:
    """Counts steps; kills at one of them."""

    at: int | None = None
    after: bool = False
    steps: int = 0

    @contextmanager
    def step(self) -> Iterator[None]:
        self.steps += 1
        mine = self.steps == self.at
        if mine and not self.after:
            raise Died
        yield
        if mine:
            raise Died


@dataclass
class World:
    """Books, WeChat and the two services that move money, as the reconciliation knows them."""

    day: date = DAY
    now: datetime = MORNING
    trade_rows: list[dict[str, str]] = field(default_factory=list)
    flow_rows: list[dict[str, str]] | None = None
    bills: FakeBills = field(default_factory=lambda: FakeBills({}, {}))
    own_payments: dict[str, Payment] = field(default_factory=dict)
    own_refunds: dict[str, RefundOrder] = field(default_factory=dict)
    refund_days: dict[str, date] = field(default_factory=dict)
    trades: dict[str, Trade | PayError] = field(default_factory=dict)
    statuses: dict[str, RefundStatus | PayError] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)
    strikes: Strikes = field(default_factory=Strikes)
    store: ReconciliationStore = field(default_factory=ReconciliationStore)

    @property
    def noon(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=SHANGHAI)

    # What there is on either side.

    def paid_here(
        self, number: str, fen: int, at: datetime | None = None, state: PaymentState = PaymentState.PAID
    ) -> None:
        at = at or self.noon
        paid_at = at if state is PaymentState.PAID else None
        self.own_payments[number] = Payment(number, "o", "m", "openid", fen, state, "/n", at, paid_at=paid_at)

    def paid_there(
        self, number: str, fen: int, at: datetime | None = None, *, billed: bool = True, **more: Any
    ) -> None:
        at = at or self.noon
        trade = Trade(bills.APPID, bills.MCHID, number, f"42{number}", "SUCCESS", "openid", fen, "CNY", at)
        self.trades[number] = replace(trade, **more)
        if billed:
            self.trade_rows.append(bills.payment(number, fen))

    def refunded_here(
        self, number: str, fen: int, state: RefundState = RefundState.SUCCESS, at: datetime | None = None
    ) -> None:
        at = at or self.noon
        self.own_refunds[number] = RefundOrder(number, "p", "o", "m", fen, fen, "", "", state, at)
        if state is not RefundState.PENDING:
            self.refund_days[number] = at.astimezone(SHANGHAI).date()

    def refunded_there(
        self,
        number: str,
        fen: int,
        status: str = "SUCCESS",
        at: datetime | None = None,
        *,
        ended: datetime | None = None,
        bill: str | None = "SUCCESS",
    ) -> None:
        at = at or self.noon
        ended = (ended or at) if status == "SUCCESS" else None
        self.statuses[number] = RefundStatus(
            bills.MCHID, number, f"50{number}", "p", "42p", status, fen, fen, ended, created=at
        )
        if bill is not None:
            self.trade_rows.append(bills.refund(number, "p", fen, bill))

    def agreed(self, count: int, start: int = 0) -> None:
        for n in range(start, start + count):
            self.paid_here(f"agreed-{n:04d}", 100 + n)
            self.paid_there(f"agreed-{n:04d}", 100 + n)

    # Running.

    def put_up_bills(self) -> None:
        flows = self.flow_rows
        if flows is None:
            flows = [*bills.flow_of(self.trade_rows)]
        self.bills.trades[self.day] = bills.trade_bill(self.trade_rows)
        self.bills.flows[self.day] = bills.flow_bill(flows)

    def service(self) -> Reconciliation:
        account = Expected(bills.APPID, bills.MCHID)
        return Reconciliation(self.store, self.bills, self, self, self, self, account, lambda: self.now)

    def reconcile(self) -> Report:
        """One try with the bills as they stand in the rows; the report after it."""
        self.put_up_bills()
        self.service().run(self.now)
        return self.report()

    def report(self) -> Report:
        return self.store.report(self.day)

    def compared(self, subject: Subject = Subject.PAYMENT) -> Compared:
        return self.report().compared[subject]

    def findings(self) -> list[Finding]:
        return list(self.store.findings(self.day, None, 1000).rows)

    def found(self) -> list[tuple[str, str, str, str]]:
        """Subject and outcome, number, detail, state of each finding."""
        return [(f"{f.subject} {f.outcome}", f.number, f.detail.value, f.state.value) for f in self.findings()]

    # The shop's books.

    def paid_on(self, day: date) -> Iterator[DayPayment]:
        for each in self.own_payments.values():
            if each.paid_at and each.paid_at.astimezone(SHANGHAI).date() == day:
                yield DayPayment(each.out_trade_no, each.transaction_id or "", each.total, each.state)

    def refunds_of(self, day: date) -> Iterator[DayRefund]:
        for number, accepted in self.refund_days.items():
            each = self.own_refunds[number]
            if accepted == day:
                yield DayRefund(number, each.out_trade_no, each.amount, each.state)

    def payments(self, out_trade_nos: Iterable[str]) -> list[Payment]:
        return [self.own_payments[number] for number in out_trade_nos if number in self.own_payments]

    def refunds(self, out_refund_nos: Iterable[str]) -> list[RefundOrder]:
        return [self.own_refunds[number] for number in out_refund_nos if number in self.own_refunds]

    # WeChat, asked directly.

    def query(self, out_trade_no: str) -> Trade | None:
        trade: Trade | None = self._answer("query", out_trade_no, self.trades.get(out_trade_no))
        return trade

    def query_refund(self, out_refund_no: str) -> RefundStatus | None:
        status: RefundStatus | None = self._answer("query_refund", out_refund_no, self.statuses.get(out_refund_no))
        return status

    def _answer(self, what: str, number: str, answer: Any) -> Any:
        with self.strikes.step():
            self.done.append((what, number))
            if isinstance(answer, PayError):
                raise answer
            return answer

    # What moves money.

    def settle(self, trade: Trade, heard_by: str, now: datetime) -> None:
        with self.strikes.step():
            payment = self.own_payments[trade.out_trade_no]
            if payment.state is PaymentState.PAID:
                return
            if payment.total != trade.total:
                raise PaymentMismatch(fields=["total"])
            self.done.append((f"settle by {heard_by}", trade.out_trade_no))
            paid = replace(payment, state=PaymentState.PAID, paid_at=trade.success_time)
            self.own_payments[trade.out_trade_no] = paid

    def advance(self, out_refund_no: str, now: datetime) -> None:
        with self.strikes.step():
            self.done.append(("advance", out_refund_no))
            status = self.statuses.get(out_refund_no)
            if not isinstance(status, RefundStatus):
                return
            state = RefundState(status.status)
            self.own_refunds[out_refund_no] = replace(self.own_refunds[out_refund_no], state=state)
            assert status.created is not None
            self.refund_days[out_refund_no] = status.created.astimezone(SHANGHAI).date()


def count_writes(monkeypatch: Any, world: World) -> None:
    """Every write of a report is a step too."""

    def counted(*writes: Write) -> None:
        with world.strikes.step():
            commit(*writes)

    monkeypatch.setattr(reports, "commit", counted)


def later(world: World, **amount: float) -> None:
    world.now += timedelta(**amount)

"""The reconciliation of a bill of a million rows: `make bench-reconcile` prints time, memory, and that all was found.

A server in a process of its own gives the bills over HTTP; they come through the true client, reader, ledger, comparer
and store of reports (on an engine). The shop's books and WeChat's answers are computed from a number, since they are
not what is measured. Differences of each sort are planted evenly, and the report must hold exactly them.
"""

from __future__ import annotations

import gzip
import hashlib
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from chalicelib.kernel.clock import SHANGHAI
from chalicelib.log import logger
from chalicelib.payments.rules import (
    DayPayment,
    DayRefund,
    Expected,
    Payment,
    PaymentState,
    RefundOrder,
    RefundState,
)
from chalicelib.reconciliation import Reconciliation, ReconciliationStore, service
from chalicelib.reconciliation.ledger import Ledger
from chalicelib.reconciliation.rules import Outcome, Report, Subject, last_days
from chalicelib.wechat.bills import BillOffer, Bills
from chalicelib.wechat.errors import NoBill
from chalicelib.wechat.pay import PaySettings, WeChatPay
from chalicelib.wechat.pay_types import RefundStatus, Trade
from sandbox.wechat import Credentials, make_credentials
from tests.engine import fresh_tables, running_engine
from tests.reconciliation import bills

DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, tzinfo=SHANGHAI)
MORNING = datetime(2026, 11, 22, 10, tzinfo=SHANGHAI).astimezone(UTC)
EACH = 100
"""How many differences of each sort."""
DIFFERS, STRANGER, UNKNOWN, OURS_ONLY, TWICE, FOREIGN, BEHIND = range(1, 8)
ROWS_AT_ONCE = 2000


class Day:
    """A day of so many rows: nineteen payments to a refund. What there is of number n on each side follows from n."""

    def __init__(self, rows: int) -> None:
        self.refunds = rows // 20
        self.payments = rows - self.refunds

    def sort(self, n: int, *, refund: bool) -> int:
        """Which difference is planted here; 0 for none."""
        sort = n % ((self.refunds if refund else self.payments) // EACH)
        planted = (DIFFERS, STRANGER, UNKNOWN, OURS_ONLY, BEHIND if refund else TWICE, 0 if refund else FOREIGN)
        return sort if sort in planted else 0

    def trade_rows(self) -> Iterator[dict[str, str]]:
        for n in range(self.payments):
            sort = self.sort(n, refund=False)
            row = bills.payment(payment_number(n), fen(n))
            if sort == FOREIGN:
                yield row | {"商户号": "1900000009"}
            elif sort != OURS_ONLY:
                yield row
            if sort == TWICE:
                yield row
        for n in range(self.refunds):
            if self.sort(n, refund=True) != OURS_ONLY:
                yield bills.refund(refund_number(n), payment_number(n), fen(n))

    def flow_rows(self) -> Iterator[dict[str, str]]:
        last = ""
        for row in self.trade_rows():
            if row["商户号"] == bills.MCHID and row["微信订单号"] + row["商户退款单号"] != last:
                yield from bills.flow_of([row])
            last = row["微信订单号"] + row["商户退款单号"]


def payment_number(n: int) -> str:
    return f"01KB{n:022d}-1"


def refund_number(n: int) -> str:
    return f"R{payment_number(n)}"


def fen(n: int) -> int:
    return 100 + n * 7919 % 100_000


class Books:
    """The shop's books of that day, WeChat's answers, and what moves money."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._settled: set[str] = set()
        self._advanced: set[str] = set()

    def paid_on(self, day: date) -> Iterator[DayPayment]:
        for n in range(self._day.payments if day == DAY else 0):
            payment = self._payment(n)
            if payment is not None and payment.state is PaymentState.PAID:
                yield DayPayment(payment.out_trade_no, f"42{payment.out_trade_no}", payment.total, payment.state)

    def refunds_of(self, day: date) -> Iterator[DayRefund]:
        for n in range(self._day.refunds if day == DAY else 0):
            refund = self._refund(n)
            if refund is not None and refund.state is not RefundState.PENDING:
                yield DayRefund(refund.out_refund_no, refund.out_trade_no, refund.amount, refund.state)

    def payments(self, out_trade_nos: Iterable[str]) -> list[Payment]:
        found = (self._payment(int(number[4:26])) for number in out_trade_nos)
        return [payment for payment in found if payment is not None]

    def refunds(self, out_refund_nos: Iterable[str]) -> list[RefundOrder]:
        found = (self._refund(int(number[5:27])) for number in out_refund_nos)
        return [refund for refund in found if refund is not None]

    def query(self, out_trade_no: str) -> Trade:
        total = fen(int(out_trade_no[4:26]))
        return Trade(bills.APPID, bills.MCHID, out_trade_no, "42", "SUCCESS", "openid", total, "CNY", NOON)

    def query_refund(self, out_refund_no: str) -> RefundStatus:
        amount = fen(int(out_refund_no[5:27]))
        return RefundStatus(bills.MCHID, out_refund_no, "50", "p", "42", "SUCCESS", amount, amount, NOON, created=NOON)

    def settle(self, trade: Trade, heard_by: str, now: datetime) -> None:
        self._settled.add(trade.out_trade_no)

    def advance(self, out_refund_no: str, now: datetime) -> None:
        self._advanced.add(out_refund_no)

    def _payment(self, n: int) -> Payment | None:
        sort, number = self._day.sort(n, refund=False), payment_number(n)
        if sort in (STRANGER, FOREIGN):
            return None
        paid = sort != UNKNOWN or number in self._settled
        state = PaymentState.PAID if paid else PaymentState.STARTED
        return Payment(number, "o", "m", "openid", fen(n) + (sort == DIFFERS), state, "/n", NOON)

    def _refund(self, n: int) -> RefundOrder | None:
        sort, number = self._day.sort(n, refund=True), refund_number(n)
        if sort == STRANGER:
            return None
        before = {UNKNOWN: RefundState.PENDING, BEHIND: RefundState.PROCESSING}.get(sort, RefundState.SUCCESS)
        state = RefundState.SUCCESS if number in self._advanced else before
        amount = fen(n) + (sort == DIFFERS)
        return RefundOrder(number, payment_number(n), "o", "m", amount, amount, "", "", state, NOON)


def write_bill(path: Path, columns: list[str], rows: Iterable[dict[str, str]], summary: Counter[str]) -> str:
    """Compressed, a row at a time; its SHA-1."""
    sha1 = hashlib.sha1(usedforsecurity=False)
    with gzip.open(path, "wb", compresslevel=1) as file:

        def put(text: str) -> None:
            sha1.update(text.encode())
            file.write(text.encode())

        put("\ufeff" + ",".join(columns) + "\r\n")
        lines: list[str] = []
        for row in rows:
            _count(summary, row)
            lines.append(bills.line(row.get(name, "") for name in columns) + "\r\n")
            if len(lines) == ROWS_AT_ONCE:
                put("".join(lines))
                lines.clear()
        put("".join(lines))
        told = {name: bills.yuan(value) for name, value in summary.items()}
        put(",".join(told) + "\r\n" + bills.line(told.values()) + "\r\n")
    return sha1.hexdigest()


def _count(summary: Counter[str], row: dict[str, str]) -> None:
    if "收支类型" in row:
        way = row["收支类型"]
        summary.update({"资金流水总笔数": 100, f"{way}笔数": 100, f"{way}金额": bills.fen(row["收支金额(元)"])})
    else:
        paid, refunded = bills.fen(row["订单金额"]), bills.fen(row["申请退款金额"])
        summary.update({"总交易单数": 100, "订单总金额": paid, "申请退款总金额": refunded})


def serve(home: Path, rows: int, ready: Any) -> None:
    """Writes both bills, then gives them: hashes and address go to `ready`."""
    day = Day(rows)
    trade = write_bill(home / "trade", bills.TRADE, day.trade_rows(), Counter())
    flow = write_bill(home / "flow", bills.FLOW, day.flow_rows(), Counter())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(home)))
    ready.put((trade, flow, server.server_address[1]))
    server.serve_forever()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        return


class Desk(Bills):
    """The true download; the offers are made here."""

    def __init__(self, pay: WeChatPay, port: int, hashes: dict[str, str]) -> None:
        super().__init__(pay)
        self._port = port
        self._hashes = hashes

    def trade(self, day: date) -> BillOffer:
        return self._made("trade", day)

    def fund_flow(self, day: date) -> BillOffer:
        return self._made("flow", day)

    def _made(self, name: str, day: date) -> BillOffer:
        if day != DAY:
            raise NoBill("NO_STATEMENT_EXIST", status=400)
        return BillOffer("SHA1", self._hashes[name], f"http://127.0.0.1:{self._port}/{name}")


class Weighed(Ledger):
    """Says how large it was."""

    size = 0

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    def close(self) -> None:
        super().close()
        Weighed.size = self._path.stat().st_size


@contextmanager
def bills_of(rows: int) -> Iterator[tuple[int, dict[str, str]]]:
    """The port of a server that has them, and their hashes."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as home:
        ready = context.Queue()
        process = context.Process(target=serve, args=(Path(home), rows, ready), daemon=True)
        process.start()
        try:
            trade, flow, port = ready.get(timeout=900)
            yield port, {"trade": trade, "flow": flow}
        finally:
            process.terminate()
            process.join()


def reconcile(rows: int, credentials: Credentials) -> tuple[Report, Counter[tuple[Subject, Outcome]], float]:
    """The report, its findings by sort, and the seconds that it took."""
    settings = PaySettings(
        appid=bills.APPID,
        mchid=bills.MCHID,
        merchant_serial=credentials.merchant_serial,
        merchant_private_key_pem=credentials.merchant_private_key,
        apiv3_key=credentials.apiv3_key,
        platform_keys={credentials.wechatpay_public_key_id: credentials.wechatpay_public_key},
        notify_base="https://shop.example.com",
    )
    with bills_of(rows) as (port, hashes):
        desk = Desk(WeChatPay(settings, lambda: MORNING), port, hashes)
        books, store = Books(Day(rows)), ReconciliationStore()
        account = Expected(bills.APPID, bills.MCHID)
        reconciliation = Reconciliation(store, desk, books, books, books, books, account, lambda: MORNING)
        for _ in last_days(MORNING)[:-1]:  # the days before had no business
            reconciliation.run(MORNING)
        started = time.perf_counter()
        reconciliation.run(MORNING)
        seconds = time.perf_counter() - started
    return store.report(DAY), Counter(_sorts(store)), seconds


def _sorts(store: ReconciliationStore) -> Iterator[tuple[Subject, Outcome]]:
    cursor = None
    while True:
        page = store.findings(DAY, cursor, 50)
        yield from ((finding.subject, finding.outcome) for finding in page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return


def check(report: Report) -> None:
    """Exactly what was planted: in the trade bill, and again in the money that moved."""
    for subject in Subject:
        ways = report.compared[subject]
        alone = (ways.theirs_only.count, ways.ours_only.count, ways.differ.count)
        assert alone == (EACH, EACH, EACH), (subject, ways)
        assert ways.differ_ours.fen == ways.differ.fen + EACH, (subject, ways)
    # Three sorts under each of four subjects; twice and foreign under payments.
    assert report.found == 14 * EACH, report
    # Unpaid here, refunds unknown here, refunds under way here.
    assert report.mended == 3 * EACH, report


def peak() -> float:
    """Megabytes of memory that this process had at most, until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(sizes: list[int]) -> None:
    logger.setLevel("CRITICAL")
    setattr(service, "Ledger", Weighed)  # noqa: B010
    with tempfile.TemporaryDirectory() as home, running_engine(Path(home)) as engine:
        credentials = make_credentials(Path(home))
        for rows in sizes:
            fresh_tables(engine)
            report, kept, seconds = reconcile(rows, credentials)
            check(report)
            moved = sum(report.compared[each].both.count for each in (Subject.FLOW_PAYMENT, Subject.FLOW_REFUND))
            print(
                f"{rows:>9,} rows of trade, {moved + report.fees.count:>9,} of flow: {seconds:6.1f} s,"
                f" peak memory {peak():5.1f} MB, ledger {Weighed.size / 1e6:6.1f} MB on disk;"
                f" planted {11 * EACH}: {report.found} findings ({sum(kept.values()) - report.mended} kept),"
                f" {report.mended} mended, none missed and none made up"
            )


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [20_000, 1_000_000])

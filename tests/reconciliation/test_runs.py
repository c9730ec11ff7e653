"""Runs: which day and when, once at a time, killed anywhere, and never on a bill that is not WeChat's."""

import hashlib
import itertools
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.kernel.clock import SHANGHAI
from chalicelib.payments.rules import Expected, PaymentState, RefundState
from chalicelib.reconciliation import ReconciliationStore, service
from chalicelib.reconciliation.bill import TradeBill
from chalicelib.reconciliation.ledger import Ledger
from chalicelib.reconciliation.rows import finding_row
from chalicelib.reconciliation.rules import (
    FINDING_TRANSITIONS,
    REPORT_TRANSITIONS,
    Detail,
    Entry,
    Finding,
    FindingChanged,
    FindingNotOpen,
    FindingState,
    LeaseLost,
    Outcome,
    ReportNotFound,
    ReportState,
    Subject,
    Tally,
    last_days,
)
from chalicelib.reconciliation.store import Result
from chalicelib.wechat.errors import PayUnreachable

from . import bills
from .bills import FakeBills
from .world import DAY, MORNING, Died, Strikes, World, count_writes, later

STRANGER = Finding(Subject.PAYMENT, Outcome.THEIRS_ONLY, "stranger", 400, None, Detail.UNKNOWN_HERE)
NOTHING = Result({}, Tally(), Tally(), {}, [], 0)
DAYS = [DAY - timedelta(days=ago) for ago in range(6, -1, -1)]


def everything_happens(world: World) -> None:
    """One of each outcome."""
    world.agreed(2)
    world.paid_here("unpaid", 5600, state=PaymentState.CLOSED)
    world.paid_there("unpaid", 5600)
    world.paid_here("other", 100)
    world.paid_there("other", 101)
    world.paid_here("mine", 300)
    world.paid_there("stranger", 400)
    world.refunded_here("unknown", 50, RefundState.PENDING)
    world.refunded_there("unknown", 50)
    world.refunded_here("behind", 60, RefundState.PROCESSING)
    world.refunded_there("behind", 60)
    world.trade_rows += [bills.payment("agreed-0000", 100), bills.payment("foreign", 1, 商户号="1")]
    world.put_up_bills()


def end_state(world: World) -> tuple[Any, ...]:
    report = world.report()
    money = sorted((number, each.state) for number, each in (world.own_payments | world.own_refunds).items())
    settled = [step for step in world.done if step[0].startswith("settle")]
    counted = (report.compared, report.fees, report.hashes, report.mended, report.found, report.listed)
    return report.state, counted, sorted(world.found()), money, settled


def test_killed_at_any_step_and_run_again_it_comes_to_the_same_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, steps = lives_through(world, monkeypatch)
    assert undisturbed[0] is ReportState.DONE
    assert (world.report().mended, world.report().found) == (3, 10)
    assert steps >= 14
    for step in range(1, steps + 1):
        for after in (False, True):
            victim = World(day=world.day - timedelta(days=2 * step + after), strikes=Strikes(step, after))
            assert lives_through(victim, monkeypatch)[0] == undisturbed, (step, after)


def lives_through(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, int]:
    """The end of it, with a second run if the first one was killed; and how many steps it took."""
    everything_happens(world)
    with monkeypatch.context() as patch:
        patch.setattr(service, "last_days", lambda now: [world.day])
        count_writes(patch, world)
        if world.strikes.at is not None:
            with pytest.raises(Died):
                world.service().run(world.now)
            later(world, minutes=21)
        world.service().run(world.now)
        return end_state(world), world.strikes.steps


def test_a_run_that_seems_dead_and_is_not_cannot_write_after_another_took_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It pauses for half an hour just before it settles a payment."""
    everything_happens(world)
    genuine, paused = World.query, list[str]()

    def pausing(self: World, number: str) -> Any:
        if number == "unpaid" and not paused:
            paused.append(number)
            later(self, minutes=21)
            self.service().run(self.now)
        return genuine(self, number)

    monkeypatch.setattr(World, "query", pausing)
    first = world.service()
    assert first.run(world.now) == 0
    assert [step for step in world.done if step[0].startswith("settle")] == [("settle by reconciliation", "unpaid")]
    report = world.report()
    assert (report.state, report.tries, report.mended, report.found) == (ReportState.DONE, 2, 3, 10)


def test_of_two_runs_at_once_one_does_it(world: World) -> None:
    everything_happens(world)
    barrier, done = threading.Barrier(4), []

    def run() -> None:
        barrier.wait()
        done.append(world.service().run(world.now))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 0, 13]
    assert (world.report().tries, world.bills.asked) == (1, 2)


def test_a_run_that_is_alive_keeps_its_day_and_one_that_died_loses_it(tables: str) -> None:
    store = ReconciliationStore()
    first = store.begin([DAY], MORNING)
    assert first is not None
    assert store.begin([DAY], MORNING + timedelta(minutes=19)) is None
    second = store.begin([DAY], MORNING + timedelta(minutes=20))
    assert second is not None
    assert (second.tries, store.report(DAY).tries) == (2, 2)
    too_late: list[Callable[[], object]] = [
        lambda: store.put_off(first, "FAILED"),
        lambda: store.mending(first, STRANGER),
        lambda: store.finish(first, replace(NOTHING, findings=[STRANGER]), MORNING),
    ]
    for write in too_late:
        with pytest.raises(LeaseLost):
            write()
    assert store.findings(DAY, None, 50).rows == []


@pytest.mark.parametrize("state", FindingState)
@pytest.mark.parametrize("to", [FindingState.MENDING, FindingState.MENDED, FindingState.RESOLVED])
def test_a_finding_moves_as_its_table_says(tables: str, state: FindingState, to: FindingState) -> None:
    """To where it is already: again, and nothing changes."""
    store = ReconciliationStore()
    run = store.begin([DAY], MORNING)
    assert run is not None
    put = finding_row(DAY, STRANGER, state)
    put.save()
    move: dict[FindingState, Callable[[], object]] = {
        FindingState.MENDING: lambda: store.mending(run, STRANGER),
        FindingState.MENDED: lambda: store.mended(run, STRANGER, Detail.SETTLED),
        FindingState.RESOLVED: lambda: store.resolve(DAY, STRANGER.finding_id, "退款", "boss", MORNING),
    }
    with suppress(FindingChanged, FindingNotOpen):
        move[to]()
    (finding,) = store.findings(DAY, None, 50).rows
    assert finding.state is (to if to in FINDING_TRANSITIONS[state] else state)
    assert store.report(DAY).mended == (state is FindingState.MENDING and to is FindingState.MENDED)


def test_what_a_dead_run_left_and_the_next_one_does_not_find_is_gone(tables: str) -> None:
    store = ReconciliationStore()
    first = store.begin([DAY], MORNING)
    assert first is not None
    store.mending(first, STRANGER)
    assert store.half_mended(DAY) == [replace(STRANGER, state=FindingState.MENDING)]
    second = store.begin([DAY], MORNING + timedelta(minutes=20))
    assert second is not None
    store.finish(second, NOTHING, MORNING)
    assert store.findings(DAY, None, 50).rows == []


def test_a_day_that_is_done_is_never_begun_again(world: World) -> None:
    world.agreed(1)
    world.reconcile()
    report = world.report()
    later(world, hours=1)
    assert world.service().run(world.now) == 0
    assert (world.report(), world.bills.asked) == (report, 2)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"hash_value": "0" * 40}, "DAMAGED"),
        ({"cut": 700}, "DAMAGED"),
        ({"trades": {DAY: bills.trade_bill([], 总交易单数="1.0")}}, "TOTALS"),
        ({"trades": {DAY: b"404 page not found"}}, "MALFORMED"),
        ({"flows": {DAY: b"404 page not found"}}, "MALFORMED"),
        ({"trades": {}}, "NOT_READY"),
        ({"flows": {}}, "NOT_READY"),
    ],
)
def test_a_bill_that_is_not_wechats_moves_nothing_and_is_fetched_again(
    world: World, change: dict[str, Any], problem: str
) -> None:
    everything_happens(world)
    good = vars(world.bills).copy()
    vars(world.bills).update(change)
    assert world.service().run(world.now) == 0
    assert (world.report().state, world.report().problem) == (ReportState.WAITING, problem)
    assert (world.done, world.findings()) == ([], [])
    vars(world.bills).update(good)
    assert world.service().run(world.now) == 13
    assert world.report().state is ReportState.DONE


def test_a_download_that_breaks_off_moves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everything_happens(world)

    def breaking(self: FakeBills, offer: Any) -> Iterator[bytes]:
        yield bills.trade_bill(world.trade_rows)[:700]
        raise PayUnreachable("UNREACHABLE")

    monkeypatch.setattr(FakeBills, "download", breaking)
    world.service().run(world.now)
    assert (world.report().problem, world.done) == ("UNANSWERED", [])


def test_another_hash_than_the_one_we_know_is_not_believed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everything_happens(world)
    genuine = FakeBills.trade
    monkeypatch.setattr(FakeBills, "trade", lambda self, day: replace(genuine(self, day), hash_type="MD5"))
    world.service().run(world.now)
    assert (world.report().problem, world.done) == ("MALFORMED", [])


def test_nothing_runs_before_ten_in_beijing() -> None:
    ten = datetime(2026, 11, 22, 10, tzinfo=SHANGHAI)
    assert last_days(ten - timedelta(seconds=1)) == []
    assert last_days(ten.astimezone(UTC)) == [date(2026, 11, day) for day in range(15, 22)]


def test_each_run_does_one_day_the_oldest_first_and_none_twice(tables: str) -> None:
    world = World()
    world.bills.trades = world.bills.flows = dict.fromkeys(DAYS)
    world.service().run(world.now)
    assert [report.day for report in world.store.reports(None, 50).rows] == DAYS[:1]
    for _ in range(8):
        world.service().run(world.now)
    assert [report.day for report in reversed(world.store.reports(None, 50).rows)] == DAYS
    assert world.bills.asked == 14


def test_a_day_that_fails_again_and_again_keeps_no_other_waiting(tables: str) -> None:
    world = World()
    world.bills.trades = world.bills.flows = dict.fromkeys(DAYS[1:])
    for _ in range(7):
        world.service().run(world.now)
    states = {report.day: report.state for report in world.store.reports(None, 50).rows}
    assert states == {DAYS[0]: ReportState.WAITING} | dict.fromkeys(DAYS[1:], ReportState.DONE)
    world.service().run(world.now)
    assert world.store.report(DAYS[0]).tries == 2


def test_reports_are_listed_newest_first_page_by_page(tables: str) -> None:
    world = World()
    world.bills.trades = world.bills.flows = dict.fromkeys(DAYS)
    for _ in DAYS:
        world.service().run(world.now)
    first = world.store.reports(None, 5)
    second = world.store.reports(first.next_cursor, 5)
    assert [report.day for report in (*first.rows, *second.rows)] == DAYS[::-1]
    assert second.next_cursor is None


def test_a_day_without_a_report_has_none(tables: str) -> None:
    with pytest.raises(ReportNotFound):
        ReconciliationStore().report(DAY)


@pytest.mark.parametrize("state", ReportState)
@pytest.mark.parametrize("to", ReportState)
def test_a_report_moves_as_its_table_says(tables: str, state: ReportState, to: ReportState) -> None:
    """To where it is already: the same call again, whose answer was lost, is no harm."""
    store = ReconciliationStore()
    run = store.begin([DAY], MORNING)
    assert run is not None
    move: dict[ReportState, Callable[[], object]] = {
        ReportState.RUNNING: lambda: store.begin([DAY], MORNING),
        ReportState.WAITING: lambda: store.put_off(run, "FAILED"),
        ReportState.DONE: lambda: store.finish(run, NOTHING, MORNING),
    }
    if state is not ReportState.RUNNING:
        move[state]()
    with suppress(LeaseLost):
        move[to]()
    moved = to in REPORT_TRANSITIONS[state] or to is state
    assert store.report(DAY).state is (to if moved else state)


def test_memory_does_not_grow_with_the_bill_and_work_no_faster_than_it(tmp_path: Path) -> None:
    """Everything between the bill's bytes and the counted comparison, at two sizes."""
    small, large = weighed(tmp_path / "small", 5_000), weighed(tmp_path / "large", 20_000)
    assert large[0] < small[0] * 1.2
    assert large[1] < small[1] * 5


def weighed(path: Path, rows: int) -> tuple[int, int]:
    """Bytes at most at once, and thousands of steps of the database, for a bill of so many rows of which every
    hundredth is theirs alone, ours alone, of another amount, or a refund under way here.
    """
    sha1 = hashlib.sha1()
    for chunk in generated(rows):
        sha1.update(chunk)
    steps = itertools.count()
    tracemalloc.start()
    ledger = Ledger(path)
    ledger._db.set_progress_handler(lambda: next(steps) < 0, 1000)
    bill = TradeBill(Expected(bills.APPID, bills.MCHID))
    ledger.theirs(bill.entries(generated(rows), sha1.hexdigest()))
    ledger.ours(
        Entry(Subject.PAYMENT, number(n + (n % 100 == 1) * rows), n + (n % 100 == 2)) for n in range(rows) if n % 100
    )
    ledger.index()
    theirs, ours, differing = (
        sum(map(len, pages(Subject.PAYMENT))) for pages in (ledger.their_own, ledger.our_own, ledger.differing)
    )
    assert [*ledger.unended(Subject.REFUND, ("SUCCESS",), ("PENDING",))] == []
    compared = ledger.compared(Subject.PAYMENT, 0)
    ledger.close()
    reached = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    each = rows // 100
    assert (theirs, ours, differing, compared.both.count) == (2 * each, each, each, rows - 3 * each)
    return reached, next(steps)


def number(n: int) -> str:
    return f"order-{n:07d}"


def generated(rows: int) -> Iterator[bytes]:
    head, tail = bills.trade_bill([]).split("总交易单数".encode())
    yield head
    for start in range(0, rows, 500):
        each = (bills.payment(number(n), n) for n in range(start, start + 500))
        yield "".join(bills.line(row.get(name, "") for name in bills.TRADE) + "\r\n" for row in each).encode()
    told = tail.replace(b"`0.0,", f"`{rows}.0,".encode(), 1)
    yield "总交易单数".encode() + told.replace(b"0.00", bills.yuan(sum(range(rows))).encode(), 1)

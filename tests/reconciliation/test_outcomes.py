"""The four ways, and what becomes of each: mended by rule, or left to staff with what is known."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.kernel.clock import SHANGHAI
from chalicelib.payments.rules import PaymentState, RefundState
from chalicelib.reconciliation import compare
from chalicelib.reconciliation.rules import Compared, ReportState, Subject, Tally
from chalicelib.wechat.errors import PayRefused, PayUnreachable

from . import bills
from .world import NOON, World

MIDNIGHT = datetime(2026, 11, 22, tzinfo=SHANGHAI)
SECOND = timedelta(seconds=1)


def both(count: int, fen: int) -> Compared:
    return Compared(both=Tally(count, fen))


def test_books_that_agree_give_a_report_without_findings(world: World) -> None:
    world.agreed(3)
    world.refunded_here("refund-1", 50)
    world.refunded_there("refund-1", 50)
    report = world.reconcile()
    assert report.state is ReportState.DONE
    assert report.compared == {
        Subject.PAYMENT: both(3, 303), Subject.REFUND: both(1, 50),
        Subject.FLOW_PAYMENT: both(3, 303), Subject.FLOW_REFUND: both(1, 50),
    }  # fmt: skip
    assert (report.fees, report.found, report.mended, world.findings()) == (Tally(3, 3), 0, 0, [])
    assert world.done == []


def test_a_day_without_bills_is_done_and_all_of_ours_is_ours_alone(world: World) -> None:
    world.paid_here("order-1", 5600)
    world.bills.trades[world.day] = world.bills.flows[world.day] = None
    assert world.service().run(world.now) == 2
    assert world.report().hashes == {"trade": "", "fund_flow": ""}
    assert world.compared() == Compared(ours_only=Tally(1, 5600))
    assert ("payment ours-only", "order-1", "UNKNOWN_THERE", "OPEN") in world.found()


def test_what_is_paid_there_and_unpaid_here_is_settled_by_what_wechat_says_itself(world: World) -> None:
    world.paid_here("order-1", 5600, state=PaymentState.STARTED)
    world.paid_here("order-2", 700, state=PaymentState.CLOSED)
    world.paid_there("order-1", 5600)
    world.paid_there("order-2", 700)
    report = world.reconcile()
    assert [step for step in world.done if step[0] != "query"] == [
        ("settle by reconciliation", "order-1"), ("settle by reconciliation", "order-2"),
    ]  # fmt: skip
    assert (report.mended, report.found) == (2, 0)
    assert world.compared() == world.compared(Subject.FLOW_PAYMENT) == both(2, 6300)
    assert world.found() == [
        ("payment theirs-only", number, "SETTLED", "MENDED") for number in sorted_by_id(world, "order-1", "order-2")
    ]


def sorted_by_id(world: World, *numbers: str) -> list[str]:
    ids = {finding.number: finding.finding_id for finding in world.findings()}
    return sorted(numbers, key=ids.__getitem__)


def test_the_bill_alone_settles_nothing(world: World) -> None:
    world.paid_here("order-1", 5600, state=PaymentState.STARTED)
    world.paid_there("order-1", 5600, trade_state="NOTPAY", success_time=None)
    world.reconcile()
    assert world.own_payments["order-1"].state is PaymentState.STARTED
    assert ("payment theirs-only", "order-1", "UNPAID_THERE", "OPEN") in world.found()
    assert world.compared() == Compared(theirs_only=Tally(1, 5600))


@pytest.mark.parametrize(
    ("there", "detail"), [({"total": 1}, "NOT_OURS"), ({"trade_state": "REFUND"}, "REFUNDED_OUTSIDE")]
)
def test_what_cannot_be_settled_is_left_to_staff(world: World, there: dict[str, Any], detail: str) -> None:
    world.paid_here("order-1", 5600, state=PaymentState.STARTED)
    world.paid_there("order-1", 5600, **there)
    report = world.reconcile()
    assert ("payment theirs-only", "order-1", detail, "OPEN") in world.found()
    assert (report.state, report.mended, report.found) == (ReportState.DONE, 0, 2)


def test_numbers_that_nobody_here_knows_are_left_to_staff(world: World) -> None:
    world.paid_there("stranger", 5600)
    world.refunded_there("strange-refund", 300)
    world.reconcile()
    assert world.found() == [
        ("flow-payment theirs-only", "stranger", "UNKNOWN_HERE", "OPEN"),
        ("flow-refund theirs-only", "strange-refund", "UNKNOWN_HERE", "OPEN"),
        ("payment theirs-only", "stranger", "UNKNOWN_HERE", "OPEN"),
        ("refund theirs-only", "strange-refund", "UNKNOWN_HERE", "OPEN"),
    ]
    assert world.compared(Subject.REFUND) == Compared(theirs_only=Tally(1, 300))


def test_amounts_that_differ_are_found_and_both_are_told(world: World) -> None:
    world.paid_here("order-1", 5600)
    world.paid_there("order-1", 5601)
    world.refunded_here("refund-1", 300)
    world.refunded_there("refund-1", 299)
    world.reconcile()
    assert world.compared() == Compared(differ=Tally(1, 5601), differ_ours=Tally(1, 5600))
    assert world.compared(Subject.REFUND) == Compared(differ=Tally(1, 299), differ_ours=Tally(1, 300))
    finding = next(each for each in world.findings() if each.subject is Subject.PAYMENT)
    assert (finding.outcome, finding.theirs, finding.ours) == ("differs", 5601, 5600)


def test_money_that_the_trade_bill_has_and_the_account_never_got_is_found(world: World) -> None:
    world.agreed(2)
    world.flow_rows = [bills.flow("agreed-0000", 100)]
    world.reconcile()
    assert world.found() == [("flow-payment ours-only", "agreed-0001", "NOT_IN_BILL", "OPEN")]
    assert world.compared() == both(2, 201)


def test_a_payment_at_midnight_that_stands_under_the_other_day_here_is_found_there_and_agrees(world: World) -> None:
    world.paid_here("late", 5600, at=MIDNIGHT)
    world.paid_there("late", 5600, at=MIDNIGHT - SECOND)
    report = world.reconcile()
    assert (world.compared(), report.found) == (both(1, 5600), 0)
    assert world.done == []


def test_what_the_bill_lacks_is_asked_for_and_may_belong_to_another_day(world: World) -> None:
    world.paid_here("late", 5600, at=MIDNIGHT - SECOND)
    world.paid_there("late", 5600, at=MIDNIGHT, billed=False)
    report = world.reconcile()
    assert (world.compared(), report.found) == (Compared(elsewhere=1), 0)
    assert world.done == [("query", "late")]


@pytest.mark.parametrize("at", [MIDNIGHT - SECOND, MIDNIGHT - timedelta(days=1)])
def test_what_wechat_itself_counts_to_the_day_must_stand_in_its_bill(world: World, at: datetime) -> None:
    world.paid_here("lost", 5600)
    world.paid_there("lost", 5600, at=at, billed=False)
    world.reconcile()
    assert ("payment ours-only", "lost", "NOT_IN_BILL", "OPEN") in world.found()
    assert world.compared() == Compared(ours_only=Tally(1, 5600))


def test_a_refund_accepted_the_day_before_is_paid_out_today_without_a_finding(world: World) -> None:
    yesterday = NOON - timedelta(days=1)
    world.refunded_here("refund-1", 300, at=yesterday)
    world.refunded_there("refund-1", 300, at=yesterday, ended=NOON, bill=None)
    world.flow_rows = [bills.flow("refund-1", 300, "退款")]
    report = world.reconcile()
    assert (report.found, world.compared(Subject.REFUND)) == (0, Compared())
    assert world.compared(Subject.FLOW_REFUND) == both(1, 300)


def test_a_refund_accepted_today_and_paid_out_tomorrow_is_no_finding_either(world: World) -> None:
    world.refunded_here("refund-1", 300)
    world.refunded_there("refund-1", 300, ended=MIDNIGHT)
    world.refunded_here("refund-2", 200, RefundState.PROCESSING)
    world.refunded_there("refund-2", 200, "PROCESSING", bill="PROCESSING")
    world.flow_rows = []
    report = world.reconcile()
    assert (report.found, world.compared(Subject.REFUND)) == (0, both(2, 500))
    assert world.compared(Subject.FLOW_REFUND) == Compared(elsewhere=1)


def test_a_refund_that_wechat_accepted_and_the_shop_does_not_know_is_moved_on(world: World) -> None:
    world.refunded_here("refund-1", 300, RefundState.PENDING)
    world.refunded_there("refund-1", 300)
    report = world.reconcile()
    assert world.done == [("advance", "refund-1")]
    assert (report.mended, report.found, world.compared(Subject.REFUND)) == (1, 0, both(1, 300))
    assert world.found() == [("refund theirs-only", "refund-1", "ADVANCED", "MENDED")]


@pytest.mark.parametrize(("bill", "api"), [("SUCCESS", "SUCCESS"), ("FAIL", "CLOSED"), ("CHANGE", "ABNORMAL")])
def test_a_refund_that_ended_there_and_is_under_way_here_is_moved_on(world: World, bill: str, api: str) -> None:
    world.refunded_here("refund-1", 300, RefundState.PROCESSING)
    world.refunded_there("refund-1", 300, api, bill=bill)
    world.flow_rows = []
    report = world.reconcile()
    assert world.own_refunds["refund-1"].state == api
    assert world.found()[-1] == ("refund state", "refund-1", "ADVANCED", "MENDED")
    assert report.mended == 1


def test_a_refund_that_only_the_bill_calls_ended_is_left_to_staff(world: World) -> None:
    world.refunded_here("refund-1", 300, RefundState.PROCESSING)
    world.refunded_there("refund-1", 300, "PROCESSING", bill="SUCCESS")
    world.flow_rows = []
    world.reconcile()
    assert world.found() == [("refund state", "refund-1", "STILL_OPEN", "OPEN")]


def test_money_that_moved_for_a_refund_that_wechat_called_closed_is_shown_to_staff(world: World) -> None:
    world.refunded_here("refund-1", 300, RefundState.CLOSED)
    world.refunded_there("refund-1", 300, "CLOSED", bill="FAIL")
    world.flow_rows = [*bills.flow_of(world.trade_rows)]
    world.reconcile()
    assert ("flow-refund state", "refund-1", "CLOSED_HERE", "OPEN") in world.found()


def test_a_number_that_a_bill_has_twice_is_found_and_counted_once(world: World) -> None:
    world.agreed(1)
    world.trade_rows.append(bills.payment("agreed-0000", 100))
    report = world.reconcile()
    assert (world.compared(), report.found) == (both(1, 100), 2)
    assert ("payment duplicate", "agreed-0000", "TWICE", "OPEN") in world.found()
    assert {finding.theirs for finding in world.findings()} == {200}


def test_rows_of_others_and_revoked_ones_are_found_and_not_compared(world: World) -> None:
    world.agreed(1)
    world.flow_rows = [*bills.flow_of(world.trade_rows)]
    world.trade_rows += [
        bills.payment("theirs", 1, 商户号="1900000009"),
        bills.payment("dollars", 1, 货币种类="USD"),
        bills.payment("undone", 1, 交易状态="REVOKED"),
    ]
    world.reconcile()
    assert sorted(world.found()) == [
        ("payment foreign", "dollars", "OTHER_ACCOUNT", "OPEN"),
        ("payment foreign", "theirs", "OTHER_ACCOUNT", "OPEN"),
        ("payment revoked", "undone", "REVOKED", "OPEN"),
    ]
    assert world.compared() == both(1, 100)


def test_a_fund_flow_that_names_payments_by_wechats_numbers_is_understood(world: World) -> None:
    world.agreed(2)
    world.refunded_here("refund-1", 50)
    world.refunded_there("refund-1", 50)
    vouchers = ("", "x", "42agreed-0001", "x", "y")
    flows = zip(bills.flow_of(world.trade_rows), vouchers, strict=True)
    world.flow_rows = [{**row, "业务凭证号": voucher} for row, voucher in flows]
    assert world.reconcile().found == 0
    assert world.compared(Subject.FLOW_PAYMENT) == both(2, 201)
    assert world.compared(Subject.FLOW_REFUND) == both(1, 50)


def test_no_more_is_asked_of_wechat_than_a_run_has_time_for_and_the_rest_is_found_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "MOST_ASKED", 3)
    for n in range(5):
        world.paid_here(f"order-{n}", 100)
    report = world.reconcile()
    assert world.done == [("query", f"order-{n}") for n in range(3)]
    assert (report.found, world.compared()) == (10, Compared(ours_only=Tally(5, 500)))
    assert sum(detail == "NOT_ASKED" for _, _, detail, _ in world.found()) == 4


def test_wechat_out_of_reach_puts_the_report_off_and_the_next_run_finishes_it(world: World) -> None:
    world.paid_here("order-1", 5600, state=PaymentState.STARTED)
    world.paid_there("order-1", 5600)
    trade, world.trades["order-1"] = world.trades["order-1"], PayUnreachable("UNREACHABLE")
    report = world.reconcile()
    assert (report.state, report.problem, world.found()) == (ReportState.WAITING, "UNANSWERED", [])
    world.trades["order-1"] = trade
    report = world.reconcile()
    assert (report.state, report.problem, report.tries, report.mended) == (ReportState.DONE, "", 2, 1)


def test_a_number_that_wechat_never_answers_for_is_left_to_staff_in_the_end(world: World) -> None:
    world.paid_here("order-1", 5600)
    world.trades["order-1"] = PayUnreachable("UNREACHABLE")
    for _ in range(11):
        assert world.reconcile().state is ReportState.WAITING
    assert world.reconcile().state is ReportState.DONE
    assert ("payment ours-only", "order-1", "UNANSWERED", "OPEN") in world.found()


def test_a_run_does_not_go_on_asking_when_nobody_answers(world: World) -> None:
    for n in range(20):
        world.paid_here(f"order-{n:02d}", 100)
        world.trades[f"order-{n:02d}"] = PayUnreachable("UNREACHABLE")
    assert world.reconcile().problem == "UNANSWERED"
    assert len(world.done) == compare.MOST_SILENT


def test_a_refusal_of_wechat_is_an_answer(world: World) -> None:
    world.paid_here("order-1", 5600)
    world.trades["order-1"] = PayRefused("RULE_LIMIT", status=403)
    assert world.reconcile().state is ReportState.DONE
    assert ("payment ours-only", "order-1", "UNKNOWN_THERE", "OPEN") in world.found()


def test_one_number_that_cannot_be_mended_does_not_keep_the_others_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in ("order-1", "order-2"):
        world.paid_here(number, 5600, state=PaymentState.STARTED)
        world.paid_there(number, 5600)
    genuine = World.settle

    def stumbling(self: World, trade: Any, heard_by: str, now: datetime) -> None:
        if trade.out_trade_no == "order-1":
            raise RuntimeError("broken row")
        genuine(self, trade, heard_by, now)

    with monkeypatch.context() as patch:
        patch.setattr(World, "settle", stumbling)
        assert world.reconcile().state is ReportState.WAITING
    assert world.own_payments["order-2"].state is PaymentState.PAID
    assert world.reconcile().mended == 2


def test_only_the_worst_findings_are_kept_and_all_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.reconciliation import service

    monkeypatch.setattr(service, "MOST_FINDINGS", 3)
    world.paid_here("order-1", 5600)
    world.paid_there("order-1", 5601)
    for n in range(4):
        world.paid_there(f"stranger-{n}", 100)
    report = world.reconcile()
    assert (report.found, report.listed, len(world.findings())) == (10, 3, 3)
    assert {finding.number for finding in world.findings() if finding.outcome == "differs"} == {"order-1"}

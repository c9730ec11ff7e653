"""What nobody does in time happens by itself; and every case that is not over waits for something that is due."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aftersales import deadlines
from chalicelib.aftersales.handling import staff
from chalicelib.aftersales.rules import Case, CaseChanged, CaseState, Parcel
from tests.aftersales.shopping import PARCEL, act, adds_up, apply, arrived, decide, delivered, stored
from tests.shop import Shopper, Stack

BACK = {"kind": "RETURN", "reason": "QUALITY"}


@pytest.fixture
def alice(stack: Stack) -> Shopper:
    return stack.shopper("alice")


def wait(stack: Stack, **amount: float) -> None:
    stack.clock.forward(**amount)
    stack.shop.aftersales.deadlines.run(stack.clock())


def alarms(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(getattr(record, "alarm", "")) for record in caplog.records if getattr(record, "alarm", "")]


def test_what_the_shop_does_not_decide_is_agreed(stack: Stack, alice: Shopper) -> None:
    order = alice.buy(("tea-01", 1))
    case = apply(alice, order, ("tea-01", 1))
    wait(stack, hours=71, minutes=59)
    assert stored(stack, alice, case).state is CaseState.APPLIED
    wait(stack, minutes=1)
    agreed = stored(stack, alice, case)
    assert (agreed.state, agreed.timeline[-1].by, agreed.timeline[-1].why) == (
        CaseState.REFUNDING, "SCHEDULE", "商家超时未处理，自动同意",
    )  # fmt: skip
    stack.drain(2)
    assert arrived(stack) == [(f"{order['order_id']}-1", order["payable"])]


def test_an_order_whose_goods_are_all_in_question_is_not_called_late(
    stack: Stack, alice: Shopper, caplog: pytest.LogCaptureFixture
) -> None:
    case = apply(alice, alice.buy(("tea-01", 1)), ("tea-01", 1))
    stack.drain(1)
    for expected in ([], ["order_unsent"]):
        stack.clock.forward(hours=49)
        caplog.clear()
        with caplog.at_level(logging.INFO, "jishi"):
            stack.shop.orders.receiving.alarm_unsent(stack.clock())
        assert alarms(caplog) == expected
        if not expected:
            stack.shop.aftersales.handling.cancel(
                stack.shop.aftersales.store.get(alice.member_id, case["case_id"]), stack.clock()
            )


def test_goods_that_are_not_sent_back_in_time_stay_with_the_shopper(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    case = apply(alice, order, ("tea-01", 1), **BACK)
    decide(stack, alice, case, "agree", return_to="深圳")
    wait(stack, days=7, seconds=-1)
    assert stored(stack, alice, case).state is CaseState.AGREED
    wait(stack, seconds=1)
    assert stored(stack, alice, case).state is CaseState.CANCELLED
    after = stack.shop.orders.get(alice.member_id, order["order_id"])
    assert (after.refunded, after.cases[case["case_id"]], after.progress["tea-01"].disputed) == (0, False, 0)


def test_goods_that_nobody_looks_at_are_paid_back_and_not_put_on_the_shelf(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    case = apply(alice, order, ("tea-01", 1), **BACK)
    decide(stack, alice, case, "agree")
    act(alice, case, "return", PARCEL)
    wait(stack, days=7)
    assert stored(stack, alice, case).state is CaseState.REFUNDING
    stack.drain(2)
    assert (stored(stack, alice, case).state, stack.stock("tea-01")) == (CaseState.DONE, 99)
    adds_up(stack, alice, order)


def test_a_replacement_that_is_not_sent_is_alarmed_each_day_and_one_that_was_sent_arrives_by_itself(
    stack: Stack, alice: Shopper, caplog: pytest.LogCaptureFixture
) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    case = apply(alice, order, ("tea-01", 1), kind="EXCHANGE", reason="DAMAGED")
    decide(stack, alice, case, "agree")
    act(alice, case, "return", PARCEL)
    wait(stack, days=7)
    assert stored(stack, alice, case).state is CaseState.RECEIVED
    for hours in (48, 24, 24):
        caplog.clear()
        with caplog.at_level(logging.INFO, "jishi"):
            wait(stack, hours=hours, minutes=-1)
            assert alarms(caplog) == []
            wait(stack, minutes=1)
        assert alarms(caplog) == ["aftersale_unsent"]
    key = (alice.member_id, case["case_id"])
    stack.shop.aftersales.handling.resend(
        stack.shop.aftersales.store.get(*key), staff("anna"), Parcel("SF", "SF0000001"), stack.clock()
    )
    wait(stack, days=10)
    assert stored(stack, alice, case).state is CaseState.DONE


def test_an_agreed_return_without_an_address_is_alarmed(
    stack: Stack, alice: Shopper, caplog: pytest.LogCaptureFixture
) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    with caplog.at_level(logging.INFO, "jishi"):
        case = apply(alice, order, ("tea-01", 1), kind="RETURN", reason="NO_REASON")
    assert alarms(caplog) == ["return_address"]
    changed = decide(stack, alice, case, "agree", return_to="深圳市南山区科技园1号")
    assert (changed["state"], changed["return_to"]) == ("AGREED", "深圳市南山区科技园1号")
    assert decide(stack, alice, case, "agree")["return_to"] == "深圳市南山区科技园1号"
    # Another address gives no more time.
    assert stored(stack, alice, case).since == stack.clock()
    assert changed["due_at"] == (stack.clock() + timedelta(days=7)).isoformat().replace("+00:00", "Z")


def test_a_case_that_did_not_hear_of_its_refund_is_mended_within_a_day(
    stack: Stack, alice: Shopper, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = alice.buy(("tea-01", 1))
    case = apply(alice, order, ("tea-01", 1))
    decide(stack, alice, case, "agree")
    with monkeypatch.context() as deaf:
        deaf.setattr(stack.shop.payments.refunding, "_listeners", {})
        stack.shop.payments.refunding.advance_due(stack.clock())
        stack.clock.forward(minutes=5)
        stack.shop.payments.refunding.advance_due(stack.clock())
    assert stored(stack, alice, case).state is CaseState.REFUNDING

    def too_late(*writes: Any) -> None:
        raise CaseChanged

    with caplog.at_level(logging.INFO, "jishi"):
        with monkeypatch.context() as overtaken:
            overtaken.setattr(deadlines, "commit", too_late)
            wait(stack, days=1)
        wait(stack, minutes=1)
    assert alarms(caplog) == ["aftersale_refund"] * 2
    assert stored(stack, alice, case).state is CaseState.DONE


def test_a_refund_that_is_still_under_way_is_looked_at_again_without_an_alarm(
    stack: Stack, alice: Shopper, caplog: pytest.LogCaptureFixture
) -> None:
    case = apply(alice, alice.buy(("tea-01", 1)), ("tea-01", 1))
    decide(stack, alice, case, "agree")
    with caplog.at_level(logging.INFO, "jishi"):
        for _ in range(2):
            wait(stack, days=1)
    assert (alarms(caplog), stored(stack, alice, case).state) == ([], CaseState.REFUNDING)
    stack.drain(2)
    assert stored(stack, alice, case).state is CaseState.DONE


def test_a_case_whose_refund_is_gone_is_alarmed(stack: Stack, alice: Shopper, caplog: pytest.LogCaptureFixture) -> None:
    from chalicelib.payments.rows import RefundRow

    case = apply(alice, alice.buy(("tea-01", 1)), ("tea-01", 1))
    decide(stack, alice, case, "agree")
    RefundRow(f"R{case['order_id']}-1-{case['case_id']}").delete()
    with caplog.at_level(logging.INFO, "jishi"):
        wait(stack, days=1)
    assert alarms(caplog) == ["aftersale_refund"]
    assert stored(stack, alice, case).state is CaseState.REFUNDING


def test_one_case_that_fails_does_not_stop_the_others(
    stack: Stack, alice: Shopper, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = alice.buy(("tea-01", 3))
    cases = [apply(alice, order, ("tea-01", 1)) for _ in range(3)]
    agree = stack.shop.aftersales.handling.agree

    def stumbling(case: Case, *given: Any, **more: Any) -> Any:
        if case.case_id == cases[1]["case_id"]:
            raise RuntimeError
        return agree(case, *given, **more)

    with monkeypatch.context() as patched, caplog.at_level(logging.INFO, "jishi"):
        patched.setattr(stack.shop.aftersales.handling, "agree", stumbling)
        wait(stack, hours=72)
    assert alarms(caplog) == ["aftersale_failed"]
    assert [stored(stack, alice, each).state for each in cases] == ["REFUNDING", "APPLIED", "REFUNDING"]
    wait(stack, minutes=3)
    assert stored(stack, alice, cases[1]).state is CaseState.REFUNDING


def test_a_run_that_comes_twice_or_finds_an_old_entry_of_the_index_does_nothing(stack: Stack, alice: Shopper) -> None:
    case = apply(alice, alice.buy(("tea-01", 1)), ("tea-01", 1))
    stack.clock.forward(hours=72)
    key = (alice.member_id, case["case_id"])
    due = stack.shop.aftersales.deadlines._due
    due(*key, stack.clock() - timedelta(hours=1))
    assert stored(stack, alice, case).state is CaseState.APPLIED
    for _ in range(2):
        due(*key, stack.clock())
    assert len(stored(stack, alice, case).timeline) == 2
    stack.drain(2)
    before = stored(stack, alice, case)
    due(*key, stack.clock() + timedelta(days=30))
    assert (before.state, stored(stack, alice, case)) == (CaseState.DONE, before)

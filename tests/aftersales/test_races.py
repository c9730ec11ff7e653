"""Two at once: one decision, no piece and no fen twice; and whoever dies between two steps leaves something due."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from chalicelib.aftersales import handling, opening
from chalicelib.aftersales.entry import Wanted
from chalicelib.aftersales.handling import staff
from chalicelib.aftersales.rules import Case, CaseState, Kind, Parcel, Reason
from chalicelib.aftersales.store import CaseRow
from chalicelib.fulfilment.rules import Consignment, Way
from chalicelib.kernel.errors import ShopError
from chalicelib.orders import OrderState
from chalicelib.storage.writes import StorageBusy
from tests.aftersales.shopping import PARCEL, act, adds_up, apply, arrived, decide, delivered
from tests.shop import Shopper, Stack

CROWD = 12


@pytest.fixture
def alice(stack: Stack) -> Shopper:
    return stack.shopper("alice")


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each answered: a value, or the code of its refusal."""
    start = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except ShopError as error:
            return error.code

    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(run, call) for call in calls]]


def some(n: int = 1) -> Wanted:
    return Wanted(Kind.REFUND, Reason.CHANGED_MIND, (("tea-01", n),))


def test_many_applications_for_the_last_piece_are_one_case(stack: Stack, alice: Shopper) -> None:
    order = alice.buy(("tea-01", 1))
    opening = stack.shop.aftersales.opening

    def call(n: int) -> Callable[[], Any]:
        return lambda: opening.apply(alice.member_id, order["order_id"], some(), f"race-key-{n}", stack.clock())

    answers = at_once(*(call(n) for n in range(CROWD)))
    opened = [each for each in answers if isinstance(each, Case)]
    assert len(opened) == 1
    assert {each for each in answers if not isinstance(each, Case)} <= {"NOT_CLAIMABLE", "STORAGE_BUSY"}
    assert len(list(CaseRow.query(alice.member_id))) == 1


def test_the_same_request_many_times_at_once_is_one_case(stack: Stack, alice: Shopper) -> None:
    order = alice.buy(("tea-01", 5))
    opening = stack.shop.aftersales.opening
    answers = at_once(
        *[lambda: opening.apply(alice.member_id, order["order_id"], some(), "the-same-key", stack.clock())] * CROWD
    )
    assert {each.case_id for each in answers if isinstance(each, Case)} == {
        row.case_id for row in CaseRow.query(alice.member_id)
    }
    assert {each for each in answers if not isinstance(each, Case)} <= {"STORAGE_BUSY"}


def test_two_of_the_staff_and_time_itself_decide_once(stack: Stack, alice: Shopper) -> None:
    order = alice.buy(("tea-01", 2))
    case = apply(alice, order, ("tea-01", 1))
    handling, key = stack.shop.aftersales.handling, (alice.member_id, case["case_id"])
    stack.clock.forward(hours=73)
    now = stack.clock()
    at_once(
        lambda: handling.agree(stack.shop.aftersales.store.get(*key), staff("anna"), now),
        lambda: handling.agree(stack.shop.aftersales.store.get(*key), staff("berta"), now),
        lambda: handling.reject(stack.shop.aftersales.store.get(*key), staff("carl"), "不同意", now),
        lambda: stack.shop.aftersales.deadlines.run(now),
        lambda: handling.cancel(stack.shop.aftersales.store.get(*key), now),
    )
    stack.drain(2)
    ends = stack.shop.aftersales.store.get(*key)
    decided = [event.now for event in ends.timeline if event.was == CaseState.APPLIED]
    assert len(decided) == 1
    paid = decided == [CaseState.REFUNDING]
    assert arrived(stack) == ([(f"{order['order_id']}-1", case["amount"])] if paid else [])
    assert stack.stock("tea-01") == (99 if paid else 98)
    adds_up(stack, alice, order)


@pytest.mark.parametrize("pieces", [2, 3])
def test_pieces_that_are_sent_and_refunded_at_once_are_one_or_the_other(
    stack: Stack, alice: Shopper, pieces: int
) -> None:
    order = alice.buy(("tea-01", 3))
    shop, key, now = stack.shop, (alice.member_id, order["order_id"]), stack.clock()
    parcel = Consignment(Way.EXPRESS, "YTO", "YT0000000001", {"tea-01": 2})
    answers = at_once(
        lambda: shop.fulfilment.sending.send(*key, parcel, "ship-key-1", "fred", now) and "SENT",
        lambda: shop.aftersales.opening.open(*key, some(pieces), "anna", "open-key-1", now) and "REFUNDED",
    )
    assert sorted(answers) in (
        ["NOT_CLAIMABLE", "SENT"],
        ["REFUNDED", "TOO_MANY_SENT"] if pieces == 2 else ["ORDER_STATE_REFUSED", "REFUNDED"],
    )
    after = shop.orders.get(*key)
    sent = after.progress["tea-01"].sent
    assert sent + after.progress["tea-01"].withheld <= 3
    stack.drain(2)
    adds_up(stack, alice, order)


def test_all_pieces_in_many_cases_agreed_at_once_return_exactly_what_was_paid(stack: Stack, alice: Shopper) -> None:
    order = alice.buy(("tea-01", 3), ("cup-01", 3))
    cases = [apply(alice, order, (sku_id, 1)) for sku_id in ("tea-01", "cup-01") for _ in range(3)]
    handling = stack.shop.aftersales.handling

    def agree(case: Any) -> Callable[[], Any]:
        return lambda: handling.agree(
            stack.shop.aftersales.store.get(alice.member_id, case["case_id"]), staff("anna"), stack.clock()
        )

    for _ in range(3):  # who was told that storage is busy, asks again
        answers = at_once(*map(agree, cases))
        if all(isinstance(each, Case) for each in answers):
            break
    stack.drain(3)
    after = stack.shop.orders.get(alice.member_id, order["order_id"])
    assert (after.state, after.refunded) == (OrderState.REFUNDED, order["payable"])
    assert sum(fen for _, fen in arrived(stack)) == order["payable"]
    assert (stack.stock("tea-01"), stack.stock("cup-01")) == (100, 100)
    assert Counter(stack.shop.aftersales.store.get(alice.member_id, each["case_id"]).state for each in cases) == {
        "DONE": 6
    }
    adds_up(stack, alice, order)


def test_a_return_is_received_once_however_many_say_so(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 2))
    case = apply(alice, order, ("tea-01", 2), kind="RETURN", reason="NO_REASON")
    act(alice, case, "return", PARCEL)
    handling, key, now = stack.shop.aftersales.handling, (alice.member_id, case["case_id"]), stack.clock()
    at_once(
        *[lambda: handling.receive(stack.shop.aftersales.store.get(*key), staff("anna"), "收到", now, restock=True)]
        * 4,
        lambda: handling.refuse(stack.shop.aftersales.store.get(*key), staff("carl"), "拒收", now),
        lambda: handling.send_back(stack.shop.aftersales.store.get(*key), Parcel("SF", "SF0000002"), now),
    )
    stack.drain(2)
    refunded = stack.shop.aftersales.store.get(*key).state is CaseState.DONE
    assert arrived(stack) == ([(f"{order['order_id']}-1", 10_000)] if refunded else [])
    assert stack.stock("tea-01") == (100 if refunded else 98)
    adds_up(stack, alice, order)


def test_a_replacement_leaves_the_stock_once(stack: Stack, alice: Shopper) -> None:
    order = delivered(stack, alice, ("tea-01", 1))
    case = apply(alice, order, ("tea-01", 1), kind="EXCHANGE", reason="DAMAGED")
    decide(stack, alice, case, "agree")
    act(alice, case, "return", PARCEL)
    decide(stack, alice, case, "receive", restock=False)
    handling, key, now = stack.shop.aftersales.handling, (alice.member_id, case["case_id"]), stack.clock()
    at_once(
        *[lambda: handling.resend(stack.shop.aftersales.store.get(*key), staff("anna"), Parcel("SF", "SF0000002"), now)]
        * 4,
        lambda: handling.pay_instead(stack.shop.aftersales.store.get(*key), staff("carl"), "无货", now),
    )
    stack.drain(2)
    ends = stack.shop.aftersales.store.get(*key)
    assert stack.stock("tea-01") == (98 if ends.state is CaseState.RESENT else 99)
    assert bool(arrived(stack)) == (ends.state is CaseState.DONE)


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("survives", [False, True])
def test_a_step_is_written_whole_or_not_at_all_and_repeating_it_makes_it_once(
    stack: Stack, alice: Shopper, monkeypatch: pytest.MonkeyPatch, survives: bool
) -> None:
    """Each step is one call to storage: killed before it or after it, the next try finds all of it or nothing."""
    order = alice.buy(("tea-01", 2))
    case = apply(alice, order, ("tea-01", 2))
    written = 0

    def dies(*writes: Any) -> None:
        nonlocal written
        written += 1
        if survives:
            commit(*writes)
        raise Died

    commit = handling.commit
    key, now = (alice.member_id, case["case_id"]), stack.clock()
    with monkeypatch.context() as patched:
        patched.setattr(handling, "commit", dies)
        with pytest.raises(Died):
            stack.shop.aftersales.handling.agree(stack.shop.aftersales.store.get(*key), staff("anna"), now)
    assert written == 1
    state = stack.shop.aftersales.store.get(*key).state
    assert (state, stack.stock("tea-01")) == (("REFUNDING", 100) if survives else ("APPLIED", 98))
    adds_up(stack, alice, order)
    stack.shop.aftersales.handling.agree(stack.shop.aftersales.store.get(*key), staff("anna"), now)
    stack.drain(2)
    assert (stack.stock("tea-01"), arrived(stack)) == (100, [(f"{order['order_id']}-1", order["payable"])])
    adds_up(stack, alice, order)


def test_an_application_that_died_half_way_is_found_by_its_key(
    stack: Stack, alice: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = alice.buy(("tea-01", 1))
    commit = opening.commit

    def dies(*writes: Any) -> None:
        commit(*writes)
        raise Died

    ask = (alice.member_id, order["order_id"], some(), "the-same-key", stack.clock())
    with monkeypatch.context() as patched:
        patched.setattr(opening, "commit", dies)
        with pytest.raises(Died):
            stack.shop.aftersales.opening.apply(*ask)
    assert stack.shop.aftersales.opening.apply(*ask).case_id in stack.shop.orders.get(*ask[:2]).cases


@pytest.mark.parametrize("changed", [handling.CaseChanged, handling.OrderChanged, handling.PaymentChanged])
def test_what_never_holds_still_ends_as_busy_and_writes_nothing(
    stack: Stack, alice: Shopper, monkeypatch: pytest.MonkeyPatch, changed: type[ShopError]
) -> None:
    order = alice.buy(("tea-01", 2))
    case = apply(alice, order, ("tea-01", 1))
    key, now = (alice.member_id, case["case_id"]), stack.clock()

    def too_late(*writes: Any) -> None:
        raise changed

    with monkeypatch.context() as patched:
        patched.setattr(handling, "commit", too_late)
        with pytest.raises(StorageBusy):
            stack.shop.aftersales.handling.cancel(stack.shop.aftersales.store.get(*key), now)
        if changed is not handling.CaseChanged:
            patched.setattr(opening, "commit", too_late)
            with pytest.raises(StorageBusy):
                stack.shop.aftersales.opening.apply(alice.member_id, order["order_id"], some(), "key-00001", now)
    assert stack.shop.aftersales.store.get(*key).state is CaseState.APPLIED
    assert len(list(CaseRow.query(alice.member_id))) == 1

"""What a case may become, what it waits for, and what may be applied for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.aftersales import entry
from chalicelib.aftersales.entry import (
    FITTING,
    SHOPS_FAULT,
    TEXTS,
    amount_of,
    most_fen,
    must_be_open,
    options,
    parts_of,
)
from chalicelib.aftersales.rules import (
    IN_VAIN,
    SCHEDULE,
    SHOPPER,
    TRANSITIONS,
    AftersaleNotPossible,
    AftersaleOver,
    AmountRefused,
    CaseState,
    CaseStateRefused,
    Job,
    Kind,
    NoReasonOver,
    Periods,
    Reason,
    ReasonNotFitting,
    TooManyCases,
    moved,
    still_to_do,
    waits_for,
)
from chalicelib.kernel.errors import Invalid, ShopError
from chalicelib.orders import OrderState
from chalicelib.orders.progress import NotClaimable
from chalicelib.orders.rules import OrderCampaign, OrderHeld
from chalicelib.orders.rules import Periods as OrderPeriods
from tests.aftersales.samples import NOON, case, line, order, wanted

LATER = NOON + timedelta(hours=1)
SHIPPED, COMPLETED = OrderState.SHIPPED, OrderState.COMPLETED


@pytest.mark.parametrize("was", CaseState)
@pytest.mark.parametrize("to", CaseState)
def test_a_case_goes_the_ways_that_are_drawn_and_no_others(was: CaseState, to: CaseState) -> None:
    before = replace(case(order()), state=was)
    if to is was or to in TRANSITIONS[was]:
        after = moved(before, LATER, SHOPPER, "为什么", to=to)
        assert (after.state, after.timeline[-1].was, after.timeline[-1].now) == (to, was, to)
    else:
        with pytest.raises(CaseStateRefused) as refused:
            moved(before, LATER, SHOPPER, "为什么", to=to)
        assert refused.value.details == {"state": was}


def test_every_state_is_reached_and_every_open_one_is_left() -> None:
    reached = {CaseState.APPLIED}.union(*TRANSITIONS.values())
    assert reached == set(CaseState)
    final = {state for state, ways in TRANSITIONS.items() if not ways}
    assert final == {CaseState.DONE, *IN_VAIN}


@pytest.mark.parametrize(
    ("state", "job", "after"),
    [
        (CaseState.APPLIED, Job.DECIDE, timedelta(hours=72)),
        (CaseState.AGREED, Job.RETURN, timedelta(days=7)),
        (CaseState.RETURNED, Job.CHECK, timedelta(days=7)),
        (CaseState.RECEIVED, Job.RESEND, timedelta(hours=48)),
        (CaseState.RESENT, Job.ARRIVE, timedelta(days=10)),
        (CaseState.REFUNDING, Job.REFUND, timedelta(days=1)),
        (CaseState.DONE, Job.TELL, timedelta()),
    ],
)
def test_a_case_that_is_not_over_waits_for_something(state: CaseState, job: Job, after: timedelta) -> None:
    waiting = case(order(), state=state)
    assert waits_for(waiting, Periods()) == (job, NOON + after)
    # A note changes nothing of when its time is over.
    assert waits_for(moved(waiting, LATER, SCHEDULE, "备注"), Periods()) == (job, NOON + after)


def test_a_case_that_is_over_waits_for_nothing() -> None:
    assert all(waits_for(case(order(), state=state), Periods()) is None for state in IN_VAIN)
    done = case(order(), state=CaseState.DONE)
    assert waits_for(replace(done, told=True), Periods()) is None
    assert waits_for(replace(done, amount=0), Periods()) is None
    assert waits_for(replace(done, kind=Kind.EXCHANGE), Periods()) is None


def test_a_step_is_made_once_and_its_repetition_changes_nothing() -> None:
    begin, end = frozenset({CaseState.APPLIED}), frozenset({CaseState.AGREED})
    applied = case(order())
    agreed = moved(applied, LATER, SHOPPER, "同意", to=CaseState.AGREED)
    returned = moved(agreed, LATER, SHOPPER, "寄回", to=CaseState.RETURNED)
    assert still_to_do(applied, begin, end)
    assert not still_to_do(agreed, begin, end)
    assert not still_to_do(returned, begin, end)
    with pytest.raises(CaseStateRefused):
        still_to_do(moved(applied, LATER, SHOPPER, "撤销", to=CaseState.CANCELLED), begin, end)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"held": True}, OrderHeld),
        ({"state": OrderState.AWAITING_PAYMENT}, AftersaleNotPossible),
        ({"state": OrderState.CLOSED}, AftersaleNotPossible),
        ({"state": OrderState.REFUNDED}, AftersaleNotPossible),
        ({"campaign": OrderCampaign("bargain", "a", "g", "砍价"), "effects_due": True}, AftersaleNotPossible),
        ({"state": COMPLETED, "finished": True, "completed_at": NOON}, AftersaleOver),
        ({"state": COMPLETED, "completed_at": NOON - timedelta(days=15)}, AftersaleOver),
    ],
)
def test_nothing_can_be_claimed_of_an_order_that_is_not_paid_or_held_or_over(
    changes: dict[str, Any], refusal: type[ShopError]
) -> None:
    with pytest.raises(refusal):
        must_be_open(replace(order(), **changes), NOON, OrderPeriods())
    assert entry.refusal(replace(order(), **changes), NOON, OrderPeriods()) == refusal.code


@pytest.mark.parametrize(
    "changes",
    [
        {"effects_due": True},
        {"campaign": OrderCampaign("bargain", "a", "g", "砍价")},
        {"state": SHIPPED},
        {"state": COMPLETED, "completed_at": NOON - timedelta(days=15) + timedelta(seconds=1)},
    ],
)
def test_of_any_other_something_can_be(changes: dict[str, Any]) -> None:
    must_be_open(replace(order(), **changes), NOON, OrderPeriods())
    assert entry.refusal(replace(order(), **changes), NOON, OrderPeriods()) is None


def test_an_order_is_open_as_long_as_anything_in_it_may_be_returned_without_a_reason() -> None:
    late = order(line(), line("cup-01", no_reason_days=30), state=COMPLETED, completed_at=NOON - timedelta(days=30))
    must_be_open(late, NOON, OrderPeriods())
    with pytest.raises(AftersaleOver):
        must_be_open(late, NOON + timedelta(days=1), OrderPeriods())


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("sent", [False, True])
def test_each_kind_takes_the_reasons_that_fit_it(kind: Kind, reason: Reason, sent: bool) -> None:
    half = order(line(quantity=4, no_reason_days=7), sent=2)
    asked = wanted(kind=kind, reason=reason, sent=sent)
    if (kind, sent) not in FITTING:
        with pytest.raises(AftersaleNotPossible):
            parts_of(half, asked, NOON)
    elif reason in FITTING[kind, sent]:
        (part,) = parts_of(half, asked, NOON)
        assert (part.claim.sku_id, part.claim.pieces, part.claim.sent) == ("tea-01", 1, sent)
    else:
        with pytest.raises(ReasonNotFitting) as refused:
            parts_of(half, asked, NOON)
        assert Reason.CANNOT_DELIVER not in refused.value.details["reasons"]


def test_every_reason_has_its_words_and_fits_somewhere() -> None:
    assert set(TEXTS) == set(Reason)
    assert set().union(*FITTING.values()) == set(Reason)


def test_a_sku_stands_once_and_must_be_there() -> None:
    with pytest.raises(Invalid):
        parts_of(order(), wanted(("tea-01", 1), ("tea-01", 1)), NOON)
    with pytest.raises(NotClaimable):
        parts_of(order(), wanted(("tea-01", 3)), NOON)
    with pytest.raises(NotClaimable):
        parts_of(order(), wanted(("cup-01", 1)), NOON)


# Received on 22 November at 12:00 in Beijing: the seventh day from the next is the 29th.
END = datetime(2026, 11, 29, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "days", "now", "may"),
    [
        (SHIPPED, 7, NOON, True),
        (SHIPPED, 0, NOON, False),
        (COMPLETED, 7, END - timedelta(seconds=1), True),
        (COMPLETED, 7, END, False),
        (COMPLETED, 0, NOON, False),
    ],
)
def test_goods_go_back_without_reason_until_the_end_of_the_last_day_in_beijing(
    state: OrderState, days: int, now: datetime, may: bool
) -> None:
    bought, asked = order(line(no_reason_days=days), state=state), wanted(kind=Kind.RETURN, reason=Reason.NO_REASON)
    if may:
        assert parts_of(bought, asked, now)
    else:
        with pytest.raises(NoReasonOver) as refused:
            parts_of(bought, asked, now)
        assert refused.value.details == {"sku_id": "tea-01", "days": days}


@pytest.mark.parametrize("reason", Reason)
def test_freight_goes_back_for_what_was_never_sent_and_where_it_is_the_shops_fault(reason: Reason) -> None:
    paid = line(quantity=1, goods=5000, freight=600)
    (unsent,) = parts_of(order(paid), wanted(), NOON)
    (sent,) = parts_of(order(paid, state=SHIPPED), wanted(kind=Kind.RETURN, reason=Reason.QUALITY), NOON)
    assert most_fen([unsent.claim], reason) == 5600
    assert most_fen([sent.claim], reason) == (5600 if reason in SHOPS_FAULT else 5000)


@pytest.mark.parametrize(
    ("more", "amount", "least", "most"),
    [
        ({"kind": Kind.RETURN, "reason": Reason.QUALITY}, 1, 1, 2800),
        ({"kind": Kind.RETURN, "reason": Reason.QUALITY}, 2800, 1, 2800),
        ({"kind": Kind.RETURN, "reason": Reason.QUALITY}, 0, 1, 2800),
        ({"kind": Kind.RETURN, "reason": Reason.QUALITY}, 2801, 1, 2800),
        ({"kind": Kind.RETURN, "reason": Reason.WRONG_ORDER}, 2501, 1, 2500),
        ({"kind": Kind.REFUND, "reason": Reason.MISSING, "sent": True}, 1, 1, 2800),
        ({"kind": Kind.REFUND, "reason": Reason.CHANGED_MIND}, 2799, 2800, 2800),
        ({"kind": Kind.REFUND, "reason": Reason.CHANGED_MIND}, 2800, 2800, 2800),
        ({"kind": Kind.EXCHANGE, "reason": Reason.QUALITY}, 2799, 2800, 2800),
    ],
)
def test_less_may_be_asked_for_goods_that_were_sent_and_never_more(
    more: dict[str, Any], amount: int, least: int, most: int
) -> None:
    half = order(line(quantity=4, goods=10_000, freight=1200), sent=2)
    asked = wanted(**more, amount=amount)
    claims = [part.claim for part in parts_of(half, asked, NOON)]
    assert amount_of(replace(asked, amount=None), claims) == most
    if least <= amount <= most:
        assert amount_of(asked, claims) == amount
    else:
        with pytest.raises(AmountRefused) as refused:
            amount_of(asked, claims)
        assert refused.value.details == {"least": least, "most": most}


def test_points_go_back_with_the_money_in_proportion() -> None:
    spent = order(line(quantity=2, goods=5000), state=SHIPPED, points=101, points_off={"tea-01": 101})
    whole = case(spent, ("tea-01", 2), kind=Kind.RETURN, reason=Reason.QUALITY)
    assert whole.points == 101
    assert case(spent, ("tea-01", 1), kind=Kind.RETURN, reason=Reason.QUALITY).points == 50
    assert case(spent, ("tea-01", 2), kind=Kind.RETURN, reason=Reason.QUALITY, amount=2500).points == 50
    assert replace(whole, amount=0).points == 0


def test_three_applications_in_vain_are_enough_for_one_line_and_others_do_not_count() -> None:
    bought = order(line(), line("cup-01"))
    vain = [case(bought, state=state) for state in (CaseState.REJECTED, CaseState.REFUSED, CaseState.CANCELLED)]
    entry.must_not_be_too_many(wanted(), vain[:2])
    entry.must_not_be_too_many(wanted(), [*vain[:2], case(bought, state=CaseState.DONE)])
    entry.must_not_be_too_many(wanted(("cup-01", 1)), vain)
    with pytest.raises(TooManyCases):
        entry.must_not_be_too_many(wanted(("cup-01", 1), ("tea-01", 1)), vain)


def test_the_options_of_a_line_tell_how_many_why_and_how_much() -> None:
    half = order(line(quantity=4, goods=10_000, freight=1200, no_reason_days=7), sent=3)
    found = {(option.kind, option.sent): option for option in options(half, half.lines[0], NOON)}
    assert set(found) == set(FITTING)
    unsent, back = found[Kind.REFUND, False], found[Kind.RETURN, True]
    assert (unsent.pieces, unsent.most[Reason.LATE]) == (1, 2800)
    assert Reason.CANNOT_DELIVER not in unsent.most
    assert (back.pieces, back.most[Reason.QUALITY], back.most[Reason.NO_REASON]) == (3, 8400, 7500)
    lawless = order(line(), state=SHIPPED)
    assert Reason.NO_REASON not in options(lawless, lawless.lines[0], NOON)[1].most
    assert options(half, replace(half.lines[0], sku_id="other"), NOON) == []

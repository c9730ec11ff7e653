"""What can still be sent, claimed and paid back, whatever was claimed before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.trail import Actor
from chalicelib.orders.progress import (
    Claim,
    NotClaimable,
    TooManySent,
    advanced,
    claimable,
    most,
    progress_of,
    state_after,
    to_send,
    with_back,
    with_claim,
    with_sent,
    without_claim,
)
from chalicelib.orders.rules import Order, OrderAdjustment, OrderLine, OrderState, Periods, Progress

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def line(sku_id: str, quantity: int, goods: int, freight: int = 0) -> OrderLine:
    return OrderLine(sku_id, "p", "t", "", "", quantity, 10_000, 0, freight, goods + freight)


def order(*lines: OrderLine, points: int = 0) -> Order:
    off = OrderAdjustment("POINTS", "points", "积分", sum(n + 1 for n in range(len(lines))),
                          {each.sku_id: n + 1 for n, each in enumerate(lines)})  # fmt: skip
    return Order(
        order_id="o",
        member_id="m",
        openid="x",
        state=OrderState.PAID,
        lines=lines,
        goods_total=0,
        discount_total=0,
        freight=sum(each.freight for each in lines),
        payable=sum(each.payable for each in lines),
        adjustments=(off,) if points else (),
        placed_at=NOW,
        expires_at=NOW,
        paid_at=NOW,
        points=points,
    )


ORDER = order(line("a", 3, 1000, 100), line("b", 1, 500))


def test_the_last_piece_takes_what_is_left_of_the_money() -> None:
    parts = []
    now = ORDER
    for _ in range(3):
        claim = most(now, "a", 1, sent=False)
        parts.append((claim.goods, claim.freight))
        now = replace(now, progress=with_claim(now, claim))
    assert parts == [(333, 33), (333, 33), (334, 34)]
    with pytest.raises(NotClaimable):
        most(now, "a", 1, sent=False)


@pytest.mark.parametrize("pieces", [0, -1, 4])
def test_more_pieces_than_there_are_cannot_be_claimed(pieces: int) -> None:
    with pytest.raises(NotClaimable) as refusal:
        most(ORDER, "a", pieces, sent=False)
    assert refusal.value.details == {"sku_id": "a", "left": 3}
    with pytest.raises(NotClaimable):
        most(ORDER, "none", 1, sent=False)


def test_what_was_sent_and_what_was_not_are_claimed_apart() -> None:
    sent = replace(ORDER, progress=with_sent(ORDER, {"a": 2}))
    assert (claimable(sent, "a", sent=True), claimable(sent, "a", sent=False)) == (2, 1)
    withheld = replace(sent, progress=with_claim(sent, most(sent, "a", 1, sent=False)))
    assert to_send(withheld) == {"b": 1}
    with pytest.raises(TooManySent):
        with_sent(withheld, {"a": 1})
    with pytest.raises(TooManySent):
        with_sent(withheld, {"none": 1})
    assert claimable(withheld, "a", sent=True) == 2


MOVES = st.lists(st.tuples(st.sampled_from(["claim", "drop", "send"]), st.sampled_from("ab"), st.integers(1, 4),
                           st.booleans()), max_size=25)  # fmt: skip


@given(MOVES, st.integers(0, 5000), st.integers(0, 300), st.integers(1, 5), st.integers(0, 1000))
def test_no_piece_and_no_fen_is_claimed_twice_and_everything_can_go_back_exactly(
    moves: list[tuple[str, str, int, bool]], goods: int, freight: int, quantity: int, points: int
) -> None:
    now = order(line("a", quantity, goods, freight), line("b", 2, 700), points=points)
    live: list[Claim] = []
    for what, sku_id, pieces, sent in moves:
        try:
            if what == "claim":
                live.append(most(now, sku_id, pieces, sent=sent))
                now = replace(now, progress=with_claim(now, live[-1]))
            elif what == "send":
                now = replace(now, progress=with_sent(now, {sku_id: pieces}))
            elif live:
                now = replace(now, progress=without_claim(now, live.pop(pieces % len(live))))
        except (NotClaimable, TooManySent):
            continue
        for each in now.lines:
            done = progress_of(now, each.sku_id)
            assert 0 <= done.disputed <= done.sent <= each.quantity - done.withheld
            assert 0 <= done.goods <= each.payable - each.freight
            assert 0 <= done.freight <= each.freight
    for each in now.lines:
        for sent in (True, False):
            if left := claimable(now, each.sku_id, sent=sent):
                live.append(most(now, each.sku_id, left, sent=sent))
                now = replace(now, progress=with_claim(now, live[-1]))
    assert sum(claim.goods + claim.freight for claim in live) == now.payable
    assert sum(claim.points for claim in live) == points


def test_an_order_is_refunded_when_all_pieces_or_all_fen_are_back() -> None:
    now = ORDER
    for sku_id, pieces in (("a", 3), ("b", 1)):
        assert state_after(now) is OrderState.PAID
        claim = most(now, sku_id, pieces, sent=False)
        now = replace(now, progress=with_claim(now, claim))
        now = replace(now, progress=with_back(now, claim))
    assert state_after(now) is OrderState.REFUNDED
    assert state_after(replace(ORDER, state=OrderState.SHIPPED, refunded=ORDER.payable)) is OrderState.REFUNDED
    assert state_after(replace(ORDER, refunded=ORDER.payable - 1)) is OrderState.PAID


def test_an_order_is_shipped_when_nothing_is_left_to_send_and_no_case_is_open_about_it() -> None:
    part = replace(ORDER, progress=with_sent(ORDER, {"a": 3}))
    assert state_after(part) is OrderState.PAID
    assert state_after(replace(part, progress=with_sent(part, {"b": 1}))) is OrderState.SHIPPED
    claim = most(part, "b", 1, sent=False)
    undecided = replace(part, progress=with_claim(part, claim), cases={"c": True})
    assert state_after(undecided) is OrderState.PAID
    assert (
        state_after(replace(undecided, progress=with_back(undecided, claim), cases={"c": False})) is OrderState.SHIPPED
    )


def test_what_follows_from_progress_is_written_with_it() -> None:
    sent = advanced(ORDER, NOW, Actor.STAFF, "发货", Periods(), who="M1", progress=with_sent(ORDER, {"a": 3, "b": 1}))
    assert (sent.state, sent.shipped_at, sent.receive_by) == (OrderState.SHIPPED, NOW, NOW + timedelta(days=10))
    assert sent.timeline[-1].who == "M1"
    back = advanced(replace(ORDER, held=True, effects_due=True), NOW, Actor.SCHEDULE, "退款", Periods(),
                    refunded=ORDER.payable)  # fmt: skip
    assert (back.state, back.held, back.effects_due) == (OrderState.REFUNDED, False, False)
    partly = advanced(ORDER, NOW, Actor.STAFF, "发货", Periods(), progress=with_sent(ORDER, {"a": 1}))
    assert (partly.state, partly.receive_by, partly.progress["a"]) == (OrderState.PAID, None, Progress(sent=1))

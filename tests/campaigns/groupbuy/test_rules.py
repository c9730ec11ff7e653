from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.campaigns.groupbuy.rules import (
    SEAT_TRANSITIONS,
    TEAM_TRANSITIONS,
    Face,
    GroupBuyConfig,
    Payment,
    Seat,
    SeatState,
    Standing,
    Team,
    TeamFull,
    TeamNotFound,
    TeamNotOpen,
    TeamState,
    at_expiry,
    completes,
    dies_with,
    joinable,
    leader,
    must_be_joinable,
    opened,
    over_limit,
    payment,
    text,
    unit_price,
    visible,
)

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
FACE = Face("M1", "小明", "https://img.example/1")
TEAM = Team("T1", "A1", FACE, 3, 2, 1, TeamState.OPEN, NOW, NOW + timedelta(hours=24), 5)
SEAT = Seat("T1", "A1", "O1", FACE, SeatState.TAKEN, NOW)


class TestTheTerms:
    def test_have_sensible_defaults(self) -> None:
        config = GroupBuyConfig(3)
        assert (config.team_hours, config.allow_fill, config.leader_off) == (24, False, 0)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"team_size": 1},
            {"team_size": 101},
            {"team_hours": 0},
            {"team_hours": 721},
            {"limit_per_member": 0},
            {"limit_per_member": 101},
            {"limit_per_order": 0},
            {"leader_off": -1},
        ],
    )
    def test_that_make_no_sense_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            GroupBuyConfig(**{"team_size": 3, **wrong})

    @given(price=st.integers(0, 10**6), off=st.integers(0, 10**6))
    def test_make_the_opener_pay_less_but_something(self, price: int, off: int) -> None:
        config = GroupBuyConfig(2, leader_off=off)
        opening = unit_price(price, config, opening=True)
        assert unit_price(price, config, opening=False) == price
        assert min(price, 1) <= opening <= price
        assert opening == price - off or opening == min(price, 1)


def test_a_new_team_has_its_opener_on_the_first_seat_and_is_seen_by_nobody() -> None:
    team = opened("O1", "A1", FACE, GroupBuyConfig(3, team_hours=2, limit_per_member=7, allow_fill=True), NOW)
    assert team == Team("O1", "A1", FACE, 3, 1, 0, TeamState.OPEN, NOW, NOW + timedelta(hours=2), 7, allow_fill=True)
    assert not visible(team)


@pytest.mark.parametrize(
    ("team", "refusal"),
    [
        (TEAM, None),
        (replace(TEAM, paid_count=0), TeamNotFound),
        (replace(TEAM, seats_taken=3), TeamFull),
        (replace(TEAM, expires_at=NOW), TeamNotOpen),
        (replace(TEAM, expires_at=NOW + timedelta(seconds=1)), None),
        (replace(TEAM, state=TeamState.FORMED), TeamNotOpen),
        (replace(TEAM, state=TeamState.FAILED), TeamNotOpen),
        (replace(TEAM, state=TeamState.FAILED, paid_count=0), TeamNotFound),
    ],
)
def test_a_team_is_joined_while_open_seen_in_time_and_not_full(team: Team, refusal: type[Exception] | None) -> None:
    assert joinable(team, NOW) is (refusal is None)
    if refusal is None:
        must_be_joinable(team, NOW)
    else:
        with pytest.raises(refusal):
            must_be_joinable(team, NOW)


def test_a_formed_team_is_seen_even_when_all_are_refunded_later() -> None:
    assert visible(replace(TEAM, state=TeamState.FORMED, paid_count=0))


def test_the_limit_counts_orders_and_none_twice() -> None:
    standing = Standing(frozenset({"O1", "O2"}))
    assert over_limit(standing, "O3", 2)
    assert not over_limit(standing, "O3", 3)
    assert not over_limit(standing, "O2", 2)


def test_a_seat_may_live_in_another_team_only_if_its_order_still_counts() -> None:
    standing = Standing(frozenset({"O1"}), "O1", "T1")
    assert standing.other_team("O2") == "T1"
    assert standing.other_team("O1") is None
    assert Standing(frozenset(), "O1", "T1").other_team("O2") is None
    assert Standing().other_team("O2") is None


def test_an_order_knows_the_team_it_left() -> None:
    standing = Standing(frozenset(), "O1", "T1")
    assert standing.left("O1") == "T1"
    assert standing.left("O2") is None


class TestTheLeader:
    def test_is_the_first_who_paid_and_is_still_in(self) -> None:
        later = NOW + timedelta(seconds=1)
        seats = [
            replace(SEAT, order_id="O1", state=SeatState.REFUNDED, paid_at=NOW),
            replace(SEAT, order_id="O2"),
            replace(SEAT, order_id="O3", state=SeatState.PAID, paid_at=later),
            replace(SEAT, order_id="O5", state=SeatState.PAID, paid_at=NOW),
            replace(SEAT, order_id="O4", state=SeatState.PAID, paid_at=NOW),
        ]
        found = leader(seats)
        assert found is not None
        assert found.order_id == "O4"

    def test_is_nobody_when_nobody_paid(self) -> None:
        assert leader([SEAT]) is None


MEANINGS = {
    (TeamState.OPEN, SeatState.TAKEN): Payment.COUNTS,
    (TeamState.FORMED, SeatState.TAKEN): Payment.COUNTS,
    (TeamState.FAILED, SeatState.TAKEN): Payment.LOST,
    (TeamState.OPEN, SeatState.PAID): Payment.WAITS,
    (TeamState.FORMED, SeatState.PAID): Payment.SHIPS,
    (TeamState.FAILED, SeatState.PAID): Payment.RETURNS,
    (TeamState.OPEN, SeatState.REFUNDED): Payment.OVER,
    (TeamState.FORMED, SeatState.REFUNDED): Payment.OVER,
    (TeamState.FAILED, SeatState.REFUNDED): Payment.OVER,
}


@pytest.mark.parametrize(("team", "seat"), list(product(TeamState, SeatState)))
def test_a_payment_means_something_in_every_state(team: TeamState, seat: SeatState) -> None:
    meaning = payment(replace(TEAM, state=team), replace(SEAT, state=seat), "O1")
    assert meaning is MEANINGS[team, seat]


def test_a_payment_without_its_seat_is_lost() -> None:
    assert payment(None, None, "O1") is Payment.LOST
    assert payment(TEAM, None, "O1") is Payment.LOST
    assert payment(TEAM, SEAT, "O2") is Payment.LOST


def test_the_last_payment_completes() -> None:
    assert not completes(TEAM)
    assert completes(replace(TEAM, paid_count=2))


def test_a_team_whose_time_is_up_fails_unless_the_shop_fills_it() -> None:
    assert at_expiry(TEAM) is TeamState.FAILED
    assert at_expiry(replace(TEAM, allow_fill=True)) is TeamState.FORMED
    assert at_expiry(replace(TEAM, allow_fill=True, paid_count=0)) is TeamState.FAILED


def test_a_team_ends_with_its_last_unpaid_seat_only() -> None:
    alone = replace(TEAM, seats_taken=1, paid_count=0)
    assert dies_with(alone, SEAT)
    assert not dies_with(replace(alone, seats_taken=2), SEAT)
    assert not dies_with(replace(alone, paid_count=1), SEAT)
    assert not dies_with(alone, replace(SEAT, state=SeatState.PAID))


@pytest.mark.parametrize(
    ("team", "now", "words"),
    [
        (TEAM, NOW, "还差2人成团"),
        (TEAM, TEAM.expires_at, "拼团已结束"),
        (replace(TEAM, state=TeamState.FAILED), NOW, "拼团已结束"),
        (replace(TEAM, state=TeamState.FORMED), NOW, "已成团"),
        (replace(TEAM, state=TeamState.FORMED, waived=2), NOW, "已成团，商家免去了2个名额"),
    ],
)
def test_the_card_says_how_the_team_stands(team: Team, now: datetime, words: str) -> None:
    assert text(team, now) == words


def test_nothing_is_missing_in_a_team_that_is_over() -> None:
    assert TEAM.missing == 2
    assert replace(TEAM, state=TeamState.FAILED).missing == 0


def test_what_is_over_stays_over() -> None:
    assert {state: replace(TEAM, state=state).over for state in TeamState} == {
        TeamState.OPEN: False,
        TeamState.FORMED: True,
        TeamState.FAILED: True,
    }
    assert set(TEAM_TRANSITIONS) == set(TeamState)
    assert set(SEAT_TRANSITIONS) == set(SeatState)


def test_a_face_is_not_written_to_logs() -> None:
    assert "小明" not in repr(TEAM)
    assert "M1" not in repr(SEAT)

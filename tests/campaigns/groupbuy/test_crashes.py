"""The process dies between any two writes and the work is run again: the same end, nothing twice."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.campaigns.groupbuy import service
from chalicelib.campaigns.groupbuy.rules import SeatState, TeamState
from chalicelib.storage import writes

from . import harness
from .harness import DAY, NOW, Shop

OVER = NOW + timedelta(hours=24)


class DiedError(Exception):
    pass


class Life:
    """Lets a number of writes through and then none."""

    def __init__(self) -> None:
        self.left: int | None = None

    def commit(self, *changes: writes.Write) -> None:
        if self.left == 0:
            raise DiedError
        if self.left is not None:
            self.left -= 1
        writes.commit(*changes)


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    life = Life()
    monkeypatch.setattr(service, "commit", life.commit)
    monkeypatch.setattr(harness, "commit", life.commit)
    yield life
    assert life.left is None, "the test did not let the process live again"


@pytest.mark.parametrize("lives", range(6))
def test_a_failing_team_is_paid_back_whenever_the_process_dies(tables: str, life: Life, lives: int) -> None:
    shop = Shop(team_size=5)
    first = shop.open_team("b", "c")
    life.left = lives
    try:
        shop.sweep(OVER)
        finished = True
    except DiedError:
        finished = False
    life.left = None
    assert finished is (lives == 5)  # the team, three refunds, settled
    shop.sweep(OVER)
    assert shop.team(first).state is TeamState.FAILED
    assert set(shop.seats(first).values()) == {SeatState.REFUNDED}
    assert list(shop.kind.due(OVER + DAY)) == []


@pytest.mark.parametrize("lives", range(5))
def test_a_forming_team_ships_whenever_the_process_dies(tables: str, life: Life, lives: int) -> None:
    shop = Shop()
    first = shop.open_team("b")
    last = shop.place("c", first.group_id)
    shop.charge(last)
    life.left = lives
    try:
        shop.follow(last)
        finished = True
    except DiedError:
        finished = False
    life.left = None
    assert finished is (lives == 4)  # the payment, three orders
    shop.follow(last)
    assert shop.team(first).paid_count == 3
    assert shop.state(first) == shop.state(last) == "SHIPPABLE"


@pytest.mark.parametrize("lives", range(4))
def test_a_late_payer_finds_one_place_whenever_the_process_dies(tables: str, life: Life, lives: int) -> None:
    shop = Shop()
    late = shop.place("late")
    shop.close(late)
    other = shop.open_team()
    life.left = lives
    try:
        shop.pay_late(late)
        finished = True
    except DiedError:
        finished = False
    life.left = None
    assert finished is (lives == 3)  # the money, the new place, the payment counted there
    if shop.state(late) == "CLOSED":
        shop.pay_late(late)
    elif shop.state(late) == "LATE":
        shop.find_place(late)
    shop.follow(shop.now_in(late))
    assert shop.now_in(late).group_id == other.group_id
    assert shop.seats(other)["late"] is SeatState.PAID
    shop.is_sound(other)


def test_a_team_with_a_refund_that_cannot_be_written_stays_due_behind_the_others(tables: str) -> None:
    shop = Shop()
    first = shop.open_team("b")
    shop.kind.expire(first.group_id, OVER)
    shop.refund(first)
    shop.kind.settled(first.group_id, OVER)
    assert list(shop.kind.due(OVER)) == []
    assert list(shop.kind.due(OVER + timedelta(minutes=5))) == [first.group_id]
    shop.sweep(OVER + timedelta(minutes=5))
    assert set(shop.seats(first).values()) == {SeatState.REFUNDED}
    assert list(shop.kind.due(OVER + DAY)) == []


def test_an_expiry_in_flight_does_not_touch_a_team_that_was_opened_anew(tables: str) -> None:
    shop = Shop()
    late = shop.place("late")
    shop.kind.expire(late.group_id, OVER)
    shop.activities.put(replace(shop.activity, ends_at=OVER + DAY))
    shop.pay(late, OVER)
    shop.kind.settled(late.group_id, OVER)
    assert shop.kind.expire(late.group_id, OVER) == []
    assert shop.team(late).state is TeamState.OPEN
    assert list(shop.kind.due(OVER + DAY)) == [late.group_id]

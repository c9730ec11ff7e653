"""Many at the same moment, on an engine with true transactions."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.campaigns.base import CampaignOrder
from chalicelib.campaigns.groupbuy.rules import AlreadyInTeam, SeatState, TeamFull, TeamState

from .harness import DAY, NOW, THREADS, Shop, do, refunded, shipped, together

OVER = NOW + timedelta(hours=24)
MEMBERS = [f"m{number:02d}" for number in range(THREADS)]


@pytest.mark.parametrize("run", range(3))
def test_the_last_two_seats_go_to_two_of_sixty(tables: str, run: int) -> None:
    shop = Shop(team_size=4)
    first = shop.open_team("b")
    answers = together(lambda member: shop.place(member, first.group_id), MEMBERS)
    seated = [answer for answer in answers if isinstance(answer, CampaignOrder)]
    assert len(seated) == 2
    assert {type(answer) for answer in answers} == {CampaignOrder, TeamFull}
    shop.is_sound(first)
    for order in seated:
        shop.pay(order)
    assert shop.team(first).state is TeamState.FORMED


@pytest.mark.parametrize("opening", [True, False])
def test_a_member_who_taps_sixty_times_has_one_seat(tables: str, opening: bool) -> None:
    shop = Shop(team_size=100, limit_per_member=100)
    first = shop.open_team()
    orders = [shop.order("b", None if opening else first.group_id) for _ in range(THREADS)]
    answers = together(shop.put_unseen, orders)
    assert Counter(map(type, answers)) == {CampaignOrder: 1, AlreadyInTeam: THREADS - 1}
    assert len(shop.standing("b").order_ids) == 1
    assert len(shop.kind.mine("b", None, 50).rows) == 1


@pytest.mark.parametrize("run", range(2))
def test_callbacks_that_come_sixty_times_at_once_form_one_team(tables: str, run: int) -> None:
    shop = Shop()
    first = shop.open_team()
    orders = [first, *(shop.place(member, first.group_id) for member in "bc")]
    for order in orders[1:]:
        shop.charge(order)
    answers = together(shop.follow, orders * (THREADS // 3))
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    team, seats = shop.store.whole(first.group_id)
    assert team is not None
    assert (team.state, team.paid_count, len(seats)) == (TeamState.FORMED, 3, 3)
    assert {shop.state(order) for order in orders} == {"SHIPPABLE"}
    assert max(len(shipped(answer)) for answer in answers if isinstance(answer, list)) == 3


def test_sixty_members_who_pay_at_once_form_their_team(tables: str) -> None:
    shop = Shop(team_size=THREADS + 1)
    first = shop.open_team()
    orders = [shop.place(member, first.group_id) for member in MEMBERS]
    answers = together(shop.pay, orders)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert shop.team(first).state is TeamState.FORMED
    assert {shop.state(order) for order in [first, *orders]} == {"SHIPPABLE"}


@pytest.mark.parametrize("fill", [False, True])
def test_who_pays_while_the_team_expires_is_shipped_or_paid_back(tables: str, fill: bool) -> None:
    shop = Shop(team_size=100, allow_fill=fill)
    first = shop.open_team()
    orders = [shop.place(member, first.group_id) for member in MEMBERS]
    work: list[Callable[[], Any]] = [partial(shop.pay, order, OVER) for order in orders]
    work[30:30] = [partial(shop.sweep, OVER)] * 3
    answers = together(do, work)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    shop.sweep(OVER + DAY)
    assert {shop.state(order) for order in [first, *orders]} == {"SHIPPABLE" if fill else "REFUNDED"}
    assert list(shop.kind.due(OVER + DAY + DAY)) == []


def test_late_payers_of_a_failing_team_gather_in_new_teams(tables: str) -> None:
    shop = Shop(team_size=100)
    first = shop.open_team()
    orders = [shop.place(member, first.group_id) for member in MEMBERS]
    shop.activities.put(replace(shop.activity, ends_at=OVER + DAY))
    work: list[Callable[[], Any]] = [partial(shop.pay, order, OVER) for order in orders]
    work[20:20] = [partial(shop.sweep, OVER)]
    answers = together(do, work)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    shop.sweep(OVER)
    for order in orders:
        now = shop.now_in(order)
        if shop.state(order) == "REFUNDED":
            assert now.group_id == first.group_id
        else:
            assert (shop.state(order), shop.seats(now)[order.member_id]) == ("PAID", SeatState.PAID)
            assert shop.team(now).state is TeamState.OPEN
            shop.is_sound(now)
    assert shop.state(first) == "REFUNDED"


def test_a_team_that_expires_sixty_times_at_once_pays_each_back_once(tables: str) -> None:
    shop = Shop()
    first = shop.open_team("b")
    answers = together(lambda _: shop.sweep(OVER), range(THREADS))
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert shop.seats(first) == {"leader": SeatState.REFUNDED, "b": SeatState.REFUNDED}
    assert shop.state(first) == "REFUNDED"
    assert list(shop.kind.due(OVER + DAY)) == []


@pytest.mark.parametrize("run", range(5))
def test_the_leader_who_leaves_as_the_last_seat_is_paid_leaves_before_or_after(tables: str, run: int) -> None:
    shop = Shop()
    first = shop.open_team("b")
    last = shop.place("c", first.group_id)
    shop.charge(last)
    answers = together(do, [partial(shop.refund, first), partial(shop.follow, last)])
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    team = shop.team(first)
    if team.state is TeamState.OPEN:
        shop.is_sound(first)
        assert (team.paid_count, team.leader.member_id) == (2, "b")
        assert shop.state(last) == "PAID"
    else:
        assert shop.state(last) == "SHIPPABLE"
    assert shop.state(first) == "REFUNDED"


def test_seats_that_are_given_back_as_others_are_taken_add_up(tables: str) -> None:
    shop = Shop(team_size=31)
    first = shop.open_team()
    leaving = [shop.place(member, first.group_id) for member in MEMBERS[:30]]
    work: list[Callable[[], Any]] = [partial(shop.close, order) for order in leaving]
    work += [partial(shop.place, member, first.group_id) for member in MEMBERS[30:]]
    answers = together(do, work)
    assert {type(answer) for answer in answers} <= {type(None), CampaignOrder, TeamFull}
    assert answers[:30] == [None] * 30
    shop.is_sound(first)
    staying = [answer for answer in answers if isinstance(answer, CampaignOrder)]
    assert shop.team(first).seats_taken == 1 + len(staying)


def test_refunds_of_one_expiry_name_the_members_of_that_team_alone(tables: str) -> None:
    shop = Shop()
    first, other = shop.open_team("b"), shop.place("x", now=NOW + timedelta(minutes=1))
    shop.pay(other, NOW + timedelta(minutes=1))
    assert len(refunded(shop.kind.expire(first.group_id, OVER))) == 2
    assert shop.team(other).state is TeamState.OPEN

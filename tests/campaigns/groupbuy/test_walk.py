"""Random walks through all that can happen to an activity's orders; what must hold, holds after each step."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from random import Random

from chalicelib.campaigns.base import CampaignLimit, CampaignOrder
from chalicelib.campaigns.groupbuy.rules import (
    SEAT_TRANSITIONS,
    TEAM_TRANSITIONS,
    AlreadyInTeam,
    SeatState,
    TeamFull,
    TeamNotFound,
    TeamNotOpen,
    TeamState,
)

from .harness import DAY, NOW, Shop

MEMBERS = "abcde"
WALKS, STEPS = 6, 40
LIMIT = 2


class Walk:
    """`place` is likelier than the rest, time passes seldom."""

    def __init__(self, number: int, numbers: "count[int]") -> None:
        self.random = Random(number)
        self.shop = Shop(f"W{number}", team_size=2 + number % 2, allow_fill=number % 4 == 3, limit_per_member=LIMIT)
        self.shop.numbers = numbers
        self.shop.activities.put(replace(self.shop.activity, ends_at=NOW + DAY + DAY))
        self.now = NOW
        self.orders: list[CampaignOrder] = []
        self.teams: dict[str, TeamState] = {}
        self.seats: dict[tuple[str, str], SeatState] = {}
        self.team_steps: set[tuple[TeamState, TeamState]] = set()
        self.seat_steps: set[tuple[SeatState, SeatState]] = set()
        steps = {self.place: 6, self.pay: 5, self.charge: 1, self.close: 2, self.pay_late: 3, self.follow: 2,
                 self.refund: 1, self.wait: 1, self.sweep: 1}  # fmt: skip
        self.steps = [step for step, weight in steps.items() for _ in range(weight)]

    def step(self) -> None:
        self.random.choice(self.steps)()
        known = self.shop.states(self.orders)
        open_ones = [order for order, _ in known if self.teams.get(order.group_id) in (None, TeamState.OPEN)]
        self._every_change_is_allowed(open_ones)
        self._members_hold_what_they_may(known, self.random.choice(MEMBERS))

    def place(self) -> None:
        joined = self.random.choice(["", *sorted(self.teams)[-3:]]) or None
        try:
            self.orders.append(self.shop.place(self.random.choice(MEMBERS), joined, self.now))
        except (AlreadyInTeam, TeamFull, TeamNotFound, TeamNotOpen, CampaignLimit):
            return

    def pay(self) -> None:
        if order := self._any("AWAITING"):
            self.shop.pay(order, self.now)

    def charge(self) -> None:
        """Paid, and the process dies."""
        if order := self._any("AWAITING"):
            self.shop.charge(order)

    def follow(self) -> None:
        if order := self._any("PAID", "SHIPPABLE"):
            self.shop.follow(order, self.now)

    def close(self) -> None:
        if order := self._any("AWAITING"):
            self.shop.close(order, self.now)

    def pay_late(self) -> None:
        if order := self._any("CLOSED"):
            self.shop.pay_late(order, self.now)

    def refund(self) -> None:
        if order := self._any("PAID", "SHIPPABLE"):
            self.shop.refund(order, self.now)

    def wait(self) -> None:
        self.now += timedelta(hours=12)

    def sweep(self) -> None:
        self.shop.sweep(self.now)

    def end(self) -> None:
        """Every order that was paid is shipped or paid back, and nothing is left to do."""
        for order, state in self.shop.states(self.orders):
            if state == "PAID":
                self.shop.follow(order, self.now)
        later = self.now + DAY + DAY
        self.shop.sweep(later)
        self.shop.sweep(later)
        assert list(self.shop.kind.due(later + DAY)) == []
        self._every_change_is_allowed([order for order, _ in self.shop.states(self.orders)])
        assert {state for _, state in self.shop.states(self.orders)} <= {"AWAITING", "CLOSED", "SHIPPABLE", "REFUNDED"}

    def _every_change_is_allowed(self, orders: list[CampaignOrder]) -> None:
        for order in {order.group_id: order for order in orders}.values():
            team, seats = self.shop.store.whole(order.group_id)
            assert team is not None
            was = self.teams.get(team.team_id, team.state)
            if (was, team.state) == (TeamState.FAILED, TeamState.OPEN):
                assert [seat.order_id for seat in seats] == [team.team_id], "only its own order opens a team anew"
            elif was is not team.state:
                self.team_steps.add((was, team.state))
            self.teams[team.team_id] = team.state
            for seat in seats:
                before = self.seats.get((team.team_id, seat.order_id), seat.state)
                if before is not seat.state:
                    self.seat_steps.add((before, seat.state))
                self.seats[team.team_id, seat.order_id] = seat.state
            if team.state is TeamState.OPEN:
                assert team.seats_taken == len(seats) <= team.size
                assert team.paid_count == sum(seat.state is SeatState.PAID for seat in seats) < team.size

    def _members_hold_what_they_may(self, known: list[tuple[CampaignOrder, str]], member: str) -> None:
        held = [order for order, state in known if order.member_id == member and state in HOLDING]
        live = [order for order in held if self.teams[order.group_id] is TeamState.OPEN]
        assert len(live) <= 1
        assert len(held) <= LIMIT
        assert self.shop.standing(member).order_ids == {order.order_id for order in held}

    def _any(self, *states: str) -> CampaignOrder | None:
        fitting = [order for order, state in self.shop.states(self.orders) if state in states]
        return self.random.choice(fitting) if fitting else None


HOLDING = ("AWAITING", "PAID", "SHIPPABLE")


def test_whatever_happens_to_an_activity_every_payer_is_shipped_or_paid_back(tables: str) -> None:
    numbers = count(1)
    walks = [Walk(number, numbers) for number in range(WALKS)]
    for walk in walks:
        for _ in range(STEPS):
            walk.step()
        walk.end()
    teams = set().union(*(walk.team_steps for walk in walks))
    seats = set().union(*(walk.seat_steps for walk in walks))
    assert teams == {(was, now) for was, ways in TEAM_TRANSITIONS.items() for now in ways}
    assert seats <= {(was, now) for was, ways in SEAT_TRANSITIONS.items() for now in ways}
    assert (SeatState.TAKEN, SeatState.PAID) in seats

"""Teams, seats, and when a team forms or fails: group-buying (拼团) as the big malls of China practise it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ...kernel.errors import NotFound, Refused

MOST_MEMBERS = 100


class TeamState(StrEnum):
    OPEN = "OPEN"
    FORMED = "FORMED"
    FAILED = "FAILED"


# A failed team that nobody ever paid for was never seen by anyone; only its own opener may open it anew.
TEAM_TRANSITIONS: Mapping[TeamState, frozenset[TeamState]] = {
    TeamState.OPEN: frozenset({TeamState.FORMED, TeamState.FAILED}),
    TeamState.FORMED: frozenset(),
    TeamState.FAILED: frozenset(),
}


class SeatState(StrEnum):
    """REFUNDED is kept for the members of a team that is over; a seat given back while the team is open is no more."""

    TAKEN = "TAKEN"
    PAID = "PAID"
    REFUNDED = "REFUNDED"


SEAT_TRANSITIONS: Mapping[SeatState, frozenset[SeatState]] = {
    SeatState.TAKEN: frozenset({SeatState.PAID, SeatState.REFUNDED}),
    SeatState.PAID: frozenset({SeatState.REFUNDED}),
    SeatState.REFUNDED: frozenset(),
}


class TeamNotFound(NotFound):
    """Also for a team whose leader has not paid: nobody sees it yet."""

    code = "TEAM_NOT_FOUND"
    message = "该团不存在"


class TeamNotOpen(Refused):
    """Formed, failed, or out of time; `details.state` is what it is."""

    code = "TEAM_NOT_OPEN"
    message = "该团已结束，去开一个新团吧"


class TeamFull(Refused):
    """All seats are taken; a seat that is not paid for in time becomes free again."""

    code = "TEAM_FULL"
    message = "该团人数已满，去参加别的团吧"


class AlreadyInTeam(Refused):
    """One team at a time in an activity; `details.team_id` is the one the member is in, when it is known."""

    code = "ALREADY_IN_TEAM"
    message = "您已在该活动的一个团里，成团后再来参加吧"


@dataclass(frozen=True)
class GroupBuyConfig:
    """How teams of an activity work.

    `limit_per_member` counts a member's orders in the activity, `limit_per_order` the pieces of one order. `leader_off`
    is taken off the opener's unit price, in fen. With `allow_fill` the shop waives the places that are missing when
    time is up, and says so; no buyers are made up. Raises ValueError for values that make no sense.
    """

    team_size: int
    team_hours: int = 24
    limit_per_member: int = 5
    limit_per_order: int = 5
    allow_fill: bool = False
    leader_off: int = 0

    def __post_init__(self) -> None:
        bounds = {
            "team_size": (2, MOST_MEMBERS),
            "team_hours": (1, 24 * 30),
            "limit_per_member": (1, 100),
            "limit_per_order": (1, 999),
            "leader_off": (0, 10**9),
        }
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be {least} to {most}")


@dataclass(frozen=True)
class Face:
    """Who stands for a member before others. Never shown with the member's id."""

    member_id: str = field(repr=False)
    nickname: str = field(repr=False)
    avatar_url: str = field(repr=False)


@dataclass(frozen=True)
class Team:
    """`seats_taken` and `paid_count` are exact while the team is OPEN and mean nothing for decisions afterwards.

    `leader` is the first member who paid and is still in. `waived` counts the places that the shop waived.
    """

    team_id: str
    activity_id: str
    leader: Face
    size: int
    seats_taken: int
    paid_count: int
    state: TeamState
    opened_at: datetime
    expires_at: datetime
    limit_per_member: int
    allow_fill: bool = False
    waived: int = 0

    @property
    def missing(self) -> int:
        """How many more must pay ("还差 N 人成团")."""
        return max(self.size - self.paid_count, 0) if self.state is TeamState.OPEN else 0

    @property
    def over(self) -> bool:
        """Whether nothing can become of it any more."""
        return not TEAM_TRANSITIONS[self.state]


@dataclass(frozen=True)
class Seat:
    team_id: str
    activity_id: str
    order_id: str
    face: Face
    state: SeatState
    taken_at: datetime
    paid_at: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """A member in an activity: the orders that count against the limit, and the last seat taken."""

    order_ids: frozenset[str] = frozenset()
    last_order: str | None = None
    last_team: str | None = None

    def other_team(self, order_id: str) -> str | None:
        """The team in which another order of the member may still hold a live seat."""
        holds = self.last_order in self.order_ids and self.last_order != order_id
        return self.last_team if holds else None

    def left(self, order_id: str) -> str | None:
        """The team in which this very order held a seat before."""
        return self.last_team if self.last_order == order_id else None


def opened(order_id: str, activity_id: str, leader: Face, config: GroupBuyConfig, now: datetime) -> Team:
    """A new team with its opener on the first seat."""
    return Team(
        team_id=order_id,
        activity_id=activity_id,
        leader=leader,
        size=config.team_size,
        seats_taken=1,
        paid_count=0,
        state=TeamState.OPEN,
        opened_at=now,
        expires_at=now + timedelta(hours=config.team_hours),
        limit_per_member=config.limit_per_member,
        allow_fill=config.allow_fill,
    )


def visible(team: Team) -> bool:
    """Others see a team from the moment that one of its members has paid."""
    return team.state is TeamState.FORMED or team.paid_count > 0


def joinable(team: Team, now: datetime) -> bool:
    return (
        team.state is TeamState.OPEN and team.paid_count > 0 and team.seats_taken < team.size and now < team.expires_at
    )


def must_be_joinable(team: Team, now: datetime) -> None:
    """Raises TeamNotFound, TeamNotOpen or TeamFull."""
    if not visible(team):
        raise TeamNotFound
    if team.state is not TeamState.OPEN or now >= team.expires_at:
        raise TeamNotOpen(state=team.state)
    if not joinable(team, now):
        raise TeamFull


def over_limit(standing: Standing, order_id: str, limit: int) -> bool:
    """Whether one more order would be too many; an order that counts already is not one more."""
    return order_id not in standing.order_ids and len(standing.order_ids) >= limit


def unit_price(price: int, config: GroupBuyConfig, *, opening: bool) -> int:
    """The opener pays `leader_off` less, but at least 1 fen."""
    return max(price - config.leader_off, min(price, 1)) if opening else price


def leader(seats: Sequence[Seat]) -> Seat | None:
    """The first who paid and is still in: when a leader is refunded, the next one takes over."""
    paid = [seat for seat in seats if seat.state is SeatState.PAID and seat.paid_at is not None]
    return min(paid, key=lambda seat: (seat.paid_at, seat.order_id), default=None)


class Payment(StrEnum):
    """What a payment means for the seat it was made for.

    COUNTS: it is not counted yet. WAITS, SHIPS: counted, and the team is open or formed. RETURNS: counted, but the team
    failed. OVER: it was given back. LOST: the seat or its team was gone when the money came.
    """

    COUNTS = "COUNTS"
    WAITS = "WAITS"
    SHIPS = "SHIPS"
    RETURNS = "RETURNS"
    OVER = "OVER"
    LOST = "LOST"


COUNTED: Mapping[TeamState, Payment] = {
    TeamState.OPEN: Payment.WAITS,
    TeamState.FORMED: Payment.SHIPS,
    TeamState.FAILED: Payment.RETURNS,
}


def payment(team: Team | None, seat: Seat | None, order_id: str) -> Payment:
    """A seat still unpaid in a formed team was waived by the shop; who pays for it in time gets the goods too."""
    if team is None or seat is None or seat.order_id != order_id:
        return Payment.LOST
    if seat.state is SeatState.REFUNDED:
        return Payment.OVER
    if SeatState.PAID not in SEAT_TRANSITIONS[seat.state]:
        return COUNTED[team.state]
    return Payment.LOST if team.state is TeamState.FAILED else Payment.COUNTS


def completes(team: Team) -> bool:
    """Whether one more payment forms the team."""
    return team.paid_count + 1 >= team.size


def at_expiry(team: Team) -> TeamState:
    """What becomes of an open team when its time is up."""
    return TeamState.FORMED if team.allow_fill and team.paid_count > 0 else TeamState.FAILED


def dies_with(team: Team, seat: Seat) -> bool:
    """Whether an open team ends when this seat is given back: nobody else is in, and nobody can join an unpaid team."""
    return team.paid_count == 0 and team.seats_taken == 1 and seat.state is SeatState.TAKEN


def text(team: Team, now: datetime) -> str:
    """What the share card says."""
    if team.state is TeamState.FORMED:
        return f"已成团，商家免去了{team.waived}个名额" if team.waived else "已成团"
    if team.state is TeamState.FAILED or now >= team.expires_at:
        return "拼团已结束"
    return f"还差{team.missing}人成团"

"""The group-buy kind: what it promises to orders (campaigns/base.py), and what shoppers look at."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from ...kernel.errors import Conflict, ShopError
from ...kernel.paging import Page, decode_cursor
from ...storage.reads import Read, together
from ...storage.writes import StorageBusy, Write, commit
from ..base import (
    Activity,
    ActivityNotFound,
    ActivityNotRunning,
    CampaignLimit,
    CampaignOrder,
    CampaignPrice,
    Choice,
    Lost,
    NotInActivity,
    OrderRef,
    Outcome,
    Refund,
    Ship,
)
from ..store import Activities
from . import changes
from .rules import (
    SEAT_TRANSITIONS,
    AlreadyInTeam,
    Face,
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
    joinable,
    leader,
    must_be_joinable,
    opened,
    over_limit,
    payment,
    unit_price,
    visible,
)
from .store import Known, TeamStore

TRIES = 10
CANDIDATES = 20
CAUSE = "team-failed"
REASON = "拼团未成功"


class GroupBuy:
    """Implements campaigns.base.Kind. A team has the id of the order that opened it."""

    name: ClassVar[str] = "groupbuy"
    holds: ClassVar[bool] = True
    refusals: ClassVar[tuple[type[ShopError], ...]] = (TeamNotFound, TeamNotOpen, TeamFull, AlreadyInTeam)

    def __init__(self, teams: TeamStore, activities: Activities) -> None:
        self._teams = teams
        self._activities = activities

    def reads(self, choice: Choice, member_id: str, now: datetime) -> Read[Known]:
        """One read more for a member who has a seat in another team."""
        activity = self._activities.reads(choice.activity_id)
        standing = self._teams.reads_standing(choice.activity_id, member_id, choice.group_id)
        return together(activity, standing).then(lambda found: self._known(choice, found[0], *found[1]))

    def quote(self, known: Known, sku_id: str, quantity: int, now: datetime) -> CampaignPrice:
        """Joining stays possible after the activity's end until the team expires; opening does not.

        Raises ActivityNotFound, ActivityNotRunning, NotInActivity, CampaignLimit, TeamNotFound, TeamNotOpen, TeamFull,
        AlreadyInTeam.
        """
        activity, choice = self._ours(known.activity), known.choice
        if sku_id not in activity.prices:
            raise NotInActivity
        if quantity > activity.config.limit_per_order:
            raise CampaignLimit(limit=activity.config.limit_per_order, per="order")
        if choice.group_id is None:
            _must_run(activity, now)
        else:
            _joinable(known, now)
        _must_be_free(known, "", activity.config.limit_per_member)
        price = unit_price(activity.prices[sku_id], activity.config, opening=choice.group_id is None)
        return CampaignPrice(self.name, activity.activity_id, activity.title, price, choice.group_id)

    def claims(self, known: Known, order: CampaignOrder, now: datetime) -> list[Write]:
        """A seat in a new team, or in the team that the order names; refuses as `quote` does."""
        face = Face(order.member_id, order.nickname, order.avatar_url)
        if order.opens_group:
            activity = self._ours(known.activity)
            _must_run(activity, now)
            team = opened(order.order_id, order.activity_id, face, activity.config, now)
            place = changes.opens(team)
        else:
            team = _joinable(known, now)
            place = changes.joins(team)
        _must_be_free(known, order.order_id, team.limit_per_member)
        seat = Seat(team.team_id, order.activity_id, order.order_id, face, SeatState.TAKEN, now)
        writes = [place, changes.takes(seat), changes.counts(seat, known.standing)]
        former = known.standing.left(order.order_id)
        if former not in (None, team.team_id):
            writes.append(changes.leaves(former, order.member_id, order.order_id))
        return writes

    def releases(self, order: CampaignOrder, now: datetime, *, paid: bool) -> list[Write]:
        """Nothing, if the order holds no seat. See changes.gives_back for why these writes hold in any state."""
        team, seat = self._teams.place(order.group_id, order.member_id)
        if team is None or seat is None or seat.order_id != order.order_id:
            return []
        if SeatState.REFUNDED not in SEAT_TRANSITIONS[seat.state]:
            return []
        return changes.gives_back(team, seat, self._successor(team, seat), paid=paid)

    def on_paid(self, order: CampaignOrder, now: datetime) -> list[Outcome]:
        """Count the payment, once. The last one forms the team; from then on every call returns the Ship of its orders.

        A payment that was counted before its team failed is refunded; one that came later is Lost.
        """
        for _ in range(TRIES):
            team, seat = self._teams.place(order.group_id, order.member_id)
            meaning = payment(team, seat, order.order_id)
            if meaning is not Payment.COUNTS:
                return self._recalled(order, meaning)
            assert team is not None
            assert seat is not None
            try:
                commit(*changes.pays(team, seat, now))
            except Conflict:
                continue
            formed = team.over or completes(team)
            return self._recalled(order, Payment.SHIPS if formed else Payment.WAITS)
        raise StorageBusy

    def rescue(self, order: CampaignOrder, now: datetime) -> CampaignOrder | None:
        """Another open team of the activity, the one that lacks fewest; else a new one if the activity runs; else None.

        The traces of a lost seat are dealt with by `claims`.
        """
        listed = self._teams.joinable(order.activity_id, now, None, CANDIDATES).rows
        found = self._teams.teams([team.team_id for team in listed], consistent=True).values()
        open_teams = [team for team in found if joinable(team, now)]
        if open_teams:
            return replace(order, group_id=min(open_teams, key=lambda team: (team.missing, team.team_id)).team_id)
        try:
            runs = self._activity(order.activity_id).running(now)
        except ActivityNotFound:  # taken away, or made another kind's meanwhile
            return None
        return replace(order, group_id=order.order_id) if runs else None

    def due(self, now: datetime) -> Iterator[str]:
        return self._teams.overdue(now)

    def expire(self, group_id: str, now: datetime) -> list[Outcome]:
        """End an open team whose time is up; the outcomes of a team that is over, as long as it is asked."""
        for _ in range(TRIES):
            team, seats = self._teams.whole(group_id)
            if team is None or (not team.over and now < team.expires_at):
                return []
            if team.over:
                return _outcomes(team, seats)
            try:
                commit(changes.ends(team, at_expiry(team)))
            except Conflict:
                continue  # a payment came between: look again
        raise StorageBusy

    def settled(self, group_id: str, now: datetime) -> None:
        """The team is no longer due; or a little later, if a member of a failed team still waits for the money."""
        team, seats = self._teams.whole(group_id)
        if team is None or not team.over:
            return
        owed = team.state is TeamState.FAILED and any(seat.state is SeatState.PAID for seat in seats)
        try:
            commit(changes.waits(team, now) if owed else changes.settles(team))
        except Conflict:
            return  # opened anew by its own order: it waits for its new end

    def put_off(self, group_id: str, now: datetime) -> None:
        with suppress(Conflict):  # no longer due
            commit(changes.puts_off(group_id, now))

    def card(self, activity: Activity, now: datetime) -> dict[str, Any]:
        config = activity.config
        return {
            "team_size": config.team_size,
            "team_hours": config.team_hours,
            "limit_per_member": config.limit_per_member,
            "limit_per_order": config.limit_per_order,
            "leader_off": config.leader_off,
        }

    def activity(self, activity_id: str) -> Activity:
        """Raises ActivityNotFound, also for an activity of another kind."""
        return self._activity(activity_id)

    def open_teams(self, activity_id: str, cursor: str | None, limit: int, now: datetime) -> Page[Team]:
        """Teams that can be joined now, the one that ends first in front; a page may hold fewer than `limit`."""
        page = self._teams.joinable(activity_id, now, decode_cursor(cursor), limit)
        return Page([team for team in page.rows if joinable(team, now)], page.next_cursor)

    def team(self, team_id: str) -> tuple[Team, list[Seat]]:
        """A team that others may see, and the seats that were paid, the leader's first. Raises TeamNotFound."""
        team, seats = self._teams.whole(team_id)
        if team is None or not visible(team):
            raise TeamNotFound
        paid = [seat for seat in seats if seat.paid_at is not None]
        return team, sorted(paid, key=lambda seat: (seat.paid_at, seat.order_id))

    def mine(self, member_id: str, cursor: str | None, limit: int) -> Page[tuple[Seat, Team]]:
        """The member's seats with their teams, the newest order first."""
        page = self._teams.seats_of(member_id, decode_cursor(cursor), limit)
        teams = self._teams.teams([seat.team_id for seat in page.rows])
        return Page([(seat, teams[seat.team_id]) for seat in page.rows if seat.team_id in teams], page.next_cursor)

    def _activity(self, activity_id: str) -> Activity:
        return self._ours(self._activities.get(activity_id))

    def _ours(self, activity: Activity | None) -> Activity:
        if activity is None or activity.kind != self.name:
            raise ActivityNotFound
        return activity

    def _known(self, choice: Choice, activity: Activity | None, standing: Standing, team: Team | None) -> Known:
        other = standing.other_team("")
        return Known(choice, activity, team, standing, self._teams.team(other) if other else None)

    def _successor(self, team: Team, seat: Seat) -> Seat | None:
        """Who leads an open team when its leader gives the seat back."""
        if team.over or seat.state is not SeatState.PAID or seat.face.member_id != team.leader.member_id:
            return None
        _, seats = self._teams.whole(team.team_id)
        return leader([other for other in seats if other.order_id != seat.order_id])

    def _recalled(self, order: CampaignOrder, meaning: Payment) -> list[Outcome]:
        match meaning:
            case Payment.SHIPS:
                team, seats = self._teams.whole(order.group_id)
                return _outcomes(team, seats) if team else []
            case Payment.RETURNS:
                return [Refund([OrderRef(order.member_id, order.order_id)], CAUSE, REASON)]
            case Payment.LOST:
                return [Lost(order, CAUSE, REASON)]
            case _:
                return []


def _joinable(known: Known, now: datetime) -> Team:
    team = known.team
    if team is None or team.activity_id != known.choice.activity_id:
        raise TeamNotFound
    must_be_joinable(team, now)
    return team


def _must_be_free(known: Known, order_id: str, limit: int) -> None:
    """One live seat at a time. Whether the last seat lives is asked of its team, so that a team that forms or fails
    need not be written into each of its members.
    """
    standing, other = known.standing, known.other
    if other is not None and standing.other_team(order_id) == other.team_id and not other.over:
        raise AlreadyInTeam(team_id=other.team_id)
    if over_limit(standing, order_id, limit):
        raise CampaignLimit(limit=limit, per="member")


def _must_run(activity: Activity, now: datetime) -> None:
    if not activity.running(now):
        raise ActivityNotRunning


def _outcomes(team: Team, seats: list[Seat]) -> list[Outcome]:
    """What follows from a team that is over, for those who paid and have not been refunded."""
    orders = [OrderRef(seat.face.member_id, seat.order_id) for seat in seats if seat.state is SeatState.PAID]
    if not orders:
        return []
    return [Ship(orders)] if team.state is TeamState.FORMED else [Refund(orders, CAUSE, REASON)]

"""Every change of a team and its seats, as conditional writes on the rows of store.py."""

from datetime import datetime, timedelta
from typing import Any

from ...kernel.clock import epoch
from ...storage.due import clear_due, set_due, wait_for
from ...storage.writes import Write, delete, outrun, put, update
from .rules import (
    AlreadyInTeam,
    Face,
    Seat,
    SeatState,
    Standing,
    Team,
    TeamFull,
    TeamState,
    completes,
    dies_with,
)
from .store import EXPIRE, TEAM, SeatRow, StandingRow, TeamRow, seat_key, standing_key, team_key

LOOK_AGAIN = timedelta(minutes=5)


def opens(team: Team) -> Write:
    """New, or again for the order whose team failed before anyone had paid for it. Otherwise StorageBusy: another run
    opened it for the same order at this very moment, which is a reason to look again and none to pay back.
    """
    row = TeamRow(
        f"T#{team.team_id}",
        TEAM,
        activity_id=team.activity_id,
        leader_id=team.leader.member_id,
        leader_nickname=team.leader.nickname,
        leader_avatar=team.leader.avatar_url,
        size=team.size,
        seats_taken=team.seats_taken,
        paid_count=team.paid_count,
        state=team.state,
        opened_at=epoch(team.opened_at),
        expires_at=epoch(team.expires_at),
        limit_per_member=team.limit_per_member,
        allow_fill=team.allow_fill,
        **wait_for(TeamRow, EXPIRE, team.team_id, team.expires_at),
    )
    unseen = (TeamRow.state == TeamState.FAILED) & (TeamRow.paid_count == 0)
    return put(row, condition=TeamRow.pk.does_not_exist() | unseen, otherwise=outrun())


def joins(team: Team) -> Write:
    """One more seat in a team that was just found joinable. Its end never changes; its places do."""
    return update(
        team_key(team.team_id),
        TeamRow.seats_taken.add(1),
        condition=(TeamRow.state == TeamState.OPEN) & (TeamRow.paid_count > 0) & (TeamRow.seats_taken < team.size),
        otherwise=TeamFull(),
    )


def takes(seat: Seat) -> Write:
    """The seat itself: one for each member of a team."""
    row = SeatRow(
        f"T#{seat.team_id}",
        f"M#{seat.face.member_id}",
        activity_id=seat.activity_id,
        member_id=seat.face.member_id,
        order_id=seat.order_id,
        nickname=seat.face.nickname,
        avatar_url=seat.face.avatar_url,
        state=seat.state,
        taken_at=epoch(seat.taken_at),
    )
    free = SeatRow.pk.does_not_exist() | (SeatRow.order_id == seat.order_id)
    return put(row, condition=free, otherwise=AlreadyInTeam(team_id=seat.team_id))


def counts(seat: Seat, seen: Standing) -> Write:
    """The order counts and holds the member's live seat, if the member has taken no seat since `seen` was read.

    Every claim goes through this row, so what was decided by `seen`, the limit too, still holds.
    """
    last = StandingRow.last_order
    return update(
        standing_key(seat.activity_id, seat.face.member_id),
        StandingRow.order_ids.add({seat.order_id}),
        last.set(seat.order_id),
        StandingRow.last_team.set(seat.team_id),
        condition=last.does_not_exist() if seen.last_order is None else last == seen.last_order,
        otherwise=AlreadyInTeam(),
    )


def leaves(team_id: str, member_id: str, order_id: str) -> Write:
    """The seat in a team that is over, which the order left for another team."""
    ours = SeatRow.pk.does_not_exist() | (SeatRow.order_id == order_id)
    return delete(seat_key(team_id, member_id), condition=ours)


def pays(team: Team, seat: Seat, now: datetime) -> list[Write]:
    """Count a payment; the last one forms the team. Refused with Conflict when team or seat changed meanwhile."""
    paid = update(
        seat_key(seat.team_id, seat.face.member_id),
        SeatRow.state.set(SeatState.PAID),
        SeatRow.paid_at.set(epoch(now)),
        condition=(SeatRow.order_id == seat.order_id) & (SeatRow.state == SeatState.TAKEN),
    )
    still = TeamRow.state == team.state
    if team.state is TeamState.FORMED:
        actions: list[Any] = [TeamRow.waived.add(-1)]
    elif completes(team):
        actions = [TeamRow.state.set(TeamState.FORMED), *_hidden(), *clear_due(TeamRow)]
        still &= TeamRow.paid_count == team.size - 1
    else:
        actions = [*_shown(team), *(_led_by(seat.face) if team.paid_count == 0 else [])]
        still &= TeamRow.paid_count < team.size - 1
    return [paid, update(team_key(team.team_id), TeamRow.paid_count.add(1), *actions, condition=still)]


def ends(team: Team, to: TeamState) -> Write:
    """Time is up. The team stays due until `settles`. Refused with Conflict when the team changed meanwhile."""
    waived = [TeamRow.waived.set(team.size - team.paid_count)] if to is TeamState.FORMED else []
    return update(
        team_key(team.team_id),
        TeamRow.state.set(to),
        *waived,
        *_hidden(),
        condition=(TeamRow.state == team.state)
        & (TeamRow.paid_count == team.paid_count)
        & (TeamRow.expires_at == epoch(team.expires_at)),
    )


def settles(team: Team) -> Write:
    """Nothing is left to do for a team that is over."""
    return update(team_key(team.team_id), *clear_due(TeamRow), condition=TeamRow.state == team.state)


def puts_off(team_id: str, now: datetime) -> Write:
    """Nothing is known of the team but that it is due and gives trouble."""
    later = set_due(TeamRow, EXPIRE, team_id, now + LOOK_AGAIN)
    return update(team_key(team_id), *later, condition=TeamRow.due_shard.exists())


def waits(team: Team, now: datetime) -> Write:
    """Something is left to do; others that are due come first."""
    later = set_due(TeamRow, EXPIRE, team.team_id, now + LOOK_AGAIN)
    return update(team_key(team.team_id), *later, condition=TeamRow.state == team.state)


def gives_back(team: Team, seat: Seat, successor: Seat | None, *, paid: bool) -> list[Write]:
    """Return what `opens` or `joins`, `takes` and `counts` took.

    An open team is written without regard to its state: if it has just formed or failed, its numbers no longer decide
    anything. The seat is this order's, so only a payment counted in this very moment can refuse (with Conflict).
    """
    key = seat_key(seat.team_id, seat.face.member_id)
    ours = SeatRow.order_id == seat.order_id
    uncounted = update(
        standing_key(seat.activity_id, seat.face.member_id),
        StandingRow.order_ids.delete({seat.order_id}),
        condition=StandingRow.pk.exists(),
    )
    if team.over:
        kept = update(key, SeatRow.state.set(SeatState.REFUNDED), condition=ours)
        return [kept if paid else delete(key, condition=ours), uncounted]
    freed = update(
        team_key(team.team_id),
        TeamRow.seats_taken.add(-1),
        *([TeamRow.paid_count.add(-1)] if seat.state is SeatState.PAID else []),
        *([TeamRow.state.set(TeamState.FAILED), *clear_due(TeamRow)] if dies_with(team, seat) else []),
        *(_led_by(successor.face) if successor else []),
        condition=TeamRow.pk.exists(),
    )
    return [delete(key, condition=ours & (SeatRow.state == seat.state)), freed, uncounted]


def _shown(team: Team) -> list[Any]:
    until = f"{epoch(team.expires_at):011d}#{team.team_id}"
    return [TeamRow.joinable_in.set(team.activity_id), TeamRow.joinable_by.set(until)]


def _hidden() -> list[Any]:
    return [TeamRow.joinable_in.remove(), TeamRow.joinable_by.remove()]


def _led_by(face: Face) -> list[Any]:
    return [
        TeamRow.leader_id.set(face.member_id),
        TeamRow.leader_nickname.set(face.nickname),
        TeamRow.leader_avatar.set(face.avatar_url),
    ]

"""Table `groupbuy`: teams with their seats, and where each member stands in each activity.

pk T#<team>    sk #              the team; in index `joinable` while open to others, in index `due` until it is over
pk T#<team>    sk M#<member>     a seat; index `by_member`
pk M#<member>  sk A#<activity>   the member's orders that count, and the last seat taken
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from ...kernel.clock import epoch, from_epoch
from ...kernel.paging import Page, page_of
from ...storage.due import DueIndex, DueRow, due
from ...storage.reads import Read, read
from ..base import Activity, Choice
from .rules import MOST_MEMBERS, Face, Seat, SeatState, Standing, Team, TeamState

EXPIRE = "groupbuy-expire"
TEAM = "#"


class Joinable(GlobalSecondaryIndex[Any]):
    """Open teams of an activity that others may see, the one that ends first in front; full ones too."""

    class Meta:
        index_name = "joinable"
        projection = AllProjection()

    joinable_in = UnicodeAttribute(hash_key=True)
    joinable_by = UnicodeAttribute(range_key=True)


class ByMember(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_member"
        projection = AllProjection()

    member_id = UnicodeAttribute(hash_key=True)
    order_id = UnicodeAttribute(range_key=True)


class GroupRow(DueRow):
    """What all kinds of rows in the table share: keys, indexes and one connection."""

    class Meta:
        table_name = "groupbuy"

    due = DueIndex()
    joinable = Joinable()
    by_member = ByMember()
    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class TeamRow(GroupRow):
    activity_id = UnicodeAttribute()
    joinable_in = UnicodeAttribute(null=True)
    joinable_by = UnicodeAttribute(null=True)
    leader_id = UnicodeAttribute()
    leader_nickname = UnicodeAttribute()
    leader_avatar = UnicodeAttribute()
    size = NumberAttribute()
    seats_taken = NumberAttribute()
    paid_count = NumberAttribute()
    state = UnicodeAttribute()
    opened_at = NumberAttribute()
    expires_at = NumberAttribute()
    limit_per_member = NumberAttribute()
    allow_fill = BooleanAttribute()
    waived = NumberAttribute(default=0)


class SeatRow(GroupRow):
    activity_id = UnicodeAttribute()
    member_id = UnicodeAttribute()
    order_id = UnicodeAttribute()
    nickname = UnicodeAttribute()
    avatar_url = UnicodeAttribute()
    state = UnicodeAttribute()
    taken_at = NumberAttribute()
    paid_at = NumberAttribute(null=True)


class StandingRow(GroupRow):
    order_ids = UnicodeSetAttribute(null=True)
    last_order = UnicodeAttribute(null=True)
    last_team = UnicodeAttribute(null=True)


class WholeRow(GroupRow):
    """For reading a team and its seats in one query: the team comes first, since `#` sorts before `M#`."""

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Any:
        return (TeamRow if data["sk"]["S"] == TEAM else SeatRow).from_raw_data(data)


@dataclass(frozen=True)
class Known:
    """What a choice is judged by: the team that it names, where the member stands, and the `other` team in which the
    member's last seat is.
    """

    choice: Choice
    activity: Activity | None
    team: Team | None
    standing: Standing
    other: Team | None


class TeamStore:
    """Reading teams: consistent, but for the lists that come from an index. changes.py has what is written."""

    def team(self, team_id: str) -> Team | None:
        return self.teams([team_id], consistent=True).get(team_id)

    def teams(self, team_ids: Sequence[str], *, consistent: bool = False) -> dict[str, Team]:
        """In one round trip; what does not exist is left out."""
        rows = read(*map(team_key, team_ids), consistent=consistent)
        return {team.team_id: team for team in (_team(row) for row in rows if row)}

    def whole(self, team_id: str) -> tuple[Team | None, list[Seat]]:
        """A team and all of its seats in one query."""
        rows: list[Any] = list(WholeRow.query(f"T#{team_id}", consistent_read=True, limit=MOST_MEMBERS + 1))
        if not rows:
            return None, []
        return _team(rows[0]), [_seat(row) for row in rows[1:]]

    def place(self, team_id: str, member_id: str) -> tuple[Team | None, Seat | None]:
        """A team and one member's seat in it."""
        team, seat = read(team_key(team_id), seat_key(team_id, member_id), consistent=True)
        return _team(team) if team else None, _seat(seat) if seat else None

    def reads_standing(
        self, activity_id: str, member_id: str, team_id: str | None
    ) -> Read[tuple[Standing, Team | None]]:
        """Where a member stands in an activity, and the team asked for, if there is one."""
        keys = [standing_key(activity_id, member_id), *([team_key(team_id)] if team_id else [])]

        def made(rows: list[Any]) -> tuple[Standing, Team | None]:
            standing, *teams = rows
            return _standing(standing), next((_team(row) for row in teams if row), None)

        return Read(keys, made, consistent=True)

    def joinable(self, activity_id: str, now: datetime, after: str | None, limit: int) -> Page[Team]:
        """Open teams whose time is not up; some may have become full. Sorted and paged by when they end."""
        start = max(after or "", f"{epoch(now):011d}~")
        rows = list(TeamRow.joinable.query(activity_id, Joinable.joinable_by > start, limit=limit + 1))
        page = page_of(rows, limit, lambda row: str(row.joinable_by))
        return Page([_team(row) for row in page.rows], page.next_cursor)

    def seats_of(self, member_id: str, before: str | None, limit: int) -> Page[Seat]:
        """A member's seats, the newest order first."""
        older = ByMember.order_id < before if before else None
        rows = SeatRow.by_member.query(member_id, older, scan_index_forward=False, limit=limit + 1)
        return page_of([_seat(row) for row in rows], limit, lambda seat: seat.order_id)

    def overdue(self, now: datetime) -> Iterator[str]:
        return (row.pk.removeprefix("T#") for row in due(TeamRow, EXPIRE, now))


def team_key(team_id: str) -> TeamRow:
    return TeamRow(f"T#{team_id}", TEAM)


def seat_key(team_id: str, member_id: str) -> SeatRow:
    return SeatRow(f"T#{team_id}", f"M#{member_id}")


def standing_key(activity_id: str, member_id: str) -> StandingRow:
    return StandingRow(f"M#{member_id}", f"A#{activity_id}")


def _team(row: TeamRow) -> Team:
    return Team(
        team_id=row.pk.removeprefix("T#"),
        activity_id=row.activity_id,
        leader=Face(row.leader_id, row.leader_nickname, row.leader_avatar),
        size=int(row.size),
        seats_taken=int(row.seats_taken),
        paid_count=int(row.paid_count),
        state=TeamState(row.state),
        opened_at=from_epoch(row.opened_at),
        expires_at=from_epoch(row.expires_at),
        limit_per_member=int(row.limit_per_member),
        allow_fill=row.allow_fill,
        waived=int(row.waived),
    )


def _seat(row: SeatRow) -> Seat:
    return Seat(
        team_id=row.pk.removeprefix("T#"),
        activity_id=row.activity_id,
        order_id=row.order_id,
        face=Face(row.member_id, row.nickname, row.avatar_url),
        state=SeatState(row.state),
        taken_at=from_epoch(row.taken_at),
        paid_at=None if row.paid_at is None else from_epoch(row.paid_at),
    )


def _standing(row: StandingRow | None) -> Standing:
    if row is None:
        return Standing()
    return Standing(frozenset(row.order_ids or ()), row.last_order, row.last_team)

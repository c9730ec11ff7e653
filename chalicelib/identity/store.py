"""Table `members`: one row per member, by member id; those with roles are in index `staff`."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from ..kernel.clock import epoch, from_epoch
from ..kernel.errors import Conflict, Unavailable
from ..kernel.paging import Page, page_of
from ..kernel.staff import StaffRole
from ..kernel.trail import Event
from ..storage.attributes import packed, unpacked
from ..storage.cipher import Cipher
from ..storage.reads import Read, fetch, read
from ..storage.table import STORAGE_FAILURES, Row
from ..storage.writes import commit, update
from .rules import NAMELESS, Member, MemberNotFound, Pace, Person, mask_phone

STAFF = "staff"


class ByStaff(GlobalSecondaryIndex[Any]):
    """All of a shop's people stand in one partition: they are few, and seldom change."""

    class Meta:
        index_name = "staff"
        projection = KeysOnlyProjection()

    staff = UnicodeAttribute(hash_key=True)
    member_id = UnicodeAttribute(range_key=True)


class MemberRow(Row):
    """`first_session` is the session whose login made the member: it tells which of several logins was the first."""

    class Meta:
        table_name = "members"

    by_staff = ByStaff()
    member_id = UnicodeAttribute(hash_key=True)
    openid = UnicodeAttribute()
    unionid = UnicodeAttribute(null=True)
    first_session = UnicodeAttribute()
    joined_at = NumberAttribute()
    session_version = NumberAttribute()
    nickname = UnicodeAttribute(null=True)
    avatar_url = UnicodeAttribute(null=True)
    phone_masked = UnicodeAttribute(null=True)
    phone_sealed = UnicodeAttribute(null=True)
    phone_fingerprint = UnicodeAttribute(null=True)
    roles = UnicodeSetAttribute(null=True)
    staff = UnicodeAttribute(null=True)
    staff_timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, null=True)
    pace_window = NumberAttribute(null=True)
    pace_asked = NumberAttribute(null=True)


class MemberStore:
    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def arrive(
        self, member_id: str, openid: str, unionid: str | None, session_id: str, now: datetime
    ) -> tuple[Member, bool]:
        """The member, made if need be, in one write; True for the one session that made it."""
        row = MemberRow(member_id)
        actions = [
            MemberRow.openid.set(openid),
            MemberRow.first_session.set(MemberRow.first_session | session_id),
            MemberRow.joined_at.set(MemberRow.joined_at | epoch(now)),
            MemberRow.session_version.set(MemberRow.session_version | 0),
        ]
        if unionid:
            actions.append(MemberRow.unionid.set(unionid))
        commit(update(row, *actions))
        return _member(row), row.first_session == session_id

    def get(self, member_id: str) -> Member | None:
        (member,) = fetch(self.reads(member_id))
        return member

    def reads(self, member_id: str) -> Read[Member | None]:
        """As of now: a revocation counts from the moment that it was answered."""
        return Read([MemberRow(member_id)], lambda rows: _member(rows[0]) if rows[0] else None, consistent=True)

    def bind_phone(self, member_id: str, phone: str) -> Member:
        """Raises MemberNotFound."""
        return self._change(
            member_id,
            MemberRow.phone_sealed.set(self._cipher.seal(phone, _context(member_id))),
            MemberRow.phone_fingerprint.set(self._cipher.fingerprint(phone, "member-phone")),
            MemberRow.phone_masked.set(mask_phone(phone)),
        )

    def phone(self, member_id: str) -> str | None:
        """The whole number, for delivery and service. Raises MemberNotFound."""
        try:
            sealed = MemberRow.get(member_id).phone_sealed
        except MemberRow.DoesNotExist as error:
            raise MemberNotFound from error
        return self._cipher.open(sealed, _context(member_id)) if sealed else None

    def change_profile(self, member_id: str, nickname: str | None, avatar_url: str | None) -> Member:
        """None leaves as it is, an empty picture address takes the picture away. Raises MemberNotFound."""
        actions = []
        if nickname is not None:
            actions.append(MemberRow.nickname.set(nickname))
        if avatar_url is not None:
            actions.append(MemberRow.avatar_url.set(avatar_url) if avatar_url else MemberRow.avatar_url.remove())
        return self._change(member_id, *actions)

    def raise_version(self, member_id: str) -> None:
        """Raises MemberNotFound."""
        self._change(member_id, MemberRow.session_version.add(1))

    def count(self, member: Member, window: int, number: int) -> None:
        """Adds to what the member asked in this window, or begins it. An estimate: what cannot be written is left out,
        and so is what somebody else began at the same moment.
        """
        if member.pace.window == window:
            actions: list[Any] = [MemberRow.pace_asked.add(number)]
            unchanged = MemberRow.pace_window == window
        else:
            actions = [MemberRow.pace_window.set(window), MemberRow.pace_asked.set(number)]
            unchanged = MemberRow.pace_window.does_not_exist() | (MemberRow.pace_window < window)
        exists = MemberRow.member_id.exists()
        with suppress(Conflict, Unavailable, *STORAGE_FAILURES):
            commit(update(MemberRow(member.member_id), *actions, condition=exists & unchanged, otherwise=Conflict()))

    def people(self, member_ids: Collection[str]) -> list[Person]:
        """Those of the members who exist."""
        rows = read(*map(MemberRow, sorted(member_ids)), consistent=True)
        return [_person(row) for row in rows if row is not None]

    def staff(self, after: str | None, limit: int) -> Page[str]:
        """Ids of those with roles; who was appointed or dismissed a moment ago may still be missing or be there."""
        later = ByStaff.member_id > after if after else None
        rows = MemberRow.by_staff.query(STAFF, later, limit=limit + 1)
        return page_of([row.member_id for row in rows], limit, str)

    def appoint(self, person: Person, roles: Collection[StaffRole], event: Event) -> Person:
        """Raises Conflict if the roles were changed since the person was read."""
        row, timeline = MemberRow(person.member.member_id), (*person.timeline, event)
        unchanged: Condition = MemberRow.staff_timeline.does_not_exist()
        if person.timeline:
            unchanged = size("staff_timeline") == len(person.timeline)
        commit(
            update(
                row,
                MemberRow.staff_timeline.set([packed(each) for each in timeline]),
                MemberRow.roles.set(set(roles)) if roles else MemberRow.roles.remove(),
                MemberRow.staff.set(STAFF) if roles else MemberRow.staff.remove(),
                condition=MemberRow.member_id.exists() & unchanged,
                otherwise=Conflict(),
            )
        )
        return _person(row)

    def _change(self, member_id: str, *actions: Any) -> Member:
        row = MemberRow(member_id)
        commit(update(row, *actions, condition=MemberRow.member_id.exists(), otherwise=MemberNotFound()))
        return _member(row)


def _context(member_id: str) -> str:
    return f"member-phone:{member_id}"


def _person(row: MemberRow) -> Person:
    return Person(_member(row), unpacked(row.staff_timeline or ()))


def _member(row: MemberRow) -> Member:
    return Member(
        member_id=row.member_id,
        openid=row.openid,
        unionid=row.unionid,
        nickname=row.nickname or NAMELESS,
        avatar_url=row.avatar_url or "",
        phone_masked=row.phone_masked,
        joined_at=from_epoch(row.joined_at),
        session_version=int(row.session_version),
        roles=frozenset(role for role in StaffRole if role in (row.roles or ())),
        pace=Pace(int(row.pace_window or 0), int(row.pace_asked or 0)),
    )

"""The merchant's people: who appoints whom, what counts from when, and what is kept of it."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

import chalicelib.identity.api  # noqa: F401  declares the endpoints
from chalicelib.identity import Identity
from chalicelib.identity.rules import MemberNotFound, OwnerBySetting
from chalicelib.identity.store import MemberRow
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.paging import BadCursor
from chalicelib.kernel.staff import StaffRole, may
from chalicelib.kernel.trail import Actor, Event
from tests.identity.world import Edge, FakeClock, FakePlatform, new_identity

OWNER, SERVICE, FULFILMENT, FINANCE = StaffRole
BOSS = "M-boss"


def member(identity: Identity, name: str) -> str:
    return identity.login(name).member.member_id


def roles(identity: Identity, token: str) -> frozenset[StaffRole]:
    return identity.authenticate(token).roles


def owned_by(name: str, clock: FakeClock, platform: FakePlatform) -> Identity:
    """The same shop, with the member of that name as its owner by setting."""
    return new_identity(clock, platform, owners=frozenset({member(new_identity(clock, platform), name)}))


@pytest.mark.parametrize("needed", StaffRole)
@pytest.mark.parametrize("role", StaffRole)
def test_a_role_may_do_its_own_and_an_owner_everything(role: StaffRole, needed: StaffRole) -> None:
    assert may({role}, needed) == (role in (needed, OWNER))
    assert may(set(StaffRole), needed)
    assert not may(frozenset(), needed)


def test_a_member_is_no_staff_until_appointed(identity: Identity) -> None:
    login = identity.login("ming")
    assert login.member.roles == roles(identity, login.token) == frozenset()
    assert identity.staff(None, 20).rows == []


def test_an_appointment_counts_in_running_sessions_from_the_next_request_on_and_so_does_a_dismissal(
    identity: Identity,
) -> None:
    login = identity.login("ming")
    ming = login.member.member_id
    assert identity.appoint(ming, {SERVICE, FINANCE}, BOSS).member.roles == {SERVICE, FINANCE}
    assert roles(identity, login.token) == {SERVICE, FINANCE}
    assert identity.appoint(ming, {FULFILMENT}, BOSS).member.roles == {FULFILMENT}
    assert roles(identity, login.token) == {FULFILMENT}
    assert identity.appoint(ming, set(), BOSS).member.roles == frozenset()
    assert roles(identity, login.token) == frozenset()


def test_roles_outlive_a_login_a_new_name_and_a_new_number(identity: Identity) -> None:
    identity.appoint(member(identity, "ming"), {SERVICE}, BOSS)
    login = identity.login("ming")
    session = identity.authenticate(login.token)
    seen = (login.member, identity.update_profile(session, "小明", None), identity.bind_phone(session, "c"))
    assert [each.roles for each in (*seen, identity.renew(session).member)] == [{SERVICE}] * 4


def test_who_appointed_and_dismissed_whom_and_when_is_kept_even_of_those_who_left(
    identity: Identity, clock: FakeClock
) -> None:
    ming = member(identity, "ming")
    times = []
    for now in ({SERVICE}, {SERVICE, FINANCE}, set(), {FULFILMENT}):
        clock.advance(days=1)
        times.append(clock.now)
        person = identity.appoint(ming, now, BOSS)
    changes = [(event.at, event.by, event.was, event.now, event.who) for event in person.timeline]
    chain = (None, "SERVICE", "FINANCE,SERVICE", "", "FULFILMENT")
    assert changes == [(at, Actor.STAFF, *step, BOSS) for at, step in zip(times, pairwise(chain), strict=True)]
    assert all(event.why for event in person.timeline)


def test_the_same_appointment_again_changes_nothing(identity: Identity) -> None:
    ming = member(identity, "ming")
    once = identity.appoint(ming, {SERVICE}, BOSS)
    assert identity.appoint(ming, {SERVICE}, BOSS) == once
    hong = member(identity, "hong")
    assert identity.appoint(hong, set(), BOSS).timeline == ()


def test_nobody_becomes_staff_without_being_a_member(identity: Identity) -> None:
    with pytest.raises(MemberNotFound):
        identity.appoint("M-nobody", {SERVICE}, BOSS)
    assert MemberRow.count() == 0


def test_an_appointment_by_what_was_read_before_another_one_is_refused(identity: Identity) -> None:
    ming = member(identity, "ming")
    store = identity._store
    for first, late in (({SERVICE}, {FINANCE}), (set(), {FINANCE})):
        (read_before,) = store.people([ming])
        changed = identity.appoint(ming, first, BOSS)
        event = Event(identity._clock(), Actor.STAFF, "", "FINANCE", "", "M-other")
        with pytest.raises(Conflict):
            store.appoint(read_before, late, event)
        assert store.people([ming]) == [changed]


def test_owners_who_appoint_at_once_leave_one_unbroken_timeline(identity: Identity) -> None:
    ming = member(identity, "ming")

    def appoint(n: int) -> bool:
        try:
            identity.appoint(ming, {list(StaffRole)[n % 4]}, f"M-owner-{n}")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert any(pool.map(appoint, range(16)))
    (person,) = identity._store.people([ming])
    assert person.timeline[0].was is None
    assert all(one.now == two.was for one, two in pairwise(person.timeline))
    assert {person.timeline[-1].now} == person.member.roles


def test_an_owner_by_setting_needs_no_row_and_cannot_be_changed(
    clock: FakeClock, platform: FakePlatform, tables: str
) -> None:
    shop = owned_by("boss", clock, platform)
    login = shop.login("boss")
    session = shop.authenticate(login.token)
    seen = (login.member, session.member, shop.update_profile(session, "老板", None), shop.bind_phone(session, "c"))
    assert [each.roles for each in seen] == [{OWNER}] * 4
    for wanted in (set(), {SERVICE}, {OWNER}):
        with pytest.raises(OwnerBySetting):
            shop.appoint(session.member_id, wanted, BOSS)
    assert MemberRow.get(session.member_id).roles is None
    assert roles(shop, shop.login("ming").token) == frozenset()


def test_who_is_no_owner_by_setting_any_more_is_none_at_once(
    clock: FakeClock, platform: FakePlatform, tables: str
) -> None:
    token = owned_by("boss", clock, platform).login("boss").token
    assert roles(new_identity(clock, platform), token) == frozenset()


def test_a_role_that_a_later_version_gave_counts_for_nothing(identity: Identity) -> None:
    login = identity.login("ming")
    identity.appoint(login.member.member_id, {SERVICE}, BOSS)
    row = MemberRow.get(login.member.member_id)
    row.update(actions=[MemberRow.roles.set({"SERVICE", "ASTROLOGER"})])
    assert roles(identity, login.token) == {SERVICE}


def test_the_staff_is_listed_page_by_page_without_those_who_left(
    clock: FakeClock, platform: FakePlatform, tables: str
) -> None:
    shop = owned_by("boss", clock, platform)
    ids = sorted(member(shop, f"person-{n}") for n in range(7))
    for each in ids:
        shop.appoint(each, {SERVICE}, BOSS)
    for left in ids[2:4]:
        shop.appoint(left, set(), BOSS)
    for shopper in ("ming", "hong"):
        member(shop, shopper)
    cursor, found = None, []
    for _ in range(3):
        page = shop.staff(cursor, 2)
        found += [person.member.member_id for person in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert cursor is None
    assert found == [*ids[:2], *ids[4:]]
    assert [owner.member.roles for owner in shop.owners()] == [{OWNER}]


def test_a_list_that_lags_behind_shows_nobody_who_has_no_roles(identity: Identity) -> None:
    ming = member(identity, "ming")
    identity.appoint(ming, {SERVICE}, BOSS)
    MemberRow(ming).update(actions=[MemberRow.roles.remove()])  # the index still has the member
    assert identity.staff(None, 20).rows == []


def test_an_owner_who_was_appointed_before_is_listed_once(
    clock: FakeClock, platform: FakePlatform, tables: str
) -> None:
    plain = new_identity(clock, platform)
    boss = member(plain, "boss")
    plain.appoint(boss, {SERVICE}, BOSS)
    shop = owned_by("boss", clock, platform)
    assert shop.staff(None, 20).rows == []
    assert [owner.member.roles for owner in shop.owners()] == [{OWNER, SERVICE}]


def test_an_owner_by_setting_who_never_logged_in_is_not_listed(
    clock: FakeClock, platform: FakePlatform, tables: str
) -> None:
    assert new_identity(clock, platform, owners=frozenset({"M-mistyped"})).owners() == []


def test_a_cursor_of_no_list_is_refused(identity: Identity) -> None:
    with pytest.raises(BadCursor):
        identity.staff("!", 20)


def test_an_owner_appoints_looks_up_and_dismisses_by_the_routes(
    clock: FakeClock, platform: FakePlatform, tables: str
) -> None:
    edge = Edge(clock, identity=owned_by("boss", clock, platform))
    boss, ming = (edge.get("POST", "/login", {"code": name}) for name in ("boss", "ming"))
    assert (boss["member"]["roles"], ming["member"]["roles"]) == (["OWNER"], [])
    ming_id = ming["member"]["member_id"]

    def appoint(*wanted: str) -> Any:
        return edge.get("PUT", "/staff/people/{member_id}", {"roles": wanted}, boss["token"], member_id=ming_id)

    appointed = appoint("SERVICE", "FINANCE", "SERVICE")
    assert edge.get("GET", "/me", token=ming["token"])["roles"] == ["FINANCE", "SERVICE"]
    boss_id = boss["member"]["member_id"]
    change = {"at": "2026-11-22T04:00:00Z", "by": boss_id, "was": [], "now": ["FINANCE", "SERVICE"]}
    assert appointed == {
        "member_id": ming_id,
        "nickname": "微信用户",
        "avatar_url": "",
        "phone_masked": None,
        "roles": ["FINANCE", "SERVICE"],
        "changes": [change],
    }
    listed = edge.get("GET", "/staff/people", token=boss["token"])
    assert [owner["member_id"] for owner in listed["owners"]] == [boss_id]
    assert (listed["people"], listed["next_cursor"]) == ([appointed], None)
    appoint()
    assert edge.get("GET", "/staff/people", token=boss["token"])["people"] == []
    for _ in range(12):
        appoint("SERVICE")
        shown = appoint()
    assert len(shown["changes"]) == 20
    assert (shown["changes"][0]["was"], shown["changes"][0]["now"]) == (["SERVICE"], [])


@pytest.mark.parametrize("body", [{}, {"roles": None}, {"roles": ["KING"]}, {"roles": ["SERVICE"], "more": 1}])
def test_a_malformed_appointment_is_refused(
    body: object, clock: FakeClock, platform: FakePlatform, tables: str
) -> None:
    edge = Edge(clock, identity=owned_by("boss", clock, platform))
    boss = edge.get("POST", "/login", {"code": "boss"})
    path = "/staff/people/{member_id}"
    assert edge.code("PUT", path, body, boss["token"], member_id="M1") == (400, "MALFORMED")

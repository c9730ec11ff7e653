"""How often one member may ask: counted by chance, held within five minutes, never at the cost of a request."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.identity import Identity, MemberStore, SessionSettings
from chalicelib.identity.rules import COUNTED_SHARE, PACE_SECONDS, Pace, window_left, window_of
from chalicelib.kernel.errors import TooMany
from chalicelib.kernel.staff import StaffRole
from tests.identity.world import APPID, CIPHER, KEYS, NOON, FakeClock, FakePlatform

MOST = 3 * COUNTED_SHARE


class Chance:
    """Counts each request, unless told not to."""

    drawn = 0

    def __call__(self, share: int) -> int:
        return self.drawn % share


@pytest.fixture
def chance() -> Chance:
    return Chance()


@pytest.fixture
def paced(tables: str, clock: FakeClock, platform: FakePlatform, chance: Chance) -> Identity:
    settings = SessionSettings(KEYS, "k1", APPID, requests_per_member=MOST)
    return Identity(MemberStore(CIPHER), platform, settings, clock, chance)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))
def test_a_window_ends_when_it_says(moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC)
    assert 1 <= window_left(now) <= PACE_SECONDS
    assert window_of(now + timedelta(seconds=window_left(now))) == window_of(now) + 1
    assert Pace(window_of(now), MOST).too_fast(now, MOST)
    assert not Pace(window_of(now), MOST - 1).too_fast(now, MOST)
    assert not Pace(window_of(now) - 1, MOST).too_fast(now, MOST)


def test_who_asks_too_often_waits_until_the_window_is_over(paced: Identity, clock: FakeClock) -> None:
    token = paced.login("ming").token
    for _ in range(MOST // COUNTED_SHARE):
        paced.authenticate(token)
    with pytest.raises(TooMany) as refused:
        paced.authenticate(token)
    assert refused.value.details == {"seconds": window_left(clock())}
    assert paced.authenticate(paced.login("hong").token).member_id
    clock.advance(seconds=window_left(clock()))
    assert paced.authenticate(token).member_id


def test_what_is_not_drawn_is_not_counted(paced: Identity, chance: Chance) -> None:
    chance.drawn = 1
    token = paced.login("ming").token
    assert len([paced.authenticate(token) for _ in range(MOST)]) == MOST


def test_another_login_does_not_begin_anew(paced: Identity) -> None:
    for _ in range(MOST // COUNTED_SHARE):
        paced.authenticate(paced.login("ming").token)
    with pytest.raises(TooMany):
        paced.authenticate(paced.login("ming").token)


def test_staff_are_not_held_to_it(paced: Identity) -> None:
    login = paced.login("ming")
    paced.appoint(login.member.member_id, {StaffRole.FULFILMENT}, by="M" + "A" * 25)
    assert len([paced.authenticate(login.token) for _ in range(MOST)]) == MOST


def test_requests_at_once_are_all_answered_and_hardly_lost(paced: Identity, clock: FakeClock) -> None:
    login = paced.login("ming")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: paced.authenticate(login.token), range(3)))
    member = MemberStore(CIPHER).get(login.member.member_id)
    assert member is not None
    assert member.pace.window == window_of(clock())
    assert COUNTED_SHARE <= member.pace.asked <= MOST


def test_a_count_that_cannot_be_written_costs_nobody_a_request(
    paced: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = paced.login("ming").token

    def out_of_reach(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://engine")

    monkeypatch.setattr("chalicelib.identity.store.commit", out_of_reach)
    assert paced.authenticate(token).member_id


def test_no_limit_writes_nothing(tables: str, clock: FakeClock, platform: FakePlatform) -> None:
    free = Identity(MemberStore(CIPHER), platform, SessionSettings(KEYS, "k1", APPID), clock, Chance())
    login = free.login("ming")
    free.authenticate(login.token)
    member = MemberStore(CIPHER).get(login.member.member_id)
    assert member is not None
    assert member.pace == Pace()
    assert clock() == NOON

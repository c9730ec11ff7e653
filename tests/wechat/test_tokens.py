"""One access token for all processes."""

from datetime import timedelta

import pytest

from chalicelib.wechat.errors import WeChatBusy, WeChatMisconfigured
from chalicelib.wechat.store import StoredTokens
from chalicelib.wechat.tokens import AccessTokens, StoredToken, TokenStore

from .platform import FakeClock
from .tokens import InMemoryTokens


class StableToken:
    """The platform's side: the same token until 5 minutes before its end, a new one by force."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.asked: list[bool] = []
        self.fails: Exception | None = None
        self._serial = 0
        self._expires_at = clock()

    def __call__(self, force: bool) -> StoredToken:
        self.asked.append(force)
        if self.fails:
            raise self.fails
        if force or self._expires_at - self._clock() <= timedelta(minutes=5):
            self._serial += 1
            self._expires_at = self._clock() + timedelta(hours=2)
        return StoredToken(f"token-{self._serial}", self._expires_at)


@pytest.fixture
def platform(clock: FakeClock) -> StableToken:
    return StableToken(clock)


@pytest.fixture
def store(clock: FakeClock) -> InMemoryTokens:
    return InMemoryTokens(clock)


@pytest.fixture
def tokens(platform: StableToken, store: InMemoryTokens, clock: FakeClock) -> AccessTokens:
    return AccessTokens(platform, store, clock)


def test_the_first_process_fetches_and_the_others_share(
    tokens: AccessTokens, platform: StableToken, store: InMemoryTokens, clock: FakeClock
) -> None:
    assert tokens.current() == "token-1"
    assert AccessTokens(platform, store, clock).current() == "token-1"
    assert platform.asked == [False]


def test_a_process_looks_into_the_store_once_a_minute(
    tokens: AccessTokens, store: InMemoryTokens, clock: FakeClock
) -> None:
    for _ in range(3):
        tokens.current()
    assert store.loads == 1
    clock.advance(seconds=59)
    tokens.current()
    assert store.loads == 1
    clock.advance(seconds=1)
    tokens.current()
    assert store.loads == 2


def test_five_minutes_before_its_end_one_process_renews_and_the_others_go_on_with_the_old(
    tokens: AccessTokens, platform: StableToken, store: InMemoryTokens, clock: FakeClock
) -> None:
    tokens.current()
    clock.advance(hours=2, minutes=-5)
    store.try_lock(clock() + timedelta(seconds=30))
    assert AccessTokens(platform, store, clock).current() == "token-1"
    clock.advance(seconds=30)
    assert AccessTokens(platform, store, clock).current() == "token-2"
    assert platform.asked == [False, False]
    assert store.token == StoredToken("token-2", clock() + timedelta(hours=2))


def test_a_failed_early_renewal_leaves_the_old_token_in_use(
    tokens: AccessTokens, platform: StableToken, clock: FakeClock
) -> None:
    tokens.current()
    clock.advance(hours=2, minutes=-4)
    platform.fails = WeChatBusy(uncertain=True)
    assert tokens.current() == "token-1"


def test_an_expired_token_is_not_used_even_from_the_cache(
    tokens: AccessTokens, platform: StableToken, store: InMemoryTokens, clock: FakeClock
) -> None:
    store.token = StoredToken("old", clock() + timedelta(seconds=20))
    store.try_lock(clock() + timedelta(hours=1))
    assert tokens.current() == "old"
    clock.advance(seconds=20)
    assert tokens.current() == "token-1"


def test_without_a_usable_token_the_lock_holds_nobody_up_but_only_its_holder_saves(
    tokens: AccessTokens, store: InMemoryTokens, clock: FakeClock
) -> None:
    store.try_lock(clock() + timedelta(seconds=30))
    assert tokens.current() == "token-1"
    assert store.token is None


def test_without_a_usable_token_the_platforms_error_passes(tokens: AccessTokens, platform: StableToken) -> None:
    platform.fails = WeChatMisconfigured(errcode=40125)
    with pytest.raises(WeChatMisconfigured):
        tokens.current()


def test_a_refused_token_that_somebody_replaced_is_taken_from_the_store(
    tokens: AccessTokens, platform: StableToken, store: InMemoryTokens, clock: FakeClock
) -> None:
    tokens.current()
    store.token = StoredToken("newer", clock() + timedelta(hours=2))
    assert tokens.replace("token-1") == "newer"
    assert tokens.current() == "newer"
    assert platform.asked == [False]


def test_a_new_token_is_forced_only_if_the_platform_still_hands_out_the_refused_one(
    tokens: AccessTokens, platform: StableToken, store: InMemoryTokens, clock: FakeClock
) -> None:
    store.token = StoredToken("foreign", clock() + timedelta(hours=1))
    assert tokens.current() == "foreign"
    assert tokens.replace("foreign") == "token-1"
    assert platform.asked == [False]
    clock.advance(seconds=30)
    assert tokens.replace("token-1") == "token-2"
    assert platform.asked == [False, False, True]
    assert store.token is not None
    assert store.token.value == tokens.current() == "token-2"


def test_tokens_are_forced_at_least_thirty_seconds_apart(
    tokens: AccessTokens, platform: StableToken, clock: FakeClock
) -> None:
    tokens.current()
    clock.advance(seconds=29)
    assert tokens.replace("token-1") == "token-1"
    assert True not in platform.asked
    clock.advance(seconds=1)
    assert tokens.replace("token-1") == "token-2"
    assert tokens.replace("token-2") == "token-2"
    assert platform.asked.count(True) == 1


def test_a_refused_token_is_not_kept_for_a_minute(
    tokens: AccessTokens, store: InMemoryTokens, clock: FakeClock
) -> None:
    tokens.current()
    assert tokens.replace("token-1") == "token-1"
    loads = store.loads
    tokens.current()
    assert store.loads == loads + 1


def test_a_token_does_not_show() -> None:
    assert "token-1" not in repr(StoredToken("token-1", FakeClock()()))


def test_the_table_keeps_the_token_and_the_lock_for_all_processes(tables: str, clock: FakeClock) -> None:
    one, other, another_app = (StoredTokens(appid, clock) for appid in ("wx1", "wx1", "wx2"))
    stores: list[TokenStore] = [one, other, another_app]
    assert [store.load() for store in stores] == [None, None, None]
    token = StoredToken("t" * 600, clock() + timedelta(hours=2))
    one.save(StoredToken("first", clock()))
    one.save(token)
    assert [store.load() for store in stores] == [token, token, None]
    until = clock() + timedelta(seconds=30)
    assert [store.try_lock(until) for store in stores] == [True, False, True]
    clock.advance(seconds=29)
    assert not other.try_lock(clock() + timedelta(seconds=30))
    clock.advance(seconds=1)
    assert other.try_lock(clock() + timedelta(seconds=30))
    assert one.load() == token

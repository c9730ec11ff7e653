from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.identity import Identity, MemberStore, Session
from chalicelib.identity.rules import (
    AvatarInvalid,
    MemberNotFound,
    NicknameInvalid,
    NicknameRefused,
    SessionExpired,
    SessionRevoked,
    SignatureInvalid,
    SignatureReplayed,
    SignatureStale,
    member_id_of,
    request_signature,
)
from chalicelib.identity.service import UNTIMED
from chalicelib.identity.store import MemberRow
from chalicelib.kernel.clock import epoch
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.wechat.errors import LoginCodeInvalid, PhoneCodeInvalid, RiskyUser, WeChatBusy, WeChatRateLimited
from tests.identity.world import APPID, CIPHER, KEYS, NOON, FakeClock, FakePlatform, new_identity

NONCE = "n0123456789abcdef"
AVATAR = "https://thirdwx.qlogo.cn/1/132"


def test_the_first_login_makes_a_member_and_the_second_finds_it(identity: Identity, clock: FakeClock) -> None:
    first = identity.login("ming")
    clock.advance(days=1)
    second = identity.login("ming")
    assert (first.is_new, second.is_new) == (True, False)
    assert first.member == second.member
    assert first.member.member_id == member_id_of(APPID, "openid-ming")
    assert first.member.joined_at == NOON
    assert first.member.nickname == "微信用户"
    assert identity.login("hong").member.member_id != first.member.member_id


def test_fifty_first_logins_at_once_make_one_member(identity: Identity) -> None:
    with ThreadPoolExecutor(50) as pool:
        logins = list(pool.map(lambda _: identity.login("ming"), range(50)))
    assert [login.is_new for login in logins].count(True) == 1
    assert len({login.member for login in logins}) == 1
    assert len({login.token for login in logins}) == 50
    assert MemberRow.count() == 1
    assert all(identity.authenticate(login.token) for login in logins)


def test_a_session_says_who_the_member_is(identity: Identity, clock: FakeClock) -> None:
    login = identity.login("ming")
    session = identity.authenticate(login.token)
    assert session.member == login.member
    assert (session.openid, session.expires_at) == ("openid-ming", NOON + timedelta(hours=24 * 7))
    assert session.expires_at == login.expires_at


def test_a_unionid_that_comes_later_is_kept(identity: Identity, platform: FakePlatform) -> None:
    assert identity.login("ming").member.unionid is None
    platform.unionid = "u-1"
    identity.login("ming")
    platform.unionid = None
    assert identity.login("ming").member.unionid == "u-1"


@pytest.mark.parametrize("error", [LoginCodeInvalid(), RiskyUser(), WeChatRateLimited(), WeChatBusy()])
def test_the_platforms_refusal_of_a_login_is_passed_on_and_makes_no_member(
    identity: Identity, platform: FakePlatform, error: Exception
) -> None:
    platform.failure = error
    with pytest.raises(type(error)):
        identity.login("ming")
    assert MemberRow.count() == 0


def test_a_session_ends_by_the_shops_clock(identity: Identity, clock: FakeClock) -> None:
    """The system's clock does not count: here it is years away from the shop's in both directions."""
    for start in (NOON.replace(year=2019), NOON.replace(year=2055)):
        clock.now = start
        token = identity.login("ming").token
        clock.advance(hours=24 * 7, seconds=-1)
        identity.authenticate(token)
        clock.advance(seconds=1)
        with pytest.raises(SessionExpired):
            identity.authenticate(token)


def test_a_renewed_session_has_its_full_time_and_a_key_of_its_own(identity: Identity, clock: FakeClock) -> None:
    old = identity.login("ming")
    clock.advance(days=6)
    new = identity.renew(identity.authenticate(old.token))
    assert (new.expires_at, new.is_new) == (clock.now + timedelta(days=7), False)
    assert new.signing_key != old.signing_key
    assert identity.authenticate(old.token).session_id != identity.authenticate(new.token).session_id
    clock.advance(days=2)
    assert identity.authenticate(new.token).member == old.member


def test_a_revoked_session_is_refused_at_once_and_a_new_login_counts(identity: Identity) -> None:
    phone, tablet, other = identity.login("ming"), identity.login("ming"), identity.login("hong")
    identity.revoke(phone.member.member_id)
    for login in (phone, tablet):
        with pytest.raises(SessionRevoked):
            identity.authenticate(login.token)
    identity.authenticate(other.token)
    assert identity.authenticate(identity.login("ming").token).version == 1


def test_nobody_can_renew_past_a_revocation(identity: Identity) -> None:
    session = identity.authenticate(identity.login("ming").token)
    identity.revoke(session.member_id)
    with pytest.raises(SessionRevoked):
        identity.authenticate(identity.renew(session).token)


def test_revoking_an_unknown_member_makes_none(identity: Identity) -> None:
    with pytest.raises(MemberNotFound):
        identity.revoke("M-nobody")
    assert MemberRow.count() == 0


def test_whoever_logged_in_once_exists_and_nobody_else(identity: Identity) -> None:
    identity.must_exist(identity.login("ming").member.member_id)
    with pytest.raises(MemberNotFound):
        identity.must_exist("M-nobody")


def test_a_session_of_a_member_who_is_gone_is_none(identity: Identity) -> None:
    login = identity.login("ming")
    MemberRow(login.member.member_id).delete()
    with pytest.raises(Unauthenticated):
        identity.authenticate(login.token)


def test_keys_can_be_changed_without_ending_sessions_until_the_old_one_is_retired(
    tables: str, clock: FakeClock, platform: FakePlatform
) -> None:
    old = new_identity(clock, platform).login("ming")
    both = new_identity(clock, platform, keys={**KEYS, "k2": b"2" * 32}, current_kid="k2")
    session = both.authenticate(old.token)
    sign(both, session, old.signing_key)
    new = both.login("ming")
    assert jwt.get_unverified_header(new.token)["kid"] == "k2"
    alone = new_identity(clock, platform, keys={"k2": b"2" * 32}, current_kid="k2")
    alone.authenticate(new.token)
    with pytest.raises(Unauthenticated):
        alone.authenticate(old.token)
    with pytest.raises(Unauthenticated):
        sign(alone, session, old.signing_key, nonce=NONCE + "2")


def forged(identity: Identity, **changes: object) -> dict[str, str]:
    good = jwt.decode(identity.login("ming").token, KEYS["k1"], ["HS256"], UNTIMED)
    claims = {**good, **changes}
    header = {"kid": "k1"}
    less = {name: value for name, value in claims.items() if name != "ver"}
    signed = jwt.encode(claims, KEYS["k1"], "HS256", header)
    return {
        "another key": jwt.encode(claims, b"x" * 32, "HS256", header),
        "no signature": jwt.encode(claims, "", "none", header),
        "another algorithm": jwt.encode(claims, KEYS["k1"] * 2, "HS512", header),
        "an unknown key id": jwt.encode(claims, KEYS["k1"], "HS256", {"kid": "k9"}),
        "no key id": jwt.encode(claims, KEYS["k1"], "HS256"),
        "a claim missing": jwt.encode(less, KEYS["k1"], "HS256", header),
        "a changed signature": signed[:-4] + ("AAAA" if signed[-4:] != "AAAA" else "BBBB"),
        "no signature part": signed.rpartition(".")[0],
        "an empty signature": signed.rpartition(".")[0] + ".",
        "something after it": signed + "." + signed,
        "endless": signed + "A" * 5000,
    }


def test_forged_tokens_are_none(identity: Identity) -> None:
    for why, token in forged(identity).items():
        with pytest.raises(Unauthenticated) as refusal:
            identity.authenticate(token)
        assert type(refusal.value) is Unauthenticated, why


@given(token=st.one_of(st.text(), st.from_regex(r"\A[\w-]{0,80}\.[\w-]{0,80}\.[\w-]{0,80}\Z")))
def test_garbage_is_no_token(token: str) -> None:
    with pytest.raises(Unauthenticated):
        new_identity(FakeClock(), FakePlatform()).authenticate(token)


def sign(
    identity: Identity,
    session: Session,
    key: str,
    nonce: str = NONCE,
    at: int = epoch(NOON),
    instead: Mapping[str, Any] | None = None,
) -> None:
    """Sign the request POST /orders and check it, with parts put `instead` of those that were signed."""
    signature = request_signature(key, "POST", "/orders", str(at), nonce, b"{}")
    signed: dict[str, Any] = {"method": "POST", "path": "/orders", "timestamp": str(at), "nonce": nonce}
    identity.check_signature(session, **{**signed, "signature": signature, "body": b"{}", **(instead or {})})


def test_a_request_signed_with_the_sessions_key_passes_once(identity: Identity) -> None:
    login = identity.login("ming")
    session = identity.authenticate(login.token)
    sign(identity, session, login.signing_key)
    with pytest.raises(SignatureReplayed):
        sign(identity, session, login.signing_key)
    sign(identity, session, login.signing_key, nonce=NONCE + "2")


def test_of_fifty_repetitions_at_once_one_passes(identity: Identity) -> None:
    login = identity.login("ming")
    session = identity.authenticate(login.token)

    def passes(_: int) -> bool:
        try:
            sign(identity, session, login.signing_key)
        except SignatureReplayed:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(passes, range(50))).count(True) == 1


@pytest.mark.parametrize(
    "instead",
    [
        {"method": "PUT"},
        {"path": "/orders/1"},
        {"timestamp": str(epoch(NOON) + 1)},
        {"nonce": NONCE + "x"},
        {"nonce": "short"},
        {"nonce": "n0123456789 abcdef"},
        {"body": b'{"a":1}'},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "签名"},
    ],
)
def test_a_request_that_was_changed_after_signing_is_refused(identity: Identity, instead: dict[str, Any]) -> None:
    login = identity.login("ming")
    with pytest.raises(SignatureInvalid):
        sign(identity, identity.authenticate(login.token), login.signing_key, instead=instead)


def test_the_key_of_another_session_does_not_sign(identity: Identity) -> None:
    mine, older = identity.login("ming"), identity.login("ming")
    with pytest.raises(SignatureInvalid):
        sign(identity, identity.authenticate(mine.token), older.signing_key)


@pytest.mark.parametrize("off", [-301, 301])
def test_an_old_or_future_request_is_refused_before_anything_is_written(
    identity: Identity, clock: FakeClock, off: int
) -> None:
    login = identity.login("ming")
    session = identity.authenticate(login.token)
    with pytest.raises(SignatureStale):
        sign(identity, session, login.signing_key, at=epoch(NOON) + off)
    sign(identity, session, login.signing_key)


def test_a_nonce_is_remembered_for_as_long_as_its_request_is_fresh(identity: Identity, clock: FakeClock) -> None:
    login = identity.login("ming")
    session = identity.authenticate(login.token)
    sign(identity, session, login.signing_key, at=epoch(NOON) + 300)
    clock.advance(seconds=599)
    with pytest.raises(SignatureReplayed):
        sign(identity, session, login.signing_key, at=epoch(NOON) + 300)


def test_a_phone_number_is_kept_sealed_and_shown_masked(identity: Identity, platform: FakePlatform) -> None:
    session = identity.authenticate(identity.login("ming").token)
    assert session.phone_masked is None
    assert identity.bind_phone(session, "code").phone_masked == "138****8000"
    platform.phone = "13900139000"
    assert identity.bind_phone(session, "code").phone_masked == "139****9000"
    row = MemberRow.get(session.member_id)
    assert "13900139000" not in str(row.attribute_values)
    assert MemberStore(CIPHER).phone(session.member_id) == "13900139000"
    assert row.phone_fingerprint == CIPHER.fingerprint("13900139000", "member-phone")
    assert identity.authenticate(identity.login("ming").token).phone_masked == "139****9000"


def test_a_member_without_a_number_has_none(identity: Identity) -> None:
    assert MemberStore(CIPHER).phone(identity.login("ming").member.member_id) is None
    with pytest.raises(MemberNotFound):
        MemberStore(CIPHER).phone("M-nobody")


def test_a_refused_phone_code_leaves_the_number_as_it_is(identity: Identity, platform: FakePlatform) -> None:
    session = identity.authenticate(identity.login("ming").token)
    identity.bind_phone(session, "code")
    platform.failure = PhoneCodeInvalid()
    with pytest.raises(PhoneCodeInvalid):
        identity.bind_phone(session, "code")
    platform.failure = None
    assert identity.login("ming").member.phone_masked == "138****8000"


def test_name_and_picture_are_changed_one_at_a_time_or_together(identity: Identity) -> None:
    session = identity.authenticate(identity.login("ming").token)
    assert identity.update_profile(session, "小明", None).nickname == "小明"
    changed = identity.update_profile(session, None, AVATAR)
    assert (changed.nickname, changed.avatar_url) == ("小明", AVATAR)
    changed = identity.update_profile(session, "大明", "")
    assert (changed.nickname, changed.avatar_url) == ("大明", "")
    assert identity.update_profile(session, None, None) == session.member


@pytest.mark.parametrize("verdict", ["risky", "review"])
def test_a_name_that_the_platform_doubts_is_refused(identity: Identity, platform: FakePlatform, verdict: str) -> None:
    session = identity.authenticate(identity.login("ming").token)
    platform.verdict = verdict
    with pytest.raises(NicknameRefused):
        identity.update_profile(session, "坏名字", AVATAR)
    assert platform.judged == ["坏名字"]
    assert identity.login("ming").member == session.member


def test_a_malformed_name_or_picture_never_reaches_the_platform(identity: Identity, platform: FakePlatform) -> None:
    session = identity.authenticate(identity.login("ming").token)
    with pytest.raises(NicknameInvalid):
        identity.update_profile(session, " ", None)
    with pytest.raises(AvatarInvalid):
        identity.update_profile(session, "小明", "https://evil.example/a.png")
    assert platform.judged == []


def test_a_name_that_stays_the_same_is_not_judged_again(identity: Identity, platform: FakePlatform) -> None:
    identity.update_profile(identity.authenticate(identity.login("ming").token), "小明", None)
    session = identity.authenticate(identity.login("ming").token)
    identity.update_profile(session, "小明", AVATAR)
    assert platform.judged == ["小明"]

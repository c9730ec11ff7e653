import hashlib
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.identity.rules import (
    AvatarInvalid,
    LoggedIn,
    Member,
    NicknameInvalid,
    SessionSettings,
    SignatureInvalid,
    SignatureStale,
    check_avatar,
    check_freshness,
    check_match,
    clean_nickname,
    mask_phone,
    member_id_of,
    request_signature,
    signing_key,
)
from chalicelib.kernel.clock import epoch, from_epoch
from tests.identity.world import NOON

HOSTS = ("qlogo.cn", "cdn.shop.example")


def test_a_member_id_has_26_characters_and_is_the_same_for_the_same_shopper_of_the_same_app() -> None:
    mine = member_id_of("wx1", "o-1")
    assert mine == member_id_of("wx1", "o-1")
    assert len(mine) == 26
    assert mine.isalnum()
    assert len({mine, member_id_of("wx1", "o-2"), member_id_of("wx2", "o-1")}) == 3


@pytest.mark.parametrize(
    ("phone", "masked"), [("13800138000", "138****8000"), ("+85223456789", "****6789"), ("0755-26001234", "****1234")]
)
def test_a_masked_number_keeps_its_last_four_digits(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


@pytest.mark.parametrize(
    ("given", "kept"),
    [("小明", "小明"), ("  小明 ", "小明"), ("a", "a"), ("名" * 20, "名" * 20), ("茶👩🏽‍💻❤️‍🔥", "茶👩🏽‍💻❤️‍🔥")],
)
def test_a_nickname_is_trimmed(given: str, kept: str) -> None:
    assert clean_nickname(given) == kept


@pytest.mark.parametrize(
    "nickname", ["", "   ", "名" * 21, "小\n明", "小\u202e明", "\u200b", "小\x00明", "a\u200db", "🍵\u200d"]
)
def test_empty_long_and_invisible_nicknames_are_refused(nickname: str) -> None:
    with pytest.raises(NicknameInvalid):
        clean_nickname(nickname)


@pytest.mark.parametrize(
    "url", ["", "https://qlogo.cn/a", "https://thirdwx.qlogo.cn/mmopen/1/132", "https://CDN.shop.example/a.png?x=1"]
)
def test_pictures_on_known_hosts_pass(url: str) -> None:
    check_avatar(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://qlogo.cn/a",
        "https://evil.example/qlogo.cn",
        "https://evilqlogo.cn/a",
        "https://qlogo.cn.evil.example/a",
        "https://qlogo.cn@evil.example/a",
        "https://evil@qlogo.cn/a",
        "javascript:alert(1)",
        "//qlogo.cn/a",
        "https://qlogo.cn/a b",
        "https://qlogo.cn/图",
        "https://qlogo.cn/\n",
        "https://[qlogo.cn/a",
        "https://qlogo.cn/" + "a" * 500,
        "https:///a",
    ],
)
def test_pictures_elsewhere_are_refused(url: str) -> None:
    with pytest.raises(AvatarInvalid):
        check_avatar(url, HOSTS)


@given(st.text())
def test_no_text_breaks_the_picture_check(url: str) -> None:
    try:
        check_avatar(url, HOSTS)
    except AvatarInvalid:
        return
    assert url == "" or url.lower().startswith("https://")


def test_a_request_signature_is_what_the_contract_says() -> None:
    key = signing_key(b"s" * 32, "01SESSION")
    assert key == hmac.new(b"s" * 32, b"signing:01SESSION", hashlib.sha256).hexdigest()
    digest = hashlib.sha256(b'{"a":1}').hexdigest()
    message = f"POST\n/orders\n1795320000\nn0123456789abcdef\n{digest}\n".encode()
    expected = hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
    assert request_signature(key, "POST", "/orders", "1795320000", "n0123456789abcdef", b'{"a":1}') == expected
    check_match(expected, expected)


@pytest.mark.parametrize("given_signature", ["", "0" * 64, "é", "签名"])
def test_another_signature_does_not_match(given_signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        check_match("a" * 64, given_signature)


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_a_timestamp_within_five_minutes_is_fresh(off: int) -> None:
    check_freshness(str(epoch(NOON + timedelta(seconds=off))), NOON)


@pytest.mark.parametrize("off", [-301, 301, 86400])
def test_a_timestamp_further_off_is_stale_and_the_answer_tells_the_time(off: int) -> None:
    with pytest.raises(SignatureStale) as refusal:
        check_freshness(str(epoch(NOON + timedelta(seconds=off))), NOON)
    assert from_epoch(refusal.value.details["now"]) == NOON


@pytest.mark.parametrize(
    "timestamp", ["", "now", "-1", "1.5", " 1795320000", "1795320000\n", "1" * 13, "１７９５３２００００"]
)
def test_what_is_no_epoch_second_is_no_timestamp(timestamp: str) -> None:
    with pytest.raises(SignatureInvalid):
        check_freshness(timestamp, NOON)


@pytest.mark.parametrize(
    ("keys", "current"), [({}, "k1"), ({"k1": b""}, "k1"), ({"k1": b"x" * 31}, "k1"), ({"k1": b"x" * 32}, "k2")]
)
def test_no_session_is_signed_with_a_short_or_missing_key(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(ValueError, match="session keys"):
        SessionSettings(keys, current, "wx1")


def test_secrets_stay_out_of_texts() -> None:
    settings = SessionSettings({"k1": b"very-secret-very-secret-very-secret"}, "k1", "wx1")
    member = Member("M1", "o-1", None, "小明", "", None, NOON, 0)
    text = repr(settings) + repr(LoggedIn("very-secret-token", NOON, "very-secret-key", member, is_new=True))
    assert "very-secret" not in text

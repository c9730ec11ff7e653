"""Pushed messages: which ones are the platform's."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from chalicelib.wechat.errors import PushRefused
from chalicelib.wechat.push import MessagePush, PushSettings

from .known import PUSH_AES_KEY, PUSH_ENCRYPTED, PUSH_MESSAGE, PUSH_SIGNATURE, PUSH_TOKEN, PUSH_URL_SIGNATURE
from .platform import APPID, FakeClock

QUERY = {"timestamp": "1700000000", "nonce": "42", "signature": PUSH_URL_SIGNATURE}
SECURE = {**QUERY, "encrypt_type": "aes", "msg_signature": PUSH_SIGNATURE, "openid": "o1"}
JSON_ENVELOPE = json.dumps({"ToUserName": "gh_1", "Encrypt": PUSH_ENCRYPTED}).encode()
XML_ENVELOPE = f"<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[{PUSH_ENCRYPTED}]]></Encrypt></xml>".encode()


@pytest.fixture
def clock() -> FakeClock:
    clock = FakeClock()
    clock.now = datetime.fromtimestamp(1700000000, UTC)
    return clock


@pytest.fixture
def plain(clock: FakeClock) -> MessagePush:
    return MessagePush(PushSettings(APPID, PUSH_TOKEN, ""), clock)


@pytest.fixture
def secure(clock: FakeClock) -> MessagePush:
    return MessagePush(PushSettings(APPID, PUSH_TOKEN, PUSH_AES_KEY), clock)


def refusal(push: MessagePush, query: dict[str, str], body: bytes) -> str:
    with pytest.raises(PushRefused) as caught:
        push.read(query, body)
    return caught.value.reason


def test_the_check_of_the_endpoint_is_answered_with_its_echo(plain: MessagePush, secure: MessagePush) -> None:
    for push in (plain, secure):
        assert push.verify_url({**QUERY, "echostr": "4375120948345356249"}) == "4375120948345356249"
        with pytest.raises(PushRefused):
            push.verify_url({**QUERY, "signature": "0" * 40, "echostr": "x"})
        with pytest.raises(PushRefused):
            push.verify_url({})


def test_a_plain_message_is_read_as_json_or_xml(plain: MessagePush) -> None:
    assert plain.read(QUERY, b' {"Event": "wxa_media_check", "CreateTime": 1}') == {
        "Event": "wxa_media_check",
        "CreateTime": 1,
    }
    xml = "<xml><Event><![CDATA[订阅]]></Event><CreateTime>1</CreateTime></xml>"
    assert plain.read(QUERY, xml.encode()) == {"Event": "订阅", "CreateTime": "1"}


@pytest.mark.parametrize("body", [JSON_ENVELOPE, XML_ENVELOPE], ids=["json", "xml"])
def test_a_secure_message_is_opened(secure: MessagePush, body: bytes) -> None:
    assert secure.read(SECURE, body) == PUSH_MESSAGE


def test_a_plain_message_is_refused_in_secure_mode(secure: MessagePush) -> None:
    assert refusal(secure, QUERY, b'{"Event": "forged"}') == "not encrypted"
    both = json.dumps({"Event": "forged", "Encrypt": 1}).encode()
    assert refusal(secure, QUERY, both) == "not encrypted"


@pytest.mark.parametrize("missing", ["msg_signature", "timestamp", "nonce"])
def test_an_unsigned_message_is_refused(secure: MessagePush, missing: str) -> None:
    query = {name: value for name, value in SECURE.items() if name != missing}
    assert refusal(secure, query, JSON_ENVELOPE) in {"bad signature", "unsigned"}


def test_the_signature_covers_the_encrypted_message(secure: MessagePush) -> None:
    changed = json.dumps({"Encrypt": PUSH_ENCRYPTED.replace("A", "B", 1)}).encode()
    assert refusal(secure, SECURE, changed) == "bad signature"
    assert refusal(secure, {**SECURE, "msg_signature": PUSH_URL_SIGNATURE}, JSON_ENVELOPE) == "bad signature"
    assert refusal(secure, {**SECURE, "msg_signature": "签名"}, JSON_ENVELOPE) == "bad signature"


def test_a_message_for_another_app_is_refused(clock: FakeClock) -> None:
    other = MessagePush(PushSettings("wx0000000000000002", PUSH_TOKEN, PUSH_AES_KEY), clock)
    assert refusal(other, SECURE, JSON_ENVELOPE) == "undecryptable"


def signed(encrypted: str) -> dict[str, str]:
    parts = sorted([PUSH_TOKEN, "1700000000", "42", encrypted])
    return {**QUERY, "msg_signature": hashlib.sha1("".join(parts).encode()).hexdigest()}


@pytest.mark.parametrize("encrypted", ["", "AAAA", "***", "密文", PUSH_ENCRYPTED[:64], "A" * 64])
def test_a_signed_message_that_does_not_open_is_refused(secure: MessagePush, encrypted: str) -> None:
    body = json.dumps({"Encrypt": encrypted}).encode()
    assert refusal(secure, signed(encrypted), body) == "undecryptable"


@pytest.mark.parametrize(("seconds", "reads"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_message_counts_for_five_minutes_in_either_direction(
    plain: MessagePush, clock: FakeClock, seconds: int, reads: bool
) -> None:
    clock.advance(seconds=seconds)
    if reads:
        assert plain.read(QUERY, b"{}") == {}
    else:
        assert refusal(plain, QUERY, b"{}") == "stale"


def test_without_a_token_everything_is_refused(clock: FakeClock) -> None:
    forged = hashlib.sha1("".join(sorted(["", "1700000000", "42"])).encode()).hexdigest()
    query = {"timestamp": "1700000000", "nonce": "42", "signature": forged, "msg_signature": forged, "echostr": "x"}
    for key in ("", PUSH_AES_KEY):
        push = MessagePush(PushSettings(APPID, "", key), clock)
        assert refusal(push, query, b"{}") == "disabled"
        with pytest.raises(PushRefused):
            push.verify_url(query)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{",
        b'{"a":' * 10_000,
        b"<xml>",
        b"<other/>",
        b"<xml>text</xml>",
        b"\x00",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><E>&b;</E></xml>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><E>&a;</E></xml>',
    ],
)
def test_a_body_that_makes_no_sense_is_refused(plain: MessagePush, secure: MessagePush, body: bytes) -> None:
    assert refusal(plain, QUERY, body) == "malformed"
    assert refusal(secure, SECURE, body) == "malformed"


def test_what_wechatpy_encrypts_is_opened(secure: MessagePush) -> None:
    import xmltodict

    crypto = WeChatCrypto(PUSH_TOKEN, PUSH_AES_KEY, APPID)
    reply = xmltodict.parse(crypto.encrypt_message('{"a": "茶"}', "42", "1700000000"))["xml"]
    query = {"timestamp": reply["TimeStamp"], "nonce": reply["Nonce"], "msg_signature": reply["MsgSignature"]}
    assert secure.read(query, json.dumps({"Encrypt": reply["Encrypt"]}).encode()) == {"a": "茶"}


def test_no_secret_shows() -> None:
    assert PUSH_TOKEN not in repr(PushSettings(APPID, PUSH_TOKEN, PUSH_AES_KEY))
    assert PUSH_AES_KEY not in repr(PushSettings(APPID, PUSH_TOKEN, PUSH_AES_KEY))


queries = st.dictionaries(st.sampled_from(list(SECURE)) | st.text(max_size=8), st.text(max_size=20), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(query=queries, body=st.binary(max_size=100) | st.sampled_from([JSON_ENVELOPE, XML_ENVELOPE]))
def test_whatever_arrives_unsigned_is_refused_and_nothing_else(
    plain: MessagePush, secure: MessagePush, query: dict[str, Any], body: bytes
) -> None:
    for push in (plain, secure):
        with pytest.raises(PushRefused):
            push.read(query, body)

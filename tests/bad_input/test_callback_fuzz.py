"""Callbacks down to their bytes: what was changed is refused, and what is signed nonsense is read or refused."""

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from chalicelib.events.rules import read_event
from chalicelib.wechat.errors import BadCallback, PushRefused
from chalicelib.wechat.pay import WeChatPay
from chalicelib.wechat.pay_types import Notification, RefundStatus, Trade
from chalicelib.wechat.push import MessagePush, PushSettings
from sandbox.wechat import crypto
from tests.wechat.known import PUSH_AES_KEY, PUSH_TOKEN
from tests.wechat.platform import (
    APPID,
    CERTIFICATE_SERIAL,
    NOW,
    OTHER_KEY_ID,
    FakeClock,
    callback,
    refund_callback,
    signed_headers,
    trade,
)
from tests.wechat.test_pay import settings as account

PAID, REFUNDED = callback(trade()), callback(refund_callback(), event_type="REFUND.SUCCESS", aad="refund")
HEADERS = signed_headers(PAID)
PAY = WeChatPay(account(), FakeClock())
SECONDS = str(int(NOW.timestamp()))
SECURE = MessagePush(PushSettings(APPID, PUSH_TOKEN, PUSH_AES_KEY), FakeClock())
PLAIN = MessagePush(PushSettings(APPID, PUSH_TOKEN, ""), FakeClock())
EVENT = {"FromUserName": "o1", "CreateTime": 1, "MsgType": "event", "Event": "subscribe_msg_change_event", "List": []}
EDITS = ("flip", "cut", "insert", "copy", "swap", "end")
CASES = (str.lower, str.upper, str.title, str.swapcase)

many = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
fewer = settings(many, max_examples=120)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def edited(draw: st.DrawFn, genuine: bytes) -> bytes:
    """The same bytes after one to three edits, which leave something else."""
    found = genuine
    for kind in draw(st.lists(st.sampled_from(EDITS), min_size=1, max_size=3)):
        first, last = sorted(draw(st.tuples(*[st.integers(0, max(len(found) - 1, 0))] * 2)))
        before, part, after = found[:first], found[first : last + 1], found[last + 1 :]
        match kind:
            case "flip":
                flipped = bytes([part[0] ^ 1 << draw(st.integers(0, 7))]) if part else b""
                found = before + flipped + part[1:] + after
            case "cut":
                found = before + after
            case "insert":
                found = before + draw(st.binary(min_size=1, max_size=8)) + part + after
            case "copy":
                found = before + part + part[:64] + after
            case "swap":
                found = after + part + before
            case "end":
                found = found[:first] + draw(st.binary(max_size=4))
    assume(found != genuine)
    return found


def refused(headers: dict[str, str], body: bytes) -> str:
    with pytest.raises(BadCallback) as caught:
        PAY.read_callback(headers, body)
    return caught.value.reason


def read_or_refused(body: bytes) -> None:
    """Of a body that is signed: what is read is whole, so that nothing later trips over it."""
    with suppress(BadCallback):
        told = PAY.read_callback(signed_headers(body), body)
        assert told.id
        assert told.event_type
        assert isinstance(told.resource, resource_of(told)), told
        wrong = [name for name, value in vars(told.resource).items() if not sound(name, value)] if told.resource else []
        assert not wrong, told


def sound(name: str, value: Any) -> bool:
    """Of the type that the rest of the shop counts on."""
    if name in ("total", "refund"):
        return type(value) is int and value >= 0
    if name in ("success_time", "created"):
        return value is None or (isinstance(value, datetime) and value.tzinfo is UTC)
    return type(value) is str


def resource_of(told: Notification) -> type[Any]:
    if told.event_type.startswith("TRANSACTION."):
        return Trade
    return RefundStatus if told.event_type.startswith("REFUND.") else type(None)


@many
@given(edited(PAID))
def test_a_body_changed_by_a_bit_is_not_what_was_signed(body: bytes) -> None:
    assert refused(HEADERS, body) == "bad_signature"


@many
@given(name=st.sampled_from(list(HEADERS)), data=st.data())
def test_a_header_changed_by_a_bit_is_refused(name: str, data: st.DataObject) -> None:
    assume(name.startswith("Wechatpay-"))
    value = data.draw(edited(HEADERS[name].encode())).decode("latin-1")
    assume(not same_signature(value, HEADERS["Wechatpay-Signature"]) and value.upper() != HEADERS[name].upper())
    assert refused({**HEADERS, name: value}, PAID)


def same_signature(one: str, other: str) -> bool:
    """Base64 may spell the same bytes in several ways."""
    try:
        return b64decode(one, validate=True) == b64decode(other)
    except (ValueError, Base64Error):
        return False


@fewer
@given(st.permutations([name for name in HEADERS if name.startswith("Wechatpay-")]))
def test_headers_that_changed_places_are_refused(order: list[str]) -> None:
    names = sorted(order)
    assume(order != names)
    assert refused({name: HEADERS[other] for name, other in zip(names, order, strict=True)}, PAID)


@pytest.mark.parametrize("case", CASES)
def test_header_names_count_in_any_case(case: Callable[[str], str]) -> None:
    assert PAY.read_callback({case(name): value for name, value in HEADERS.items()}, PAID).resource


@pytest.mark.parametrize("serial", [OTHER_KEY_ID, CERTIFICATE_SERIAL, "", "7A4B", "PUB_KEY_ID_", "\x00", "../platform"])
def test_the_signature_of_one_key_does_not_count_under_the_name_of_another(serial: str) -> None:
    assert refused({**HEADERS, "Wechatpay-Serial": serial}, PAID)


@pytest.mark.parametrize("spelt", ["{} ", " {}", "{}\n", "{}=", "{}AAAA", "-{}", "=={}", "{}{}", "\ufeff{}", "{}\x00"])
def test_base64_is_taken_by_the_letter(spelt: str) -> None:
    signature = spelt.format(*[HEADERS["Wechatpay-Signature"]] * 2)
    assert refused({**HEADERS, "Wechatpay-Signature": signature}, PAID) == "bad_signature"
    sealed = json.loads(PAID)
    sealed["resource"]["ciphertext"] = spelt.format(*[sealed["resource"]["ciphertext"]] * 2)
    body = json.dumps(sealed).encode()
    assert refused(signed_headers(body), body) == "undecryptable"


@pytest.mark.parametrize("part", ["ciphertext", "nonce", "associated_data"])
def test_a_resource_put_together_from_two_does_not_open(part: str) -> None:
    envelope = json.loads(callback(trade(), aad="transaction"))
    other = json.loads(callback(refund_callback(), event_type="REFUND.SUCCESS", aad="refund"))
    envelope["resource"][part] = other["resource"][part] if part != "nonce" else "nonce0123457"
    body = json.dumps(envelope).encode()
    assert refused(signed_headers(body), body) == "undecryptable"


def test_a_resource_under_the_event_of_another_kind_makes_no_sense() -> None:
    for resource, kind in ((trade(), "REFUND.SUCCESS"), (refund_callback(), "TRANSACTION.SUCCESS")):
        body = callback(resource, event_type=kind)
        assert refused(signed_headers(body), body) == "malformed"


@fewer
@given(edited(PAID) | st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 60_000)
@example(b'{"id":' * 10_000)
@example(b"9" * 5000)
@example(b"\xef\xbb\xbf" + PAID)
@example(PAID.decode().encode("utf-16"))
def test_a_signed_body_is_read_or_refused(body: bytes) -> None:
    read_or_refused(body)


@fewer
@given(
    edited(json.dumps(trade()).encode()) | edited(json.dumps(refund_callback()).encode()) | st.binary(max_size=99),
    st.sampled_from(
        ["TRANSACTION.SUCCESS", "REFUND.SUCCESS", "REFUND.CLOSED", "PAYSCORE.USER_PAID", "transaction.", "."]
    ),
)
@example(b"[]", "TRANSACTION.SUCCESS")
@example(b"7", "REFUND.SUCCESS")
@example(b"NaN", "TRANSACTION.SUCCESS")
@example(json.dumps(trade(amount={"total": 10**4000})).encode(), "TRANSACTION.SUCCESS")
@example(json.dumps(trade(amount={"total": -1990})).encode(), "TRANSACTION.SUCCESS")
@example(json.dumps(trade(amount={"total": 1990.0})).encode(), "TRANSACTION.SUCCESS")
@example(json.dumps(trade(amount={"total": True})).encode(), "TRANSACTION.SUCCESS")
@example(json.dumps(trade(amount=[1990])).encode(), "TRANSACTION.SUCCESS")
@example(json.dumps(trade(out_trade_no=["JS20261122T1"])).encode(), "TRANSACTION.SUCCESS")
@example(json.dumps(trade(success_time="0001-01-01T00:00:00+23:59")).encode(), "TRANSACTION.SUCCESS")
def test_what_was_sealed_and_signed_is_read_or_refused(plaintext: bytes, event_type: str) -> None:
    read_or_refused(callback(plaintext, event_type=event_type))


def pushed(message: bytes, form: str = "json") -> tuple[dict[str, str], bytes]:
    """As the platform sends it: sealed and signed."""
    encrypted = crypto.encrypt_push(PUSH_AES_KEY, APPID, message)
    body = json.dumps({"Encrypt": encrypted}) if form == "json" else f"<xml><Encrypt>{encrypted}</Encrypt></xml>"
    return stamped(encrypted), body.encode()


def stamped(encrypted: str = "") -> dict[str, str]:
    stamp = (PUSH_TOKEN, SECONDS, "42")
    return {
        "timestamp": SECONDS, "nonce": "42", "encrypt_type": "aes", "signature": crypto.push_signature(*stamp),
        "msg_signature": crypto.push_signature(*stamp, encrypted),
    }  # fmt: skip


GENUINE = {form: pushed(json.dumps(EVENT).encode(), form) for form in ("json", "xml")}


@many
@given(form=st.sampled_from(["json", "xml"]), data=st.data())
def test_a_pushed_envelope_changed_by_a_bit_is_refused_or_holds_the_same_message(
    form: str, data: st.DataObject
) -> None:
    query, body = GENUINE[form]
    with suppress(PushRefused):
        assert SECURE.read(query, data.draw(edited(body))) == EVENT


@many
@given(name=st.sampled_from(["timestamp", "nonce", "msg_signature"]), data=st.data())
def test_a_pushed_query_changed_by_a_bit_is_refused(name: str, data: st.DataObject) -> None:
    query, body = GENUINE["json"]
    value = data.draw(edited(query[name].encode())).decode("latin-1")
    with pytest.raises(PushRefused):
        SECURE.read({**query, name: value}, body)


@fewer
@given(st.binary(min_size=1, max_size=120).map(lambda raw: b64encode(raw).decode()) | st.text(max_size=80))
def test_what_is_signed_and_does_not_open_is_refused(encrypted: str) -> None:
    with pytest.raises(PushRefused):
        SECURE.read(stamped(encrypted), json.dumps({"Encrypt": encrypted}).encode())


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ATTACKS = {
    "billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]><xml><Event>&l9;</Event></xml>',
    "quadratic": f'<!DOCTYPE x [<!ENTITY a "{"a" * 20_000}">]><xml><Event>{"&a;" * 5000}</Event></xml>',
    "a file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Event>&a;</Event></xml>',
    "a parameter": '<!DOCTYPE x [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><xml><Event>x</Event></xml>',
    "another root": "<html><Event>x</Event></html>",
    "two roots": "<xml></xml><xml></xml>",
    "cut off": "<xml><Event><![CDATA[x",
    "deep json": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "array": "[{}]",
    "number": "7",
    "huge number": '{"CreateTime":' + "9" * 5000 + "}",
}
HARMLESS = {
    "a server": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><xml><Event>&a;</Event></xml>',
    "inclusion": '<xml xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd" parse="text"/></xml>',
    "another encoding": '<?xml version="1.0" encoding="utf-16"?><xml><Event>x</Event></xml>',
    "deep": "<xml><Event>" + "<a>" * 9000 + "</a>" * 9000 + "</Event></xml>",
    "deep list": "<xml><List>" + "<a>" * 9000 + "</a>" * 9000 + "</List></xml>",
    "deep json below the limit": '{"Event":' + "[" * 900 + "]" * 900 + "}",
    "many": "<xml>" + "<List><a/></List>" * 3000 + "</xml>",
    "attributes": '<xml><Event a="1" b="2">x</Event></xml>',
    "nothing": "<xml></xml>",
    "not a number": '{"CreateTime": NaN, "FromUserName": Infinity}',
    "twice": '{"Event": "a", "Event": ["subscribe_msg_change_event"]}',
    "half a pair": '{"FromUserName": "\\ud800", "Event": "\\udfff"}',
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_document_that_attacks_the_parser_is_refused(name: str) -> None:
    raw = ATTACKS[name].encode()
    for push, (query, body) in ((PLAIN, (stamped(), raw)), (SECURE, pushed(raw)), (SECURE, (stamped(), raw))):
        with pytest.raises(PushRefused):
            push.read(query, body)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_strange_document_is_an_event_without_consequences(name: str) -> None:
    raw = HARMLESS[name].encode()
    for push, (query, body) in ((PLAIN, (stamped(), raw)), (SECURE, pushed(raw))):
        with suppress(PushRefused):
            event = read_event(push.read(query, body))
            assert not event.withdrawn
            assert len(event.key) < 1000
            event.key.encode()


@fewer
@given(
    st.dictionaries(
        st.sampled_from(["Event", "MsgType", "FromUserName", "CreateTime", "MsgId", "List", "SubscribeMsgChangeEvent"]),
        json_values | st.just("subscribe_msg_change_event") | st.lists(st.just({"TemplateId": [1]})),
    )
)
def test_any_message_is_an_event_of_text(message: dict[str, Any]) -> None:
    event = read_event(message)
    assert all(type(text) is str for text in (event.kind, event.openid, event.key, *event.withdrawn))
    assert len(event.key) < 1000
    for text in (event.openid, event.key, *event.withdrawn):
        text.encode()

"""Which callbacks are believed."""

import json
import socket
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chalicelib.wechat.errors import BadCallback, PayError
from chalicelib.wechat.pay import WeChatPay
from chalicelib.wechat.pay_types import Notification, RefundStatus, Trade

from .known import APIV3_KEY
from .platform import (
    APPID,
    CERTIFICATE_SERIAL,
    MCHID,
    NOW,
    OPENID,
    FakeClock,
    callback,
    refund_callback,
    signed_headers,
    trade,
)
from .test_pay import settings as account


@pytest.fixture
def pay(clock: FakeClock) -> WeChatPay:
    return WeChatPay(account(), clock)


def reason(pay: WeChatPay, body: bytes, headers: dict[str, str] | None = None) -> str:
    with pytest.raises(BadCallback) as caught:
        pay.read_callback(signed_headers(body) if headers is None else headers, body)
    assert isinstance(caught.value, PayError)
    return caught.value.reason


def read(pay: WeChatPay, body: bytes) -> Notification:
    return pay.read_callback(signed_headers(body), body)


def test_a_payment_is_told_with_everything_that_must_be_compared(pay: WeChatPay) -> None:
    notification = read(pay, callback(trade()))
    assert (notification.id, notification.event_type) == ("EV-2018022511223320873", "TRANSACTION.SUCCESS")
    assert notification.resource == Trade(
        appid=APPID,
        mchid=MCHID,
        out_trade_no="JS20261122T1",
        transaction_id="4200001234202611221234567890",
        trade_state="SUCCESS",
        openid=OPENID,
        total=1990,
        currency="CNY",
        success_time=datetime(2026, 11, 22, 1, 59, 30, tzinfo=UTC),
        trade_type="JSAPI",
    )


@pytest.mark.parametrize("status", ["SUCCESS", "ABNORMAL", "CLOSED"])
def test_a_refund_is_told_with_its_merchant(pay: WeChatPay, status: str) -> None:
    body = callback(refund_callback(refund_status=status), event_type=f"REFUND.{status}", aad="refund")
    resource = read(pay, body).resource
    assert isinstance(resource, RefundStatus)
    assert (resource.mchid, resource.status, resource.refund, resource.total) == (MCHID, status, 990, 1990)
    assert resource.success_time == NOW - timedelta(seconds=10)
    assert resource.created is None


def test_absent_associated_data_is_empty(pay: WeChatPay) -> None:
    assert read(pay, callback(trade(), aad=None)) == read(pay, callback(trade(), aad=""))


def test_an_event_that_the_shop_has_no_use_for_is_accepted_without_resource(pay: WeChatPay) -> None:
    body = callback({"echo_message": "x"}, event_type="SECURITY_ECHO.SUCCESS", aad="security")
    assert read(pay, body).resource is None


def test_certificates_are_believed_during_the_migration(pay: WeChatPay) -> None:
    body = callback(trade())
    assert pay.read_callback(signed_headers(body, serial=CERTIFICATE_SERIAL, by="certificate"), body).resource


def test_only_the_raw_bytes_verify(pay: WeChatPay) -> None:
    body = callback(trade())
    again = json.dumps(json.loads(body)).encode()
    assert reason(pay, again, signed_headers(body)) == "bad_signature"


def test_a_callback_signed_with_another_key_is_forged(pay: WeChatPay) -> None:
    body = callback(trade(amount={"total": 1, "currency": "CNY"}))
    assert reason(pay, body, signed_headers(body, by="attacker")) == "bad_signature"


def test_a_replayed_callback_is_stale_after_five_minutes_and_so_is_one_from_the_future(
    pay: WeChatPay, clock: FakeClock
) -> None:
    body = callback(trade())
    headers = signed_headers(body)
    clock.advance(minutes=5)
    assert pay.read_callback(headers, body).resource
    clock.advance(seconds=1)
    assert reason(pay, body, headers) == "stale"
    clock.advance(minutes=-10, seconds=-2)
    assert reason(pay, body, headers) == "stale"


def test_an_unknown_serial_is_refused_without_asking_anybody(pay: WeChatPay, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("an unauthenticated header made the server connect")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "create_connection", no_network)
    body = callback(trade())
    assert reason(pay, body, signed_headers(body, serial="7A4B", by="attacker")) == "unknown_serial"


def test_a_probe_of_wechat_pay_just_fails(pay: WeChatPay) -> None:
    body = callback(trade())
    headers = {**signed_headers(body), "Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + "Q" * 325}
    assert reason(pay, body, headers) == "bad_signature"


def test_without_keys_no_callback_is_believed(clock: FakeClock) -> None:
    body = callback(trade())
    assert reason(WeChatPay(account(platform_keys={}), clock), body) == "unknown_serial"


def test_an_unsigned_callback_is_not_even_parsed(pay: WeChatPay) -> None:
    assert reason(pay, b"\xff\xfe no json at all", {}) == "unsigned"


def test_a_resource_sealed_with_another_apiv3_key_is_refused(clock: FakeClock) -> None:
    other = WeChatPay(replace(account(), apiv3_key="x" * 32), clock)
    assert reason(other, callback(trade())) == "undecryptable"


def test_during_a_change_of_the_apiv3_key_both_open(clock: FakeClock) -> None:
    changing = WeChatPay(account(apiv3_key="x" * 32, apiv3_key_previous=APIV3_KEY), clock)
    assert read(changing, callback(trade())).resource
    assert read(changing, callback(trade(), apiv3_key="x" * 32)).resource
    assert reason(changing, callback(trade(), apiv3_key="y" * 32)) == "undecryptable"


def change(**changes: Any) -> bytes:
    return json.dumps({**json.loads(callback(trade())), **changes}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        change(id=None),
        change(id=7),
        change(event_type=None),
        change(resource=None),
        change(resource="x"),
        change(resource={"algorithm": "AEAD_AES_256_GCM", "nonce": 1, "ciphertext": "AAAA"}),
        change(resource={"algorithm": "NONE", "nonce": "nonce0123456", "ciphertext": "AAAA"}),
        callback(b"no json"),
        callback([]),
        callback(trade(amount={"total": "1990"})),
        callback(trade(out_trade_no=None)),
        callback(refund_callback(amount={"total": 1}), event_type="REFUND.SUCCESS"),
        callback(refund_callback(mchid=None), event_type="REFUND.SUCCESS"),
    ],
)
def test_a_signed_callback_that_makes_no_sense_is_refused(pay: WeChatPay, body: bytes) -> None:
    assert reason(pay, body) == "malformed"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
header_names = st.sampled_from(list(signed_headers(b""))) | st.text(max_size=20)
some = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)


@some
@given(body=st.binary(max_size=200), headers=st.dictionaries(header_names, st.text(max_size=40), max_size=7))
def test_whatever_arrives_is_refused_and_nothing_else(pay: WeChatPay, body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(BadCallback):
        pay.read_callback(headers, body)


@some
@given(name=st.sampled_from(list(signed_headers(b""))), value=st.text(max_size=40))
def test_a_changed_header_is_refused(pay: WeChatPay, name: str, value: str) -> None:
    body = callback(trade())
    headers = signed_headers(body)
    assume(name in headers and name != "Request-ID" and headers[name] != value)
    with pytest.raises(BadCallback):
        pay.read_callback({**headers, name: value}, body)


@some
@given(place=st.sampled_from(["envelope", "resource", "plain", "amount"]), name=st.text(max_size=12), value=json_values)
def test_whatever_a_signed_callback_holds_is_read_or_refused(pay: WeChatPay, place: str, name: str, value: Any) -> None:
    known = {
        "envelope": ["id", "event_type", "resource", "create_time"],
        "resource": ["algorithm", "nonce", "ciphertext", "associated_data"],
        "plain": list(trade()),
        "amount": ["total", "currency"],
    }[place]
    for field in [name, *known]:
        plain = trade()
        if place == "plain":
            plain[field] = value
        if place == "amount":
            plain["amount"] = {**plain["amount"], field: value}
        envelope = json.loads(callback(plain))
        if place == "envelope":
            envelope[field] = value
        if place == "resource":
            envelope["resource"][field] = value
        body = json.dumps(envelope).encode()
        with suppress(BadCallback):
            resource = read(pay, body).resource
            assert not isinstance(resource, Trade) or (resource.out_trade_no and type(resource.total) is int)

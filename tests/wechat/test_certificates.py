"""Platform certificates: fetched in time, believed only with proof, kept until they end."""

import json
from typing import Any

import pytest

from chalicelib.wechat.errors import BadCallback, PayMisconfigured, PayRefused, PayUnreachable, PayUnverified
from chalicelib.wechat.pay import WeChatPay

from .known import APIV3_KEY
from .platform import (
    CERTIFICATE_SERIAL,
    KEY_ID,
    Answer,
    FakeClock,
    Peer,
    callback,
    certificate_pem,
    platform_keys,
    says,
    seal,
    signed_headers,
    signs,
    trade,
)
from .test_keys import NEXT_SERIAL, InMemoryKeys, next_pem
from .test_pay import check_signature, settings

FORGED_SERIAL = "6A00000000000009"
OF_NEXT: dict[str, Any] = {"serial": NEXT_SERIAL, "by": "next certificate"}
OF_OLD: dict[str, Any] = {"serial": CERTIFICATE_SERIAL, "by": "certificate"}


@pytest.fixture
def store() -> InMemoryKeys:
    return InMemoryKeys()


def merchant(peer: Peer, clock: FakeClock, store: InMemoryKeys, **changes: Any) -> WeChatPay:
    certificates = {CERTIFICATE_SERIAL: certificate_pem()}
    account = settings(peer.base_url, **{"platform_keys": certificates, **changes})
    return WeChatPay(account, clock, pause=lambda _: None, keys=store)


def entry(serial: str, pem: str, apiv3_key: str = APIV3_KEY, aad: str = "certificate") -> dict[str, Any]:
    return {
        "serial_no": serial,
        "effective_time": "2026-11-21T10:00:00+08:00",
        "expire_time": "2031-11-20T10:00:00+08:00",
        "encrypt_certificate": seal(pem.encode(), apiv3_key, aad),
    }


def old() -> dict[str, Any]:
    return entry(CERTIFICATE_SERIAL, certificate_pem())


def coming(**how: Any) -> dict[str, Any]:
    return entry(NEXT_SERIAL, next_pem(), **how)


def names(*entries: dict[str, Any], **how: Any) -> Answer:
    return signs({"data": list(entries)}, **(how or OF_OLD))


def test_the_next_certificate_is_known_before_it_signs(peer: Peer, clock: FakeClock, store: InMemoryKeys) -> None:
    pay = merchant(peer, clock, store)
    peer.will(names(old(), coming()))
    assert pay.refresh_certificates() == 2
    (request,) = peer.requests
    assert (request.method, request.target) == ("GET", "/v3/certificates")
    assert "wechatpay-serial" not in request.headers
    check_signature(request)
    assert store.pems == {CERTIFICATE_SERIAL: certificate_pem(), NEXT_SERIAL: next_pem()}
    peer.will(signs(trade(), **OF_NEXT))
    assert pay.query("JS20261122T1")


def test_other_processes_believe_callbacks_by_the_next_certificate_without_being_started_anew(
    peer: Peer, clock: FakeClock, store: InMemoryKeys
) -> None:
    other, body = merchant(peer, clock, store), callback(trade())
    headers = signed_headers(body, **OF_NEXT)
    with pytest.raises(BadCallback):
        other.read_callback(headers, body)
    peer.will(names(old(), coming()))
    merchant(peer, clock, store).refresh_certificates()
    clock.advance(minutes=1)
    assert other.read_callback(headers, body).resource
    assert len(peer.requests) == 1, "a callback makes nobody ask WeChat Pay"


def test_a_fetched_certificate_is_kept_until_it_ends(peer: Peer, clock: FakeClock, store: InMemoryKeys) -> None:
    pay = merchant(peer, clock, store)
    peer.will(names(old(), coming()))
    pay.refresh_certificates()
    clock.advance(hours=23)
    peer.will(names(coming(), **OF_NEXT, at=clock()))
    assert pay.refresh_certificates() == 2
    clock.advance(hours=1)
    peer.will(names(coming(), **OF_NEXT, at=clock()))
    assert pay.refresh_certificates() == 1
    assert store.pems.keys() == {NEXT_SERIAL}
    assert store.writes == 2, "nothing new is not written"


def test_an_answer_may_be_signed_by_the_certificate_that_it_brings(
    peer: Peer, clock: FakeClock, store: InMemoryKeys
) -> None:
    peer.will(names(coming(), **OF_NEXT))
    assert merchant(peer, clock, store).refresh_certificates() == 1


def test_during_a_change_of_the_apiv3_key_either_opens(peer: Peer, clock: FakeClock, store: InMemoryKeys) -> None:
    pay = merchant(peer, clock, store, apiv3_key="x" * 32, apiv3_key_previous=APIV3_KEY)
    peer.will(names(old(), coming(apiv3_key="x" * 32)))
    assert pay.refresh_certificates() == 2


def test_a_merchant_with_public_keys_alone_asks_for_nothing(peer: Peer, clock: FakeClock, store: InMemoryKeys) -> None:
    pay = merchant(peer, clock, store, platform_keys={KEY_ID: platform_keys()[KEY_ID]})
    assert pay.refresh_certificates() == 0
    assert not peer.requests
    assert store.reads == store.writes == 0


def test_a_migration_to_a_public_key_ends_with_no_certificates(
    peer: Peer, clock: FakeClock, store: InMemoryKeys
) -> None:
    migrating = merchant(peer, clock, store, platform_keys=platform_keys())
    peer.will(signs({"data": [old()]}))
    assert migrating.refresh_certificates() == 1
    peer.will(says({"code": "RESOURCE_NOT_EXISTS", "message": "无可用的平台证书"}, 404))
    assert migrating.refresh_certificates() == 0
    with pytest.raises(PayRefused):
        merchant(peer, clock, store).refresh_certificates()


@pytest.mark.parametrize(
    "answer",
    [
        names(entry(FORGED_SERIAL, certificate_pem("attacker", FORGED_SERIAL), apiv3_key="x" * 32)),
        names(old(), coming(), serial=CERTIFICATE_SERIAL, by="attacker"),
        names(old(), coming(), serial="7A4B", by="attacker"),
        names(old(), coming(aad="transaction")),
        names(old(), entry(FORGED_SERIAL, next_pem())),
        names(old(), entry("no serial", next_pem())),
        names(old(), entry(NEXT_SERIAL, "no certificate")),
        names(old(), entry(NEXT_SERIAL, platform_keys()[KEY_ID])),
        names(old(), {"serial_no": NEXT_SERIAL}),
        signs({"data": {}}, **OF_OLD),
        signs({"data": [1]}, **OF_OLD),
        signs({}, **OF_OLD),
        signs(None, **OF_OLD),
        Answer(200, json.dumps({"data": [old()]}).encode()),
    ],
)
def test_without_proof_nothing_is_believed_and_what_was_kept_stays(
    peer: Peer, clock: FakeClock, store: InMemoryKeys, answer: Answer
) -> None:
    store.pems["A1"] = "kept"
    peer.will(answer)
    with pytest.raises(PayUnverified):
        merchant(peer, clock, store).refresh_certificates()
    assert (store.pems, store.writes) == ({"A1": "kept"}, 0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(hang_up=True), PayUnreachable),
        (says({"code": "SIGN_ERROR", "message": "x"}, 401), PayMisconfigured),
        (says({"code": "NO_AUTH", "message": "x"}, 403), PayMisconfigured),
    ],
)
def test_a_failure_says_what_it_was(
    peer: Peer, clock: FakeClock, store: InMemoryKeys, answer: Answer, kind: type[Exception]
) -> None:
    peer.will(answer)
    with pytest.raises(kind):
        merchant(peer, clock, store).refresh_certificates()


def test_an_overdue_certificate_is_not_kept_though_it_is_named(
    peer: Peer, clock: FakeClock, store: InMemoryKeys
) -> None:
    clock.advance(days=2)
    peer.will(names(old(), coming(), **OF_OLD, at=clock()))
    assert merchant(peer, clock, store).refresh_certificates() == 1
    assert store.pems.keys() == {NEXT_SERIAL}

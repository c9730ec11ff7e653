"""Platform certificates and their rotation (facts A2)."""

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.wechat import SandboxWeChat, Settings, State, running

from .merchant import FakeClock, Http, Merchant, Reply, Shop


@pytest.fixture
def settings() -> Settings:
    return Settings(certificate_mode=True)


def listed(merchant: Merchant) -> dict[str, x509.Certificate]:
    reply = merchant.call("GET", "/v3/certificates", Wechatpay_Serial=None)
    found = {}
    for entry in reply.json()["data"]:
        sealed = entry["encrypt_certificate"]
        cipher = AESGCM(merchant.credentials.apiv3_key.encode())
        pem = cipher.decrypt(sealed["nonce"].encode(), base64.b64decode(sealed["ciphertext"]), b"certificate")
        certificate = x509.load_pem_x509_certificate(pem)
        assert entry["serial_no"] == f"{certificate.serial_number:040X}"
        assert entry["effective_time"][:10] <= f"{merchant.clock():%Y-%m-%d}" < entry["expire_time"][:10]
        found[entry["serial_no"]] = certificate
    assert signed_by(reply, found[reply.headers["Wechatpay-Serial"]])
    return found


def signed_by(reply: Reply, certificate: x509.Certificate) -> bool:
    headers, key = reply.headers, certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    message = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + reply.body + b"\n"
    key.verify(base64.b64decode(headers["Wechatpay-Signature"]), message, padding.PKCS1v15(), hashes.SHA256())
    return True


def rotate(merchant: Merchant, **more: object) -> str:
    return str(merchant.http.control("certificates/rotate", more)["serial_no"])


def ask(merchant: Merchant, serial: str | None = None) -> Reply:
    target = f"/v3/pay/transactions/out-trade-no/order-0001?mchid={merchant.credentials.mchid}"
    return merchant.call("GET", target, Wechatpay_Serial=serial)


def test_after_a_rotation_two_are_listed_and_the_new_one_signs(merchant: Merchant, shop: Shop) -> None:
    old, new = merchant.credentials.platform_serial, rotate(merchant)
    found = listed(merchant)
    assert list(found) == [old, new]
    assert ask(merchant).headers["Wechatpay-Serial"] == new
    assert signed_by(ask(merchant), found[new])
    merchant.pay(merchant.call("POST", "/v3/pay/transactions/jsapi", merchant.order()).json()["prepay_id"])
    assert shop.received[0].headers["Wechatpay-Serial"] == new
    assert signed_by(shop.received[0], found[new])


def test_a_request_may_name_any_key_that_is_listed(merchant: Merchant) -> None:
    old, new = merchant.credentials.platform_serial, rotate(merchant)
    for serial in (old, new, merchant.credentials.wechatpay_public_key_id):
        assert ask(merchant, serial).headers["Wechatpay-Serial"] == serial


def test_the_old_one_leaves_the_list_and_is_then_unknown(merchant: Merchant, clock: FakeClock) -> None:
    old, new = merchant.credentials.platform_serial, rotate(merchant, old_listed_for=3600)
    clock.advance(3599)
    assert list(listed(merchant)) == [old, new]
    clock.advance(1)
    assert list(listed(merchant)) == [new]
    assert ask(merchant, old).json()["code"] == "PARAM_ERROR"


def test_the_new_one_can_be_listed_before_it_signs(merchant: Merchant, clock: FakeClock) -> None:
    old, new = merchant.credentials.platform_serial, rotate(merchant, signs_in=600)
    assert set(listed(merchant)) == {old, new}
    assert ask(merchant).headers["Wechatpay-Serial"] == old
    assert ask(merchant, new).headers["Wechatpay-Serial"] == new
    clock.advance(600)
    assert ask(merchant).headers["Wechatpay-Serial"] == new


def test_rotations_follow_one_another(merchant: Merchant, clock: FakeClock) -> None:
    serials = [merchant.credentials.platform_serial]
    for _ in range(2):
        serials.append(rotate(merchant))
        clock.advance(3600)
    assert list(listed(merchant)) == serials
    clock.advance(86400 - 2 * 3600)
    assert list(listed(merchant)) == serials[1:]


def test_a_field_may_be_encrypted_for_the_new_one(merchant: Merchant) -> None:
    new = rotate(merchant)
    key = listed(merchant)[new].public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    body = {"echo_message": "hello", "encrypted_echo_message": base64.b64encode(key.encrypt(b"secret", oaep)).decode()}
    for serial in (new, None):
        assert merchant.call("POST", "/v3/security/echo", body, Wechatpay_Serial=serial).status == 200
    wrong = merchant.call("POST", "/v3/security/echo", body, Wechatpay_Serial=merchant.credentials.platform_serial)
    assert wrong.json()["code"] == "PARAM_ERROR"


@pytest.mark.parametrize("settings", [Settings(certificate_mode=True), Settings()])
@pytest.mark.parametrize("kind", ["certificate", "public_key"])
def test_a_merchant_between_the_two_is_called_back_with_either(merchant: Merchant, shop: Shop, kind: str) -> None:
    merchant.http.fault("callback", kind)
    merchant.paid()
    keys = {
        "certificate": merchant.credentials.platform_serial,
        "public_key": merchant.credentials.wechatpay_public_key_id,
    }
    assert shop.received[0].headers["Wechatpay-Serial"] == keys[kind]
    assert merchant.verifies(shop.received[0].headers, shop.received[0].body)


def test_the_echo_is_called_back_by_the_key_that_signs(merchant: Merchant, shop: Shop) -> None:
    new = rotate(merchant)
    body = {"echo_message": "hello", "notify_url": shop.url}
    merchant.call("POST", "/v3/security/echo", body, Wechatpay_Serial=None)
    callback = shop.wait_for(1)[0]
    assert callback.headers["Wechatpay-Serial"] == new
    assert json.loads(callback.body)["event_type"] == "SECURITY_ECHO.SUCCESS"
    assert merchant.decrypt(callback.body) == {"echo_message": "hello"}


def test_a_rotation_outlives_a_restart(tmp_path: Any, merchant: Merchant, clock: FakeClock) -> None:
    for expected in (1, 2):
        state = State(tmp_path / "state")
        with (
            SandboxWeChat(
                merchant.credentials, clock=clock, state=state, settings=Settings(certificate_mode=True)
            ) as it,
            running(it.wsgi_app) as url,
        ):
            merchant.http = Http(url)
            assert len(listed(merchant)) == expected
            if expected == 1:
                rotate(merchant)


def test_the_list_can_fail(merchant: Merchant) -> None:
    merchant.http.fault("certificates", "status", status=500)
    assert merchant.call("GET", "/v3/certificates").status == 500

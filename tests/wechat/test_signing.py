"""Signatures and ciphertexts, against answers that OpenSSL gave."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.wechat.keys import PlatformKeys
from chalicelib.wechat.signing import (
    BadSignature,
    MerchantKey,
    Undecryptable,
    answer_message,
    decrypt_resource,
    request_message,
    sheet_message,
)

from . import known
from .platform import (
    CERTIFICATE_SERIAL,
    KEY_ID,
    NOW,
    OTHER_KEY_ID,
    certificate_pem,
    key,
    platform_keys,
    signed_headers,
)

BODY = '{"金额": 1}'.encode()
THEN = datetime.fromtimestamp(1700000000, UTC)


@pytest.fixture(scope="module")
def merchant() -> MerchantKey:
    return MerchantKey("1900000001", "4F2A", known.private_pem(known.private_key()))


@pytest.fixture(scope="module")
def platform() -> PlatformKeys:
    return PlatformKeys(platform_keys())


def reason(keys: PlatformKeys, headers: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> str:
    with pytest.raises(BadSignature) as caught:
        keys.verify(headers, body, now)
    return caught.value.reason


def test_a_request_is_signed_over_method_target_time_nonce_and_body(merchant: MerchantKey) -> None:
    target, nonce = "/v3/pay/transactions/jsapi?a=1%7C2", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"
    message = request_message("POST", target, "1700000000", nonce, known.BODY.encode())
    assert merchant.sign(message) == known.SIGNED_REQUEST


def test_a_request_without_body_ends_with_an_empty_line(merchant: MerchantKey) -> None:
    message = request_message(
        "GET", "/v3/pay/transactions/out-trade-no/T1?mchid=1900000001", "1700000000", "N0NCE", b""
    )
    assert message.endswith(b"N0NCE\n\n")
    assert merchant.sign(message) == known.SIGNED_GET


def test_a_payment_sheet_is_signed_over_appid_time_nonce_and_package(merchant: MerchantKey) -> None:
    package = "prepay_id=wx26112221580621e9b071c00d9e093b0000"
    assert merchant.sign(sheet_message("wx0000000000000001", "1700000000", "N0NCE", package)) == known.SIGNED_SHEET


def test_every_authorization_carries_a_nonce_of_its_own(merchant: MerchantKey) -> None:
    one, other = (merchant.authorization("GET", "/v3/x", b"", NOW) for _ in range(2))
    assert one.startswith('WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="')
    assert f'timestamp="{int(NOW.timestamp())}",serial_no="4F2A",signature="' in one
    assert one != other


@pytest.mark.parametrize(
    ("body", "signature"), [(b'{"prepay_id":"wx1"}', known.SIGNED_ANSWER), (b"", known.SIGNED_EMPTY)]
)
def test_an_answer_verifies_by_the_key_that_it_names(body: bytes, signature: str) -> None:
    keys = PlatformKeys({"PUB_KEY_ID_1": known.public_pem(known.private_key())})
    headers = {
        "Wechatpay-Timestamp": "1700000000",
        "Wechatpay-Nonce": "N0NCE",
        "Wechatpay-Serial": "PUB_KEY_ID_1",
        "Wechatpay-Signature": signature,
    }
    keys.verify(headers, body, THEN)
    assert answer_message("1700000000", "N0NCE", b"") == b"1700000000\nN0NCE\n\n"


@pytest.mark.parametrize("upper", [True, False])
def test_header_names_may_be_in_any_case(platform: PlatformKeys, upper: bool) -> None:
    headers = {(k.upper() if upper else k.lower()): v for k, v in signed_headers(BODY).items()}
    platform.verify(headers, BODY, NOW)


@pytest.mark.parametrize("serial", [CERTIFICATE_SERIAL, CERTIFICATE_SERIAL.lower()])
def test_public_keys_and_certificates_live_side_by_side_during_a_migration(platform: PlatformKeys, serial: str) -> None:
    platform.verify(signed_headers(BODY, serial=serial, by="certificate"), BODY, NOW)
    platform.verify(signed_headers(BODY, serial=OTHER_KEY_ID, by="other platform"), BODY, NOW)
    platform.verify(signed_headers(BODY), BODY, NOW)


def test_the_right_key_under_another_id_does_not_verify(platform: PlatformKeys) -> None:
    assert reason(platform, signed_headers(BODY, serial=OTHER_KEY_ID, by="platform")) == "bad_signature"


def test_an_unknown_serial_is_a_plain_refusal(platform: PlatformKeys) -> None:
    assert reason(platform, signed_headers(BODY, serial="PUB_KEY_ID_UNKNOWN")) == "unknown_serial"
    assert reason(platform, signed_headers(BODY, serial="5F1C72E2A8931B73", by="certificate")) == "unknown_serial"


def test_without_keys_nothing_verifies() -> None:
    assert reason(PlatformKeys({}), signed_headers(BODY)) == "unknown_serial"
    assert reason(PlatformKeys({"": certificate_pem()}), signed_headers(BODY, serial="")) == "unsigned"


@pytest.mark.parametrize(("seconds", "verifies"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_signature_counts_for_five_minutes_in_either_direction(
    platform: PlatformKeys, seconds: int, verifies: bool
) -> None:
    headers = signed_headers(BODY, at=NOW + timedelta(seconds=seconds))
    if verifies:
        platform.verify(headers, BODY, NOW)
    else:
        assert reason(platform, headers) == "stale"


@pytest.mark.parametrize("part", ["Timestamp", "Nonce", "Serial", "Signature"])
def test_a_missing_header_is_unsigned(platform: PlatformKeys, part: str) -> None:
    headers = signed_headers(BODY)
    del headers[f"Wechatpay-{part}"]
    assert reason(platform, headers) == "unsigned"


@pytest.mark.parametrize("timestamp", ["", "now", "-5", "1e9", " 1700000000", "１７００００００００", "9" * 13])
def test_a_time_that_is_no_number_of_seconds_is_unsigned(platform: PlatformKeys, timestamp: str) -> None:
    assert reason(platform, {**signed_headers(BODY), "Wechatpay-Timestamp": timestamp}) == "unsigned"


def test_a_line_break_in_the_nonce_cannot_move_the_border_of_the_body(platform: PlatformKeys) -> None:
    headers = signed_headers(b"first\nsecond", nonce="n")
    assert reason(platform, {**headers, "Wechatpay-Nonce": "n\nfirst"}, b"second") == "unsigned"


@pytest.mark.parametrize(
    "signature", ["WECHATPAY/SIGNTEST/abcdefgh", "WECHATPAY/SIGNTEST/" + "A" * 325, "not base64!", "AAAA", "签名"]
)
def test_a_probe_or_a_senseless_signature_fails_like_any_wrong_one(platform: PlatformKeys, signature: str) -> None:
    assert reason(platform, {**signed_headers(BODY), "Wechatpay-Signature": signature}) == "bad_signature"


def test_another_body_time_or_nonce_is_refused(platform: PlatformKeys) -> None:
    headers = signed_headers(BODY)
    later = str(int(NOW.timestamp()) + 1)
    assert reason(platform, headers, BODY + b" ") == "bad_signature"
    assert reason(platform, {**headers, "Wechatpay-Timestamp": later}) == "bad_signature"
    assert reason(platform, {**headers, "Wechatpay-Nonce": "other"}) == "bad_signature"


def test_another_signature_type_is_refused_and_none_is_ours(platform: PlatformKeys) -> None:
    headers = signed_headers(BODY)
    assert reason(platform, {**headers, "Wechatpay-Signature-Type": "MD5"}) == "unknown_signature_type"
    del headers["Wechatpay-Signature-Type"]
    platform.verify(headers, BODY, NOW)


def test_a_resource_opens_with_and_without_associated_data() -> None:
    nonce = "nonce0123456"
    assert decrypt_resource(known.APIV3_KEY, nonce, known.SEALED, "transaction").decode() == known.SEALED_PLAINTEXT
    assert decrypt_resource(known.APIV3_KEY, nonce, known.SEALED_WITHOUT_AAD, "").decode() == known.SEALED_PLAINTEXT


@pytest.mark.parametrize(
    "given",
    [
        ("x" * 32, "nonce0123456", known.SEALED, "transaction"),
        (known.APIV3_KEY, "nonce0123457", known.SEALED, "transaction"),
        (known.APIV3_KEY, "n", known.SEALED, "transaction"),
        (known.APIV3_KEY, "nonce0123456", known.SEALED, ""),
        (known.APIV3_KEY, "nonce0123456", known.SEALED[4:], "transaction"),
        (known.APIV3_KEY, "nonce0123456", "AAAA", "transaction"),
        (known.APIV3_KEY, "nonce0123456", "***", "transaction"),
        (known.APIV3_KEY, "nonce0123456", "", "\ud800"),
    ],
)
def test_a_resource_that_is_not_ours_or_was_changed_does_not_open(given: tuple[str, str, str, str]) -> None:
    with pytest.raises(Undecryptable):
        decrypt_resource(*given)


def test_sensitive_fields_go_both_ways(merchant: MerchantKey) -> None:
    assert merchant.decrypt_field(known.OAEP) == known.OAEP_PLAINTEXT
    sealed = PlatformKeys({KEY_ID: known.public_pem(known.private_key())}).encrypt_field(KEY_ID, "13800138000", NOW)
    assert merchant.decrypt_field(sealed) == "13800138000"
    with pytest.raises(Undecryptable):
        merchant.decrypt_field(sealed[:-8] + "AAAAAA==")
    with pytest.raises(KeyError):
        PlatformKeys({}).encrypt_field(KEY_ID, "13800138000", NOW)


def test_keys_are_not_read_before_they_are_needed() -> None:
    keys = PlatformKeys({KEY_ID: "no key", OTHER_KEY_ID: known.public_pem(key("other platform"))})
    keys.verify(signed_headers(BODY, serial=OTHER_KEY_ID, by="other platform"), BODY, NOW)
    merchant = MerchantKey("1900000001", "4F2A", "no key")
    with pytest.raises(ValueError, match="PEM"):
        merchant.sign(b"")


def test_a_key_that_is_not_rsa_is_refused() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    private = curve.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = curve.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(ValueError, match="not an RSA key"):
        MerchantKey("1900000001", "4F2A", private.decode()).sign(b"")
    with pytest.raises(ValueError, match="not an RSA key"):
        PlatformKeys({KEY_ID: public.decode()}).verify(signed_headers(BODY), BODY, NOW)

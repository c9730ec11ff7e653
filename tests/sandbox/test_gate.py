"""Who may call Pay V3, and how every call and answer is signed (facts A1, A2)."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.wechat import Settings

from .merchant import PREPAY, Http, Merchant, Reply, Shop

QUERY = "/v3/pay/transactions/out-trade-no/order-0001?mchid="


def send(merchant: Merchant, fields: dict[str, str], **headers: str | None) -> Reply:
    target = QUERY + merchant.credentials.mchid
    return merchant.http.send("GET", target, b"", merchant.headers(fields, **headers))


def fields(merchant: Merchant, **changed: str) -> dict[str, str]:
    return merchant.fields("GET", QUERY + merchant.credentials.mchid, "", **changed)


def refused(reply: Reply) -> bool:
    return (reply.status, reply.json()["code"]) == (401, "SIGN_ERROR")


def test_a_signed_call_passes_with_the_fields_in_any_order(merchant: Merchant) -> None:
    turned = dict(reversed(fields(merchant).items()))
    assert send(merchant, turned).json()["code"] == "ORDER_NOT_EXIST"


@pytest.mark.parametrize("name", ["mchid", "nonce_str", "timestamp", "serial_no", "signature"])
def test_a_call_without_one_of_the_five_fields_is_refused(merchant: Merchant, name: str) -> None:
    assert refused(send(merchant, {k: v for k, v in fields(merchant).items() if k != name}))


@pytest.mark.parametrize(
    "changed",
    [
        {"mchid": "1900000000"},
        {"serial_no": "0" * 40},
        {"nonce_str": "n" * 33},
        {"signature": "AAAA"},
        {"signature": "not base64!"},
        {"timestamp": "noon"},
        {"nonce_str": ""},
    ],
)
def test_a_wrong_field_is_refused(merchant: Merchant, changed: dict[str, str]) -> None:
    assert refused(send(merchant, fields(merchant, **changed)))


def test_an_unknown_extra_field_is_refused(merchant: Merchant) -> None:
    assert refused(send(merchant, fields(merchant) | {"more": "1"}))


@pytest.mark.parametrize("scheme", ["WECHATPAY2-SM2-WITH-SM3", "Bearer", ""])
def test_another_scheme_is_refused(merchant: Merchant, scheme: str) -> None:
    headers = merchant.headers(fields(merchant))
    value = headers["Authorization"].partition(" ")[2]
    assert refused(send(merchant, {}, Authorization=f"{scheme} {value}"))


def test_a_call_without_authorization_is_refused(merchant: Merchant) -> None:
    assert refused(send(merchant, {}, Authorization=None))


@pytest.mark.parametrize(("seconds", "fresh"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_the_clock_may_be_off_by_five_minutes_either_way(merchant: Merchant, seconds: int, fresh: bool) -> None:
    stamp = str(int(merchant.clock().timestamp()) + seconds)
    assert refused(send(merchant, fields(merchant, timestamp=stamp))) is not fresh


def test_a_nonce_passes_once(merchant: Merchant) -> None:
    same = fields(merchant)
    assert not refused(send(merchant, same))
    assert refused(send(merchant, same))


def test_a_nonce_of_a_refused_signature_is_not_used_up(merchant: Merchant) -> None:
    good = fields(merchant)
    assert refused(send(merchant, good | {"signature": "AAAA"}))
    assert not refused(send(merchant, good))


@pytest.mark.parametrize(
    "signed",
    [
        ("POST", "{path}?mchid={mchid}", ""),
        ("GET", "{path}", ""),
        ("GET", "{path}?mchid={mchid}", "{}"),
        ("GET", "https://api.mch.weixin.qq.com{path}?mchid={mchid}", ""),
    ],
)
def test_the_signature_covers_method_path_query_and_body(merchant: Merchant, signed: tuple[str, str, str]) -> None:
    names = {"path": QUERY.partition("?")[0], "mchid": merchant.credentials.mchid}
    method, target, body = signed
    assert refused(send(merchant, merchant.fields(method, target.format(**names), body)))


def test_the_signature_covers_the_bytes_that_were_sent(merchant: Merchant) -> None:
    body = json.dumps(merchant.order(), ensure_ascii=False)
    headers = merchant.headers(merchant.fields("POST", PREPAY, body))
    assert refused(merchant.http.send("POST", PREPAY, body.replace(" ", "").encode(), headers))


def test_the_path_is_signed_as_it_was_sent_with_its_escapes(merchant: Merchant) -> None:
    assert merchant.query("order%7C0001").json()["code"] == "ORDER_NOT_EXIST"


def test_a_key_that_is_not_the_merchants_is_refused(merchant: Merchant) -> None:
    merchant.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    reply = merchant.query()
    assert refused(reply)
    assert reply.json()["detail"]["sign_information"]["method"] == "GET"


@pytest.mark.parametrize("name", ["Accept", "User-Agent"])
def test_accept_and_user_agent_are_needed(merchant: Merchant, name: str) -> None:
    reply = send(merchant, fields(merchant), **{name.replace("-", "_"): None})
    assert (reply.status, reply.json()["code"]) == (400, "PARAM_ERROR")


def test_an_answer_in_another_form_than_json_cannot_be_had(merchant: Merchant) -> None:
    assert send(merchant, fields(merchant), Accept="text/html").status == 406


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_needs_the_json_content_type(merchant: Merchant, kind: str | None) -> None:
    reply = merchant.call("POST", PREPAY, merchant.order(), Content_Type=kind)
    assert (reply.status, reply.json()["code"]) == (400, "PARAM_ERROR")


def test_answers_are_signed_by_the_key_that_the_request_names(merchant: Merchant) -> None:
    for serial in (merchant.credentials.wechatpay_public_key_id, merchant.credentials.platform_serial):
        reply = merchant.call("POST", PREPAY, merchant.order(f"order-{serial[-4:]}"), Wechatpay_Serial=serial)
        assert reply.headers["Wechatpay-Serial"] == serial
        assert merchant.verifies(reply.headers, reply.body)
        assert reply.headers["Request-Id"].endswith("-0")


def test_a_request_that_names_no_key_gets_the_public_key(merchant: Merchant) -> None:
    reply = merchant.call("POST", PREPAY, merchant.order(), Wechatpay_Serial=None)
    assert reply.headers["Wechatpay-Serial"] == merchant.credentials.wechatpay_public_key_id


def test_a_request_that_names_an_unknown_key_is_refused(merchant: Merchant) -> None:
    reply = merchant.call("POST", PREPAY, merchant.order(), Wechatpay_Serial="PUB_KEY_ID_9")
    assert (reply.status, reply.json()["code"]) == (400, "PARAM_ERROR")


def test_error_answers_and_empty_answers_are_signed_too(merchant: Merchant) -> None:
    missing = merchant.query()
    merchant.prepay()
    closed = merchant.close()
    assert (missing.status, closed.status, closed.body) == (404, 204, b"")
    assert merchant.verifies(missing.headers, missing.body)
    assert merchant.verifies(closed.headers, b"")


def test_unknown_paths_and_methods_are_refused(merchant: Merchant) -> None:
    assert merchant.call("GET", "/v3/nothing").status == 404
    assert merchant.call("GET", PREPAY).status == 405


def test_certificates_are_not_given_to_merchants_in_public_key_mode(merchant: Merchant) -> None:
    assert merchant.call("GET", "/v3/certificates").json()["code"] == "RESOURCE_NOT_EXISTS"


def test_no_secret_and_no_signature_shows_in_the_list_of_calls(merchant: Merchant, http: Http) -> None:
    merchant.paid()
    http.get(f"/sns/jscode2session?appid=x&secret={merchant.credentials.secret}&js_code=demo-anna")
    calls = json.dumps(http.get("/_sandbox/calls"))
    for secret in ("signature", merchant.credentials.secret, "demo-anna", "mchid="):
        assert secret not in calls
    assert [call["path"] for call in json.loads(calls)] == [PREPAY, "/sns/jscode2session"]


def test_the_control_api_lists_itself_and_refuses_the_rest(http: Http) -> None:
    assert any("POST /_sandbox/login-codes" in line for line in http.get("/_sandbox/")["sandbox"])
    assert http.send("GET", "/_sandbox/nothing", b"", {}).status == 404
    assert http.send("DELETE", "/_sandbox/clock", b"", {}).status == 405
    assert http.send("POST", "/_sandbox/login-codes", b"no json", {}).status == 400


def test_the_list_of_calls_can_be_emptied(merchant: Merchant, http: Http) -> None:
    merchant.query()
    http.delete("/_sandbox/calls")
    assert http.get("/_sandbox/calls") == []


class TestCertificateMode:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(certificate_mode=True)

    def test_callbacks_are_signed_with_the_platform_certificate(self, merchant: Merchant, shop: Shop) -> None:
        merchant.paid()
        assert shop.received[0].headers["Wechatpay-Serial"] == merchant.credentials.platform_serial
        assert merchant.verifies(shop.received[0].headers, shop.received[0].body)

    def test_certificates_are_given_encrypted_with_the_apiv3_key(self, merchant: Merchant) -> None:
        reply = merchant.call("GET", "/v3/certificates", Wechatpay_Serial=None)
        [entry] = reply.json()["data"]
        assert entry["serial_no"] == reply.headers["Wechatpay-Serial"] == merchant.credentials.platform_serial
        assert entry["encrypt_certificate"]["associated_data"] == "certificate"
        assert merchant.verifies(reply.headers, reply.body)

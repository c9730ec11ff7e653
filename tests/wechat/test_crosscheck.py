"""An independent client of WeChat Pay, wechatpayv3, agrees: what we sign it verifies, and the other way round."""

import json
import re
from base64 import b64decode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from wechatpayv3 import SignType, WeChatPay, WeChatPayType
from wechatpayv3.utils import (
    aes_decrypt,
    build_authorization,
    load_private_key,
    rsa_decrypt,
    rsa_encrypt,
    rsa_verify,
)

from chalicelib.wechat.keys import PlatformKeys
from chalicelib.wechat.signing import MerchantKey, answer_message, request_message, sheet_message

from .known import APIV3_KEY, SEALED, SEALED_PLAINTEXT, private_pem, public_pem
from .platform import APPID, KEY_ID, MCHID, NOW, callback, key, signed_headers, trade
from .test_pay import settings as account


@pytest.fixture(scope="module")
def other() -> WeChatPay:
    return WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=MCHID,
        private_key=private_pem(key("merchant")),
        cert_serial_no="4F2A11",
        appid=APPID,
        apiv3_key=APIV3_KEY,
        public_key=public_pem(key("platform")),
        public_key_id=KEY_ID,
    )


@pytest.fixture(scope="module")
def merchant() -> MerchantKey:
    return MerchantKey(MCHID, "4F2A11", private_pem(key("merchant")))


def test_it_signs_requests_as_we_do(merchant: MerchantKey) -> None:
    body = '{"a": "茶"}'
    theirs = build_authorization(
        "/v3/x?y=1", "POST", MCHID, "4F2A11", load_private_key(private_pem(key("merchant"))), body
    )
    given = dict(re.findall(r'(\w+)="([^"]*)"', theirs))
    message = request_message("POST", "/v3/x?y=1", given["timestamp"], given["nonce_str"], body.encode())
    assert merchant.sign(message) == given["signature"]


def test_it_signs_payment_sheets_as_we_do(other: WeChatPay, merchant: MerchantKey) -> None:
    theirs = other.sign([APPID, "1700000000", "n", "prepay_id=wx1"], SignType.RSA_SHA256)
    assert merchant.sign(sheet_message(APPID, "1700000000", "n", "prepay_id=wx1")) == theirs


def test_it_verifies_what_we_sign(merchant: MerchantKey) -> None:
    signature = merchant.sign(answer_message("1700000000", "n", '{"a": "茶"}'.encode()))
    public = key("merchant").public_key()
    assert rsa_verify("1700000000", "n", '{"a": "茶"}', signature, public)
    public.verify(b64decode(signature), '1700000000\nn\n{"a": "茶"}\n'.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_it_reads_the_callbacks_that_we_read(other: WeChatPay) -> None:
    body = callback(trade())
    assert other.callback(signed_headers(body), body)["resource"] == trade()


def test_it_opens_what_we_open() -> None:
    assert aes_decrypt("nonce0123456", SEALED, "transaction", APIV3_KEY) == SEALED_PLAINTEXT
    assert json.loads(SEALED_PLAINTEXT)


def test_sensitive_fields_go_between_us(merchant: MerchantKey) -> None:
    assert merchant.decrypt_field(rsa_encrypt("张三", key("merchant").public_key())) == "张三"
    sealed = PlatformKeys(account().platform_keys).encrypt_field(KEY_ID, "张三", NOW)
    assert rsa_decrypt(sealed, key("platform")) == "张三"

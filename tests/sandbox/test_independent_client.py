"""wechatpayv3, written by others, takes the sandbox for WeChat Pay: it signs, verifies and decrypts in its own way."""

import gzip
import json
from typing import Any

import pytest

from sandbox.wechat import Credentials, Settings

from .merchant import FakeClock, Http, Merchant, Shop

wechatpayv3 = pytest.importorskip("wechatpayv3")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, http: Http, credentials: Credentials, clock: FakeClock, shop: Shop) -> Any:
    from wechatpayv3 import utils

    monkeypatch.setattr(utils.time, "time", lambda: clock().timestamp())
    client = wechatpayv3.WeChatPay(
        wechatpay_type=wechatpayv3.WeChatPayType.MINIPROG,
        mchid=credentials.mchid,
        private_key=credentials.merchant_private_key,
        cert_serial_no=credentials.merchant_serial,
        apiv3_key=credentials.apiv3_key,
        appid=credentials.appid,
        notify_url=shop.url,
        public_key=credentials.wechatpay_public_key,
        public_key_id=credentials.wechatpay_public_key_id,
    )
    client._core._gate_way = f"http://{http.host}"
    return client


def ok(answer: tuple[int, str]) -> Any:
    assert answer[0] == 200, answer
    return json.loads(answer[1])


def test_it_prepays_pays_queries_and_reads_the_callback(client: Any, merchant: Merchant, shop: Shop) -> None:
    payer = {"openid": merchant.openid()}
    prepay = client.pay(description="白瓷碗", out_trade_no="order-0001", amount={"total": 100}, payer=payer)
    prepay_id = ok(prepay)["prepay_id"]
    package = f"prepay_id={prepay_id}"
    signed = client.sign([client._appid, "1795000000", "abc", package])
    sheet = {"timeStamp": "1795000000", "nonceStr": "abc", "package": package, "signType": "RSA", "paySign": signed}
    assert merchant.pay(prepay_id, **sheet)["callback_status"] == 204
    told = client.callback(dict(shop.received[0].headers), shop.received[0].body)
    assert told["resource"] == ok(client.query(out_trade_no="order-0001"))
    assert client.close(out_trade_no="order-0001")[0] == 403


def test_it_closes(client: Any, merchant: Merchant) -> None:
    merchant.prepay()
    assert client.close(out_trade_no="order-0001") == (204, b"")


def test_it_refunds_and_reads_the_callback(client: Any, merchant: Merchant, shop: Shop) -> None:
    merchant.paid()
    amount = {"refund": 40, "total": 100, "currency": "CNY"}
    answer = client.refund(out_refund_no="refund-1", out_trade_no="order-0001", amount=amount, notify_url=shop.url)
    assert ok(answer)["status"] == "PROCESSING"
    message = shop.wait_for(2)[1]
    told = client.callback(dict(message.headers), message.body)
    assert (told["event_type"], told["resource"]["refund_status"]) == ("REFUND.SUCCESS", "SUCCESS")
    assert ok(client.query_refund("refund-1"))["status"] == "SUCCESS"


def test_it_refuses_a_forged_callback(client: Any, merchant: Merchant, shop: Shop) -> None:
    merchant.http.fault("callback", "wrong_key")
    merchant.paid()
    assert client.callback(dict(shop.received[0].headers), shop.received[0].body) is None


def test_it_downloads_bills(client: Any, merchant: Merchant, clock: FakeClock) -> None:
    merchant.paid()
    clock.advance(86400)
    offer = ok(client.trade_bill("2026-11-20"))
    status, content = client.download_bill(offer["download_url"])
    assert status == 200
    assert "order-0001" in gzip.decompress(content).decode()


def test_it_echoes_a_secret_both_ways(client: Any, merchant: Merchant) -> None:
    body = {"echo_message": "hello", "encrypted_echo_message": client._core.encrypt("密文")}
    reply = merchant.call("POST", "/v3/security/echo", body)
    assert client._core.decrypt(reply.json()["encrypted_echo_message"]) == "密文"
    assert merchant.call("POST", "/v3/security/echo", body | {"encrypted_echo_message": "AAAA"}).status == 400


@pytest.mark.parametrize("settings", [Settings(certificate_mode=True)])
def test_it_fetches_the_platform_certificate_in_certificate_mode(client: Any, merchant: Merchant) -> None:
    client._core._public_key = client._core._public_key_id = None
    client._core._update_certificates()
    merchant.prepay()
    assert ok(client.query(out_trade_no="order-0001"))["trade_state"] == "NOTPAY"

"""Prepay, query, close and the payment sheet (facts A4, A5)."""

import json
from typing import Any

import pytest

from sandbox.wechat import Settings

from .merchant import PREPAY, FakeClock, Http, Merchant, Shop

HOUR, DAY = 3600, 86400


def prepay(merchant: Merchant, **changed: Any) -> tuple[int, str]:
    reply = merchant.call("POST", PREPAY, merchant.order(**changed))
    return reply.status, reply.json().get("code", "")


def nested(path: str, value: object) -> dict[str, Any]:
    """{"amount/total": 1} as the change of a whole order."""
    whole: dict[str, Any] = {"amount": {"total": 100, "currency": "CNY"}, "payer": {"openid": "o"}}
    first, _, second = path.partition("/")
    if not second:
        return {first: value}
    group = dict(whole.get(first, {}))
    group[second] = value
    return {first: {k: v for k, v in group.items() if v is not ...}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("description", ...),
        ("description", ""),
        ("description", "碗" * 128),
        ("description", None),
        ("out_trade_no", "12345"),
        ("out_trade_no", "1" * 33),
        ("out_trade_no", "order 0001"),
        ("out_trade_no", "订单000001"),
        ("out_trade_no", 1234567),
        ("notify_url", ...),
        ("notify_url", "shop.example/notify"),
        ("notify_url", " https://shop.example/notify"),
        ("notify_url", "https://shop.example/notify?order=1"),
        ("notify_url", "https://shop.example/" + "n" * 240),
        ("time_expire", "2026-11-20 12:30:00"),
        ("time_expire", "2026-11-20T12:30:00"),
        ("time_expire", "2026-11-20T12:30:00.000+08:00"),
        ("time_expire", "2026-13-20T12:30:00+08:00"),
        ("time_expire", 1795000000),
        ("attach", "a" * 129),
        ("attach", None),
        ("goods_tag", "g" * 33),
        ("amount", ...),
        ("amount", 100),
        ("amount/total", 0),
        ("amount/total", -1),
        ("amount/total", 1.0),
        ("amount/total", "100"),
        ("amount/total", True),
        ("amount/total", ...),
        ("amount/currency", "USD"),
        ("payer", ...),
        ("payer/openid", ...),
        ("payer/openid", "o-nobody-has-this-one"),
        ("support_fapiao", "false"),
        ("limit_pay", ["cash"]),
        ("limit_pay", []),
        ("detail", {"goods_detail": [{"merchant_goods_id": "1", "quantity": 1}]}),
        ("detail", {"goods_detail": [{"merchant_goods_id": "1", "quantity": 0, "unit_price": 1}]}),
        ("detail/invoice_id", "i" * 33),
        ("detail", {"goods_detail": [{"merchant_goods_id": "商" * 32, "quantity": 1, "unit_price": 1}] * 50}),
        ("detail", {"goods_detail": {}}),
        ("detail", []),
        ("scene_info", {"device_id": "1"}),
        ("settle_info/profit_sharing", 1),
        ("descripton", "misspelt"),
        ("mchid", ...),
        ("appid", ...),
    ],
)
def test_a_field_that_breaks_its_rule_is_a_parameter_error(merchant: Merchant, path: str, value: object) -> None:
    assert prepay(merchant, **nested(path, value)) == (400, "PARAM_ERROR")


def test_a_parameter_error_names_the_field(merchant: Merchant) -> None:
    reply = merchant.call("POST", PREPAY, merchant.order(amount={"total": "1", "currency": "CNY"}))
    assert reply.json()["detail"] | {"issue": ""} == {
        "location": "body",
        "field": "/amount/total",
        "value": "1",
        "issue": "",
    }


@pytest.mark.parametrize("body", ["", "[]", "{", '{"a": NaN}', '"text"'])
def test_a_body_that_is_no_json_object_is_a_parameter_error(merchant: Merchant, body: str) -> None:
    assert merchant.call("POST", PREPAY, body).json()["code"] == "PARAM_ERROR"


@pytest.mark.parametrize(
    "changed",
    [
        {"description": "碗" * 127},
        {"out_trade_no": "a_-|*B9"},
        {"attach": "a" * 128, "goods_tag": "g" * 32, "limit_pay": ["no_credit"], "support_fapiao": False},
        {"amount": {"total": 1}},
        {"time_expire": "2026-11-20T12:30:00+08:00"},
        {"detail": {"cost_price": 1, "goods_detail": [{"merchant_goods_id": "1", "quantity": 1, "unit_price": 0}]}},
        {"scene_info": {"payer_client_ip": "1.2.3.4", "store_info": {"id": "1"}}},
        {"settle_info": {"profit_sharing": False}},
    ],
)
def test_everything_documented_is_accepted(merchant: Merchant, changed: dict[str, object]) -> None:
    assert prepay(merchant, **changed) == (200, "")


def test_appid_and_mchid_must_be_the_callers_own(merchant: Merchant) -> None:
    assert prepay(merchant, appid="wx0000000000000000") == (400, "APPID_MCHID_NOT_MATCH")
    assert prepay(merchant, mchid="1900000000") == (403, "NO_AUTH")


def test_the_same_order_again_gives_another_prepay_id(merchant: Merchant) -> None:
    first, second = merchant.prepay(), merchant.prepay()
    assert first != second
    assert first.startswith("wx20261120120000")
    assert len(first) == 36


@pytest.mark.parametrize("changed", [{"total": 101}, {"attach": "b"}, {"description": "红瓷碗"}])
def test_the_same_number_with_other_parameters_is_refused(merchant: Merchant, changed: dict[str, Any]) -> None:
    merchant.prepay()
    reply = merchant.call("POST", PREPAY, merchant.order(**changed))
    assert (reply.status, reply.json()["code"]) == (400, "INVALID_REQUEST")
    assert reply.headers["Request-Id"].endswith("-268498688")


def test_paid_and_closed_numbers_take_no_prepay(merchant: Merchant) -> None:
    merchant.paid()
    merchant.prepay("order-0002")
    merchant.close("order-0002")
    assert prepay(merchant) == (400, "ORDERPAID")
    assert prepay(merchant, number="order-0002") == (400, "ORDER_CLOSED")


def test_an_unpaid_order_is_found_without_payer_and_transaction(merchant: Merchant) -> None:
    merchant.prepay(attach="a")
    assert merchant.query().json() == {
        "appid": merchant.credentials.appid,
        "mchid": merchant.credentials.mchid,
        "out_trade_no": "order-0001",
        "attach": "a",
        "trade_state": "NOTPAY",
        "trade_state_desc": "订单未支付",
        "promotion_detail": [],
        "amount": {"total": 100, "currency": "CNY", "payer_currency": "CNY"},
        "payer": {},
    }


def test_a_paid_order_is_found_by_both_numbers(merchant: Merchant) -> None:
    paid = merchant.paid()
    trade = merchant.query().json()
    mchid = merchant.credentials.mchid
    assert trade == merchant.call("GET", f"/v3/pay/transactions/id/{paid['transaction_id']}?mchid={mchid}").json()
    assert (trade["trade_state"], trade["trade_type"]) == ("SUCCESS", "JSAPI")
    assert trade["success_time"] == "2026-11-20T12:00:00+08:00"
    assert trade["payer"] == {"openid": merchant.openid()}
    assert trade["amount"] == {"total": 100, "payer_total": 100, "currency": "CNY", "payer_currency": "CNY"}


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("out-trade-no/order-0009?mchid={mchid}", 404, "ORDER_NOT_EXIST"),
        ("id/4200000000?mchid={mchid}", 404, "ORDER_NOT_EXIST"),
        ("out-trade-no/order-0001", 400, "PARAM_ERROR"),
        ("out-trade-no/order-0001?mchid=1900000000", 403, "NO_AUTH"),
    ],
)
def test_queries_that_find_nothing(merchant: Merchant, target: str, status: int, code: str) -> None:
    merchant.prepay()
    reply = merchant.call("GET", "/v3/pay/transactions/" + target.format(mchid=merchant.credentials.mchid))
    assert (reply.status, reply.json()["code"]) == (status, code)


def test_closing_can_be_repeated(merchant: Merchant) -> None:
    merchant.prepay()
    assert [merchant.close().status, merchant.close().status] == [204, 204]
    assert merchant.query().json()["trade_state"] == "CLOSED"


def test_closing_an_unknown_order_is_refused(merchant: Merchant) -> None:
    assert (merchant.close().status, merchant.close().json()["code"]) == (404, "ORDER_NOT_EXIST")


def test_closing_a_paid_order_is_refused(merchant: Merchant) -> None:
    merchant.paid()
    reply = merchant.close()
    assert (reply.status, reply.json()["code"]) == (403, "TRADE_ERROR")
    assert merchant.query().json()["trade_state"] == "SUCCESS"


@pytest.mark.parametrize("settings", [Settings(paid_close_code="ORDER_PAID")])
def test_the_code_for_closing_a_paid_order_can_be_set(merchant: Merchant) -> None:
    merchant.paid()
    assert merchant.close().json()["code"] == "ORDER_PAID"


def test_the_payment_is_told_by_a_signed_callback(merchant: Merchant, shop: Shop) -> None:
    paid = merchant.paid()
    [callback] = shop.received
    envelope = json.loads(callback.body)
    assert merchant.verifies(callback.headers, callback.body)
    assert (envelope["event_type"], envelope["resource_type"]) == ("TRANSACTION.SUCCESS", "encrypt-resource")
    assert (envelope["resource"]["original_type"], envelope["resource"]["associated_data"]) == ("transaction",) * 2
    assert len(envelope["resource"]["nonce"]) == 12
    assert merchant.decrypt(callback.body) == merchant.query().json()
    assert (paid["callback_status"], paid["trade_state"]) == (204, "SUCCESS")


def test_the_payer_may_pay_less_than_the_total_with_wechats_coupon(merchant: Merchant, shop: Shop) -> None:
    merchant.pay(merchant.prepay(), payer_total=80)
    trade = merchant.decrypt(shop.received[0].body)
    assert (trade["amount"]["total"], trade["amount"]["payer_total"]) == (100, 80)
    assert trade["promotion_detail"][0]["amount"] == 20


def sheet(merchant: Merchant, prepay_id: str) -> dict[str, str]:
    package = f"prepay_id={prepay_id}"
    sign = merchant.sign(f"{merchant.credentials.appid}\n1795000000\nabc\n{package}\n")
    return {"timeStamp": "1795000000", "nonceStr": "abc", "package": package, "signType": "RSA", "paySign": sign}


def test_the_payment_sheet_takes_signed_parameters(merchant: Merchant) -> None:
    prepay_id = merchant.prepay()
    assert merchant.pay(prepay_id, **sheet(merchant, prepay_id))["trade_state"] == "SUCCESS"


@pytest.mark.parametrize(
    "changed",
    [
        {"paySign": "AAAA"},
        {"timeStamp": "1795000001"},
        {"timeStamp": 1795000000},
        {"nonceStr": "abd"},
        {"package": "prepay_id=wx1"},
        {"signType": "MD5"},
        {"openid": "o-somebody-else"},
        {"payer_total": 101},
    ],
)
def test_the_payment_sheet_refuses_what_does_not_fit(merchant: Merchant, changed: dict[str, Any]) -> None:
    prepay_id = merchant.prepay()
    assert "error" in merchant.pay(prepay_id, **sheet(merchant, prepay_id) | changed)
    assert merchant.query().json()["trade_state"] == "NOTPAY"


def test_an_order_is_paid_once(merchant: Merchant, shop: Shop) -> None:
    first, second = merchant.prepay(), merchant.prepay()
    assert "error" not in merchant.pay(first)
    assert "error" in merchant.pay(first)
    assert "error" in merchant.pay(second)
    assert len(shop.received) == 1


def test_a_prepay_id_lives_two_hours_and_the_number_can_get_a_fresh_one(merchant: Merchant, clock: FakeClock) -> None:
    first, second = merchant.prepay(), merchant.prepay("order-0002")
    clock.advance(2 * HOUR - 1)
    assert "error" not in merchant.pay(second)
    clock.advance(1)
    assert "error" in merchant.pay(first)
    assert "error" not in merchant.pay(merchant.prepay())


@pytest.mark.parametrize(
    ("time_expire", "lives"),
    [
        ("2026-11-20T12:30:00+08:00", 1800),
        ("2026-11-20T04:30:00+00:00", 1800),
        ("2026-11-20T11:00:00+08:00", 60),
        ("2026-12-31T00:00:00+08:00", 15 * DAY),
        (..., 7 * DAY),
    ],
)
def test_time_expire_ends_the_time_to_pay_but_closes_nothing(
    merchant: Merchant, clock: FakeClock, time_expire: object, lives: int
) -> None:
    merchant.prepay("order-0001", time_expire=time_expire)
    merchant.prepay("order-0002", time_expire=time_expire)
    clock.advance(lives - 1)
    assert "error" not in merchant.pay(merchant.prepay("order-0001", time_expire=time_expire))
    clock.advance(1)
    assert merchant.pay(merchant.prepay("order-0002", time_expire=time_expire)) == {"error": "已超过支付截止时间"}
    assert merchant.query("order-0002").json()["trade_state"] == "NOTPAY"


def test_a_closed_order_cannot_be_paid_unless_the_money_was_under_way(merchant: Merchant, shop: Shop) -> None:
    prepay_id = merchant.prepay()
    merchant.close()
    assert merchant.pay(prepay_id) == {"error": "订单已关闭"}
    assert merchant.pay(prepay_id, late=True)["trade_state"] == "SUCCESS"
    assert merchant.query().json()["trade_state"] == "SUCCESS"
    assert len(shop.received) == 1


def test_payments_are_listed_with_their_prepay_ids(merchant: Merchant, http: Http) -> None:
    prepay_id = merchant.prepay()
    [payment] = http.get("/_sandbox/payments")
    assert (payment["prepay_ids"], payment["trade_state"]) == ([prepay_id], "NOTPAY")
    assert http.get("/_sandbox/payments/order-0001") == payment
    assert "error" in http.get("/_sandbox/payments/order-0009")


def test_paying_an_unknown_prepay_id_is_not_found(merchant: Merchant) -> None:
    assert merchant.http.send("POST", "/_sandbox/payments/wx1/pay", b"", {}).status == 404

"""Native payment: a code that anybody may scan (facts A4; the Native page of the same family)."""

import http.client
import re
from typing import Any

import pytest

from .merchant import NATIVE, PREPAY, FakeClock, Merchant, Reply, Shop


def refusal(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json()["code"]


def test_the_answer_is_a_code_to_scan(merchant: Merchant) -> None:
    reply = merchant.call("POST", NATIVE, merchant.order(payer=...))
    assert list(reply.json()) == ["code_url"]
    assert re.fullmatch(r"weixin://wxpay/bizpayurl\?pr=\w+", reply.json()["code_url"])
    assert merchant.verifies(reply.headers, reply.body)


@pytest.mark.parametrize(
    "changed",
    [
        {"payer": {"openid": "o-anybody"}},
        {"payer": ..., "notify_url": ...},
        {"payer": ..., "description": None},
        {"payer": ..., "amount": {"total": 0}},
        {"payer": ..., "out_trade_no": "12345"},
    ],
)
def test_the_rules_are_those_of_jsapi_but_for_the_payer(merchant: Merchant, changed: dict[str, Any]) -> None:
    assert refusal(merchant.call("POST", NATIVE, merchant.order(**changed))) == (400, "PARAM_ERROR")


def test_whoever_scans_it_is_the_payer(merchant: Merchant, shop: Shop) -> None:
    paid = merchant.scan(merchant.code(), "bert")
    trade = merchant.query().json()
    assert (paid["trade_state"], paid["callback_status"]) == ("SUCCESS", 204)
    assert (trade["trade_type"], trade["payer"]) == ("NATIVE", {"openid": merchant.openid("bert")})
    assert merchant.decrypt(shop.received[0].body) == trade
    mchid = merchant.credentials.mchid
    assert merchant.call("GET", f"/v3/pay/transactions/id/{paid['transaction_id']}?mchid={mchid}").json() == trade


def test_an_unpaid_one_is_found_without_payer(merchant: Merchant) -> None:
    merchant.code()
    assert (merchant.query().json()["trade_state"], merchant.query().json()["payer"]) == ("NOTPAY", {})


def test_a_known_openid_may_scan_and_an_unknown_one_may_not(merchant: Merchant) -> None:
    code = merchant.code()
    assert "error" in merchant.http.control("native/pay", {"code_url": code, "openid": "o-nobody"})
    assert "error" in merchant.http.control("native/pay", {"code_url": code})
    paid = merchant.http.control("native/pay", {"code_url": code, "openid": merchant.openid("carl")})
    assert paid["trade_state"] == "SUCCESS"


def test_a_code_is_paid_once_whoever_scans_it(merchant: Merchant) -> None:
    code = merchant.code()
    assert merchant.scan(code, "bert")["trade_state"] == "SUCCESS"
    assert merchant.scan(code, "carl") == {"error": "订单已支付"}
    assert merchant.query().json()["payer"] == {"openid": merchant.openid("bert")}


def test_a_code_lives_two_hours_and_the_number_can_get_a_fresh_one(merchant: Merchant, clock: FakeClock) -> None:
    first = merchant.code()
    clock.advance(7200)
    assert "已过期" in merchant.scan(first)["error"]
    fresh = merchant.code()
    assert fresh != first
    assert merchant.scan(fresh)["trade_state"] == "SUCCESS"


def test_the_payer_may_pay_less_with_wechats_coupon_and_late(merchant: Merchant) -> None:
    code = merchant.code()
    merchant.close()
    assert merchant.scan(code) == {"error": "订单已关闭"}
    merchant.scan(code, late=True, payer_total=80)
    amount = merchant.query().json()["amount"]
    assert (amount["total"], amount["payer_total"]) == (100, 80)


@pytest.mark.parametrize(("first", "second"), [(NATIVE, PREPAY), (PREPAY, NATIVE)])
def test_a_number_begun_one_way_is_refused_the_other(merchant: Merchant, first: str, second: str) -> None:
    orders = {PREPAY: merchant.order(), NATIVE: merchant.order(payer=...)}
    assert merchant.call("POST", first, orders[first]).status == 200
    reply = merchant.call("POST", second, orders[second])
    assert refusal(reply) == (400, "INVALID_REQUEST")
    assert reply.headers["Request-Id"].endswith("-268498688")


def test_it_is_refunded_and_billed_as_any_other(merchant: Merchant, clock: FakeClock) -> None:
    merchant.scan(merchant.code())
    assert merchant.refund(refund=40).status == 200
    clock.advance(86400)
    offer = merchant.call("GET", "/v3/bill/tradebill?bill_date=2026-11-20").json()
    bill = merchant.call("GET", offer["download_url"].removeprefix(f"http://{merchant.http.host}")).body.decode()
    assert bill.count("`NATIVE,") == 2
    assert bill.count(f"`{merchant.openid('bert')}") == 2


def test_the_list_of_payments_shows_its_codes(merchant: Merchant) -> None:
    code = merchant.code()
    assert merchant.http.get("/_sandbox/payments/order-0001")["code_urls"] == [code]


def test_a_lost_answer_can_be_asked_for(merchant: Merchant) -> None:
    merchant.http.fault(NATIVE, "drop_after")
    with pytest.raises(http.client.RemoteDisconnected):
        merchant.call("POST", NATIVE, merchant.order(payer=...))
    assert merchant.query().json()["trade_state"] == "NOTPAY"
    assert merchant.scan(merchant.code())["trade_state"] == "SUCCESS"

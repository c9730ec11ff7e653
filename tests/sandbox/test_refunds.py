"""Refunds (facts A5, A3)."""

import json
from typing import Any

import pytest

from sandbox.wechat import Settings

from .merchant import REFUNDS, FakeClock, Http, Merchant, Reply, Shop


def code(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json().get("code", "")


def test_a_refund_is_accepted_first_and_told_later(merchant: Merchant, shop: Shop) -> None:
    paid = merchant.paid()
    accepted = merchant.refund(refund=40).json()
    callback = shop.wait_for(2)[1]
    told = merchant.decrypt(callback.body)
    assert accepted["status"] == "PROCESSING"
    assert accepted["amount"] | {"from": []} == {
        "total": 100,
        "refund": 40,
        "from": [],
        "payer_total": 100,
        "payer_refund": 40,
        "settlement_refund": 40,
        "settlement_total": 100,
        "discount_refund": 0,
        "currency": "CNY",
        "refund_fee": 0,
    }
    assert merchant.verifies(callback.headers, callback.body)
    assert json.loads(callback.body)["event_type"] == "REFUND.SUCCESS"
    assert told == {
        "mchid": merchant.credentials.mchid,
        "out_trade_no": "order-0001",
        "transaction_id": paid["transaction_id"],
        "out_refund_no": "refund-1",
        "refund_id": accepted["refund_id"],
        "refund_status": "SUCCESS",
        "success_time": "2026-11-20T12:00:00+08:00",
        "user_received_account": "支付用户零钱",
        "amount": {"total": 100, "refund": 40, "payer_total": 100, "payer_refund": 40},
    }
    assert merchant.call("GET", f"{REFUNDS}/refund-1").json()["status"] == "SUCCESS"
    assert merchant.query().json()["trade_state"] == "REFUND"


def test_the_same_number_refunds_once(merchant: Merchant, shop: Shop) -> None:
    merchant.paid()
    first, again = merchant.refund(refund=40).json(), merchant.refund(refund=40).json()
    assert first["refund_id"] == again["refund_id"]
    shop.wait_for(2)
    assert merchant.refund("refund-2", refund=60).status == 200
    assert len(shop.wait_for(3)) == 3


@pytest.mark.parametrize("changed", [{"refund": 41}, {"total": 99}, {"reason": "另一个原因"}])
def test_the_same_number_with_other_parameters_is_refused(merchant: Merchant, changed: dict[str, Any]) -> None:
    merchant.paid()
    merchant.refund(refund=40)
    assert code(merchant.refund(**{"refund": 40} | changed)) == (400, "INVALID_REQUEST")


def test_the_same_number_for_another_order_is_refused(merchant: Merchant) -> None:
    merchant.paid()
    merchant.paid("order-0002")
    merchant.refund()
    assert code(merchant.refund(out_trade_no="order-0002")) == (400, "INVALID_REQUEST")


def test_refunds_never_exceed_the_payment(merchant: Merchant) -> None:
    merchant.paid()
    assert merchant.refund("refund-1", refund=60).status == 200
    assert code(merchant.refund("refund-2", refund=41)) == (400, "INVALID_REQUEST")
    assert merchant.refund("refund-3", refund=40).status == 200


def test_at_most_fifty_refunds(merchant: Merchant) -> None:
    merchant.paid()
    for number in range(50):
        assert merchant.refund(f"refund-{number}", refund=1, notify_url=...).status == 200
    assert code(merchant.refund("refund-50", refund=1)) == (400, "INVALID_REQUEST")


def test_a_refund_may_name_the_transaction(merchant: Merchant) -> None:
    transaction_id = merchant.paid()["transaction_id"]
    assert merchant.refund(out_trade_no=..., transaction_id=transaction_id).status == 200


def test_a_refund_whose_two_numbers_disagree_finds_nothing(merchant: Merchant) -> None:
    transaction_id = merchant.paid()["transaction_id"]
    merchant.paid("order-0002")
    reply = merchant.refund(out_trade_no="order-0002", transaction_id=transaction_id)
    assert code(reply) == (404, "RESOURCE_NOT_EXISTS")


@pytest.mark.parametrize(
    "changed",
    [
        {"out_trade_no": ...},
        {"out_refund_no": ...},
        {"out_refund_no": "r" * 65},
        {"out_refund_no": "refund 1"},
        {"reason": "长" * 81},
        {"reason": None},
        {"notify_url": "https://shop.example/?a=1"},
        {"amount": {"refund": 1, "total": 100}},
        {"amount": {"refund": 0, "total": 100, "currency": "CNY"}},
        {"amount": {"refund": "1", "total": 100, "currency": "CNY"}},
        {"funds_account": "CASH"},
        {"goods_detail": [{"merchant_goods_id": "1"}]},
        {"refund_no": "misspelt"},
    ],
)
def test_a_field_that_breaks_its_rule_is_a_parameter_error(merchant: Merchant, changed: dict[str, Any]) -> None:
    merchant.paid()
    assert code(merchant.refund(**changed)) == (400, "PARAM_ERROR")


def test_unpaid_and_unknown_orders_are_not_refunded(merchant: Merchant) -> None:
    merchant.prepay()
    assert code(merchant.refund()) == (400, "INVALID_REQUEST")
    assert code(merchant.refund(out_trade_no="order-0009")) == (404, "RESOURCE_NOT_EXISTS")
    assert code(merchant.call("GET", f"{REFUNDS}/refund-9")) == (404, "RESOURCE_NOT_EXISTS")


def test_a_wrong_order_total_is_refused(merchant: Merchant) -> None:
    merchant.paid()
    assert code(merchant.refund(total=200)) == (400, "INVALID_REQUEST")


def test_after_a_year_nothing_is_refunded(merchant: Merchant, clock: FakeClock) -> None:
    merchant.paid()
    clock.advance(366 * 86400)
    assert code(merchant.refund()) == (400, "INVALID_REQUEST")


def test_a_refund_gives_back_the_payers_share(merchant: Merchant) -> None:
    merchant.pay(merchant.prepay(), payer_total=80)
    amount = merchant.refund(refund=50).json()["amount"]
    assert (amount["payer_refund"], amount["discount_refund"]) == (40, 10)


@pytest.mark.parametrize("outcome", ["ABNORMAL", "CLOSED"])
def test_a_refund_can_end_badly_on_request(merchant: Merchant, shop: Shop, outcome: str) -> None:
    merchant.paid()
    merchant.http.fault("refunds/refund-1", "refund_outcome", outcome=outcome)
    merchant.refund()
    callback = shop.wait_for(2)[1]
    told = merchant.decrypt(callback.body)
    assert json.loads(callback.body)["event_type"] == f"REFUND.{outcome}"
    assert (told["refund_status"], "success_time" in told) == (outcome, False)
    assert merchant.refund().json()["status"] == outcome


def test_after_a_closed_refund_a_new_number_refunds(merchant: Merchant, shop: Shop) -> None:
    merchant.paid()
    merchant.http.fault("refunds", "refund_outcome", outcome="CLOSED")
    merchant.refund()
    shop.wait_for(2)
    assert merchant.query().json()["trade_state"] == "SUCCESS"
    assert merchant.refund("refund-2").status == 200


def test_an_empty_purse_is_a_fault_and_the_same_number_works_later(merchant: Merchant) -> None:
    merchant.paid()
    merchant.http.fault(REFUNDS, "status", status=403, code="NOT_ENOUGH", message="基本账户余额不足，请充值后重新发起")
    assert code(merchant.refund()) == (403, "NOT_ENOUGH")
    assert merchant.refund().status == 200


def test_the_account_can_run_out_and_be_topped_up(merchant: Merchant, http: Http) -> None:
    merchant.paid()
    http.control("funds", {"available": 50})
    assert merchant.refund("refund-1", refund=30).status == 200
    assert code(merchant.refund("refund-2", refund=30)) == (403, "NOT_ENOUGH")
    assert merchant.refund("refund-1", refund=30).status == 200
    assert code(merchant.call("GET", f"{REFUNDS}/refund-2")) == (404, "RESOURCE_NOT_EXISTS")
    http.control("funds", {"available": 30})
    assert merchant.refund("refund-2", refund=30).status == 200
    assert code(merchant.refund("refund-3", refund=1)) == (403, "NOT_ENOUGH")
    http.control("funds", {"available": None})
    assert merchant.refund("refund-3", refund=40).status == 200


@pytest.mark.parametrize("body", [{"available": -1}, {"available": "much"}, {}])
def test_an_account_that_cannot_be_is_refused(http: Http, body: dict[str, object]) -> None:
    assert "error" in http.control("funds", body)


def test_a_closed_refund_gives_its_money_back_to_the_account(merchant: Merchant, shop: Shop, http: Http) -> None:
    merchant.paid()
    http.control("funds", {"available": 100})
    http.fault("refunds", "refund_outcome", outcome="CLOSED")
    merchant.refund("refund-1")
    shop.wait_for(2)
    assert merchant.refund("refund-1").json()["status"] == "CLOSED"
    assert merchant.refund("refund-2").status == 200


def test_the_account_of_a_shopper_can_be_abnormal(merchant: Merchant, http: Http) -> None:
    merchant.paid()
    http.fault(REFUNDS, "status", status=403, code="USER_ACCOUNT_ABNORMAL", method="POST")
    assert code(merchant.refund()) == (403, "USER_ACCOUNT_ABNORMAL")
    assert code(merchant.call("GET", f"{REFUNDS}/refund-1")) == (404, "RESOURCE_NOT_EXISTS")


def test_an_abnormal_refund_is_mended_by_the_merchant(merchant: Merchant, shop: Shop, http: Http) -> None:
    merchant.paid()
    http.fault("refunds/refund-1", "refund_outcome", outcome="ABNORMAL")
    merchant.refund(refund=40)
    shop.wait_for(2)
    mended = http.control("refunds/refund-1/mend")
    told = merchant.decrypt(shop.wait_for(3)[2].body)
    assert (mended["status"], mended["callback_status"]) == ("SUCCESS", 204)
    assert json.loads(shop.received[2].body)["event_type"] == "REFUND.SUCCESS"
    assert (told["refund_status"], told["out_refund_no"], "success_time" in told) == ("SUCCESS", "refund-1", True)
    assert merchant.call("GET", f"{REFUNDS}/refund-1").json()["status"] == "SUCCESS"
    assert http.control("refunds/refund-1/mend") == {"error": "退款单不是退款异常状态"}


def test_a_mended_refund_without_address_is_not_told(merchant: Merchant, http: Http) -> None:
    merchant.paid()
    http.fault("refunds", "refund_outcome", outcome="ABNORMAL")
    merchant.refund(notify_url=...)
    assert merchant.ended() == "ABNORMAL"
    assert http.control("refunds/refund-1/mend")["callback_status"] is None
    assert "error" in http.control("refunds/refund-2/mend")


def test_the_answer_says_when_the_refund_was_accepted(merchant: Merchant, clock: FakeClock) -> None:
    merchant.paid()
    assert merchant.refund().json()["create_time"] == "2026-11-20T12:00:00+08:00"
    clock.advance(3600)
    assert merchant.refund().json()["create_time"] == "2026-11-20T12:00:00+08:00"
    assert merchant.call("GET", f"{REFUNDS}/refund-1").json()["create_time"] == "2026-11-20T12:00:00+08:00"


class TestSlowRefunds:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(refund_delay=60, refund_interval=60)

    def test_a_refund_ends_when_its_delay_is_over(self, merchant: Merchant, shop: Shop, http: Http) -> None:
        merchant.paid()
        merchant.refund()
        http.control("clock", {"advance_seconds": 59})
        assert http.get("/_sandbox/refunds")[0]["status"] == "PROCESSING"
        http.control("clock", {"advance_seconds": 1})
        shop.wait_for(2)
        assert http.get("/_sandbox/refunds")[0]["status"] == "SUCCESS"

    def test_two_refunds_of_one_order_keep_their_distance(self, merchant: Merchant, clock: FakeClock) -> None:
        merchant.paid()
        merchant.refund("refund-1", refund=1)
        assert code(merchant.refund("refund-2", refund=1)) == (429, "FREQUENCY_LIMITED")
        clock.advance(60)
        assert merchant.refund("refund-2", refund=1).status == 200

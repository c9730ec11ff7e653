"""Order shipping (facts D; codes of the official pages)."""

from datetime import timedelta
from http.client import RemoteDisconnected
from typing import Any

import pytest

from .merchant import FakeClock, Merchant

DAY = 86400


@pytest.fixture
def api(merchant: Merchant) -> Any:
    """Calls of /wxa/sec/order/… with a fresh token each."""
    keys = {"appid": merchant.credentials.appid, "secret": merchant.credentials.secret}

    def call(name: str, body: object) -> Any:
        token = merchant.http.post("/cgi-bin/stable_token", {"grant_type": "client_credential", **keys})["access_token"]
        return merchant.http.post(f"/wxa/sec/order/{name}?access_token={token}", body)

    return call


@pytest.fixture
def transaction_id(merchant: Merchant) -> str:
    return str(merchant.paid()["transaction_id"])


def parcel(number: str = "SF123", **changed: object) -> dict[str, object]:
    contact = {"receiver_contact": "138****8000"}
    return {"tracking_no": number, "express_company": "SF", "item_desc": "白瓷碗*1", "contact": contact} | changed


def shipping(merchant: Merchant, later: float = 0, **changed: object) -> dict[str, Any]:
    uploaded = merchant.clock() + timedelta(seconds=later, hours=8)
    number = {"order_number_type": 1, "mchid": merchant.credentials.mchid, "out_trade_no": "order-0001"}
    body = {
        "order_key": number,
        "logistics_type": 1,
        "delivery_mode": 1,
        "shipping_list": [parcel()],
        "upload_time": f"{uploaded:%Y-%m-%dT%H:%M:%S}.120+08:00",
        "payer": {"openid": merchant.openid()},
    } | changed
    return {name: value for name, value in body.items() if value is not ...}


def test_a_paid_order_is_shipped_and_shows_it(merchant: Merchant, api: Any, transaction_id: str) -> None:
    assert api("get_order", {"transaction_id": transaction_id})["order"]["order_state"] == 1
    assert api("upload_shipping_info", shipping(merchant)) == {"errcode": 0, "errmsg": "ok"}
    mine = {"merchant_id": merchant.credentials.mchid, "merchant_trade_no": "order-0001"}
    order = api("get_order", mine)["order"]
    assert (order["order_state"], order["paid_amount"], order["transaction_id"]) == (2, 100, transaction_id)
    assert order["shipping"]["finish_shipping_count"] == 1
    assert order["shipping"]["shipping_list"][0]["tracking_no"] == "SF123"


@pytest.mark.usefixtures("transaction_id")
@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"order_key": {}}, 268485194),
        ({"order_key": {"order_number_type": 2}}, 268485195),
        ({"order_key": {"order_number_type": 1, "out_trade_no": "order-0001"}}, 268485196),
        ({"order_key": {"order_number_type": 1, "mchid": "1"}}, 268485197),
        ({"order_key": {"order_number_type": 2, "transaction_id": "4200"}}, 10060001),
        ({"payer": {"openid": "o-other"}}, 10060031),
        ({"payer": ...}, 10060031),
        ({"logistics_type": 5}, 10060005),
        ({"delivery_mode": 3}, 268485224),
        ({"delivery_mode": 2, "logistics_type": 4, "is_all_delivered": True}, 10060006),
        ({"delivery_mode": 2}, 10060007),
        ({"shipping_list": []}, 10060014),
        ({"shipping_list": ["SF123"]}, 10060014),
        ({"shipping_list": [parcel(), parcel("SF124")]}, 268485228),
        ({"shipping_list": [parcel()] * 16, "delivery_mode": 2, "is_all_delivered": True}, 10060024),
        ({"shipping_list": [parcel("")]}, 268485226),
        ({"shipping_list": [parcel(express_company="")]}, 268485227),
        ({"shipping_list": [parcel("1" * 129)]}, 10060026),
        ({"shipping_list": [parcel(express_company="E" * 129)]}, 10060025),
        ({"shipping_list": [parcel(item_desc="")]}, 10060008),
        ({"shipping_list": [parcel(item_desc="碗" * 121)]}, 10060009),
        ({"shipping_list": [parcel(contact={})]}, 10060014),
        ({"shipping_list": [parcel(contact={"receiver_contact": "13800138000"})]}, 10060014),
        ({"upload_time": "2026-11-20 12:00:00"}, 268485216),
        ({"upload_time": "2026-13-20T12:00:00.120+08:00"}, 268485216),
        ({"upload_time": 1795000000}, 268485216),
    ],
)
def test_a_wrong_upload_is_refused(merchant: Merchant, api: Any, changed: dict[str, Any], errcode: int) -> None:
    assert api("upload_shipping_info", shipping(merchant, **changed))["errcode"] == errcode


def test_unpaid_and_refunded_orders_are_not_shipped(merchant: Merchant, api: Any) -> None:
    prepay_id = merchant.prepay()
    assert api("upload_shipping_info", shipping(merchant))["errcode"] == 10060001
    merchant.pay(prepay_id)
    merchant.refund()
    assert api("upload_shipping_info", shipping(merchant))["errcode"] == 10060004


@pytest.mark.usefixtures("transaction_id")
def test_an_order_is_shipped_anew_once(merchant: Merchant, api: Any) -> None:
    uploads = [
        (shipping(merchant), 0),
        (shipping(merchant), 268485216),
        (shipping(merchant, 1), 10060023),
        (shipping(merchant, 2, shipping_list=[parcel("SF999")]), 0),
        (shipping(merchant, 3, shipping_list=[parcel("SF998")]), 10060003),
    ]
    assert [api("upload_shipping_info", body)["errcode"] for body, _ in uploads] == [errcode for _, errcode in uploads]


def test_a_split_delivery_adds_up(merchant: Merchant, api: Any, transaction_id: str) -> None:
    split = {"delivery_mode": 2, "is_all_delivered": False}
    assert api("upload_shipping_info", shipping(merchant, **split))["errcode"] == 0
    assert api("get_order", {"transaction_id": transaction_id})["order"]["order_state"] == 1
    last = split | {"is_all_delivered": True, "shipping_list": [parcel("SF124")]}
    assert api("upload_shipping_info", shipping(merchant, 1, **last))["errcode"] == 0
    order = api("get_order", {"transaction_id": transaction_id})["order"]
    assert (order["order_state"], len(order["shipping"]["shipping_list"])) == (2, 2)


@pytest.mark.parametrize(("logistics", "days"), [(1, 10), (4, 2)])
def test_receipt_is_confirmed_by_itself(
    merchant: Merchant, api: Any, transaction_id: str, clock: FakeClock, logistics: int, days: int
) -> None:
    api("upload_shipping_info", shipping(merchant, logistics_type=logistics))
    clock.advance(days * DAY - 1)
    assert api("get_order", {"transaction_id": transaction_id})["order"]["order_state"] == 2
    clock.advance(1)
    assert api("get_order", {"transaction_id": transaction_id})["order"]["order_state"] == 4
    assert api("upload_shipping_info", shipping(merchant))["errcode"] == 10060002


def test_the_shopper_is_reminded_once_after_shipping(merchant: Merchant, api: Any, transaction_id: str) -> None:
    now = int(merchant.clock().timestamp())
    remind = {"transaction_id": transaction_id, "received_time": now}
    assert api("notify_confirm_receive", remind)["errcode"] == 10060028
    api("upload_shipping_info", shipping(merchant))
    assert api("notify_confirm_receive", remind | {"received_time": now - 1})["errcode"] == 10060029
    assert api("notify_confirm_receive", remind)["errcode"] == 0
    assert api("notify_confirm_receive", remind)["errcode"] == 10060030
    api("upload_shipping_info", shipping(merchant, 1, shipping_list=[parcel("SF999")]))
    assert api("notify_confirm_receive", remind)["errcode"] == 10060030


def test_pickups_are_not_reminded(merchant: Merchant, api: Any, transaction_id: str) -> None:
    api("upload_shipping_info", shipping(merchant, logistics_type=4))
    remind = {"transaction_id": transaction_id, "received_time": int(merchant.clock().timestamp())}
    assert api("notify_confirm_receive", remind)["errcode"] == 10060032


def test_part_of_a_split_delivery_cannot_be_confirmed(merchant: Merchant, api: Any, transaction_id: str) -> None:
    api("upload_shipping_info", shipping(merchant, delivery_mode=2, is_all_delivered=False))
    assert merchant.http.control("shipping/order-0001/confirm") == {"error": "支付单不是已发货状态"}
    assert api("get_order", {"transaction_id": transaction_id})["order"]["order_state"] == 1


def test_a_refund_that_was_closed_gives_nothing_back(merchant: Merchant, api: Any, transaction_id: str) -> None:
    merchant.http.fault("refunds", "refund_outcome", outcome="CLOSED")
    merchant.refund("refund-1", notify_url=...)
    assert merchant.ended() == "CLOSED"
    merchant.refund("refund-2", refund=40)
    assert api("get_order", {"transaction_id": transaction_id})["order"]["order_state"] == 1
    merchant.refund("refund-3", refund=60)
    assert api("get_order", {"transaction_id": transaction_id})["order"]["order_state"] == 5


def test_an_order_that_was_scanned_is_shipped_to_who_paid(merchant: Merchant, api: Any) -> None:
    merchant.scan(merchant.code(), "bert")
    assert api("upload_shipping_info", shipping(merchant))["errcode"] == 10060031
    theirs = shipping(merchant, payer={"openid": merchant.openid("bert")})
    assert api("upload_shipping_info", theirs)["errcode"] == 0


@pytest.mark.usefixtures("transaction_id")
@pytest.mark.parametrize("errcode", [10060001, 10060012, 10060019, -1])
def test_an_upload_can_fail_for_a_while(merchant: Merchant, api: Any, errcode: int) -> None:
    merchant.http.fault("upload_shipping_info", "errcode", errcode=errcode, times=2)
    uploads = [api("upload_shipping_info", shipping(merchant))["errcode"] for _ in range(3)]
    assert uploads == [errcode, errcode, 0]


@pytest.mark.usefixtures("transaction_id")
def test_a_lost_answer_to_an_upload_shows_as_unchanged(merchant: Merchant, api: Any) -> None:
    merchant.http.fault("upload_shipping_info", "drop_after")
    with pytest.raises(RemoteDisconnected):
        api("upload_shipping_info", shipping(merchant))
    assert api("upload_shipping_info", shipping(merchant, 1))["errcode"] == 10060023


def test_messages_may_lead_into_the_mini_program(api: Any) -> None:
    assert api("set_msg_jump_path", {"path": "pages/order/index?id=${商品订单号}"})["errcode"] == 0
    assert api("set_msg_jump_path", {})["errcode"] == 40097


def test_trade_management_is_on(merchant: Merchant, api: Any) -> None:
    assert api("is_trade_managed", {"appid": merchant.credentials.appid})["is_trade_managed"] is True
    assert api("is_trade_managed", {"appid": "wx1"})["errcode"] == 40013
    assert api("is_trade_managed", {})["errcode"] == 40097
    assert api("get_order", {"merchant_id": "1", "merchant_trade_no": "order-0001"})["errcode"] == 10060001

"""What WeChat tells of shipped and received orders, pushed by the sandbox with its true fields."""

from typing import Any

import pytest

from chalicelib.fulfilment.rules import UploadState
from chalicelib.log import logger
from tests.shop import Shopper, Stack


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    monkeypatch.setattr(logger, "error", lambda message, **keys: heard.append(keys.get("alarm", "")))
    return heard


def push(stack: Stack, event: str, out_trade_no: str | None = None, **more: Any) -> tuple[int, str]:
    url = f"{stack.api_url}/wechat/push"
    named = {"out_trade_no": out_trade_no} if out_trade_no else {}
    told = stack.control("POST", "push", {"event": event, "url": url, "mode": "secure", **named, **more})
    return told["status"], told["answer"]


def sent(stack: Stack, shopper: Shopper, *, told: bool = True) -> tuple[str, str]:
    """A shipped order and its trade."""
    order_id = shopper.buy(("tea-01", 1))["order_id"]
    stack.drain(1)
    stack.ship(shopper.member_id, order_id)
    if told:
        stack.shop.fulfilment.uploading.upload_due(stack.clock())
    return order_id, stack.shop.orders.get(shopper.member_id, order_id).trade_no or ""


def upload_state(stack: Stack, order_id: str) -> UploadState:
    return stack.shop.fulfilment.uploading._uploads.get(order_id).state


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_receipt_that_was_confirmed_at_wechat_completes_the_order_once(stack: Stack, form: str) -> None:
    alice = stack.shopper("alice")
    order_id, trade_no = sent(stack, alice)
    assert push(stack, "trade_manage_order_settlement", trade_no, form=form) == (200, "success")
    assert alice.get(f"/orders/{order_id}")["state"] == "SHIPPED", "told before it is settled, it says when it will be"
    stack.control("POST", f"shipping/{trade_no}/confirm", {"push_url": f"{stack.api_url}/wechat/push"})
    for _ in range(3):
        stack.clock.forward(days=1)
        assert push(stack, "trade_manage_order_settlement", trade_no, form=form) == (200, "success")
    alice.log_in()
    order = alice.get(f"/orders/{order_id}")
    assert order["state"] == "COMPLETED"
    assert [event["now"] for event in order["timeline"]].count("COMPLETED") == 1
    assert [event["by"] for event in order["timeline"]][-1] == "WECHAT"


def test_wechats_own_time_for_the_receipt_completes_the_order(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id, trade_no = sent(stack, alice)
    stack.clock.forward(days=12)
    assert push(stack, "trade_manage_order_settlement", trade_no) == (200, "success")
    alice.log_in()
    assert alice.get(f"/orders/{order_id}")["state"] == "COMPLETED"


def test_a_reminder_of_an_order_that_was_sent_has_it_told_at_once(stack: Stack, alarms: list[str]) -> None:
    alice = stack.shopper("alice")
    order_id, trade_no = sent(stack, alice, told=False)
    stack.control("POST", "faults", [{"match": "upload_shipping_info", "do": "errcode", "errcode": 10060003}])
    uploading = stack.shop.fulfilment.uploading
    uploading.upload_due(stack.clock())
    assert upload_state(stack, order_id) is UploadState.STAFF
    for _ in range(2):
        assert push(stack, "trade_manage_remind_shipping", trade_no) == (200, "success")
    assert uploading.upload_due(stack.clock()) == 1
    assert upload_state(stack, order_id) is UploadState.DONE
    assert alarms == ["shipping_stuck"]


def test_a_reminder_of_an_order_that_was_not_sent_calls_people(stack: Stack, alarms: list[str]) -> None:
    alice = stack.shopper("alice")
    order_id = alice.buy(("tea-01", 1))["order_id"]
    trade_no = stack.shop.orders.get(alice.member_id, order_id).trade_no
    assert push(stack, "trade_manage_remind_shipping", trade_no) == (200, "success")
    assert alarms == ["order_unsent"]


@pytest.mark.parametrize("event", ["trade_manage_remind_access_api", "wxa_trade_controlled"])
def test_warnings_about_the_whole_shop_call_people(stack: Stack, alarms: list[str], event: str) -> None:
    assert push(stack, event) == (200, "success")
    assert alarms == ["wechat_warns"]


@pytest.mark.parametrize("kind", ["trade_manage_order_settlement", "trade_manage_remind_shipping"])
@pytest.mark.parametrize("trade_no", ["nobody-1", "", None, 7, ["x"], "交易"])
def test_events_of_orders_that_are_not_the_shops_are_acknowledged(
    stack: Stack, alarms: list[str], kind: str, trade_no: Any
) -> None:
    event = {
        "ToUserName": "g", "FromUserName": "o", "CreateTime": 1, "MsgType": "event", "Event": kind,
        "merchant_trade_no": trade_no, "confirm_receive_time": 1795312345,
    }  # fmt: skip
    stack.shop.events.hear(event, stack.clock())
    assert alarms == []

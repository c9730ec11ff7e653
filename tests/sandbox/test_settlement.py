"""From a shipped order to settled money, and what the shop is told of it (facts D, the page of order shipping)."""

from typing import Any

import pytest

from sandbox.wechat import Settings

from .merchant import FakeClock, Merchant, Shop
from .test_shipping import DAY, api, shipping

__all__ = ["api"]


@pytest.fixture
def settings() -> Settings:
    return Settings(push_mode="plain", callback_retry_scale=1)


@pytest.fixture
def listening(merchant: Merchant, shop: Shop) -> Shop:
    """A shop whose push address was verified, with one order paid; payment callbacks and the check are forgotten."""
    shop.echoes, shop.status, shop.answer = True, 200, b"success"
    assert merchant.http.control("push/verify", {"url": shop.url})["echoed"] is True
    merchant.paid()
    shop.received.clear()
    return shop


def upload(merchant: Merchant, api: Any, **changed: Any) -> None:
    assert api("upload_shipping_info", shipping(merchant, **changed))["errcode"] == 0


def state(merchant: Merchant, api: Any) -> int:
    mine = {"merchant_id": merchant.credentials.mchid, "merchant_trade_no": "order-0001"}
    return int(api("get_order", mine)["order"]["order_state"])


def test_shipping_as_a_whole_is_told_with_the_estimated_settlement(
    merchant: Merchant, api: Any, listening: Shop, clock: FakeClock
) -> None:
    upload(merchant, api, delivery_mode=2, is_all_delivered=False)
    assert listening.received == []
    now = int(clock().timestamp())
    upload(merchant, api, later=1, delivery_mode=2, is_all_delivered=True)
    event = listening.wait_for(1)[0].json()
    trade = merchant.query().json()
    assert {name: value for name, value in event.items() if name.islower()} == {
        "transaction_id": trade["transaction_id"],
        "merchant_id": merchant.credentials.mchid,
        "sub_merchant_id": "",
        "merchant_trade_no": "order-0001",
        "pay_time": now,
        "shipped_time": now,
        "estimated_settlement_time": now + 10 * DAY,
    }
    assert (event["Event"], event["MsgType"]) == ("trade_manage_order_settlement", "event")


def test_a_receipt_confirmed_by_the_shopper_settles_at_once(
    merchant: Merchant, api: Any, listening: Shop, clock: FakeClock
) -> None:
    upload(merchant, api)
    listening.wait_for(1)
    clock.advance(DAY)
    now = int(clock().timestamp())
    assert merchant.http.control("shipping/order-0001/confirm") == {"order_state": 4, "push_status": 200}
    event = listening.wait_for(2)[1].json()
    assert (event["confirm_receive_method"], event["confirm_receive_time"], event["settlement_time"]) == (2, now, now)
    assert "estimated_settlement_time" not in event
    assert state(merchant, api) == 4
    assert "error" in merchant.http.control("shipping/order-0001/confirm")


@pytest.mark.parametrize(("logistics", "days"), [(1, 10), (2, 2), (4, 2)])
def test_a_receipt_that_nobody_confirms_settles_by_time(
    merchant: Merchant, api: Any, listening: Shop, clock: FakeClock, logistics: int, days: int
) -> None:
    shipped = int(clock().timestamp())
    upload(merchant, api, logistics_type=logistics)
    listening.wait_for(1)
    merchant.http.control("clock", {"advance_seconds": days * DAY})
    event = listening.wait_for(2)[1].json()
    assert (event["confirm_receive_method"], event["confirm_receive_time"]) == (1, shipped + days * DAY)


def test_the_settlement_is_told_once(merchant: Merchant, api: Any, listening: Shop) -> None:
    """The time at which it would have settled by itself comes all the same; another order shows when it has passed."""
    upload(merchant, api)
    listening.wait_for(1)
    merchant.http.control("shipping/order-0001/confirm")
    merchant.http.control("payments/" + merchant.prepay("order-0002", notify_url=listening.url) + "/pay")
    number = {"order_number_type": 1, "mchid": merchant.credentials.mchid, "out_trade_no": "order-0002"}
    upload(merchant, api, order_key=number)
    listening.wait_for(4)
    merchant.http.control("clock", {"advance_seconds": 11 * DAY})
    last = listening.wait_for(5)[-1].json()
    assert (last["merchant_trade_no"], last["confirm_receive_method"]) == ("order-0002", 1)
    told = [pushed["event"]["merchant_trade_no"] for pushed in merchant.http.get("/_sandbox/pushes")]
    assert told == ["order-0001", "order-0001", "order-0002", "order-0002"]


def test_an_address_can_be_given_for_one_settlement(merchant: Merchant, api: Any, shop: Shop) -> None:
    merchant.paid()
    upload(merchant, api)
    answer = merchant.http.control("shipping/order-0001/confirm", {"push_url": f"{shop.url}/push"})
    assert answer == {"order_state": 4, "push_status": 204}
    assert shop.received[-1].headers["path"].startswith("/wechat/push?")


def test_without_an_address_nothing_is_told(merchant: Merchant, api: Any) -> None:
    merchant.paid()
    upload(merchant, api)
    assert merchant.http.control("shipping/order-0001/confirm") == {"order_state": 4, "push_status": None}
    assert merchant.http.get("/_sandbox/pushes") == []


def test_an_unknown_or_unpaid_order_cannot_be_confirmed(merchant: Merchant) -> None:
    merchant.prepay()
    assert "error" in merchant.http.control("shipping/order-0001/confirm")
    assert "error" in merchant.http.control("shipping/order-0002/confirm")


class TestSlowSettlement:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(push_mode="plain", settlement_delay=60)

    def test_the_money_is_under_way_between_receipt_and_settlement(
        self, merchant: Merchant, api: Any, listening: Shop
    ) -> None:
        upload(merchant, api)
        listening.wait_for(1)
        assert merchant.http.control("shipping/order-0001/confirm") == {"order_state": 6, "push_status": None}
        assert api("upload_shipping_info", shipping(merchant, 1))["errcode"] == 10060002
        merchant.http.control("clock", {"advance_seconds": 60})
        event = listening.wait_for(2)[1].json()
        assert event["settlement_time"] == event["confirm_receive_time"] + 60
        assert state(merchant, api) == 4

    def test_money_that_was_refunded_is_not_settled(self, merchant: Merchant, api: Any, listening: Shop) -> None:
        upload(merchant, api)
        merchant.http.control("shipping/order-0001/confirm")
        merchant.refund(notify_url=...)
        merchant.http.control("clock", {"advance_seconds": 60})
        assert state(merchant, api) == 5
        assert len(merchant.http.get("/_sandbox/pushes")) == 1


def tried(merchant: Merchant, count: int) -> Any:
    """The first event after so many attempts, which the sandbox makes in its own time."""
    for _ in range(2000):
        pushed = merchant.http.get("/_sandbox/pushes")[0]
        if len(pushed["results"]) >= count:
            return pushed
    raise AssertionError(pushed)


@pytest.mark.parametrize(("status", "answer"), [(500, b"success"), (200, b'{"code":"FAIL"}'), (403, b"")])
def test_an_event_is_sent_again_three_times_until_the_shop_takes_it(
    merchant: Merchant, api: Any, listening: Shop, status: int, answer: bytes
) -> None:
    listening.status, listening.answer = status, answer
    upload(merchant, api)
    for count in range(1, 5):
        pushed = tried(merchant, count)
        merchant.http.control("clock", {"advance_seconds": 5})
    assert (pushed["results"], pushed["delivered"]) == ([[status]] * 4, False)
    assert len(listening.received) == 4


def test_events_are_dropped_lost_delayed_and_doubled(merchant: Merchant, api: Any, listening: Shop) -> None:
    merchant.http.fault("push:trade_manage", "drop")
    merchant.http.fault("push:trade_manage", "delay", seconds=0, skip=1)
    merchant.http.fault("push:trade_manage", "duplicate", skip=1, times=2)
    upload(merchant, api)
    tried(merchant, 1)
    merchant.http.control("clock", {"advance_seconds": 5})
    assert tried(merchant, 2)["results"] == [["dropped"], [200, 200]]
    merchant.http.fault("push:trade_manage", "lose")
    assert merchant.http.control("shipping/order-0001/confirm")["push_status"] == "dropped"
    assert merchant.http.get("/_sandbox/pushes")[1]["results"] == [["dropped"]]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("trade_manage_remind_access_api", {"msg"}),
        ("wxa_trade_controlled", {"msg"}),
        ("trade_manage_remind_shipping", {"msg", "transaction_id", "merchant_id", "merchant_trade_no", "pay_time"}),
        ("trade_manage_order_settlement", {"transaction_id", "shipped_time", "estimated_settlement_time"}),
    ],
)
def test_an_event_is_sent_by_its_name_with_true_fields(
    merchant: Merchant, api: Any, listening: Shop, name: str, fields: set[str]
) -> None:
    upload(merchant, api)
    answer = merchant.http.control("push", {"event": name, "out_trade_no": "order-0001", "mode": "plain"})
    assert (answer["status"], answer["answer"], answer["event"]["Event"]) == (200, "success", name)
    sent = next(message.json() for message in reversed(listening.received) if name in message.body.decode())
    assert fields <= set(sent)
    assert sent.get("merchant_trade_no", "order-0001") == "order-0001"


@pytest.mark.parametrize(
    "body",
    [
        {"event": "trade_manage_order_settlement", "out_trade_no": "order-0001"},
        {"event": "trade_manage_remind_shipping", "out_trade_no": "order-0009"},
        {"event": "trade_manage_nothing"},
    ],
)
@pytest.mark.usefixtures("listening")
def test_an_event_that_would_not_be_true_is_refused(merchant: Merchant, body: dict[str, str]) -> None:
    assert "error" in merchant.http.control("push", body)


def test_an_event_needs_an_address(merchant: Merchant) -> None:
    assert "address" in merchant.http.control("push", {"event": "wxa_trade_controlled"})["error"]

"""Callbacks: sent again until 2xx, and every way in which they can go wrong (facts A3)."""

import json
import time
from typing import Any

import pytest

from sandbox.wechat import Settings

from .merchant import FakeClock, Http, Merchant, Reply, Shop


def ids(shop: Shop) -> list[str]:
    return [json.loads(message.body)["id"] for message in shop.received]


def test_a_callback_is_repeated_with_the_same_id_until_the_shop_says_2xx(merchant: Merchant, shop: Shop) -> None:
    shop.statuses = [500, 404, 200]
    assert merchant.paid()["callback_status"] == 500
    next_attempt(merchant, shop)
    first, second, third = next_attempt(merchant, shop)
    until_attempted(merchant.http, 3)
    assert len(set(ids(shop))) == 1
    assert first.headers["Wechatpay-Nonce"] != second.headers["Wechatpay-Nonce"]
    assert merchant.decrypt(first.body) == merchant.decrypt(third.body)
    [told] = merchant.http.get("/_sandbox/callbacks")
    assert [attempt["result"] for attempt in told["results"]] == [500, 404, 200]


class TestOfficialSchedule:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(callback_retry_scale=1)

    def test_fifteen_retries_over_a_day_then_nothing(self, merchant: Merchant, shop: Shop, http: Http) -> None:
        shop.status = 500
        merchant.paid()
        waits = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600]
        for tried, wait in enumerate(waits, start=1):
            http.control("clock", {"advance_seconds": wait - 1})
            assert len(shop.received) == tried
            http.control("clock", {"advance_seconds": 1})
            shop.wait_for(tried + 1)
            until_attempted(http, tried + 1)
        http.control("clock", {"advance_seconds": 86400})
        [told] = http.get("/_sandbox/callbacks")
        assert (told["delivered"], told["lost"], len(shop.received)) == (False, True, 16)
        assert sum(waits) == 24 * 3600 + 4 * 60


def until_attempted(http: Http, attempts: int) -> None:
    """The shop has the message a moment before the sandbox has its answer and plans the next attempt."""
    give_up = time.monotonic() + 5
    while http.get("/_sandbox/callbacks")[0]["attempts"] < attempts:
        assert time.monotonic() < give_up


def next_attempt(merchant: Merchant, shop: Shop) -> list[Reply]:
    """All messages, once the next one has come."""
    count = len(shop.received)
    until_attempted(merchant.http, count)
    merchant.http.control("clock", {"advance_seconds": 60})
    return shop.wait_for(count + 1)


def test_an_unreachable_shop_is_told_and_tried_again(merchant: Merchant, shop: Shop) -> None:
    merchant.notify_url = "http://127.0.0.1:9/notify"
    assert merchant.paid()["callback_status"] == "unreachable"


def test_a_redirect_is_no_success(merchant: Merchant, shop: Shop) -> None:
    shop.statuses = [302, 204]
    merchant.paid()
    assert len(next_attempt(merchant, shop)) == 2


def test_a_dropped_callback_comes_by_the_schedule_and_a_lost_one_never(merchant: Merchant, shop: Shop) -> None:
    merchant.http.fault("callback", "drop")
    assert merchant.paid()["callback_status"] == "dropped"
    merchant.http.control("clock", {"advance_seconds": 60})
    shop.wait_for(1)
    merchant.http.fault("callback:TRANSACTION", "lose")
    assert merchant.paid("order-0002")["callback_status"] == "dropped"
    assert merchant.http.get("/_sandbox/callbacks")[1]["lost"] is True


def test_a_duplicate_is_the_same_callback_at_the_same_moment(merchant: Merchant, shop: Shop) -> None:
    merchant.http.fault("callback", "duplicate", count=5)
    assert merchant.paid()["callback_results"] == [204] * 5
    assert len(set(ids(shop))) == 1
    assert len({message.headers["Wechatpay-Nonce"] for message in shop.received}) == 5
    assert all(merchant.verifies(message.headers, message.body) for message in shop.received)


def test_a_delayed_callback_is_overtaken(merchant: Merchant, shop: Shop, http: Http) -> None:
    http.fault("callback:TRANSACTION", "delay", seconds=600)
    assert merchant.paid()["callback_status"] == "delayed"
    merchant.refund()
    shop.wait_for(1)
    http.control("clock", {"advance_seconds": 600})
    shop.wait_for(2)
    events = [json.loads(message.body)["event_type"] for message in shop.received]
    assert events == ["REFUND.SUCCESS", "TRANSACTION.SUCCESS"]


@pytest.mark.parametrize(
    ("fault", "serial", "genuine"),
    [
        ({"do": "wrong_key"}, "public", False),
        ({"do": "tamper"}, "public", False),
        ({"do": "unknown_serial"}, "unknown", False),
        ({"do": "unknown_serial", "serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"}, "unknown", False),
        ({"do": "stale", "age_seconds": 301}, "public", True),
        ({"do": "stale", "age_seconds": -301}, "public", True),
        ({"do": "certificate"}, "certificate", True),
        ({"do": "wrong_apiv3_key"}, "public", True),
    ],
)
def test_forgeries_are_refused_by_the_shop_and_followed_by_the_true_one(
    merchant: Merchant, shop: Shop, fault: dict[str, Any], serial: str, genuine: bool
) -> None:
    keys = merchant.credentials
    serials = {"public": keys.wechatpay_public_key_id, "certificate": keys.platform_serial}
    shop.statuses = [401]
    merchant.http.control("faults", [{"match": "callback", **fault}])
    merchant.paid()
    sent = int(merchant.clock().timestamp())
    forged, true = next_attempt(merchant, shop)
    assert merchant.verifies(forged.headers, forged.body) is genuine
    assert forged.headers["Wechatpay-Serial"] == serials.get(serial, fault.get("serial", "PUB_KEY_ID_" + "0" * 34))
    age = sent - int(forged.headers["Wechatpay-Timestamp"])
    assert age == fault.get("age_seconds", 0)
    assert merchant.verifies(true.headers, true.body)
    assert merchant.decrypt(true.body)["out_trade_no"] == "order-0001"


def test_altered_contents_carry_a_genuine_signature(merchant: Merchant, shop: Shop) -> None:
    changes = {"amount.total": 1, "payer.openid": "o-other", "appid": "wx1", "mchid": None}
    merchant.http.fault("callback", "alter", set=changes)
    merchant.paid()
    told = merchant.decrypt(shop.received[0].body)
    assert merchant.verifies(shop.received[0].headers, shop.received[0].body)
    assert (told["amount"]["total"], told["payer"]["openid"], told["appid"]) == (1, "o-other", "wx1")
    assert "mchid" not in told


def test_a_signature_probe_comes_before_the_true_callback(merchant: Merchant, shop: Shop) -> None:
    shop.statuses = [401, 204]
    merchant.http.fault("callback", "signtest")
    assert merchant.paid()["callback_results"] == [401, 204]
    probe, true = shop.received
    assert probe.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    assert not merchant.verifies(probe.headers, probe.body)
    assert merchant.verifies(true.headers, true.body)


def test_a_probe_that_the_shop_wrongly_took_is_no_delivery(merchant: Merchant, shop: Shop) -> None:
    shop.statuses = [200, 500]
    merchant.http.fault("callback", "signtest")
    merchant.paid()
    assert merchant.http.get("/_sandbox/callbacks")[0]["delivered"] is False


def test_a_replay_is_the_very_message_of_then(merchant: Merchant, shop: Shop, clock: FakeClock) -> None:
    id = merchant.paid()["callback_id"]
    clock.advance(3600)
    assert merchant.http.control(f"callbacks/{id}/send", {"replay": True})["callback_results"] == [204]
    first, replayed = shop.received
    assert first == replayed


def test_a_delivered_callback_can_be_sent_again_and_forged(merchant: Merchant, shop: Shop) -> None:
    id = merchant.paid()["callback_id"]
    merchant.http.control(f"callbacks/{id}/send")
    merchant.http.control(f"callbacks/{id}/send", {"faults": [{"do": "wrong_key"}]})
    assert [merchant.verifies(message.headers, message.body) for message in shop.received] == [True, True, False]
    merchant.http.fault("callback", "drop")
    unsent = merchant.paid("order-0002")["callback_id"]
    assert "error" in merchant.http.control(f"callbacks/{unsent}/send", {"replay": True})
    assert "error" in merchant.http.control("callbacks/EV-1/send")
    assert "error" in merchant.http.control(f"callbacks/{id}/send", {"faults": [{"do": "errcode"}]})


def test_a_callback_that_was_taken_by_hand_is_not_sent_by_the_schedule_again(merchant: Merchant, shop: Shop) -> None:
    shop.statuses = [500, 204]
    id = merchant.paid()["callback_id"]
    merchant.http.control(f"callbacks/{id}/send")
    merchant.http.control("clock", {"advance_seconds": 60})
    merchant.paid("order-0002")
    merchant.refund(out_trade_no="order-0002")
    shop.wait_for(4)
    assert ids(shop).count(id) == 2


def test_an_echo_with_an_address_is_called_back(merchant: Merchant, shop: Shop) -> None:
    body = {"echo_message": "hello", "notify_url": shop.url}
    assert merchant.call("POST", "/v3/security/echo", body).json() == {"echo_message": "hello"}
    [callback] = shop.wait_for(1)
    assert merchant.decrypt(callback.body) == {"echo_message": "hello"}
    assert json.loads(callback.body)["event_type"] == "SECURITY_ECHO.SUCCESS"

"""Where parcels are: asked some times a day, until they are signed for."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.fulfilment.rows import ParcelRow
from tests.shop import Shopper, Stack

from .conftest import Desk, due_at

TROUBLES = ({"do": "status", "status": 500}, {"do": "drop_before"}, {"do": "errcode", "errcode": 502})


@pytest.fixture
def reminders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trades that WeChat was asked to remind shoppers of; the sandbox answers."""
    asked: list[str] = []
    shipping = stack.shop.fulfilment.following._shipping
    genuine = shipping.remind_receive

    def remind(out_trade_no: str, received_at: Any) -> None:
        asked.append(out_trade_no)
        genuine(out_trade_no, received_at)

    monkeypatch.setattr(shipping, "remind_receive", remind)
    return asked


class Road:
    """Couriers scan parcels, and the shop looks."""

    def __init__(self, stack: Stack, desk: Desk, alice: Shopper) -> None:
        self.stack, self.desk, self.alice = stack, desk, alice
        self.parcels: list[str] = []

    def sent(self, *lines: tuple[str, int], parts: int = 1, **more: Any) -> str:
        order_id = self.desk.bought(self.alice, ("tea-01", parts))
        for _ in range(parts):
            parcel = self.desk.send(self.alice, order_id, ("tea-01", 1), **more)["parcel"]
            self.parcels.append(parcel["parcel_id"])
        self.desk.upload_due()
        return order_id

    def numbers(self, order_id: str) -> list[str]:
        return [each["tracking_no"] for each in self.shown(order_id)]

    def shown(self, order_id: str) -> list[Any]:
        items: list[Any] = self.alice.get(f"/orders/{order_id}/parcels")["items"]
        return items

    def scan(self, number: str, state: str, context: str = "扫描", com: str = "yuantong", **more: Any) -> None:
        self.stack.control("POST", f"parcels/{number}", {"com": com, "state": state, "context": context, **more})

    def look(self, **later: float) -> int:
        self.stack.clock.forward(**later)
        return self.stack.shop.fulfilment.following.track_due(self.stack.clock())

    def next_look(self, order_id: str, parcel: int = 0) -> timedelta | None:
        waits = due_at(ParcelRow, order_id, self.parcels[parcel])
        return waits[1] - self.stack.clock() if waits else None


@pytest.fixture
def road(stack: Stack, desk: Desk, alice: Shopper) -> Road:
    return Road(stack, desk, alice)


def test_a_parcel_is_followed_from_its_first_scan_to_its_signature(road: Road, reminders: list[str]) -> None:
    order_id = road.sent()
    (number,) = road.numbers(order_id)
    assert road.look(hours=1) == 0
    assert road.look(hours=1) == 1
    assert (road.shown(order_id)[0]["tracking"], road.shown(order_id)[0]["scans"]) == ("UNKNOWN", [])
    road.scan(number, "1", "已揽收")
    assert road.look(hours=4) == 1
    assert road.shown(order_id)[0]["tracking"] == "COLLECTED"
    road.scan(number, "5", "正在派送")
    road.look(hours=4)
    shown = road.shown(order_id)[0]
    assert shown["tracking"] == "DELIVERING"
    assert [scan["text"] for scan in shown["scans"]] == ["正在派送", "已揽收"]
    assert shown["scans"][0]["at"] == "2026-11-22T08:00:00Z"
    assert reminders == []
    road.scan(number, "301", "本人签收")
    road.look(hours=4)
    assert road.shown(order_id)[0]["tracking"] == "SIGNED"
    assert len(reminders) == 1
    assert road.next_look(order_id) is None
    assert road.alice.get(f"/orders/{order_id}")["state"] == "SHIPPED", "a courier's word completes no order"


def test_shoppers_who_look_ask_nobody(road: Road, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = road.sent()
    monkeypatch.setattr(stack.shop.fulfilment.following, "_tracker", None)
    for _ in range(3):
        assert road.shown(order_id)[0]["tracking"] == "UNKNOWN"


def test_the_last_parcel_signed_for_reminds_of_the_receipt_once(road: Road, reminders: list[str]) -> None:
    order_id = road.sent(parts=2)
    for number in road.numbers(order_id):
        assert reminders == []
        road.scan(number, "3")
        road.look(hours=4)
    assert len(reminders) == 1
    assert [each["tracking"] for each in road.shown(order_id)] == ["SIGNED", "SIGNED"]
    road.look(hours=40)
    assert len(reminders) == 1


def test_a_carrier_that_asks_for_the_phone_is_told_its_last_digits(road: Road) -> None:
    order_id = road.sent(carrier="SF", tracking_no="SF0001")
    road.scan("SF0001", "0", com="shunfeng", phone="13800138000")
    road.look(hours=2)
    assert road.shown(order_id)[0]["tracking"] == "UNDER_WAY"


def test_a_parcel_of_another_phone_is_asked_after_no_more(road: Road) -> None:
    order_id = road.sent(carrier="SF", tracking_no="SF0001")
    road.scan("SF0001", "0", com="shunfeng", phone="13911112222")
    assert road.look(hours=2) == 1
    assert road.next_look(order_id) is None


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_tracker_that_fails_is_asked_again_hours_later(road: Road, stack: Stack, trouble: dict[str, Any]) -> None:
    order_id = road.sent()
    (number,) = road.numbers(order_id)
    road.scan(number, "0")
    stack.control("POST", "faults", [{"match": "poll/query.do", "times": 1, **trouble}])
    assert road.look(hours=2) == 1
    assert road.shown(order_id)[0]["tracking"] == "UNKNOWN"
    assert road.next_look(order_id) == timedelta(hours=4)
    road.look(hours=4)
    assert road.shown(order_id)[0]["tracking"] == "UNDER_WAY"


def test_a_parcel_is_followed_for_thirty_days_at_most(road: Road) -> None:
    order_id = road.sent()
    (number,) = road.numbers(order_id)
    road.scan(number, "0")
    assert road.look(days=29) == 1
    assert road.next_look(order_id) == timedelta(hours=4)
    assert road.look(days=1) == 1
    assert road.next_look(order_id) is None


def test_a_correction_starts_the_search_anew(road: Road, desk: Desk, alice: Shopper) -> None:
    order_id = road.sent()
    (wrong,) = road.numbers(order_id)
    road.scan(wrong, "3", "别人签收")
    road.look(hours=2)
    path = f"{desk.path(alice, order_id)}/parcels/{road.parcels[0]}"
    desk.sam._expect(desk.sam.send("PUT", path, {"carrier": "ZTO", "tracking_no": "ZT0001"}))
    shown = road.shown(order_id)[0]
    assert (shown["tracking"], shown["scans"]) == ("UNKNOWN", [])
    road.scan("ZT0001", "0", com="zhongtong", phone="13800138000")
    road.look(hours=2)
    assert road.shown(order_id)[0]["tracking"] == "UNDER_WAY"


def test_what_was_found_for_a_number_that_was_corrected_meanwhile_is_dropped(
    road: Road, stack: Stack, desk: Desk, alice: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = road.sent()
    (wrong,) = road.numbers(order_id)
    road.scan(wrong, "3")
    tracker = stack.shop.fulfilment.following._tracker
    assert tracker is not None
    genuine = tracker.track

    def meanwhile(*asked: Any) -> Any:
        path = f"{desk.path(alice, order_id)}/parcels/{road.parcels[0]}"
        desk.sam._expect(desk.sam.send("PUT", path, {"carrier": "YTO", "tracking_no": "YT-right"}))
        return genuine(*asked)

    monkeypatch.setattr(tracker, "track", meanwhile)
    road.look(hours=2)
    assert road.shown(order_id)[0]["tracking"] == "UNKNOWN"
    assert road.next_look(order_id) == timedelta(hours=2)


def test_the_reminder_waits_for_the_upload_and_for_wechat(
    road: Road, stack: Stack, desk: Desk, alice: Shopper, reminders: list[str]
) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    road.parcels.append(desk.send(alice, order_id)["parcel"]["parcel_id"])
    (number,) = road.numbers(order_id)
    road.scan(number, "3", time="2026-11-22 14:00:00")
    road.look(hours=2)
    assert (reminders, road.next_look(order_id)) == ([], timedelta(hours=1))
    desk.upload_due()
    stack.control("POST", "faults", [{"match": "notify_confirm_receive", "do": "errcode", "errcode": -1, "times": 1}])
    road.look(hours=1)
    assert (len(reminders), road.next_look(order_id)) == (1, timedelta(hours=1))
    road.look(hours=1)
    assert (len(reminders), road.next_look(order_id)) == (2, None)


@pytest.mark.parametrize("errcode", [10060030, 10060028])
def test_a_reminder_that_wechat_does_not_want_is_let_be(road: Road, stack: Stack, errcode: int) -> None:
    order_id = road.sent()
    (number,) = road.numbers(order_id)
    road.scan(number, "3")
    stack.control("POST", "faults", [{"match": "notify_confirm_receive", "do": "errcode", "errcode": errcode}])
    road.look(hours=2)
    assert road.next_look(order_id) is None


def test_a_receipt_that_was_confirmed_needs_no_reminder(road: Road, reminders: list[str], alice: Shopper) -> None:
    order_id = road.sent()
    alice.post(f"/orders/{order_id}/receipt")
    road.scan(road.numbers(order_id)[0], "3")
    road.look(hours=2)
    assert (reminders, road.next_look(order_id)) == ([], None)


def test_without_an_account_nothing_is_asked(road: Road, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = road.sent()
    monkeypatch.setattr(stack.shop.fulfilment.following, "_tracker", None)
    assert road.look(hours=2) == 1
    assert road.next_look(order_id) is None


def test_same_city_parcels_are_not_followed(road: Road, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    desk.send(alice, order_id, way="LOCAL")
    assert road.look(days=1) == 0

"""Goods are fetched at a pickup point against a code that is good once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.fulfilment.rules import UploadState
from chalicelib.kernel.trail import Actor
from chalicelib.orders.progress import most, with_claim
from chalicelib.orders.rules import moved
from chalicelib.pickup import PickupPoint
from chalicelib.storage.writes import commit
from tests.shop import Shopper, Stack

from .conftest import Desk

HERE: dict[str, Any] = {"address_id": None, "pickup_point_id": "nanshan"}


@pytest.fixture(autouse=True)
def _point(stack: Stack) -> None:
    for point_id, is_open in (("nanshan", True), ("closed", False)):
        stack.shop.pickups.put_point(PickupPoint(point_id, "南山店", "科技园1号", "0755-1", "每天", is_open))


def code_of(shopper: Shopper, order_id: str) -> str:
    return str(shopper.get(f"/orders/{order_id}")["pickup"]["code"])


def test_what_is_fetched_bears_no_freight_and_its_place_is_kept(stack: Stack, alice: Shopper) -> None:
    wish = alice.wish(("tea-01", 1), **HERE)
    assert alice.post("/orders/preview", wish)["payable"] == 5000
    order = alice.order(("tea-01", 1), **HERE)
    assert (order["freight"], order["payable"], order["delivery"]) == (0, 5000, None)
    stack.shop.pickups.put_point(PickupPoint("nanshan", "搬走了", "别处", "", ""))
    assert alice.get(f"/orders/{order['order_id']}")["pickup"]["address"] == "科技园1号"


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ({"address_id": None}, "ADDRESS_NEEDED"),
        ({"pickup_point_id": "nanshan"}, "ADDRESS_OR_PICKUP"),
        ({"address_id": None, "pickup_point_id": "nowhere"}, "PICKUP_POINT_NOT_FOUND"),
        ({"address_id": None, "pickup_point_id": "closed"}, "PICKUP_POINT_NOT_FOUND"),
    ],
)
def test_an_order_goes_to_one_place_that_there_is(alice: Shopper, where: dict[str, Any], code: str) -> None:
    wish = alice.wish(("tea-01", 1), **where)
    assert alice.refused("POST", "/orders", wish, **{"Idempotency-Key": "one-place"}) == code


def test_the_code_is_shown_to_its_shopper_alone_and_only_while_the_goods_can_be_fetched(
    stack: Stack, desk: Desk, alice: Shopper, capfd: pytest.CaptureFixture[str]
) -> None:
    placed = alice.order(("tea-01", 1), **HERE)
    order_id = placed["order_id"]
    assert placed["pickup"]["code"] is None, "not before it is paid for"
    alice.pay(order_id)
    code = code_of(alice, order_id)
    assert len(code) == 12
    assert code.isdigit()
    assert "code" not in alice.get("/orders")["items"][0]
    assert code not in desk.sam.send("GET", desk.path(alice, order_id)).text
    assert code not in desk.sam.send("GET", "/staff/orders/to-ship?pickup=true").text
    assert stack.shopper("bob").refused("GET", f"/orders/{order_id}") == "ORDER_NOT_FOUND"
    assert stack.shopper("bob").refused("GET", f"/staff/pickups/{code}") == "STAFF_ONLY"
    desk.sam.post(f"/staff/pickups/{code}")
    assert alice.get(f"/orders/{order_id}")["pickup"]["code"] is None
    desk.upload_due()
    assert code not in "".join(capfd.readouterr())
    assert code not in repr(stack.shop.orders.get(alice.member_id, order_id))


def test_the_code_of_a_team_order_is_shown_once_the_team_is_complete(stack: Stack, desk: Desk, alice: Shopper) -> None:
    choice = {"kind": "groupbuy", "activity_id": "team"}
    order_id = desk.bought(alice, ("tea-01", 1), campaign=choice, **HERE)
    assert alice.get(f"/orders/{order_id}")["pickup"]["code"] is None
    code = stack.shop.orders.get(alice.member_id, order_id).pickup.code  # type: ignore[union-attr]
    assert desk.sam.refused("POST", f"/staff/pickups/{code}") == "ORDER_HELD"
    team = alice.get(f"/orders/{order_id}")["campaign"]["group_id"]
    for name in ("bob", "carol"):
        desk.bought(stack.shopper(name), ("tea-01", 1), campaign={**choice, "group_id": team})
    stack.drain()
    assert code_of(alice, order_id) == code
    assert desk.sam.post(f"/staff/pickups/{code}")["state"] == "COMPLETED"


def test_staff_look_then_hand_over_and_wechat_hears_of_a_pickup(stack: Stack, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2), ("cup-01", 1), **HERE)
    code = code_of(alice, order_id)
    for _ in range(2):
        seen = desk.sam.get(f"/staff/pickups/{code}")
        assert (seen["order_id"], seen["to_hand_over"]) == (order_id, {"tea-01": 2, "cup-01": 1})
        assert (seen["state"], seen["used_at"]) == ("PAID", None)
    handed = desk.sam.post(f"/staff/pickups/{code}")
    assert (handed["state"], handed["to_hand_over"], handed["used_at"]) == ("COMPLETED", {}, "2026-11-22T02:00:00Z")
    order = alice.get(f"/orders/{order_id}")
    assert (order["state"], order["completed_at"]) == ("COMPLETED", "2026-11-22T02:00:00Z")
    assert order["timeline"][-1]["why"] == "已到店取货"
    assert alice.get(f"/orders/{order_id}/parcels")["items"][0]["way"] == "PICKUP"
    desk.upload_due()
    told = desk.at_wechat(order_id)
    assert (told["order_state"], told["shipping"]["logistics_type"]) == (2, 4)
    assert told["shipping"]["goods_desc"] == "龙井茶×2；白瓷杯×1"
    assert desk.upload(order_id).state is UploadState.DONE
    assert desk.sam.get(f"/staff/pickups/{code}")["used_at"] == "2026-11-22T02:00:00Z"


def test_a_code_that_is_verified_twenty_times_at_once_is_good_once(stack: Stack, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 1), **HERE)
    path = f"/staff/pickups/{code_of(alice, order_id)}"
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: desk.sam.send("POST", path), range(20)))
    told = [answer.json().get("code", "") for answer in answers]
    assert told.count("") == 1, told
    assert set(told) <= {"", "PICKUP_CODE_USED", "STORAGE_BUSY"}
    order = alice.get(f"/orders/{order_id}")
    assert [event["now"] for event in order["timeline"]].count("COMPLETED") == 1
    assert desk.sam.refused("POST", path) == "PICKUP_CODE_USED"


def test_nothing_is_handed_over_that_is_unpaid_refunded_or_under_a_case(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    store, orders = stack.shop.orders.store, stack.shop.orders
    unpaid = alice.order(("tea-01", 1), **HERE)["order_id"]
    code = orders.get(alice.member_id, unpaid).pickup.code  # type: ignore[union-attr]
    assert desk.sam.refused("POST", f"/staff/pickups/{code}") == "ORDER_STATE_REFUSED"

    disputed = desk.bought(alice, ("tea-01", 2), **HERE)
    code = code_of(alice, disputed)
    order = orders.get(alice.member_id, disputed)
    progress = with_claim(order, most(order, "tea-01", 2, sent=False))
    case = moved(order, stack.clock(), Actor.SHOPPER, "申请退款", progress=progress, cases={"C": True})
    commit(store.becomes(order, case))
    assert desk.sam.refused("POST", f"/staff/pickups/{code}") == "CASE_OPEN"
    order = orders.get(alice.member_id, disputed)
    commit(store.becomes(order, moved(order, stack.clock(), Actor.STAFF, "已处理", cases={"C": False})))
    assert desk.sam.refused("POST", f"/staff/pickups/{code}") == "NOTHING_TO_SEND"

    refunded = desk.bought(alice, ("tea-01", 1), **HERE)
    code = code_of(alice, refunded)
    stack.shop.payments.refunding.refund_in_full(alice.member_id, refunded, "aftersale", "退款", stack.clock())
    assert desk.sam.refused("POST", f"/staff/pickups/{code}") == "ORDER_STATE_REFUSED"
    assert alice.get(f"/orders/{refunded}")["pickup"]["code"] is None


def test_what_is_fetched_is_not_sent(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 1), **HERE)
    assert desk.send(alice, order_id)["code"] == "FETCHED_BY_SHOPPER"


def test_what_waits_to_be_fetched_is_listed_apart_and_told_of_when_it_waits_long(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    fetched = desk.bought(alice, ("tea-01", 1), **HERE)
    sent = desk.bought(alice, ("tea-01", 1))
    listed = {way: desk.sam.get(f"/staff/orders/to-ship?pickup={way}")["items"] for way in ("true", "false")}
    assert [each["order_id"] for each in listed["true"]] == [fetched]
    assert listed["true"][0]["pickup_point_id"] == "nanshan"
    assert [each["order_id"] for each in listed["false"]] == [sent]
    stack.clock.forward(hours=48)
    assert stack.shop.orders.receiving.alarm_unsent(stack.clock()) == 2


def test_an_order_whose_code_another_has_is_placed_with_another_code_when_asked_again(
    stack: Stack, alice: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter(["000000000001", "000000000001", "000000000002"])
    monkeypatch.setattr(stack.shop.pickups, "draw", lambda: next(codes))
    alice.order(("tea-01", 1), **HERE)
    wish = alice.wish(("tea-01", 1), **HERE)
    assert alice.refused("POST", "/orders", wish, **{"Idempotency-Key": "the-second"}) == "STORAGE_BUSY"
    second = alice.order(("tea-01", 1), key="the-second", **HERE)
    assert stack.shop.orders.get(alice.member_id, second["order_id"]).pickup.code == "000000000002"  # type: ignore[union-attr]
    assert stack.stock("tea-01") == 98


def test_a_completed_pickup_is_finished_when_its_time_is_over(stack: Stack, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 1), **HERE)
    desk.sam.post(f"/staff/pickups/{code_of(alice, order_id)}")
    stack.clock.forward(days=15)
    stack.shop.orders.receiving.finish_due(stack.clock())
    alice.log_in()
    assert alice.get(f"/orders/{order_id}")["finished"] is True

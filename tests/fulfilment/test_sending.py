"""Goods leave the shop: whole, in parts, once, and never more than was ordered."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.fulfilment.rows import ParcelRow, UploadRow
from chalicelib.fulfilment.rules import Consignment, Parcel, Way
from chalicelib.fulfilment.store import ParcelStore
from chalicelib.kernel.staff import StaffRole
from chalicelib.kernel.trail import Actor
from chalicelib.orders import Order, OrderState
from chalicelib.orders.progress import most, with_claim
from chalicelib.orders.rules import Job, moved
from chalicelib.pricing.terms import FreightRule, FreightTemplate, FreightUnit
from chalicelib.storage.reads import Read
from chalicelib.storage.table import dynamodb
from chalicelib.storage.writes import commit
from tests.shop import Shopper, Stack, put_bargain_activity

from .conftest import Desk, due_at


def withheld(stack: Stack, shopper: Shopper, order_id: str, sku_id: str, pieces: int) -> None:
    """An open after-sale case about pieces that were not sent."""
    store = stack.shop.orders.store
    order = store.get(shopper.member_id, order_id)
    progress = with_claim(order, most(order, sku_id, pieces, sent=False))
    after = moved(order, stack.clock(), Actor.SHOPPER, "申请退款", progress=progress, cases={"C1": True})
    commit(store.becomes(order, after))


def test_an_order_that_is_sent_whole_is_shipped_and_waits_for_its_receipt(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    order_id = desk.bought(alice, ("tea-01", 2), ("cup-01", 1))
    sent = desk.send(alice, order_id, carrier="SF", tracking_no="SF0001")
    assert (sent["state"], sent["to_send"]) == ("SHIPPED", {})
    assert sent["parcel"]["pieces"] == {"tea-01": 2, "cup-01": 1}
    order = alice.get(f"/orders/{order_id}")
    assert (order["state"], order["receive_by"]) == ("SHIPPED", "2026-12-02T02:00:00Z")
    assert order["timeline"][-1]["why"] == "商家已发货（顺丰速运）"
    (shown,) = alice.get(f"/orders/{order_id}/parcels")["items"]
    assert (shown["carrier_name"], shown["tracking_no"]) == ("顺丰速运", "SF0001")
    assert "who" not in shown


def test_an_order_that_is_sent_in_parts_is_shipped_with_the_last(stack: Stack, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2), ("cup-01", 1))
    first = desk.send(alice, order_id, ("tea-01", 1))
    assert (first["state"], first["to_send"]) == ("PAID", {"tea-01": 1, "cup-01": 1})
    assert alice.get(f"/orders/{order_id}")["timeline"][-1]["why"] == "商家已发出部分商品（圆通速递）"
    stack.clock.forward(hours=1)
    last = desk.send(alice, order_id)
    assert (last["state"], last["to_send"]) == ("SHIPPED", {})
    parcels = alice.get(f"/orders/{order_id}/parcels")["items"]
    assert [each["pieces"] for each in parcels] == [{"tea-01": 1}, {"tea-01": 1, "cup-01": 1}]


def test_a_repeated_request_answers_the_same_parcel_and_sends_nothing_twice(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    order_id = desk.bought(alice, ("tea-01", 3))
    first = desk.send(alice, order_id, ("tea-01", 1), key="the-first-one", tracking_no="YT1")
    again = desk.send(alice, order_id, ("tea-01", 1), key="the-first-one", tracking_no="YT1")
    assert again == first
    assert desk.send(alice, order_id, ("tea-01", 2), key="the-first-one", tracking_no="YT1")["code"] == "PARCEL_REUSED"
    assert len(alice.get(f"/orders/{order_id}/parcels")["items"]) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"carrier": ""}, "TRACKING_NUMBER_NEEDED"),
        ({"tracking_no": ""}, "TRACKING_NUMBER_NEEDED"),
        ({"way": "LOCAL", "carrier": "SF"}, "TRACKING_NUMBER_NEEDED"),
        ({"carrier": "XX"}, "CARRIER_UNKNOWN"),
        ({"way": "PICKUP"}, "MALFORMED"),
        ({"lines": [{"sku_id": "tea-01", "quantity": 3}]}, "TOO_MANY_SENT"),
        ({"lines": [{"sku_id": "tea-01", "quantity": 1}, {"sku_id": "tea-01", "quantity": 2}]}, "TOO_MANY_SENT"),
        ({"lines": [{"sku_id": "cup-01", "quantity": 1}]}, "TOO_MANY_SENT"),
    ],
)
def test_what_cannot_be_sent_is_refused_and_nothing_is_written(
    desk: Desk, alice: Shopper, changed: dict[str, Any], code: str
) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))
    assert desk.send(alice, order_id, **changed)["code"] == code
    assert alice.get(f"/orders/{order_id}/parcels")["items"] == []
    assert alice.get(f"/orders/{order_id}")["state"] == "PAID"


def test_only_paid_orders_that_wait_for_no_team_are_sent(stack: Stack, desk: Desk, alice: Shopper) -> None:
    unpaid = alice.order(("tea-01", 1))["order_id"]
    assert desk.send(alice, unpaid)["code"] == "ORDER_STATE_REFUSED"
    held = desk.bought(alice, ("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})
    assert desk.send(alice, held)["code"] == "ORDER_HELD"
    sent = desk.bought(alice, ("cup-01", 1))
    desk.send(alice, sent)
    assert desk.send(alice, sent)["code"] == "ORDER_STATE_REFUSED"


def test_pieces_of_an_open_after_sale_case_are_not_sent(stack: Stack, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2), ("cup-01", 1))
    withheld(stack, alice, order_id, "tea-01", 2)
    assert desk.send(alice, order_id, ("tea-01", 1))["code"] == "TOO_MANY_SENT"
    sent = desk.send(alice, order_id)
    assert (sent["parcel"]["pieces"], sent["state"]) == ({"cup-01": 1}, "PAID"), "the case may still come to nothing"
    assert desk.send(alice, order_id)["code"] == "NOTHING_TO_SEND"


def test_a_tracking_number_is_one_parcels(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))
    desk.send(alice, order_id, ("tea-01", 1), tracking_no="YT1")
    assert desk.send(alice, order_id, tracking_no="YT1")["code"] == "TRACKING_NUMBER_USED"


def test_same_city_deliveries_need_no_number_and_may_be_several(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))
    desk.send(alice, order_id, ("tea-01", 1), way="LOCAL")
    assert desk.send(alice, order_id, way="LOCAL")["state"] == "SHIPPED"


def test_an_order_has_at_most_as_many_parcels_as_wechat_takes(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 17))
    for _ in range(14):
        assert desk.send(alice, order_id, ("tea-01", 1))["state"] == "PAID"
    assert desk.send(alice, order_id, ("tea-01", 1))["code"] == "LAST_PARCEL"
    assert desk.send(alice, order_id)["state"] == "SHIPPED"


def test_two_people_who_send_the_same_pieces_at_once_send_them_once(stack: Stack, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2), ("cup-01", 1))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: desk.send(alice, order_id, key=f"by-person-{n}"), range(8)))
    assert sum("parcel" in answer for answer in answers) == 1
    assert {answer.get("code") for answer in answers if "code" in answer} <= {"ORDER_STATE_REFUSED", "STORAGE_BUSY"}
    (parcel,) = alice.get(f"/orders/{order_id}/parcels")["items"]
    assert parcel["pieces"] == {"tea-01": 2, "cup-01": 1}


def test_the_same_request_ten_times_at_once_is_one_parcel(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))

    def send(_: int) -> Any:
        return desk.send(alice, order_id, ("tea-01", 1), key="one-and-the-same", tracking_no="YT1")

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, range(10)))
    assert {answer["parcel"]["parcel_id"] for answer in answers if "parcel" in answer} != set()
    assert all("parcel" in answer or answer["code"] == "STORAGE_BUSY" for answer in answers)
    assert len(alice.get(f"/orders/{order_id}/parcels")["items"]) == 1


def test_a_request_that_comes_again_at_the_same_moment_is_answered_with_its_parcel(
    stack: Stack, desk: Desk, alice: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parcels as they were before the first is written, and the order perhaps as it is after it."""
    order_id, read = desk.bought(alice, ("tea-01", 1)), ParcelStore.reads
    asked = Consignment(Way.EXPRESS, "SF", "SF0001")

    def send() -> tuple[Order, Parcel]:
        return stack.shop.fulfilment.sending.send(
            alice.member_id, order_id, asked, "same-key", desk.sam.member_id, stack.clock()
        )

    def late(store: ParcelStore, order_id: str) -> Read[list[Parcel]]:
        monkeypatch.setattr(ParcelStore, "reads", read)
        seen = store.of(order_id)
        first.append(send())
        return Read((), lambda _: seen)

    first: list[tuple[Order, Parcel]] = []
    monkeypatch.setattr(ParcelStore, "reads", late)
    assert send() == first[0]


def test_sending_and_a_case_about_the_same_pieces_at_once_end_with_one_of_them(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    """Whoever writes first; the other reads again and finds the pieces gone."""
    order_id = desk.bought(alice, ("tea-01", 1))
    store, client = stack.shop.orders.store, dynamodb()
    struck: list[bool] = []

    def rival(model: Any, **_: Any) -> None:
        if model.name == "TransactWriteItems" and not struck:
            struck.append(True)
            withheld(stack, alice, order_id, "tea-01", 1)

    client.meta.events.register("before-call.dynamodb", rival, unique_id="rival")
    try:
        assert desk.send(alice, order_id)["code"] == "NOTHING_TO_SEND"
    finally:
        client.meta.events.unregister("before-call.dynamodb", unique_id="rival")
    assert store.get(alice.member_id, order_id).progress["tea-01"].sent == 0
    assert alice.get(f"/orders/{order_id}/parcels")["items"] == []


def test_staff_see_what_is_to_be_sent_with_what_should_have_left_first_in_front(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    first = desk.bought(alice, ("tea-01", 2))
    stack.clock.forward(hours=1)
    second = desk.bought(alice, ("cup-01", 1), remark="请放门口")
    desk.bought(alice, ("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})
    desk.send(alice, first, ("tea-01", 1))
    shown = desk.sam.get("/staff/orders/to-ship")["items"]
    assert [(each["order_id"], each["to_send"]) for each in shown] == [(first, {"tea-01": 1}), (second, {"cup-01": 1})]
    assert shown[1]["remark"] == "请放门口"
    assert [each["order_id"] for each in desk.sam.get("/staff/orders/to-ship?limit=1")["items"]] == [first]
    desk.send(alice, first)
    assert [each["order_id"] for each in desk.sam.get("/staff/orders/to-ship")["items"]] == [second]
    stack.clock.forward(hours=60)
    stack.shop.orders.receiving.alarm_unsent(stack.clock())
    assert [each["order_id"] for each in desk.sam.get("/staff/orders/to-ship")["items"]] == [second]


def test_staff_see_an_order_with_who_did_what(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))
    desk.send(alice, order_id)
    shown = desk.sam.get(desk.path(alice, order_id))
    assert shown["order"]["delivery"]["detail"] == "科技园1号"
    assert shown["timeline"][-1]["who"] == shown["parcels"][0]["who"] == desk.sam.member_id
    assert all("who" not in event for event in alice.get(f"/orders/{order_id}")["timeline"])


def test_a_wrong_number_is_corrected_once(stack: Stack, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))
    first, second = (desk.send(alice, order_id, ("tea-01", 1))["parcel"]["parcel_id"] for _ in range(2))
    path, right = f"{desk.path(alice, order_id)}/parcels", {"carrier": "SF", "tracking_no": "SF0001"}
    for _ in range(2):
        shown = desk.sam._expect(desk.sam.send("PUT", f"{path}/{first}", right))["parcel"]
        assert (shown["carrier"], shown["tracking_no"], shown["corrected"]) == ("SF", "SF0001", True)
    assert [event["why"] for event in alice.get(f"/orders/{order_id}")["timeline"]].count("商家更正了物流单号") == 1
    other = {"carrier": "SF", "tracking_no": "SF0002"}
    assert desk.sam.refused("PUT", f"{path}/{second}", other) == "NUMBER_CORRECTED"
    assert desk.sam.refused("PUT", f"{path}/{first}", other) == "NUMBER_CORRECTED"
    assert desk.sam.refused("PUT", f"{path}/NOBODY", other) == "PARCEL_NOT_FOUND"
    alice.post(f"/orders/{order_id}/receipt")
    assert desk.sam.refused("PUT", f"{path}/{second}", other) == "ORDER_STATE_REFUSED"


def test_a_correction_must_be_a_number_of_its_own(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))
    desk.send(alice, order_id, ("tea-01", 1), tracking_no="YT1")
    parcel_id = desk.send(alice, order_id, tracking_no="YT2")["parcel"]["parcel_id"]
    path = f"{desk.path(alice, order_id)}/parcels/{parcel_id}"
    assert desk.sam.refused("PUT", path, {"carrier": "YTO", "tracking_no": "YT1"}) == "TRACKING_NUMBER_USED"
    assert desk.sam.refused("PUT", path, {"carrier": "YTO", "tracking_no": ""}) == "TRACKING_NUMBER_NEEDED"


def test_a_sent_order_waits_for_receipt_its_parcel_for_a_look_and_its_upload_to_be_told(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    parcel_id = desk.send(alice, order_id)["parcel"]["parcel_id"]
    now = stack.clock()
    assert due_at(ParcelRow, order_id, parcel_id) == ("parcel-track", now + timedelta(hours=2))
    assert due_at(UploadRow, order_id) == ("shipping-upload", now)
    order = stack.shop.orders.get(alice.member_id, order_id)
    assert order.state is OrderState.SHIPPED
    page = stack.shop.orders.store.waiting(Job.RECEIVE, now + timedelta(days=10), None, 9)
    assert [each.order_id for each in page.rows] == [order_id]


def test_an_order_that_cost_nothing_has_nothing_to_tell_wechat(stack: Stack, desk: Desk, alice: Shopper) -> None:
    put_bargain_activity(stack.shop, "free", floor_price=0, cuts_to_floor=1)
    everywhere = FreightRule(("",), first=1, first_fee=0, next=1, next_fee=0)
    stack.shop.promotions.put_freight_template(FreightTemplate("post", "包邮", FreightUnit.PIECES, (everywhere,)))
    launch = alice.post("/bargain/launches", {"activity_id": "free"})
    choice = {"kind": "bargain", "activity_id": "free", "group_id": launch["launch_id"]}
    placed = alice.order(("cup-01", 1), campaign=choice)
    assert (placed["state"], placed["payable"]) == ("PAID", 0)
    stack.drain(1)
    assert desk.send(alice, placed["order_id"])["state"] == "SHIPPED"
    assert desk.sam.refused("POST", f"/staff/shipping-uploads/{placed['order_id']}/retry") == "UPLOAD_NOT_FOUND"


def test_all_that_waits_to_be_sent_is_found_page_by_page_whatever_was_alarmed_for(stack: Stack) -> None:
    alice, packer = stack.shopper("alice"), stack.staff(StaffRole.FULFILMENT)
    orders = []
    for n in range(5):
        orders.append(alice.buy(("cup-01", 1))["order_id"])
        stack.drain(1)
        stack.clock.forward(hours=5 * n)
    stack.shop.orders.receiving.alarm_unsent(stack.clock())
    seen: list[str] = []
    cursor = ""
    while True:
        page = packer.get(f"/staff/orders/to-ship?limit=2{cursor}")
        seen += [each["order_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(orders)
    assert packer.refused("GET", "/staff/orders/to-ship?cursor=eA") == "BAD_CURSOR"

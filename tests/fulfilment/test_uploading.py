"""WeChat is told of every delivery, against the sandbox's order shipping; what it refuses for good is people's."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.fulfilment.rows import UploadRow
from chalicelib.fulfilment.rules import UploadNotFound, UploadState
from chalicelib.kernel.trail import Actor
from chalicelib.log import logger
from chalicelib.orders.progress import advanced, most, with_claim
from chalicelib.orders.rules import moved
from chalicelib.storage.writes import commit
from chalicelib.wechat.shipping import PlatformState
from tests.shop import Shopper, Stack

from .conftest import Desk, due_at

DONE, WAITING, STAFF = UploadState.DONE, UploadState.WAITING, UploadState.STAFF


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    genuine = logger.error

    def error(message: str, **keys: Any) -> None:
        heard.append(keys.get("alarm", ""))
        genuine(message, **keys)

    monkeypatch.setattr(logger, "error", error)
    return heard


def test_wechat_hears_of_a_whole_delivery_with_the_receivers_number_masked(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2), ("cup-01", 1))
    desk.send(alice, order_id, carrier="SF", tracking_no="SF0001")
    assert desk.upload_due() == 1
    told = desk.at_wechat(order_id)
    assert (told["order_state"], told["shipping"]["delivery_mode"]) == (PlatformState.SHIPPED, 1)
    (parcel,) = told["shipping"]["shipping_list"]
    assert (parcel["tracking_no"], parcel["goods_desc"]) == ("SF0001", "龙井茶×2；白瓷杯×1")
    assert parcel["contact"] == {"receiver_contact": "****8000"}
    assert desk.upload(order_id).state is DONE
    assert due_at(UploadRow, order_id) is None
    assert desk.upload_due(days=30) == 0


def test_parcels_are_told_one_by_one_and_the_last_ends_it(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 3))
    desk.send(alice, order_id, ("tea-01", 1), tracking_no="YT1")
    desk.upload_due()
    assert desk.at_wechat(order_id)["order_state"] == PlatformState.TO_SHIP
    desk.send(alice, order_id, ("tea-01", 1), tracking_no="YT2")
    desk.upload_due()
    desk.send(alice, order_id, ("tea-01", 1), tracking_no="YT3")
    desk.upload_due()
    told = desk.at_wechat(order_id)
    assert told["order_state"] == PlatformState.SHIPPED
    assert {each["tracking_no"]: each["goods_desc"] for each in told["shipping"]["shipping_list"]} == {
        f"YT{n}": "龙井茶×1" for n in (1, 2, 3)
    }
    assert told["shipping"]["finish_shipping_count"] == 1, "the one change that is allowed is still to be had"


def test_two_parcels_that_leave_before_wechat_hears_of_the_first_are_told_together(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))
    desk.send(alice, order_id, ("tea-01", 1))
    desk.send(alice, order_id, ("tea-01", 1))
    desk.upload_due()
    told = desk.at_wechat(order_id)
    assert (told["order_state"], len(told["shipping"]["shipping_list"])) == (PlatformState.SHIPPED, 2)


def test_what_is_brought_within_the_city_is_told_once_all_has_left(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))
    desk.send(alice, order_id, ("tea-01", 1), way="LOCAL")
    desk.upload_due()
    assert "shipping" not in desk.at_wechat(order_id)
    desk.send(alice, order_id, way="LOCAL")
    desk.upload_due()
    told = desk.at_wechat(order_id)
    assert (told["order_state"], told["shipping"]["logistics_type"]) == (PlatformState.SHIPPED, 2)
    assert told["shipping"]["goods_desc"] == "龙井茶×2"


def test_a_part_that_will_never_be_sent_ends_the_delivery_within_the_hour(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    """An after-sale case takes the rest; nobody sends anything more."""
    order_id = desk.bought(alice, ("tea-01", 2))
    desk.send(alice, order_id, ("tea-01", 1), tracking_no="YT1")
    desk.upload_due()
    assert due_at(UploadRow, order_id) == ("shipping-upload", stack.clock() + timedelta(hours=1))
    desk.upload_due(hours=1)
    assert desk.at_wechat(order_id)["order_state"] == PlatformState.TO_SHIP
    store = stack.shop.orders.store
    order = store.get(alice.member_id, order_id)
    changes: dict[str, Any] = {"progress": with_claim(order, most(order, "tea-01", 1, sent=False)), "refunded": 2500}
    after = advanced(order, stack.clock(), Actor.STAFF, "退款", store.periods, cases={"C": False}, **changes)
    commit(store.becomes(order, after))
    desk.upload_due(hours=1)
    told = desk.at_wechat(order_id)
    assert (told["order_state"], len(told["shipping"]["shipping_list"])) == (PlatformState.SHIPPED, 1)
    assert desk.upload(order_id).state is DONE
    assert told["shipping"]["delivery_mode"] == 2, "told in parts to the end, so that its one change is still to be had"


@pytest.mark.parametrize("errcode", [10060001, 10060012, 10060019, -1, 268485216])
def test_what_passes_by_itself_is_tried_again_with_growing_pauses(
    stack: Stack, desk: Desk, alice: Shopper, errcode: int
) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    desk.fault({"match": "upload_shipping_info", "do": "errcode", "errcode": errcode, "times": 2})
    desk.send(alice, order_id)
    for tries, minutes in ((1, 1), (2, 2)):
        desk.upload_due()
        upload = desk.upload(order_id)
        assert (upload.state, upload.tries, upload.errcode) == (WAITING, tries, errcode)
        assert due_at(UploadRow, order_id) == ("shipping-upload", stack.clock() + timedelta(minutes=minutes))
        stack.clock.forward(minutes=minutes)
    desk.upload_due()
    assert desk.at_wechat(order_id)["order_state"] == PlatformState.SHIPPED
    upload = desk.upload(order_id)
    assert (upload.state, upload.tries, upload.errcode) == (DONE, 0, None)


@pytest.mark.parametrize("trouble", [{"do": "drop_after"}, {"do": "drop_before"}, {"do": "status", "status": 502}])
def test_an_upload_of_which_nobody_knows_whether_it_was_heard_is_repeated(
    desk: Desk, alice: Shopper, trouble: dict[str, Any]
) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    desk.fault({"match": "upload_shipping_info", **trouble, "times": 2})
    desk.send(alice, order_id)
    for _ in range(4):
        desk.upload_due(minutes=5)
    assert desk.upload(order_id).state is DONE
    told = desk.at_wechat(order_id)
    assert (told["order_state"], told["shipping"]["finish_shipping_count"]) == (PlatformState.SHIPPED, 1)


def test_an_upload_that_was_accepted_while_the_process_died_is_no_second_one(
    stack: Stack, desk: Desk, alice: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    desk.send(alice, order_id)

    def dies(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(type(stack.shop.fulfilment.uploading._uploads), "told", dies)
        with pytest.raises(SystemExit):
            desk.upload_due()
    assert desk.upload(order_id).state is WAITING
    desk.upload_due(minutes=1)
    assert desk.upload(order_id).state is DONE
    assert desk.at_wechat(order_id)["shipping"]["finish_shipping_count"] == 1


@pytest.mark.parametrize("errcode", [10060002, 10060023])
def test_what_wechat_knows_already_is_done(desk: Desk, alice: Shopper, errcode: int) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    desk.fault({"match": "upload_shipping_info", "do": "errcode", "errcode": errcode})
    desk.send(alice, order_id)
    desk.upload_due()
    assert desk.upload(order_id).state is DONE


@pytest.mark.parametrize("errcode", [10060003, 10060004, 10060031, 10060014, 48001, 123456])
def test_what_repetition_does_not_mend_is_put_before_staff_and_never_forgotten(
    stack: Stack, desk: Desk, alice: Shopper, alarms: list[str], errcode: int
) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    desk.fault({"match": "upload_shipping_info", "do": "errcode", "errcode": errcode, "times": 2})
    desk.send(alice, order_id)
    desk.upload_due()
    (shown,) = desk.sam.get("/staff/shipping-uploads")["items"]
    assert (shown["order_id"], shown["state"], shown["errcode"], shown["tries"]) == (order_id, "STAFF", errcode, 1)
    assert alarms == ["shipping_stuck"]
    assert due_at(UploadRow, order_id) == ("shipping-stuck", stack.clock() + timedelta(days=1))
    desk.upload_due(hours=23)
    assert alarms == ["shipping_stuck"]
    desk.upload_due(hours=1)
    assert alarms == ["shipping_stuck"] * 2, "each day again"
    assert desk.sam.post(f"/staff/shipping-uploads/{order_id}/retry")["state"] == "WAITING"
    desk.upload_due()
    assert desk.upload(order_id).state is DONE
    assert desk.sam.get("/staff/shipping-uploads")["items"] == []
    assert desk.sam.post(f"/staff/shipping-uploads/{order_id}/retry")["state"] == "DONE"


def test_what_fails_for_days_is_told_of(desk: Desk, alice: Shopper, alarms: list[str]) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    desk.fault({"match": "upload_shipping_info", "do": "errcode", "errcode": -1, "times": 99})
    desk.send(alice, order_id)
    desk.upload_due(hours=48)
    assert alarms == []
    desk.upload_due(hours=1)
    assert alarms == ["shipping_late"]
    assert desk.upload(order_id).state is WAITING


def test_an_order_whose_money_went_back_needs_no_upload(stack: Stack, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    desk.send(alice, order_id)
    store = stack.shop.orders.store
    order = store.get(alice.member_id, order_id)
    commit(store.becomes(order, moved(order, stack.clock(), Actor.STAFF, "全额退款", refunded=order.payable)))
    desk.upload_due()
    assert desk.upload(order_id).state is DONE
    assert "shipping" not in desk.at_wechat(order_id)


def test_an_order_that_was_refunded_in_wechats_console_needs_no_upload(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    order = stack.shop.orders.get(alice.member_id, order_id)
    from chalicelib.wechat.pay_types import Refund

    stack.shop.payments.wechat.refund(
        Refund("CONSOLE-1", order.trade_no or "", order.payable, order.payable, "", stack.shop.settings.public_url)
    )
    desk.send(alice, order_id)
    desk.upload_due()
    assert desk.at_wechat(order_id)["order_state"] == PlatformState.REFUNDED
    assert desk.upload(order_id).state is DONE


def test_a_correction_reaches_wechat(desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    parcel_id = desk.send(alice, order_id)["parcel"]["parcel_id"]
    desk.upload_due()
    right = {"carrier": "SF", "tracking_no": "SF0001"}
    desk.sam._expect(desk.sam.send("PUT", f"{desk.path(alice, order_id)}/parcels/{parcel_id}", right))
    desk.upload_due()
    told = desk.at_wechat(order_id)["shipping"]
    assert ([each["tracking_no"] for each in told["shipping_list"]], told["finish_shipping_count"]) == (["SF0001"], 2)


def test_an_order_that_a_friend_paid_by_its_code_is_told_as_the_friends(
    stack: Stack, desk: Desk, alice: Shopper
) -> None:
    order_id = alice.order(("tea-01", 1))["order_id"]
    code_url = alice.post(f"/orders/{order_id}/payment/native")["code_url"]
    paid = stack.control("POST", "native/pay", {"code_url": code_url, "shopper": "bert"})
    assert paid["callback_status"] == 200
    stack.drain(1)
    desk.send(alice, order_id)
    desk.upload_due()
    assert desk.at_wechat(order_id)["order_state"] == PlatformState.SHIPPED
    assert desk.upload(order_id).state is DONE


def test_more_to_tell_while_wechat_is_being_told_is_told_too(
    stack: Stack, desk: Desk, alice: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = desk.bought(alice, ("tea-01", 2))
    desk.send(alice, order_id, ("tea-01", 1))
    shipping = stack.shop.fulfilment.uploading._shipping
    genuine = shipping.upload

    def meanwhile(upload: Any) -> None:
        genuine(upload)
        monkeypatch.undo()
        desk.send(alice, order_id)

    monkeypatch.setattr(shipping, "upload", meanwhile)
    desk.upload_due()
    assert desk.upload(order_id).state is WAITING
    desk.upload_due(minutes=1)
    assert desk.upload(order_id).state is DONE
    assert len(desk.at_wechat(order_id)["shipping"]["shipping_list"]) == 2


def test_one_order_that_cannot_be_told_leaves_the_others_unharmed(
    stack: Stack, desk: Desk, alice: Shopper, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [desk.bought(alice, ("tea-01", 1)) for _ in range(3)]
    for order_id in orders:
        desk.send(alice, order_id)
    uploading = stack.shop.fulfilment.uploading
    genuine = type(uploading).upload

    def stumbling(self: Any, order_id: str, now: Any) -> None:
        if order_id == orders[1]:
            raise RuntimeError("broken row")
        genuine(self, order_id, now)

    with monkeypatch.context() as patch:
        patch.setattr(type(uploading), "upload", stumbling)
        assert desk.upload_due() == 2
    assert alarms == ["shipping_failed"]
    assert desk.upload_due(minutes=3) == 1
    assert {desk.upload(order_id).state for order_id in orders} == {DONE}


def test_there_is_no_upload_of_an_order_that_was_not_sent(stack: Stack, desk: Desk, alice: Shopper) -> None:
    order_id = desk.bought(alice, ("tea-01", 1))
    with pytest.raises(UploadNotFound):
        desk.upload(order_id)

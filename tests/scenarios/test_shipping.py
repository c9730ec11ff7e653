"""What the famous malls get wrong, and this shop must not: deliveries that WeChat never hears of."""

from typing import Any

import pytest

from chalicelib.fulfilment.rules import Consignment, UploadState, Way
from chalicelib.kernel.staff import StaffRole
from chalicelib.wechat.shipping import PlatformState
from tests.shop import Shopper, Stack

TRIES: dict[str, dict[str, Any]] = {
    "lost before it was heard": {"do": "drop_before"},
    "lost after it was heard": {"do": "drop_after"},
    "an error of the gateway": {"do": "status", "status": 502},
    **{f"errcode {code}": {"do": "errcode", "errcode": code} for code in (10060001, 10060012, 10060019, -1, 268485216)},
}
FOR_STAFF = (10060003, 10060004, 10060031, 10060005, 10060014, 48001)


def paid(stack: Stack, shopper: Shopper, pieces: int = 1) -> str:
    order_id = str(shopper.buy(("tea-01", pieces))["order_id"])
    stack.drain(1)
    return order_id


def send(stack: Stack, shopper: Shopper, order_id: str, number: str, pieces: int) -> None:
    asked = Consignment(Way.EXPRESS, "SF", number, {"tea-01": pieces})
    stack.shop.fulfilment.sending.send(shopper.member_id, order_id, asked, f"key-{number}", "staff", stack.clock())


def told(stack: Stack, shopper: Shopper, order_id: str) -> Any:
    """The order, as WeChat's get_order shows it."""
    app, settings = stack.shop.mini_program, stack.shop.settings
    trade_no = stack.shop.orders.get(shopper.member_id, order_id).trade_no
    named = {"merchant_id": settings.wechat_mchid, "merchant_trade_no": trade_no}
    return app.post("wxa/sec/order/get_order", named)["order"]


def passes(stack: Stack, minutes: int) -> None:
    """The schedule, minute by minute."""
    for _ in range(minutes):
        stack.clock.forward(minutes=1)
        stack.shop.fulfilment.uploading.upload_due(stack.clock())


@pytest.mark.parametrize("trouble", TRIES)
def test_19_an_upload_that_fails_is_repeated_until_wechat_has_it(stack: Stack, trouble: str) -> None:
    alice = stack.shopper("alice")
    order_id = paid(stack, alice)
    stack.control("POST", "faults", [{"match": "upload_shipping_info", "times": 3, **TRIES[trouble]}])
    stack.ship(alice.member_id, order_id)
    passes(stack, 20)
    order = told(stack, alice, order_id)
    assert (order["order_state"], order["shipping"]["finish_shipping_count"]) == (PlatformState.SHIPPED, 1)
    assert stack.shop.fulfilment.uploading._uploads.get(order_id).state is UploadState.DONE


@pytest.mark.parametrize("errcode", FOR_STAFF)
def test_19_an_upload_that_cannot_succeed_stays_before_staff_until_it_does(stack: Stack, errcode: int) -> None:
    alice, sam = stack.shopper("alice"), stack.staff(StaffRole.FULFILMENT)
    order_id = paid(stack, alice)
    stack.control(
        "POST", "faults", [{"match": "upload_shipping_info", "do": "errcode", "errcode": errcode, "times": 2}]
    )
    stack.ship(alice.member_id, order_id)
    passes(stack, 30)
    (item,) = sam.get("/staff/shipping-uploads")["items"]
    assert (item["order_id"], item["errcode"], item["tries"]) == (order_id, errcode, 1)
    sam.post(f"/staff/shipping-uploads/{order_id}/retry")
    passes(stack, 1)
    assert [each["order_id"] for each in sam.get("/staff/shipping-uploads")["items"]] == [order_id]
    sam.post(f"/staff/shipping-uploads/{order_id}/retry")
    passes(stack, 1)
    assert sam.get("/staff/shipping-uploads")["items"] == []
    assert told(stack, alice, order_id)["order_state"] == PlatformState.SHIPPED


def test_19_a_process_that_dies_between_shipping_and_upload_leaves_it_due(stack: Stack) -> None:
    """The upload is written with the parcel: whoever comes next finds it."""
    alice = stack.shopper("alice")
    order_id = paid(stack, alice)
    stack.ship(alice.member_id, order_id)
    assert "shipping" not in told(stack, alice, order_id)
    passes(stack, 1)
    assert told(stack, alice, order_id)["order_state"] == PlatformState.SHIPPED


def test_19_a_split_delivery_is_complete_at_wechat_with_its_last_parcel_whatever_fails(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = paid(stack, alice, pieces=3)
    faults: list[dict[str, Any]] = [
        {"match": "upload_shipping_info", "times": 1, **trouble} for trouble in TRIES.values()
    ]
    for n in (1, 2, 3):
        stack.control("POST", "faults", faults[2 * n - 2 : 2 * n])
        send(stack, alice, order_id, f"SF000{n}", 1)
        passes(stack, 10)
        order = told(stack, alice, order_id)
        assert order["order_state"] == (PlatformState.SHIPPED if n == 3 else PlatformState.TO_SHIP)
        assert [each["tracking_no"] for each in order["shipping"]["shipping_list"]] == [
            f"SF000{k}" for k in range(1, n + 1)
        ]
    assert told(stack, alice, order_id)["shipping"]["finish_shipping_count"] == 1

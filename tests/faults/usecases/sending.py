"""Goods that leave the shop: parcels, pickup, receipt, and what WeChat is told."""

from __future__ import annotations

from typing import Any

from tests.faults.driver import settle
from tests.faults.people import Client
from tests.faults.usecases.shared import expect, use_case
from tests.faults.world import World

SF = {"way": "EXPRESS", "carrier": "SF", "tracking_no": "SF1234567890123"}


def send(world: World, who: Client, order: str, parcel: dict[str, Any]) -> Any:
    return world.member("staff").post(f"/staff/orders/{who.member_id}/{order}/parcels", parcel, key=True)


def signed_for(world: World, *numbers: str) -> None:
    for number in numbers or (SF["tracking_no"],):
        world.control("POST", f"parcels/{number}", {"com": "shunfeng", "state": "3", "context": "已签收"})


@use_case
def an_order_is_sent(world: World) -> None:
    """Nobody says anything: it counts as received, and in the end it is over."""
    alice = world.member("alice")
    order = alice.buy(("tea-01", 1), ("cup-01", 2))
    settle(world, minutes=20)
    send(world, alice, order, SF)
    settle(world, hours=5)
    signed_for(world)
    settle(world, days=30)
    expect(alice.see(order), state="COMPLETED")
    assert alice.get("/points")["balance"] > 0


@use_case
def an_order_in_two_parcels(world: World) -> None:
    """The shopper asks for more time, and confirms."""
    alice = world.member("alice")
    order = alice.buy(("tea-01", 1), ("cup-01", 2))
    settle(world, minutes=20)
    send(world, alice, order, SF | {"lines": [{"sku_id": "cup-01", "quantity": 1}]})
    settle(world, hours=3)
    send(world, alice, order, SF | {"tracking_no": "SF1234567890999"})
    settle(world, hours=3)
    signed_for(world, SF["tracking_no"], "SF1234567890999")
    alice.post(f"/orders/{order}/receipt/extension")
    alice.post(f"/orders/{order}/receipt")
    settle(world)
    expect(alice.see(order), state="COMPLETED")


@use_case
def a_wrong_tracking_number(world: World) -> None:
    alice, staff = world.member("alice"), world.member("staff")
    order = alice.buy(("tea-01", 1))
    settle(world, minutes=20)
    parcel = send(world, alice, order, SF)["parcel"]["parcel_id"]
    settle(world, minutes=5)
    right = {"carrier": "SF", "tracking_no": "SF1234567890777"}
    staff.ask("PUT", f"/staff/orders/{alice.member_id}/{order}/parcels/{parcel}", right)
    signed_for(world, "SF1234567890777")
    settle(world)
    expect(alice.see(order), state="SHIPPED")


@use_case
def wechat_refuses_an_upload(world: World) -> None:
    """It does not know the payment yet; later it wants people to look; and people ask for one more try."""
    alice, staff = world.member("alice"), world.member("staff")
    order = alice.buy(("tea-01", 1))
    settle(world, minutes=20)
    refusals = [{"do": "errcode", "errcode": code, "match": "upload_shipping_info"} for code in (10060001, 10060003)]
    world.control("POST", "faults", refusals)
    send(world, alice, order, SF)
    settle(world, hours=2)
    staff.post(f"/staff/shipping-uploads/{order}/retry")
    signed_for(world)
    settle(world)


@use_case
def an_order_is_fetched(world: World) -> None:
    alice, staff = world.member("alice"), world.member("staff")
    order = alice.order(("tea-01", 1), address_id=None, pickup_point_id="shop")
    alice.pay(order)
    settle(world, minutes=20)
    code = alice.see(order)["pickup"]["code"]
    staff.post(f"/staff/pickups/{code}")
    settle(world, days=20)
    expect(alice.see(order), state="COMPLETED")


@use_case
def receipt_is_confirmed_at_wechat(world: World) -> None:
    """The shopper confirms in WeChat's own page, which tells the shop by a push."""
    alice = world.member("alice")
    order = alice.buy(("tea-01", 1))
    settle(world, minutes=20)
    send(world, alice, order, SF)
    settle(world, hours=2)
    signed_for(world)
    trades = [trade["out_trade_no"] for trade in world.control("GET", "payments")]
    world.control("POST", f"shipping/{trades[0]}/confirm", {})
    settle(world, days=12)
    expect(alice.see(order), state="COMPLETED")

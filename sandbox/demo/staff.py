"""Chapters: the merchant's people, and how goods leave the shop."""

from __future__ import annotations

from typing import Any

from sandbox.demo.shopper import HOME, Shopper, new_key
from sandbox.demo.stage import Stage, yuan
from sandbox.local.place import OWNER

ROLES = ["FINANCE", "FULFILMENT", "SERVICE"]
OIL, KNIFE, TOWEL = "oil-01", "knife-01", "towel-01"
SPLIT = 2
"""WeChat's delivery_mode of an order that goes out in several parcels."""


def clerk_of(stage: Stage) -> Shopper:
    """The clerk of this run, logged in."""
    clerk = Shopper(stage, "小秦", f"clerk-{stage.run}")
    clerk.log_in()
    return clerk


def owner_of(stage: Stage) -> Shopper:
    owner = Shopper(stage, "店主", OWNER)
    owner.log_in()
    return owner


def appointed(stage: Stage, ming: Shopper) -> None:
    """The owner appoints a clerk"""
    clerk, owner = clerk_of(stage), owner_of(stage)
    clerk.ask("PATCH", "/me", {"nickname": clerk.name})
    stage.expect("what the owner may do", ["OWNER"], owner.ask("GET", "/me")["roles"])
    clerk.is_refused("STAFF_ONLY", "GET", "/staff/orders/to-ship")
    person = owner.ask("PUT", f"/staff/people/{clerk.member_id}", {"roles": ROLES})
    stage.expect("what the clerk may do", ROLES, person["roles"])
    clerk.ask("GET", "/staff/orders/to-ship")
    clerk.is_refused("STAFF_ONLY", "PUT", f"/staff/people/{ming.member_id}", {"roles": ["OWNER"]})
    stage.tell(f"{owner.name}, who is named in the settings, lets {clerk.name} ship, serve and see the money")
    stage.tell(f"{clerk.name} cannot appoint anybody; {ming.name} stays a shopper")


def ships(clerk: Shopper, ming: Shopper, order: Any, carrier: str, *lines: tuple[str, int]) -> Any:
    """A parcel of these lines, or of all that is to be sent; what the shop says of it."""
    number = f"{carrier}{clerk.stage.run}{order['order_id'][-6:]}{len(lines)}"
    wanted = [{"sku_id": sku_id, "quantity": pieces} for sku_id, pieces in lines]
    parcel = {"way": "EXPRESS", "carrier": carrier, "tracking_no": number, "lines": wanted}
    path, key = f"/staff/orders/{ming.member_id}/{order['order_id']}/parcels", new_key()
    sent, again = (clerk.ask("POST", path, parcel, Idempotency_Key=key) for _ in range(2))
    clerk.stage.expect("the parcel of the second tap", sent["parcel"]["parcel_id"], again["parcel"]["parcel_id"])
    return sent


def parcels(stage: Stage, ming: Shopper) -> None:
    """An order goes out in two parcels"""
    clerk = clerk_of(stage)
    order = ming.orders(ming.wish((OIL, 1), (KNIFE, 1)))
    number = ming.pays(order)["out_trade_no"]
    stage.wait_until(
        "the order waits to be sent",
        lambda: _waiting(clerk),
        lambda waiting: order["order_id"] in waiting,
    )
    first = ships(clerk, ming, order, "SF", (OIL, 1))
    stage.expect("after the first parcel", ("PAID", {KNIFE: 1}), (first["state"], first["to_send"]))
    stage.let_pass(minutes=2)
    told = _told(stage, number, parcels=1)
    stage.expect("as WeChat knows it", (SPLIT, False), (told["delivery_mode"], told["finish_shipping"]))
    stage.tell(f"{clerk.name} sends the oil by SF. WeChat is told: one parcel of several, {told['goods_desc']}")
    second = ships(clerk, ming, order, "YTO")
    stage.expect("after the second", ("SHIPPED", {}), (second["state"], second["to_send"]))
    scan = {"com": "shunfeng", "state": "0", "context": "【深圳市】快件已到达南山营业点", "phone": HOME["phone"]}
    stage.wechat("POST", f"parcels/{first['parcel']['tracking_no']}", scan)
    stage.let_pass(hours=3)
    stage.expect("as WeChat knows it", (SPLIT, True), _mode(_told(stage, number, parcels=2)))
    seen = stage.wait_until(
        "the courier's scan reaches the shopper",
        lambda: ming.ask("GET", f"/orders/{order['order_id']}/parcels")["items"],
        lambda items: items[0]["tracking"] == "UNDER_WAY",
    )
    stage.tell(f"The knife follows, WeChat knows both. {seen[0]['carrier_name']}: {seen[0]['scans'][0]['text']}")
    _received(stage, ming, order, number)


def _told(stage: Stage, number: str, *, parcels: int) -> Any:
    """What WeChat was told of the order's delivery, as soon as it is so many parcels."""
    key = {"merchant_id": stage.place.credentials().mchid, "merchant_trade_no": number}
    shipping = stage.wait_until(
        "WeChat is told of the delivery",
        lambda: stage.platform("/wxa/sec/order/get_order", key)["order"].get("shipping", {}),
        lambda told: len(told.get("shipping_list", [])) == parcels,
    )
    return {**shipping, "goods_desc": shipping["shipping_list"][0]["goods_desc"]}


def _mode(told: Any) -> tuple[int, bool]:
    return told["delivery_mode"], told["finish_shipping"]


def _received(stage: Stage, ming: Shopper, order: Any, number: str) -> None:
    path = f"/orders/{order['order_id']}/receipt/extension"
    before, longer = ming.order(order), ming.ask("POST", path)
    stage.expect("the time was made longer", True, longer["extended"] and longer["receive_by"] > before["receive_by"])
    ming.is_refused("RECEIPT_EXTENDED", "POST", path)
    stage.tell(f"{ming.name} is travelling and takes longer to confirm, which he may once")
    confirmed = stage.wechat("POST", f"shipping/{number}/confirm")
    stage.expect("the shop's answer to the settlement", 200, confirmed["push_status"])
    done = ming.sees(order, "COMPLETED")
    stage.tell(f"He confirms the receipt in WeChat's own page, which tells the shop: {done['timeline'][-1]['why']}")


def pickup(stage: Stage, ming: Shopper) -> None:
    """Fetched at the shop's door, against a code"""
    clerk = clerk_of(stage)
    (point,) = ming.ask("GET", "/pickup-points")["items"]
    wish = {"lines": [{"sku_id": TOWEL, "quantity": 1}], "pickup_point_id": point["point_id"]}
    order = ming.orders(wish)
    stage.expect("no freight, and no code before the payment", (0, None), (order["freight"], order["pickup"]["code"]))
    ming.pays(order)
    code = ming.sees(order, "PAID")["pickup"]["code"]
    stage.tell(f"{ming.name} orders for {point['name']}, pays {yuan(order['payable'])} and gets a code of 12 digits")
    ming.is_refused("STAFF_ONLY", "POST", f"/staff/pickups/{code}")
    shown = clerk.ask("GET", f"/staff/pickups/{code}")
    stage.expect("what is to be handed over", {TOWEL: 1}, shown["to_hand_over"])
    handed = clerk.ask("POST", f"/staff/pickups/{code}")
    stage.expect("the order after it", "COMPLETED", handed["state"])
    clerk.is_refused("PICKUP_CODE_USED", "POST", f"/staff/pickups/{code}")
    ming.sees(order, "COMPLETED")
    stage.tell(f"{clerk.name} hands over {shown['lines'][0]['title']}; the same code again: PICKUP_CODE_USED")


def dismissed(stage: Stage, ming: Shopper) -> None:
    """The clerk leaves"""
    clerk, owner = clerk_of(stage), owner_of(stage)
    owner.ask("PUT", f"/staff/people/{clerk.member_id}", {"roles": []})
    clerk.is_refused("STAFF_ONLY", "GET", f"/staff/orders/{ming.member_id}/{next(iter(ming.expected))}")
    stage.tell(f"{clerk.name}'s very next request is refused; who let whom do what stays on record")


def _waiting(clerk: Shopper) -> list[str]:
    """All that is to be sent, page by page."""
    found, cursor = [], ""
    while True:
        page = clerk.ask("GET", f"/staff/orders/to-ship?limit=50{cursor}")
        found += [each["order_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"

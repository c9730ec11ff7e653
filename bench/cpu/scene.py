"""Forty guests of the demo shop, with what their operations need: addresses, carts, orders, teams, bargains."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bench.cpu.stage import Stage
from bench.gateway import Gateway, Request
from chalicelib.campaigns.bargain import BargainConfig
from chalicelib.campaigns.base import Activity
from chalicelib.campaigns.groupbuy import GroupBuyConfig
from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from sandbox.demo.shopper import HOME

GUESTS = 40
LINES: tuple[dict[str, Any], ...] = ({"sku_id": "nuts-02", "quantity": 1}, {"sku_id": "longjing-01", "quantity": 2})
THIRD = {"sku_id": "mango-02", "quantity": 1}
TEAM_LINE: dict[str, Any] = {"sku_id": "biluochun-01", "quantity": 1}
COUPON = "five-off"
PLENTY = 100_000


@dataclass
class Guest:
    """`order_id` is the last one placed, `sheet` the payment sheet that was opened for it."""

    name: str
    token: str
    member_id: str
    address_id: str = ""
    coupon_id: str = ""
    order_id: str = ""
    sheet: dict[str, str] = field(default_factory=dict)

    def asks(self, method: str, path: str, body: Any = None, **headers: str) -> Request:
        text = None if body is None else json.dumps(body)
        return Request(method, path, text, {"Authorization": f"Bearer {self.token}", **headers})

    def orders(self, key: str, *lines: Mapping[str, Any], **more: Any) -> Request:
        """Places an order of these lines, or of the cart."""
        wish = {"lines": lines, "address_id": self.address_id, **more}
        return self.asks("POST", "/orders", wish, **{"Idempotency-Key": key})


class Scene:
    def __init__(self, stage: Stage, gateway: Gateway) -> None:
        self.stage, self.shop = stage, stage.shop
        self._gateway = gateway
        self._numbers = itertools.count(1)
        terms = Terms(CouponKind.AMOUNT, "满59减5", 500, threshold=5900)
        self.shop.coupons.put_template(CouponTemplate(COUPON, terms, PLENTY, per_member=1000, valid_days=300))
        for line in (*LINES, THIRD, TEAM_LINE):
            self.shop.stock.add(line["sku_id"], PLENTY)
        self.leader = self.someone()
        self.guests = [self.someone() for _ in range(GUESTS)]
        for guest in self.guests:
            guest.coupon_id = self.coupon(guest)
            for line in LINES:
                self.shop.cart.add(guest.member_id, line["sku_id"], line["quantity"])
        self.campaign: dict[str, str] = {}
        self.launch_id = ""

    def ask(self, request: Request) -> Any:
        answer = self._gateway.send(request)
        if answer.status >= 300:
            raise RuntimeError(f"{request.method} {request.path}: {answer.status} {answer.body}")
        return answer.json()

    def key(self) -> str:
        return f"key-{next(self._numbers):08d}"

    def someone(self) -> Guest:
        """A member with an address."""
        name = f"guest-{next(self._numbers)}"
        found = self.ask(Request("POST", "/login", json.dumps({"code": f"demo-{name}"})))
        guest = Guest(name, found["token"], found["member"]["member_id"])
        guest.address_id = self.ask(guest.asks("POST", "/addresses", HOME))["address_id"]
        return guest

    def coupon(self, guest: Guest) -> str:
        return str(self.shop.coupons.grant(guest.member_id, COUPON).coupon_id)

    def without_cart(self, guest: Guest) -> None:
        self.shop.cart.clear(guest.member_id)

    def place(self, guest: Guest, *lines: Mapping[str, Any], **more: Any) -> None:
        guest.order_id = self.ask(guest.orders(self.key(), *(lines or LINES), **more))["order_id"]

    def begin(self, guest: Guest) -> None:
        guest.sheet = self.ask(guest.asks("POST", f"/orders/{guest.order_id}/payment"))

    def new_teams(self) -> None:
        """A group-buying activity that nobody has a team in: a member has one seat at a time."""
        name, now = f"team-{next(self._numbers)}", self.shop.clock()
        config = GroupBuyConfig(team_size=100)
        prices, end = {TEAM_LINE["sku_id"]: 6000}, now + timedelta(days=1)
        self.shop.campaigns.activities.put(Activity(name, "groupbuy", "biluochun", "百人团", now, end, prices, config))
        self.campaign = {"kind": "groupbuy", "activity_id": name}

    def open_team(self) -> None:
        """A team of a hundred with one member so far; the others may join it."""
        self.new_teams()
        self.place(self.leader, TEAM_LINE, campaign=self.campaign)
        self.begin(self.leader)
        self._gateway.send(self.stage.pay(self.leader.sheet))
        self.shop.effects.run(self.leader.member_id, self.leader.order_id, self.shop.clock())
        self.campaign["group_id"] = self.leader.order_id

    def launch(self) -> None:
        """A bargain that all may cut."""
        name, now = f"bargain-{next(self._numbers)}", self.shop.clock()
        config = BargainConfig(26800, 9900, cuts_to_floor=200, stock=PLENTY, daily_cuts=1000, seconds_between_cuts=0)
        end = now + timedelta(days=1)
        self.shop.campaigns.activities.put(
            Activity(name, "bargain", "wok", "砍到99元", now, end, {"wok-01": 26800}, config)
        )
        body = {"activity_id": name}
        self.launch_id = self.ask(self.leader.asks("POST", "/bargain/launches", body))["launch_id"]

"""Who goes through the demo shop, and what they do before the visits that are measured."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.campaigns.base import Choice
from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from chalicelib.identity import Session
from chalicelib.identity.rules import request_signature
from chalicelib.kernel.clock import epoch
from chalicelib.orders.wanted import Wanted
from chalicelib.payments.rules import refund_number, trade_number
from chalicelib.pickup import PickupPoint
from functions.aftersales import move_cases_on
from functions.campaigns import move_groups_on
from functions.coupons import expire_coupons, remind_of_coupons
from functions.fulfilment import retry_refused_uploads, track_parcels, upload_shipping
from functions.orders import (
    advance_refunds,
    alarm_unsent,
    close_unpaid,
    finish_effects,
    finish_orders,
    receive_orders,
)
from functions.streams import on_order_change
from sandbox.demo.shopper import HOME
from sandbox.local.seed import BARGAIN, TEAM
from sandbox.local.worker import schedule_event
from tests.shop import Shopper, Stack

Act = Callable[[], object]
Seen = TypeVar("Seen")
JOBS = (
    close_unpaid, advance_refunds, finish_effects, upload_shipping, retry_refused_uploads, track_parcels,
    move_groups_on, remind_of_coupons, expire_coupons, receive_orders, finish_orders, alarm_unsent, move_cases_on,
)  # fmt: skip
LINES = (("nuts-02", 1), ("longjing-01", 2))
CART = (*LINES, ("mango-02", 1))
TEAM_LINE, BARGAIN_LINE = ("longjing-01", 1), ("wok-01", 1)
FIVE_OFF, ONE_DAY = "five-off", "one-day"
ORDERS = 21


@dataclass(frozen=True)
class Visit:
    """One request, or one run of a function. `ready` sets the scene, unmeasured, and returns what is measured."""

    name: str
    case: str
    ready: Callable[[Tour], Act]


def into(visits: list[Visit]) -> Callable[..., Callable[[Callable[[Tour], Act]], Callable[[Tour], Act]]]:
    """A decorator `(name, case="")` that puts a visit into the list."""

    def visit(name: str, case: str = "") -> Callable[[Callable[[Tour], Act]], Callable[[Tour], Act]]:
        def declare(ready: Callable[[Tour], Act]) -> Callable[[Tour], Act]:
            visits.append(Visit(name, case, ready))
            return ready

        return declare

    return visit


class Tour:
    """`alice` has been here for long: three addresses, coupons, a cart of three lines, a page of orders and one more,
    a place in a team, a bargain.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack, self.shop = stack, stack.shop
        self._numbers = itertools.count(1)
        # Callbacks of refunds come in their own time; here they come when they are asked for.
        self.stack.control("POST", "faults", [{"match": "callback:REFUND", "do": "lose", "times": None}])
        terms = Terms(CouponKind.AMOUNT, "满59减5", 500, threshold=5900)
        self.shop.coupons.put_template(CouponTemplate(FIVE_OFF, terms, 10000, per_member=1000, valid_days=300))
        self.alice = self.someone()
        for _ in range(2):
            self.alice.post("/addresses", HOME)
            self.coupon(self.alice)
        self.in_cart(*CART)
        for _ in range(ORDERS):
            self.place(self.alice)
        self.ids = {
            "order_id": self.place(self.alice),
            "team_id": self.open_team(self.alice),
            "launch_id": self.launch(self.alice),
            "address_id": self.alice.address(),
            "product_id": "longjing",
            "sku_id": "mango-02",
            "activity_id": TEAM,
        }

    def number(self) -> int:
        return next(self._numbers)

    def someone(self) -> Shopper:
        """A new member with an address."""
        shopper = self.stack.shopper(f"guest-{self.number()}")
        shopper.address()
        return shopper

    def key(self) -> str:
        return f"key-{self.number():08d}"

    def session(self, shopper: Shopper) -> Session:
        return self.shop.identity.authenticate(shopper.token)

    def agrees_to(self, shopper: Shopper, kind: str) -> Shopper:
        """Taps 允许 on one message."""
        template_id, openid = f"tmpl_{kind}", self.session(shopper).openid
        self.stack.control("POST", "consents", {"openid": openid, "template_id": template_id, "count": 1})
        shopper.post("/subscriptions", {"results": {template_id: "accept"}})
        return shopper

    def coupon(self, shopper: Shopper, template_id: str = FIVE_OFF) -> str:
        return self.shop.coupons.grant(shopper.member_id, template_id).coupon_id

    def points(self, shopper: Shopper, points: int) -> None:
        self.shop.points.adjust(shopper.member_id, points, "活动赠送", "the-owner", self.key(), self.stack.clock())

    def in_cart(self, *lines: tuple[str, int]) -> None:
        """These and no others, in alice's cart."""
        self.shop.cart.clear(self.alice.member_id)
        for sku_id, pieces in lines:
            self.shop.cart.add(self.alice.member_id, sku_id, pieces)

    def place(self, shopper: Shopper, *lines: tuple[str, int], **more: Any) -> str:
        """An order of these lines, or of the usual two; its id."""
        wanted = Wanted(lines=lines or LINES, address_id=shopper.address(), **more)
        placed = self.shop.orders.placing.place(self.session(shopper), wanted, self.key(), self.stack.clock())
        return placed.order_id

    def sheet(self, shopper: Shopper, *lines: tuple[str, int], **more: Any) -> tuple[str, dict[str, str]]:
        """An order with its payment sheet open."""
        order_id = self.place(shopper, *lines, **more)
        return order_id, shopper.open_sheet(order_id)

    def bought(self, shopper: Shopper, *lines: tuple[str, int], **more: Any) -> str:
        """An order that is paid, its effects not yet begun."""
        order_id, sheet = self.sheet(shopper, *lines, **more)
        self.paid(shopper, order_id, sheet)
        return order_id

    def paid(self, shopper: Shopper, order_id: str, sheet: dict[str, str], answer: Any = 200) -> Any:
        """The shopper pays; the shop's callback gives this answer."""
        paid = shopper.pay(order_id, sheet)
        assert paid["callback_status"] == answer, paid
        return paid

    def to_send(self, shopper: Shopper, **more: Any) -> str:
        """A paid order of which the effects are done."""
        order_id = self.bought(shopper, **more)
        self.tell_stream(shopper, order_id)
        return order_id

    def delivered(self, shopper: Shopper) -> str:
        """An order that was sent and received."""
        order_id = self.to_send(shopper)
        self.stack.ship(shopper.member_id, order_id)
        shopper.post(f"/orders/{order_id}/receipt")
        return order_id

    def wanted(self, kind: str) -> dict[str, Any]:
        """A case about one piece: of what was not sent if it is of money alone, else of what was."""
        sent = kind != "REFUND"
        lines = [{"sku_id": LINES[0][0], "quantity": 1}]
        return {"kind": kind, "reason": "QUALITY" if sent else "CHANGED_MIND", "lines": lines, "sent": sent}

    def applied(self, shopper: Shopper, kind: str) -> str:
        """A case of a new order that waits for the shop; its id."""
        order_id = self.to_send(shopper) if kind == "REFUND" else self.delivered(shopper)
        path, key = f"/orders/{order_id}/aftersales", {"Idempotency-Key": self.key()}
        return str(shopper.post(path, self.wanted(kind), **key)["case_id"])

    def fetched(self, shopper: Shopper) -> str:
        """The code of a paid order that is fetched."""
        point = PickupPoint("bench", "自提点", "科技园1号", "0755-1234567", "9:00-21:00")
        self.shop.pickups.put_point(point)
        wish = shopper.wish(*LINES, address_id=None, pickup_point_id=point.point_id)
        order_id = shopper.post("/orders", wish, **{"Idempotency-Key": self.key()})["order_id"]
        self.paid(shopper, order_id, shopper.open_sheet(order_id))
        self.tell_stream(shopper, order_id)
        return str(shopper.get(f"/orders/{order_id}")["pickup"]["code"])

    def signature(self, method: str, path: str, body: Any) -> dict[str, str]:
        """Headers that sign one request of alice's."""
        timestamp, nonce = str(epoch(self.stack.clock())), f"nonce-{self.number():016d}"
        key, text = self.alice.signing_key, json.dumps(body).encode()
        signature = request_signature(key, method, path, timestamp, nonce, text)
        return {"X-Timestamp": timestamp, "X-Nonce": nonce, "X-Signature": signature}

    def lose_callback(self) -> None:
        self.stack.control("POST", "faults", [{"match": "callback:TRANSACTION", "do": "lose"}])

    def send_callback(self, callback_id: str) -> None:
        """WeChat calls the shop once more, or for the first time if the callback was lost."""
        sent = self.stack.control("POST", f"callbacks/{callback_id}/send")
        assert sent["callback_results"] == [200], sent

    def refund(self) -> str:
        """A refund that WeChat has accepted and ended, and told us nothing of; the id of its callback."""
        shopper = self.someone()
        order_id = self.bought(shopper)
        self.owe(shopper, order_id)
        number = refund_number(trade_number(order_id, 1))
        self.shop.payments.refunding.advance(number, self.stack.clock())

        def lost() -> list[str]:
            callbacks = [each for each in self.stack.control("GET", "callbacks") if each["lost"]]
            return [str(each["id"]) for each in callbacks if each["plaintext"].get("out_refund_no") == number]

        return self.until(lost, "the sandbox has not ended the refund")[0]

    def until(self, look: Callable[[], Seen], otherwise: str) -> Seen:
        """What `look` sees as soon as it is something; WeChat does some things in its own time."""
        deadline = time.monotonic() + 10
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise TimeoutError(otherwise)
            time.sleep(0.02)
        return seen

    def owe(self, shopper: Shopper, order_id: str) -> None:
        now = self.stack.clock()
        self.shop.payments.refunding.refund_in_full(shopper.member_id, order_id, "bench", "测量", now)

    def open_team(self, shopper: Shopper) -> str:
        """A team that others may join."""
        return self.join(shopper, None)

    def join(self, shopper: Shopper, team_id: str | None) -> str:
        order_id = self.bought(shopper, TEAM_LINE, campaign=Choice("groupbuy", TEAM, team_id))
        self.tell_stream(shopper, order_id)
        return order_id

    def launch(self, shopper: Shopper) -> str:
        return self.shop.bargain.launch(BARGAIN, self.session(shopper), self.stack.clock()).launch_id

    def cut_to_floor(self, launch_id: str) -> None:
        while self.shop.bargain.show(launch_id)[0].people_left:
            self.shop.bargain.cut(launch_id, self.session(self.someone()), self.stack.clock())

    def tell_stream(self, shopper: Shopper, order_id: str) -> None:
        """The function that hears of changed orders hears of this one."""
        keys = {"member_id": {"S": shopper.member_id}, "order_id": {"S": order_id}}
        change = {
            "ApproximateCreationDateTime": self.stack.clock().timestamp(),
            "Keys": keys,
            "NewImage": keys,
            "SequenceNumber": "1",
            "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE",
        }
        record = {"eventID": "1", "eventName": "MODIFY", "awsRegion": "cn-north-1", "eventSourceARN": "local"}
        on_order_change({"Records": [{**record, "dynamodb": change}]}, None)

    def run(self, job: Any) -> int:
        return int(job(schedule_event(self.stack.clock()), None))

    def pass_time(self, **amount: float) -> None:
        """Time goes by, and everything that is due by then is done."""
        self.stack.clock.forward(**amount)
        while sum(map(self.run, JOBS)):
            pass

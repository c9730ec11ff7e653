"""A whole shop for tests: a real engine, the sandbox WeChat over HTTP, a clock that the test moves, and shoppers.

Fixtures are in conftest.py. What goes through HTTP goes through Chalice's own local gateway, and every answer is held
against the contract.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from chalicelib.campaigns.bargain import BargainConfig
from chalicelib.campaigns.base import Activity
from chalicelib.campaigns.groupbuy import GroupBuyConfig
from chalicelib.catalog import Category, Details, NewProduct, NewSku
from chalicelib.fulfilment.rules import Consignment, Way
from chalicelib.kernel.staff import StaffRole
from chalicelib.pricing.terms import FreightRule, FreightTemplate, FreightUnit
from chalicelib.settings import Settings
from chalicelib.shop import Shop
from sandbox.wechat import Credentials, SandboxWeChat

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}
_keys = itertools.count(1)


class TestClock:
    """Stands still unless told; the sandbox WeChat tells the same time."""

    __test__ = False

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)

    def advance(self, seconds: float) -> datetime:
        """As the sandbox WeChat moves it on request; it then does what has become due there."""
        self.forward(seconds=seconds)
        return self.now

    def offset(self) -> float:
        return (self.now - START).total_seconds()


def settings_for(credentials: Credentials, prefix: str, engine: str, wechat_url: str, api_url: str) -> Settings:
    return Settings(
        stage="test",
        table_prefix=prefix,
        region="cn-north-1",
        public_url=api_url,
        wechat_appid=credentials.appid,
        wechat_mchid=credentials.mchid,
        wechat_merchant_serial=credentials.merchant_serial,
        wechat_secret=credentials.secret,
        wechat_merchant_key=credentials.merchant_private_key,
        wechat_apiv3_key=credentials.apiv3_key,
        wechat_platform_keys={
            credentials.wechatpay_public_key_id: credentials.wechatpay_public_key,
            credentials.platform_serial: credentials.platform_certificate,
        },
        session_keys={"test": b"s" * 32},
        session_key_current="test",
        data_keys={"test": b"d" * 32},
        data_key_current="test",
        wechat_push_token=credentials.push_token,
        wechat_push_aes_key=credentials.encoding_aes_key,
        wechat_api_url=wechat_url,
        wechat_pay_url=wechat_url,
        kuaidi100_customer=credentials.kuaidi100_customer,
        kuaidi100_key=credentials.kuaidi100_key,
        kuaidi100_url=wechat_url,
        dynamodb_url=engine,
        sweep_workers=1,  # what happens is to follow from what is asked: tests of several say so
        requests_per_member=0,  # counting is by chance: tests of it say so
        message_templates={
            kind: f"tmpl_{kind}"
            for kind in ("coupon_expiring", "order_paid", "team_formed", "team_failed", "refund_done")
        },
    )


def stock_the_shelves(shop: Shop) -> None:
    """Two products, one category tree, one freight template; a team of three and a bargain."""
    shop.catalog.put_category(Category("food", "食品"))
    shop.catalog.put_category(Category("tea", "茗茶", "food"))
    everywhere = FreightRule(("",), first=1, first_fee=600, next=1, next_fee=100, free_from=9900)
    shop.promotions.put_freight_template(FreightTemplate("post", "快递", FreightUnit.PIECES, (everywhere,)))
    for product_id, title, price in (("tea", "龙井茶", 5000), ("cup", "白瓷杯", 3000)):
        skus = tuple(NewSku(f"{product_id}-{n:02d}", price * n, {"规格": f"{n}份"}, weight_g=100) for n in (1, 2))
        details = Details(images=("https://img.example.com/1.jpg",))
        shop.catalog.put_product(
            NewProduct(product_id, title, "tea", skus, details, tags=("新品",), freight_template_id="post")
        )
        for sku in skus:
            shop.stock.add(sku.sku_id, 100)
    put_team_activity(shop)
    put_bargain_activity(shop)


def put_team_activity(shop: Shop, activity_id: str = "team", **config: Any) -> None:
    config = {"team_size": 3, **config}
    now = shop.clock()
    shop.campaigns.activities.put(
        Activity(
            activity_id,
            "groupbuy",
            "tea",
            "三人团",
            now,
            now + timedelta(days=30),
            {"tea-01": 3900},
            GroupBuyConfig(**config),
        )
    )


def put_bargain_activity(shop: Shop, activity_id: str = "bargain", **config: Any) -> None:
    config = {"start_price": 3000, "floor_price": 900, "cuts_to_floor": 3, "stock": 10, **config}
    now = shop.clock()
    shop.campaigns.activities.put(
        Activity(
            activity_id,
            "bargain",
            "cup",
            "砍到9元",
            now,
            now + timedelta(days=30),
            {"cup-01": 3000},
            BargainConfig(**config),
        )
    )


@dataclass
class Stack:
    """A running shop. `drain` does what streams and schedules would, until nothing is due."""

    shop: Shop
    clock: TestClock
    wechat: SandboxWeChat
    wechat_url: str
    api_url: str
    check: Callable[[requests.Response], None] = field(default=lambda response: None)

    def shopper(self, name: str) -> Shopper:
        return Shopper(self, name).log_in()

    def staff(self, role: StaffRole) -> Shopper:
        """One of the merchant's people, with this role alone."""
        person = self.shopper(f"staff-{role.lower()}")
        self.shop.identity.appoint(person.member_id, {role}, by="the-owner")
        return person

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The sandbox WeChat's control API."""
        answer = requests.request(method, f"{self.wechat_url}/_sandbox/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def drain(self, rounds: int = 4) -> None:
        """Streams and schedules, a few times over, at the time that the clock shows."""
        for _ in range(rounds):
            for order in self.changed_orders():
                self.shop.effects.run(*order, self.clock())
            now = self.clock()
            self.shop.payments.closing.close_due(now)
            self.shop.payments.refunding.advance_due(now)
            self.shop.effects.run_due(now)
            self.shop.fulfilment.uploading.upload_due(now)
            self.shop.campaigns.sweep(now)
            self.shop.aftersales.deadlines.run(now)
            self.shop.orders.receiving.receive_due(now)
            self.shop.orders.receiving.finish_due(now)

    def changed_orders(self) -> list[tuple[str, str]]:
        """All orders: what the stream would have told of, by now. Tests have few orders and may scan."""
        from chalicelib.orders.rows import OrderRow

        return [(row.member_id, row.order_id) for row in OrderRow.scan()]

    def ship(self, member_id: str, order_id: str) -> None:
        """All that is to be sent leaves the shop."""
        asked = Consignment(Way.EXPRESS, "YTO", f"YT{order_id}")
        self.shop.fulfilment.sending.send(member_id, order_id, asked, f"ship-{order_id}", "the-owner", self.clock())

    def stock(self, sku_id: str) -> int:
        return self.shop.stock.levels([sku_id])[sku_id]


@dataclass
class Shopper:
    """One member, over HTTP."""

    stack: Stack
    name: str
    token: str = ""
    signing_key: str = ""
    member_id: str = ""
    address_id: str | None = None

    def log_in(self) -> Shopper:
        answer = self.post("/login", {"code": f"demo-{self.name}"})
        self.token, self.signing_key = answer["token"], answer["signing_key"]
        self.member_id = answer["member"]["member_id"]
        return self

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Any answer, held against the contract."""
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        data = json.dumps(body) if body is not None else None
        url = self.stack.api_url + path
        answer = requests.request(method, url, data=data, headers={**JSON, **headers}, timeout=60)
        self.stack.check(answer)
        return answer

    def get(self, path: str) -> Any:
        return self._expect(self.send("GET", path))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self._expect(self.send("POST", path, body, **headers))

    def refused(self, method: str, path: str, body: Any = None, **headers: str) -> str:
        """The code of a refusal."""
        answer = self.send(method, path, body, **headers)
        assert answer.status_code >= 400, answer.text
        return str(answer.json()["code"])

    def _expect(self, answer: requests.Response) -> Any:
        assert answer.status_code < 300, f"{answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def address(self) -> str:
        if self.address_id is None:
            home = {
                "name": "张三", "phone": "13800138000", "province": "广东省", "city": "深圳市", "district": "南山区",
                "detail": "科技园1号",
            }  # fmt: skip
            self.address_id = self.post("/addresses", home)["address_id"]
        return self.address_id

    def order(self, *lines: tuple[str, int], key: str | None = None, **more: Any) -> Any:
        """Place an order for (sku_id, pieces); `more` goes into the request."""
        return self.post("/orders", self.wish(*lines, **more), **{"Idempotency-Key": key or f"test-key-{next(_keys)}"})

    def wish(self, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
        wanted = [{"sku_id": sku_id, "quantity": quantity} for sku_id, quantity in lines]
        return {"lines": wanted, "address_id": self.address(), **more}

    def open_sheet(self, order_id: str) -> dict[str, str]:
        sheet: dict[str, str] = self.post(f"/orders/{order_id}/payment")
        return sheet

    def pay(self, order_id: str, sheet: dict[str, str] | None = None, **how: Any) -> Any:
        """The payment sheet at the sandbox: takes the money, sends the callback, tells what came of it."""
        sheet = sheet or self.open_sheet(order_id)
        prepay_id = sheet["package"].removeprefix("prepay_id=")
        return self.stack.control("POST", f"payments/{prepay_id}/pay", {**sheet, **how})

    def buy(self, *lines: tuple[str, int], **more: Any) -> Any:
        """Order and pay; the order as it is then."""
        order_id = self.order(*lines, **more)["order_id"]
        paid = self.pay(order_id)
        assert paid["callback_status"] == 200, paid
        return self.get(f"/orders/{order_id}")

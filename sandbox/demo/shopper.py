"""One person with the mini-program in hand: logs in, asks the shop, signs, pays."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.demo.stage import Answer, Stage, as_json

HOME = {
    "name": "张三",
    "phone": "13800138000",
    "province": "广东省",
    "city": "深圳市",
    "district": "南山区",
    "detail": "科技园1号",
}
Wish = dict[str, Any]


@dataclass
class Shopper:
    """`expected` is the state in which each order should be by now, by order id; `templates` the ids of the messages
    that the shopper agreed to, by kind.
    """

    stage: Stage
    name: str
    wechat_name: str
    openid: str = ""
    member_id: str = ""
    token: str = ""
    signing_key: str = ""
    address_id: str = ""
    expected: dict[str, str] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)

    @classmethod
    def comes(cls, stage: Stage, name: str, wechat_name: str) -> Shopper:
        """A new member under this name."""
        shopper = cls(stage, name, f"{wechat_name}-{stage.run}")
        login = shopper.log_in()
        stage.expect(f"{name} is a new member", True, login["is_new"])
        shopper.ask("PATCH", "/me", {"nickname": name})
        return shopper

    def log_in(self) -> Any:
        known = self.stage.wechat("POST", "login-codes", {"shopper": self.wechat_name})
        self.openid, self.token = known["openid"], ""
        login = self.ask("POST", "/login", {"code": f"demo-{self.wechat_name}"})
        self.token, self.signing_key = login["token"], login["signing_key"]
        self.member_id = login["member"]["member_id"]
        return login

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Whatever the shop answers. Header names with underscores for hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            given["Authorization"] = f"Bearer {self.token}"
        return self.stage.shop(method, path, as_json(body), given)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The body of a good answer."""
        answer = self.send(method, path, body, **headers)
        self.stage.expect(f"{method} {path} succeeds", 2, answer.status // 100, answer.body)
        return answer.body

    def is_refused(self, code: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The refusal, which must have this code."""
        answer = self.send(method, path, body, **headers)
        came = answer.body.get("code") if isinstance(answer.body, dict) else answer.body
        self.stage.expect(f"{method} {path} is refused", code, came, answer.body)
        return answer.body

    def signature(self, method: str, path: str, body: Any) -> dict[str, str]:
        """Headers that sign one request with the session's key."""
        timestamp, nonce = str(int(self.stage.now().timestamp())), secrets.token_hex(8)
        digest = hashlib.sha256(as_json(body) or b"").hexdigest()
        message = f"{method}\n{path}\n{timestamp}\n{nonce}\n{digest}\n"
        signature = hmac.new(self.signing_key.encode(), message.encode(), hashlib.sha256).hexdigest()
        return {"X_Timestamp": timestamp, "X_Nonce": nonce, "X_Signature": signature}

    def agrees_to(self, kind: str) -> None:
        """Taps 允许 on one message of this kind; WeChat and the shop both hear of it."""
        offered = {each["kind"]: each for each in self.ask("GET", "/subscriptions")["items"]}
        template_id = self.templates[kind] = offered[kind]["template_id"]
        self.stage.wechat("POST", "consents", {"openid": self.openid, "template_id": template_id, "count": 1})
        after = self.ask("POST", "/subscriptions", {"results": {template_id: "accept"}})["items"]
        left = {each["kind"]: each["consents"] for each in after}[kind]
        self.stage.expect(f"consents of {self.name} to {kind}", offered[kind]["consents"] + 1, left)

    def hears(self, kind: str) -> str:
        """Waits for the one message of this kind; its text."""

        def arrived() -> list[Any]:
            wanted = (self.openid, self.templates[kind])
            return [m for m in self.stage.wechat("GET", "messages") if (m["touser"], m["template_id"]) == wanted]

        messages = self.stage.wait_until(f"{self.name} hears {kind}", arrived, bool)
        self.stage.expect(f"messages {kind} to {self.name}", 1, len(messages), messages)
        return "「" + " · ".join(messages[0]["data"].values()) + "」"

    def stock_of(self, sku_id: str) -> int:
        """As the product page tells it."""
        skus = self.ask("GET", f"/products/{sku_id.rpartition('-')[0]}")["skus"]
        return next(int(sku["stock"]) for sku in skus if sku["sku_id"] == sku_id)

    def address(self) -> str:
        if not self.address_id:
            self.address_id = self.ask("POST", "/addresses", HOME)["address_id"]
        return self.address_id

    def wish(self, *lines: tuple[str, int], **more: Any) -> Wish:
        """An order for (sku_id, pieces); none for what is selected in the cart."""
        wanted = [{"sku_id": sku_id, "quantity": pieces} for sku_id, pieces in lines]
        return {"lines": wanted, "address_id": self.address(), **more}

    def orders(self, wish: Wish, **headers: str) -> Any:
        """Places it."""
        order = self.ask("POST", "/orders", wish, **{"Idempotency_Key": new_key(), **headers})
        self.expected[order["order_id"]] = order["state"]
        return order

    def opens_sheet(self, order: Any) -> dict[str, str]:
        """The parameters of wx.requestPayment."""
        sheet: dict[str, str] = self.ask("POST", f"/orders/{order['order_id']}/payment")
        return sheet

    def pays(self, order: Any, sheet: dict[str, str] | None = None, **how: Any) -> Any:
        """On WeChat's payment sheet, which checks the merchant's signature; what WeChat says of it."""
        sheet = sheet or self.opens_sheet(order)
        prepay_id = sheet["package"].removeprefix("prepay_id=")
        paid = self.stage.wechat("POST", f"payments/{prepay_id}/pay", {**sheet, "openid": self.openid, **how})
        self.stage.expect("WeChat took the money", "SUCCESS", paid["trade_state"])
        return paid

    def buys(self, wish: Wish) -> Any:
        """Orders and pays; the order as it is then."""
        order = self.orders(wish)
        paid = self.pays(order)
        self.stage.expect("the shop's answer to WeChat's callback", 200, paid["callback_status"])
        return self.sees(order, "PAID")

    def order(self, order: Any) -> Any:
        return self.ask("GET", f"/orders/{order['order_id']}")

    def sees(self, order: Any, state: str) -> Any:
        """The order, which must be in this state now."""
        seen = self.order(order)
        self.stage.expect(f"state of {self.name}'s order", state, seen["state"], seen["timeline"])
        self.expected[order["order_id"]] = state
        return seen

    def waits_for(self, order: Any, **what: Any) -> Any:
        """The order as soon as these of its fields have these values."""
        wanted = ", ".join(f"{name} {value}" for name, value in what.items())
        seen = self.stage.wait_until(
            f"{self.name}'s order becomes {wanted}",
            lambda: self.order(order),
            lambda order: all(order[name] == value for name, value in what.items()),
        )
        self.expected[order["order_id"]] = seen["state"]
        return seen

    def refunds_of(self, order: Any) -> list[tuple[str, int]]:
        """What WeChat has of it: state and fen, in their order."""
        mine = [each for each in self.stage.wechat("GET", "refunds") if order["order_id"] in each["out_trade_no"]]
        return [(each["status"], each["amount"]["refund"]) for each in mine]

    def was_paid_back(self, order: Any) -> None:
        """WeChat paid back all of it, once."""
        back = self.refunds_of(order)
        self.stage.expect(f"what WeChat paid back to {self.name}", [("SUCCESS", order["payable"])], back)


def new_key() -> str:
    """For Idempotency-Key."""
    return secrets.token_hex(16)

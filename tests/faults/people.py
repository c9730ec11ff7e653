"""Members and their mini-programs: they ask, and ask again when no answer comes, or give up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.world import World

PATIENCE = 6


class GaveUp(Exception):
    """A client met a failure and went away, as shoppers do."""


class Refusal(Exception):
    """The shop said no."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code = status, code


class Fault(AssertionError):
    """The shop did what it must never do."""


@dataclass
class Client:
    """A member's mini-program: asks, and asks again when no answer comes, under the same Idempotency-Key."""

    world: World
    name: str
    token: str = ""
    member_id: str = ""
    address_id: str = ""
    _keys: int = 0

    def log_in(self) -> Client:
        self.token = ""
        answer = self.ask("POST", "/login", {"code": f"demo-{self.name}"})
        self.token, self.member_id = answer["token"], answer["member"]["member_id"]
        return self

    def move_in(self) -> Client:
        home = {
            "name": "张三", "phone": "13800138000", "province": "广东省", "city": "深圳市", "district": "南山区",
            "detail": "科技园1号",
        }  # fmt: skip
        self.address_id = self.ask("POST", "/addresses", home)["address_id"]
        return self

    def ask(self, method: str, path: str, body: Any = None, *, key: bool = False) -> Any:
        """The answer. Raises Refusal for what the shop refuses, GaveUp if it never answers."""
        from tests.faults import driver

        headers = {"content-type": "application/json"}
        if key:
            self._keys += 1
            name = f"{self.name}-key-{self._keys:04d}"
            headers["idempotency-key"] = name
            self.world.keys.setdefault(self.member_id, set()).add(name)
        data = None if body is None else json.dumps(body).encode()
        for _ in range(PATIENCE):
            if self.token:
                headers["authorization"] = f"Bearer {self.token}"
            status, answer = self.world.asking(lambda: self.world.http(method, path, headers, data))
            self.world.tell(f"{self.name} {method} {path}: {status}")
            if status in (0, 503):
                self.world.after_a_failure()
                continue
            if status == 401 and self.token:
                self.log_in()
                continue
            if status >= 500:
                raise Fault(f"{method} {path} answered {status} {answer}")
            driver.meanwhile(self.world)
            if status >= 400:
                raise Refusal(status, answer["code"])
            return answer
        raise GaveUp

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None, *, key: bool = False) -> Any:
        return self.ask("POST", path, body, key=key)

    def order(self, *lines: tuple[str, int], **more: Any) -> str:
        """Place an order for (sku_id, pieces); its id."""
        wanted = [{"sku_id": sku_id, "quantity": quantity} for sku_id, quantity in lines]
        wish = {"lines": wanted, "address_id": self.address_id, **more}
        return str(self.post("/orders", wish, key=True)["order_id"])

    def sheet(self, order_id: str) -> dict[str, str]:
        sheet: dict[str, str] = self.post(f"/orders/{order_id}/payment")
        return sheet

    def pay(self, order_id: str, sheet: dict[str, str] | None = None, **how: Any) -> str:
        """The payment sheet at WeChat, which takes the money and tells the shop; the callback may be lost for ever."""
        from tests.faults import driver

        sheet = sheet or self.sheet(order_id)
        # Of a late payment that is never told, only the bill of the day tells: a use case of its own.
        if not self.world.orderly and not how.get("late") and self.world.chance.random() < 0.15:
            self.world.tell("the callback is lost for good")
            self.world.control("POST", "faults", [{"match": "callback:TRANSACTION", "do": "lose"}])
        prepay_id = sheet["package"].removeprefix("prepay_id=")
        paid = self.world.control("POST", f"payments/{prepay_id}/pay", {**sheet, **how})
        self.world.tell(f"{self.name} paid: callback {paid['callback_results']}")
        driver.meanwhile(self.world)
        return order_id

    def buy(self, *lines: tuple[str, int], **more: Any) -> str:
        return self.pay(self.order(*lines, **more))

    def see(self, order_id: str) -> Any:
        return self.get(f"/orders/{order_id}")

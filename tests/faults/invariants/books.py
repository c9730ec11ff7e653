"""The tables and WeChat's books, read as they are and never by what the shop says of itself."""

from __future__ import annotations

import json
from typing import Any

from tests.faults.world import World

Item = dict[str, Any]
OVER = frozenset({"CLOSED", "REFUNDED"})


class Books:
    """The tables and WeChat's books, read once."""

    def __init__(self, world: World) -> None:
        self.world, self.now = world, world.clock().timestamp()
        self.orders: list[Item] = self.table("orders")
        for order in self.orders:
            order["sold"] = json.loads(order["sold"])
            order["progress"] = json.loads(order.get("progress") or "{}")
            order["cases"] = json.loads(order.get("cases") or "{}")
        self.live = [order for order in self.orders if order["state"] not in OVER]
        self.by_id = {order["order_id"]: order for order in self.orders}
        self.cases: list[Item] = self.table("aftersales")
        for case in self.cases:
            case["parts"] = json.loads(case["parts"])
        self.payments: list[Item] = self.table("payments")
        self.refunds: list[Item] = self.table("refunds")
        self.trades: list[Item] = world.control("GET", "payments")
        self.returned: list[Item] = world.control("GET", "refunds")

    def table(self, name: str) -> list[Item]:
        return [plain(item) for item in self.world.stage.engine.items(name)]


def plain(item: Any) -> Item:
    """An item as DynamoDB writes it, as Python values."""
    return {name: _value(value) for name, value in item.items()}


def _value(typed: Any) -> Any:
    ((kind, value),) = typed.items()
    match kind:
        case "N":
            return int(float(value))
        case "L":
            return [_value(each) for each in value]
        case "M":
            return plain(value)
        case "NULL":
            return None
    return value


def paid_back(order: Item) -> bool:
    """Whether the shop itself gave all of the money back."""
    return order["state"] == "CLOSED" or order.get("refund_state") is not None

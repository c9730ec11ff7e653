"""What one order asks of DynamoDB, by table and by what all orders read, counted at the engine."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.gateway import Gateway, Request
from bench.meter import TRANSACTION, Meter, size
from bench.model.formulas import most_reads
from bench.model.limits import EVENTUALLY, READ_SIZE
from bench.sale.scene import ADDRESS, Buyer
from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from chalicelib.shop import Shop
from chalicelib.storage.table import dynamodb
from chalicelib.storage.tables import tables
from chalicelib.storage.writes import key_attributes

LINES = (("tea-01", 1), ("cup-01", 2))
COUPON = "model"
Key = tuple[str, str]


@dataclass(frozen=True)
class Order:
    """Write units by table, and read units by table and hash key of what members do not have for themselves. Names of
    tables without prefix.
    """

    write: dict[str, int]
    shared_reads: dict[Key, float]

    def figures(self) -> dict[str, Any]:
        reads = [
            {"table": table, "key": key, "units": units, "orders_per_second": round(most_reads(units))}
            for (table, key), units in sorted(self.shared_reads.items())
        ]
        return {"write": self.write, "shared_reads": reads}


def counted(shop: Shop, engine: str, buyers: Sequence[Buyer]) -> Order:
    """Of two lines with a coupon, as docs/requests.md has it; what two of the buyers read alike is shared."""
    terms = Terms(CouponKind.AMOUNT, "满59减5", 500, threshold=5900)
    shop.coupons.put_template(CouponTemplate(COUPON, terms, 10, per_member=1, valid_days=30))
    first, second = (_account(shop, engine, buyer) for buyer in buyers[:2])
    bare = len(shop.settings.table_prefix)
    alike = {(key[0][bare:], key[1]): units for key, units in first.reads.items() if key in second.reads}
    return Order({table[bare:]: units for table, units in sorted(first.write.items())}, alike)


def _account(shop: Shop, engine: str, buyer: Buyer) -> _Account:
    coupon = shop.coupons.grant(buyer.member_id, COUPON)
    lines = [{"sku_id": sku_id, "quantity": pieces} for sku_id, pieces in LINES]
    wish = {"lines": lines, "address_id": ADDRESS, "coupon_id": coupon.coupon_id}
    headers = {"Authorization": f"Bearer {buyer.token}", "Idempotency-Key": "model-order"}
    account = _Account(engine)
    with account.kept():
        answer = Gateway().send(Request("POST", "/orders", json.dumps(wish), headers))
    if answer.status != 201:
        raise RuntimeError(f"the order was not placed: {answer.body}")
    return account


class _Account:
    def __init__(self, engine: str) -> None:
        self.write: Counter[str] = Counter()
        self.reads: dict[Key, float] = {}
        self._meter = Meter(None, engine)  # type: ignore[arg-type]  # asks WeChat nothing
        self._hash = {kind.Meta.table_name: key_attributes(kind)[0].attr_name for kind in tables().values()}

    @contextmanager
    def kept(self) -> Iterator[None]:
        events = dynamodb().meta.events
        events.register("before-call.dynamodb", self._before)
        events.register("after-call.dynamodb", self._after)
        try:
            yield
        finally:
            events.unregister("before-call.dynamodb", self._before)
            events.unregister("after-call.dynamodb", self._after)

    def _before(self, model: Any, params: Any, context: Any, **_: Any) -> None:
        asked = context["asked"] = json.loads(params["body"])
        changed = context["changed"] = self._meter._changed(model.name, asked)
        context["stored"] = [self._meter._stored(table, key) for table, key in changed]

    def _after(self, model: Any, parsed: Any, context: Any, **_: Any) -> None:
        factor = 2 if model.name == TRANSACTION else 1
        for (table, key), old in zip(context["changed"], context["stored"], strict=True):
            self.write[table] += self._meter._write_units(table, old, self._meter._stored(table, key), factor)
        asked = context["asked"]
        if model.name == "BatchGetItem":
            for table, wanted in asked["RequestItems"].items():
                for item in parsed["Responses"].get(table, []):
                    self._read(table, self._value(table, item), size(item), wanted)
        elif model.name == "GetItem":
            table = asked["TableName"]
            self._read(table, self._value(table, asked["Key"]), size(parsed.get("Item")), asked)
        elif model.name == "Query":
            value = next(iter(asked["ExpressionAttributeValues"][":0"].values()))  # pynamodb names the hash key first
            self._read(asked["TableName"], value, sum(map(size, parsed["Items"])), asked)

    def _read(self, table: str, value: str, length: int, asked: Any) -> None:
        units = max(1, math.ceil(length / READ_SIZE)) * (1 if asked.get("ConsistentRead") else EVENTUALLY)
        self.reads[table, value] = self.reads.get((table, value), 0) + units

    def _value(self, table: str, item: Any) -> str:
        return str(next(iter(item[self._hash[table]].values())))

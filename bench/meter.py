"""What a piece of work costs, seen at the shop's own client: requests, how many of them one has to wait for one after
another, items, capacity units, bytes, calls to WeChat.

Units follow the rules that AWS publishes, from the sizes of the items, since no local engine counts them well:
a read takes a unit for each 4 KB of an item (of all items together in a query), half of it if eventually consistent;
a write takes one for each 1 KB of the larger of the item before and after, the same for each index entry that it
changes (twice if the entry moves), and double, indexes apart, in a transaction, condition checks included.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from chalicelib.storage.table import dynamodb
from tests.shop import Stack

Item = Mapping[str, Any]
SINGLE = ("PutItem", "UpdateItem", "DeleteItem")
TRANSACTION = "TransactWriteItems"


@dataclass
class Cost:
    """`depth` counts requests that are sent together as one, `depth_before` those before the first transaction, if any.
    `items_written` counts condition checks too: they lock and cost like writes. Bytes are those of bodies: `sent` to
    DynamoDB, `received` from it, `answered` to the shopper.
    """

    operations: Counter[str] = field(default_factory=Counter)
    depth: int = 0
    depth_before: int | None = None
    bytes_sent: int = 0
    bytes_received: int = 0
    bytes_answered: int = 0
    items_read: int = 0
    items_written: int = 0
    read_units: float = 0
    write_units: int = 0
    wechat: int = 0

    @property
    def requests(self) -> int:
        return self.operations.total()

    @property
    def writes(self) -> int:
        """Requests that write. They follow each other; so do the reads before them."""
        return sum(self.operations[name] for name in (*SINGLE, TRANSACTION))


class Meter:
    """Counts whatever the process asks DynamoDB; it looks at items before and after through a client of its own."""

    def __init__(self, stack: Stack, engine: str) -> None:
        self._stack = stack
        self._beside = boto3.client("dynamodb", endpoint_url=engine)
        self._tables: dict[str, Any] = {}

    @contextmanager
    def counting(self) -> Iterator[Cost]:
        cost, events = Cost(), dynamodb().meta.events
        waves: dict[int, object] = {}

        def before(model: Any, params: Any, context: Any, **_: Any) -> None:
            cost.bytes_sent += _length(params["body"])
            asked = context["asked"] = json.loads(params["body"])
            context["before"] = [self._stored(table, key) for table, key in self._changed(model.name, asked)]

        def after(model: Any, parsed: Any, context: Any, http_response: Any, **_: Any) -> None:
            cost.operations[model.name] += 1
            cost.bytes_received += _length(http_response.content)
            if model.name == TRANSACTION and cost.depth_before is None:
                cost.depth_before = len(waves)
            wave = context.get("wave", object())
            waves[id(wave)] = wave
            asked = context["asked"]
            self._count_reads(cost, model.name, asked, parsed)
            changed = self._changed(model.name, asked)
            factor = 2 if model.name == TRANSACTION else 1
            for (table, key), old in zip(changed, context["before"], strict=True):
                cost.items_written += 1
                cost.write_units += self._write_units(table, old, self._stored(table, key), factor)

        def check(answer: Any) -> None:
            cost.bytes_answered += len(answer.content)
            checked(answer)

        checked, self._stack.check = self._stack.check, check
        self._stack.control("DELETE", "calls")
        events.register("before-call.dynamodb", before)
        events.register("after-call.dynamodb", after)
        try:
            yield cost
        finally:
            events.unregister("before-call.dynamodb", before)
            events.unregister("after-call.dynamodb", after)
            self._stack.check = checked
        cost.depth = len(waves)
        cost.wechat = len(self._stack.control("GET", "calls"))

    def _count_reads(self, cost: Cost, operation: str, asked: Any, answer: Any) -> None:
        if operation == "GetItem":
            found = [answer["Item"]] if "Item" in answer else []
            self._count_each(cost, found, 1, asked.get("ConsistentRead"))
        elif operation == "BatchGetItem":
            for table, wanted in asked["RequestItems"].items():
                found = answer["Responses"].get(table, [])
                self._count_each(cost, found, len(wanted["Keys"]), wanted.get("ConsistentRead"))
        elif operation == "Query":
            cost.items_read += len(answer["Items"])
            cost.read_units += _units(sum(map(size, answer["Items"])), 4096) * _share(asked.get("ConsistentRead"))

    def _count_each(self, cost: Cost, found: list[Item], asked: int, consistent: bool | None) -> None:
        """Also what is not there takes a unit to find out."""
        cost.items_read += len(found)
        units = sum(_units(size(item), 4096) for item in found) + asked - len(found)
        cost.read_units += units * _share(consistent)

    def _changed(self, operation: str, asked: Any) -> list[tuple[str, Item]]:
        """Table and key of every item that the request writes or holds still."""
        if operation == TRANSACTION:
            return [self._key(*each.values()) for each in asked["TransactItems"]]
        return [self._key(asked)] if operation in SINGLE else []

    def _key(self, asked: Any) -> tuple[str, Item]:
        table = asked["TableName"]
        names = [part["AttributeName"] for part in self._table(table)["KeySchema"]]
        given = asked.get("Key") or asked["Item"]
        return table, {name: given[name] for name in names}

    def _table(self, name: str) -> Any:
        if name not in self._tables:
            self._tables[name] = self._beside.describe_table(TableName=name)["Table"]
        return self._tables[name]

    def _stored(self, table: str, key: Item) -> Item | None:
        found: Item | None = self._beside.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return found

    def _write_units(self, table: str, old: Item | None, new: Item | None, factor: int) -> int:
        description = self._table(table)
        units = factor * max(_units(size(old), 1024), _units(size(new), 1024))
        kept = {part["AttributeName"] for part in description["KeySchema"]}
        for index in description.get("GlobalSecondaryIndexes", []) + description.get("LocalSecondaryIndexes", []):
            keys = {part["AttributeName"] for part in index["KeySchema"]}
            units += _entry_units(keys, _entry(old, index, keys | kept), _entry(new, index, keys | kept))
        return units


def _entry(item: Item | None, index: Any, keys: set[str]) -> Item | None:
    """What the index holds of an item: nothing, if the item lacks one of the keys."""
    if item is None or not keys.issubset(item):
        return None
    everything = index["Projection"]["ProjectionType"] == "ALL"
    return item if everything else {name: item[name] for name in keys}


def _entry_units(keys: set[str], old: Item | None, new: Item | None) -> int:
    if old == new:
        return 0
    moved = old is None or new is None or any(old[name] != new[name] for name in keys)
    sizes = [_units(size(entry), 1024) for entry in (old, new) if entry is not None]
    return sum(sizes) if moved else max(sizes)


def _length(text: str | bytes) -> int:
    return len(text.encode() if isinstance(text, str) else text)


def _units(size: int, of: int) -> int:
    return max(1, math.ceil(size / of))


def _share(consistent: bool | None) -> float:
    return 1 if consistent else 0.5


def size(item: Item | None) -> int:
    """Bytes of an item, as DynamoDB counts them."""
    return sum(len(name.encode()) + _size(value) for name, value in (item or {}).items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(str(content).encode())
        case "N":
            digits = str(content).strip("-").replace(".", "").strip("0")
            return math.ceil(len(digits) / 2) + 1 + str(content).startswith("-")
        case "B":
            return len(bytes(content))
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(part) for name, part in content.items())
        case "L":
            return 3 + sum(1 + _size(part) for part in content)
        case "SS" | "NS" | "BS":
            return sum(_size({kind[0]: part}) for part in content)
        case _:
            return 1  # BOOL, NULL

"""Whether restored tables are what the shop needs, and whether the money in them adds up."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.shop import Shop
from deploy.restore.copies import Copy

SEGMENTS = 64
PAGES = 16
"""Of 1 MB: what counting a table reads at most."""
AROUND = timedelta(minutes=1)
"""A restore is not cut between transactions: what was written at that moment may be in one table and not in another."""


@dataclass(frozen=True)
class Money:
    """Order ids: `wrong` do not add up; `under_way` do not either, and were changed at the very moment."""

    read: int
    wrong: tuple[str, ...]
    under_way: tuple[str, ...]


def differences(client: Any, copies: Iterable[Copy]) -> list[str]:
    """What of the copies is not as the template has it."""
    return [line for copy in copies for line in _differences(client, copy)]


def _differences(client: Any, copy: Copy) -> Iterator[str]:
    table = client.describe_table(TableName=copy.target)["Table"]
    ttl = client.describe_time_to_live(TableName=copy.target)["TimeToLiveDescription"]
    wanted = copy.definition
    for what in ("KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if _shape(table.get(what)) != _shape(wanted.get(what)):
            yield f"{copy.target}: {what} differs from what this code needs; restore with the code of that time"
    if (table.get("StreamSpecification") or {}).get("StreamViewType") != _view(wanted):
        yield f"{copy.target}: its stream is missing"
    if ttl.get("AttributeName") != (wanted.get("TimeToLiveSpecification") or {}).get("AttributeName"):
        yield f"{copy.target}: TTL is missing"


def _shape(found: Any) -> Any:
    """Of keys or indexes, without what only a living table has."""
    parts = ("IndexName", "KeySchema", "Projection", "AttributeName", "KeyType")
    return sorted(({key: each[key] for key in parts if key in each} for each in found or ()), key=str)


def _view(wanted: Mapping[str, Any]) -> Any:
    return (wanted.get("StreamSpecification") or {}).get("StreamViewType")


def counts(client: Any, copies: Iterable[Copy]) -> Iterator[tuple[str, str, str]]:
    """Bare name, items in use by DynamoDB's own count (up to six hours old), items in the copy (`>` if more)."""
    for copy in copies:
        used = client.describe_table(TableName=copy.source)["Table"].get("ItemCount", 0)
        yield copy.source, str(used), _counted(client, copy.target)


def _counted(client: Any, name: str) -> str:
    found, after = 0, dict[str, Any]()
    for _ in range(PAGES):
        page = client.scan(TableName=name, Select="COUNT", **after)
        found += page["Count"]
        if "LastEvaluatedKey" not in page:
            return str(found)
        after = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return f">{found}"


def money(client: Any, orders: str, shop: Shop, most: int, at: datetime) -> Money:
    """The money reports of the `most` newest orders of a sample. `orders`: name of the copy; `shop` works on copies."""
    keys = heapq.nlargest(most, _sample(client, orders), key=lambda key: key[1])
    wrong, under_way = list[str](), list[str]()
    for member_id, order_id in keys:
        if shop.payments.money.report(member_id, order_id).difference:
            last = shop.orders.get(member_id, order_id).timeline[-1].at
            (under_way if abs(at - last) <= AROUND else wrong).append(order_id)
    return Money(len(keys), tuple(wrong), tuple(under_way))


def _sample(client: Any, orders: str) -> Iterator[tuple[str, str]]:
    """Member and order ids from the beginning of each segment: of a small table all, of a large one 64 MB."""
    for segment in range(SEGMENTS):
        page = client.scan(
            TableName=orders, Segment=segment, TotalSegments=SEGMENTS, ProjectionExpression="member_id, order_id"
        )
        yield from ((item["member_id"]["S"], item["order_id"]["S"]) for item in page["Items"])

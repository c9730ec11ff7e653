"""Large indexes in ministack: a query looks at what it may answer with, not at the whole partition.

ministack keeps the keys of an index partition without order: each query sorts all of them and holds each against the
condition, which takes a second for ten thousand. Here partitions are kept in order between writes, and the query is
given the few entries that its condition and its limit leave. What it makes of them is its own.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ministack.services import dynamodb

Key = tuple[Any, str, str]
LAST = chr(0x10FFFF)


class Ordered:
    """Stands between ministack's query and its indexes. One query at a time, as ministack does it."""

    def __init__(self) -> None:
        self._query, self._members, self._index_item = dynamodb._query, dynamodb._index_members, dynamodb._index_item
        self._asked: Mapping[str, Any] | None = None
        self._sorted: dict[tuple[str, str, Any], list[Key]] = {}

    def install(self) -> None:
        dynamodb._query = self.query
        dynamodb._index_members = self.members
        dynamodb._index_item = self.index_item

    def forget(self) -> None:
        """Tables were changed behind the engine's back."""
        self._sorted.clear()
        for table in dynamodb._tables.all_values():
            table.pop(dynamodb._INDEX_MEMBERS, None)

    def query(self, asked: Mapping[str, Any]) -> Any:
        with self._asking(asked):
            return self._query(asked)

    def members(self, table: Any) -> Any:
        known = self._members(table)
        name = (self._asked or {}).get("IndexName", "")
        return {name: _Partitions(self, table, name, known[name])} if name in known else known

    def index_item(self, table: Any, pk: str, sk: str, item: Any, add: bool) -> None:
        for name, hashes, ranges in dynamodb._index_key_schemas(table):
            self._sorted.pop((table["TableName"], name, dynamodb._index_partition(item, hashes, ranges)), None)
        self._index_item(table, pk, sk, item, add)

    def narrowed(self, table: Any, name: str, partition: Any, members: Mapping[Any, Any]) -> list[tuple[str, str]]:
        """Keys of what the query may answer with, at least."""
        (ranged,) = dynamodb._index_def(table, name)["KeySchema"][1:]
        key, asked = ranged["AttributeName"], self._asked or {}
        kind = dynamodb._get_attr_type(table, key)
        place = table["TableName"], name, partition
        if place not in self._sorted:
            items = table["items"]
            self._sorted[place] = sorted(
                (dynamodb._sort_key_value(items[pk][sk].get(key), kind), pk, sk) for pk, sk in members
            )
        entries = self._sorted[place]
        start, stop = within_limit(entries, *bounds(entries, asked, key, kind), asked, key, kind)
        return [(pk, sk) for _, pk, sk in entries[start:stop]]

    @contextmanager
    def _asking(self, asked: Mapping[str, Any]) -> Iterator[None]:
        self._asked = asked
        try:
            yield
        finally:
            self._asked = None


class _Partitions:
    """Of one index, as ministack's query looks into them."""

    def __init__(self, ordered: Ordered, table: Any, name: str, known: Mapping[Any, Any]) -> None:
        self._ordered, self._table, self._name, self._known = ordered, table, name, known

    def get(self, partition: Any, otherwise: Any) -> Any:
        members = self._known.get(partition)
        return self._ordered.narrowed(self._table, self._name, partition, members) if members else otherwise


def bounds(entries: list[Key], asked: Mapping[str, Any], key: str, kind: str) -> tuple[int, int]:
    """Between which places the entries stand that the condition on the sort key leaves."""
    start, stop = 0, len(entries)
    sign, values = _condition(asked, key, kind)
    if sign in (">", ">=", "=", "BETWEEN", "begins_with"):
        start = _below(entries, values[0]) if sign != ">" else _up_to(entries, values[0])
    if sign in ("<", "<=", "=", "BETWEEN", "begins_with"):
        last = values[-1] + LAST if sign == "begins_with" else values[-1]
        stop = _up_to(entries, last) if sign != "<" else _below(entries, last)
    return start, stop


def within_limit(
    entries: list[Key], start: int, stop: int, asked: Mapping[str, Any], key: str, kind: str
) -> tuple[int, int]:
    """Of these places those that a page can reach from where it begins: it passes over entries with the same sort key
    as the one that the last page ended with.
    """
    forward, begun, most = asked.get("ScanIndexForward", True), asked.get("ExclusiveStartKey"), len(entries)
    first, last = start, stop
    if begun:
        value = dynamodb._sort_key_value(begun[key], kind)
        first, last = _up_to(entries, value), _below(entries, value)
        start, stop = (max(start, last), stop) if forward else (start, min(stop, first))
    page = int(asked.get("Limit") or most) + 1
    return (start, min(stop, first + page)) if forward else (max(start, last - page), stop)


def _below(entries: list[Key], value: Any) -> int:
    return bisect_left(entries, value, key=lambda entry: entry[0])


def _up_to(entries: list[Key], value: Any) -> int:
    return bisect_right(entries, value, key=lambda entry: entry[0])


def _condition(asked: Mapping[str, Any], key: str, kind: str) -> tuple[str, list[Any]]:
    """The sign, "" if there is none, and its values, which stand behind placeholders."""
    names = asked.get("ExpressionAttributeNames", {})
    word = re.escape(next((alias for alias, name in names.items() if name == key), key)) + r"(?!\w)"
    expression = asked["KeyConditionExpression"]
    found = re.search(
        rf"begins_with\s*\(\s*{word}\s*,\s*(:\w+)|{word}\s+BETWEEN\s+(:\w+)\s+AND\s+(:\w+)|{word}\s*([<>]?=?)\s*(:\w+)",
        expression,
    )
    if found is None:
        return "", []
    prefix, first, last, sign, value = found.groups()
    values = [asked["ExpressionAttributeValues"][each] for each in (prefix, first, last, value) if each]
    sign = sign or ("begins_with" if prefix else "BETWEEN")
    return sign, [dynamodb._sort_key_value(each, kind) for each in values]

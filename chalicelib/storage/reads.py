"""Rows of any tables in one round trip."""

import random
import time
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from .table import Row, dynamodb
from .writes import ATTEMPTS, BUSY, StorageBusy, key_attributes, keys_of

BATCH = 100


def read(*wanted: Row, consistent: bool = False) -> list[Any]:
    """The stored rows for these key-only rows, in their order; None where there is none. Duplicates are welcome.

    `read(ProductRow("p1", "#"), StockRow("s1", 0))`. One BatchGetItem per 100 keys, whatever their tables.
    """
    unique = {_address(row): row for row in wanted}
    found: dict[Any, Row] = {}
    addresses = list(unique)
    for start in range(0, len(addresses), BATCH):
        _read_batch([unique[address] for address in addresses[start : start + BATCH]], consistent, found)
    return [found.get(_address(row)) for row in wanted]


def _read_batch(rows: Sequence[Row], consistent: bool, found: dict[Any, Row]) -> None:
    kinds: dict[Any, type[Row]] = {_address(row): type(row) for row in rows}
    by_table: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_table.setdefault(row.Meta.table_name, []).append(_key(row))
    request = {table: {"Keys": keys, "ConsistentRead": consistent} for table, keys in by_table.items()}
    for attempt in range(ATTEMPTS):
        try:
            answer = dynamodb().batch_get_item(RequestItems=request)
        except ClientError as error:
            if error.response["Error"]["Code"] not in BUSY:
                raise
            _pause(attempt)
            continue
        for table, items in answer["Responses"].items():
            for item in items:
                address = _address_of_item(table, item, rows)
                found[address] = kinds[address].from_raw_data(item)
        request = answer.get("UnprocessedKeys") or {}
        if not request:
            return
        _pause(attempt)
    raise StorageBusy


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, min(0.8, 0.02 * 2**attempt)))


def _key(row: Row) -> dict[str, Any]:
    named = zip(key_attributes(type(row)), keys_of(row), strict=False)  # a table without range key has one name
    return {attribute.attr_name: {attribute.attr_type: attribute.serialize(value)} for attribute, value in named}


def _address(row: Row) -> tuple[Any, ...]:
    return (row.Meta.table_name, *(tuple(value.items()) for value in _key(row).values()))


def _address_of_item(table: str, item: dict[str, Any], rows: Sequence[Row]) -> tuple[Any, ...]:
    sample = next(row for row in rows if row.Meta.table_name == table)
    return (table, *(tuple(item[name].items()) for name in _key(sample)))

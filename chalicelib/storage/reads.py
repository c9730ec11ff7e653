"""Reads as values, like writes: a domain hands out `Read`s; whoever owns the use case joins them in one round trip.

    offers, levels = fetch(catalog.reads_offers(sku_ids), stock.reads_levels(sku_ids))

Each read makes its own of the rows that it asked for, and raises its own refusal where one is missing.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from botocore.exceptions import ClientError

from .table import Row, dynamodb
from .writes import ATTEMPTS, BUSY, StorageBusy, key_attributes, keys_of, pause

BATCH = 100

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
Made = TypeVar("Made", covariant=True)


@dataclass(frozen=True)
class Read(Generic[Made]):
    """Key-only rows that are wanted, and what is `made` of the stored ones (None where there is none)."""

    rows: Sequence[Row]
    made: Callable[[list[Any]], Made]
    consistent: bool = False

    def then(self, more: Callable[[Made], A]) -> "Read[A]":
        """The same rows, with more made of them."""
        return Read(self.rows, lambda rows: more(self.made(rows)), self.consistent)


NOTHING: Read[None] = Read((), lambda _: None)


@overload
def fetch(one: Read[A], /) -> tuple[A]: ...
@overload
def fetch(one: Read[A], two: Read[B], /) -> tuple[A, B]: ...
@overload
def fetch(one: Read[A], two: Read[B], three: Read[C], /) -> tuple[A, B, C]: ...
@overload
def fetch(one: Read[A], two: Read[B], three: Read[C], four: Read[D], /) -> tuple[A, B, C, D]: ...
@overload
def fetch(one: Read[A], two: Read[B], three: Read[C], four: Read[D], five: Read[E], /) -> tuple[A, B, C, D, E]: ...
def fetch(*reads: Read[Any]) -> tuple[Any, ...]:
    """What each makes of its rows. One BatchGetItem per 100 keys, whatever their tables; none if no row is wanted.

    A table of which one read wants consistent rows is read consistently for all.
    """
    unique = {_address(row): row for each in reads for row in each.rows}
    strict = {row.Meta.table_name for each in reads if each.consistent for row in each.rows}
    found: dict[Any, Row] = {}
    addresses = list(unique)
    for start in range(0, len(addresses), BATCH):
        _read_batch([unique[address] for address in addresses[start : start + BATCH]], strict, found)
    return tuple(each.made([found.get(_address(row)) for row in each.rows]) for each in reads)


def read(*wanted: Row, consistent: bool = False) -> list[Any]:
    """The stored rows for these key-only rows, in their order; None where there is none. Duplicates are welcome.

    `read(ProductRow("p1", "#"), StockRow("s1", 0))`.
    """
    (rows,) = fetch(Read(wanted, list[Any], consistent))
    return rows


def _read_batch(rows: Sequence[Row], strict: Collection[str], found: dict[Any, Row]) -> None:
    kinds: dict[Any, type[Row]] = {_address(row): type(row) for row in rows}
    by_table: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_table.setdefault(row.Meta.table_name, []).append(_key(row))
    request = {table: {"Keys": keys, "ConsistentRead": table in strict} for table, keys in by_table.items()}
    for attempt in range(ATTEMPTS):
        try:
            answer = dynamodb().batch_get_item(RequestItems=request)
        except ClientError as error:
            if error.response["Error"]["Code"] not in BUSY:
                raise
            pause(attempt)
            continue
        for table, items in answer["Responses"].items():
            for item in items:
                address = _address_of_item(table, item, rows)
                found[address] = kinds[address].from_raw_data(item)
        request = answer.get("UnprocessedKeys") or {}
        if not request:
            return
        pause(attempt)
    raise StorageBusy


def _key(row: Row) -> dict[str, Any]:
    named = zip(key_attributes(type(row)), keys_of(row), strict=False)  # a table without range key has one name
    return {attribute.attr_name: {attribute.attr_type: attribute.serialize(value)} for attribute, value in named}


def _address(row: Row) -> tuple[Any, ...]:
    return (row.Meta.table_name, *(tuple(value.items()) for value in _key(row).values()))


def _address_of_item(table: str, item: dict[str, Any], rows: Sequence[Row]) -> tuple[Any, ...]:
    sample = next(row for row in rows if row.Meta.table_name == table)
    return (table, *(tuple(item[name].items()) for name in _key(sample)))

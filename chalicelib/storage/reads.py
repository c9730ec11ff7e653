"""Reads as values, like writes: a domain hands out `Read`s and `Search`es; whoever owns the use case asks them together
and waits once.

    offers, levels, held = fetch(catalog.reads_offers(sku_ids), stock.reads_levels(sku_ids), coupons.usable(member_id))

Each makes its own of the rows that it asked for, and raises its own refusal where one is missing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeAlias, TypeVar, overload

from botocore.exceptions import ClientError
from pynamodb.expressions.condition import Condition

from .table import Row, ask
from .writes import ATTEMPTS, BUSY, StorageBusy, key_attributes, key_names, keys_of, pause

BATCH = 100

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")
Made = TypeVar("Made", covariant=True)
Call: TypeAlias = tuple[str, dict[str, Any]]
Address: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Read(Generic[Made]):
    """Key-only rows that are wanted, and what is `made` of the stored ones (None where there is none)."""

    rows: Sequence[Row]
    made: Callable[[list[Any]], Made]
    consistent: bool = False

    def then(self, more: Callable[[Made], A]) -> "Read[A]":
        """The same rows, with more made of them."""
        return Read(self.rows, lambda rows: more(self.made(rows)), self.consistent)


@dataclass(frozen=True)
class Search(Generic[Made]):
    """Up to `most` rows of a kind, or of one of its indexes, under one hash key, in the order of their range keys, and
    what is `made` of them. `beyond` is a condition on the range key.
    """

    among: Any
    hash_value: Any
    made: Callable[[list[Any]], Made]
    most: int
    beyond: Condition | None = None
    ascending: bool = True
    consistent: bool = False

    def then(self, more: Callable[[Made], A]) -> "Search[A]":
        """The same rows, with more made of them."""
        return replace(self, made=lambda rows: more(self.made(rows)))  # type: ignore[return-value, arg-type]


Wish: TypeAlias = Read[A] | Search[A]
NOTHING: Read[None] = Read((), lambda _: None)


@overload
def fetch(one: Wish[A], /) -> tuple[A]: ...
@overload
def fetch(one: Wish[A], two: Wish[B], /) -> tuple[A, B]: ...
@overload
def fetch(one: Wish[A], two: Wish[B], three: Wish[C], /) -> tuple[A, B, C]: ...
@overload
def fetch(one: Wish[A], two: Wish[B], three: Wish[C], four: Wish[D], /) -> tuple[A, B, C, D]: ...
@overload
def fetch(one: Wish[A], two: Wish[B], three: Wish[C], four: Wish[D], five: Wish[E], /) -> tuple[A, B, C, D, E]: ...
@overload
def fetch(
    one: Wish[A], two: Wish[B], three: Wish[C], four: Wish[D], five: Wish[E], six: Wish[F], /
) -> tuple[A, B, C, D, E, F]: ...
@overload
def fetch(
    one: Wish[A], two: Wish[B], three: Wish[C], four: Wish[D], five: Wish[E], six: Wish[F], seven: Wish[G], /
) -> tuple[A, B, C, D, E, F, G]: ...
@overload
def fetch(*wishes: Wish[Any]) -> tuple[Any, ...]: ...
def fetch(*wishes: Wish[Any]) -> tuple[Any, ...]:
    """What each makes of its rows, all asked at once: one BatchGetItem for each 100 rows wanted by key, whatever their
    tables, and a Query for each Search. Nothing is asked if nothing is wanted.

    A table of which one read wants consistent rows is read consistently for all.
    """
    found: dict[Any, Row] = {}
    wanted: dict[Address, type[Row]] = {}
    reads = {number: _addresses(wish, wanted) for number, wish in enumerate(wishes) if isinstance(wish, Read)}
    pages = {number: _Pages(wish) for number, wish in enumerate(wishes) if isinstance(wish, Search)}
    strict = {address[0] for number, addresses in reads.items() if wishes[number].consistent for address in addresses}
    _ask_all([*_batches(wanted, strict, found), *pages.values()])
    return tuple(
        wish.made(list(map(found.get, reads[number])) if number in reads else pages[number].rows)
        for number, wish in enumerate(wishes)
    )


def read(*wanted: Row, consistent: bool = False) -> list[Any]:
    """The stored rows for these key-only rows, in their order; None where there is none. Duplicates are welcome.

    `read(ProductRow("p1", "#"), StockRow("s1", 0))`.
    """
    rows: list[Any]
    (rows,) = fetch(Read(wanted, list[Any], consistent))
    return rows


def together(one: Read[A], two: Read[B]) -> Read[tuple[A, B]]:
    """Two reads as one, consistent if one of them is."""
    first = len(one.rows)
    return Read(
        [*one.rows, *two.rows],
        lambda rows: (one.made(rows[:first]), two.made(rows[first:])),
        one.consistent or two.consistent,
    )


def postponed(wish: Wish[A]) -> Wish[Callable[[], A]]:
    """The same rows, of which nothing is made until it is called for: they may turn out to be nobody's to see."""
    return replace(wish, made=lambda rows: partial(wish.made, rows))  # type: ignore[return-value, arg-type]


def search(wanted: Search[A]) -> A:
    """What one search makes of its rows."""
    return fetch(wanted)[0]


def _ask_all(open_: "Sequence[_Batch | _Pages]") -> None:
    """Ask until all have what they want. Raises StorageBusy if DynamoDB leaves out too much for too long."""
    attempt = 0
    while open_:
        try:
            answers = ask([each.call for each in open_])
        except ClientError as error:
            if error.response["Error"]["Code"] not in BUSY:
                raise
            stalled = True
        else:
            stalled = True in [each.take(answer) for each, answer in zip(open_, answers, strict=True)]
            open_ = [each for each in open_ if not each.done]
        if stalled:
            if (attempt := attempt + 1) == ATTEMPTS:
                raise StorageBusy
            pause(attempt - 1)


class _Batch:
    """Rows by their keys, up to 100 of them: their kinds by their addresses."""

    def __init__(self, wanted: dict[Address, type[Row]], strict: set[str], found: dict[Any, Row]) -> None:
        self._kinds = wanted
        self._samples = {address[0]: kind for address, kind in wanted.items()}
        self._found = found
        self._left: dict[str, Any] = {}
        for (table, *values), kind in wanted.items():
            key = {name: {type_: value} for (_, name, type_), value in zip(key_names(kind), values, strict=True)}
            self._left.setdefault(table, {"Keys": [], "ConsistentRead": table in strict})["Keys"].append(key)

    @property
    def done(self) -> bool:
        return not self._left

    @property
    def call(self) -> Call:
        return "BatchGetItem", {"RequestItems": self._left}

    def take(self, answer: dict[str, Any]) -> bool:
        """Whether DynamoDB left something out, being busy."""
        for table, items in answer["Responses"].items():
            sample = self._samples[table]
            for item in items:
                address = _address_of(sample, item)
                self._found[address] = self._kinds[address].from_raw_data(item)
        self._left = answer.get("UnprocessedKeys") or {}
        return not self.done


class _Pages:
    """The pages of a search: DynamoDB ends one after 1 MB, however many rows are wanted."""

    def __init__(self, search: Search[Any]) -> None:
        among = search.among
        by_index = not isinstance(among, type)
        self._kind: type[Row] = among._model if by_index else among
        self._most = search.most
        self.rows: list[Any] = []
        self.done = False
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        key = (among._hash_key_attribute() if by_index else key_attributes(among)[0]) == search.hash_value
        self._request: dict[str, Any] = {
            "TableName": self._kind.Meta.table_name,
            "KeyConditionExpression": (key if search.beyond is None else key & search.beyond).serialize(names, values),
            "Limit": search.most,
            "ScanIndexForward": search.ascending,
        }
        if by_index:
            self._request["IndexName"] = among.Meta.index_name
        if search.consistent:
            self._request["ConsistentRead"] = True
        if kinds := self._kind._get_discriminator_attribute():  # other kinds of rows may share the key
            mine = kinds.is_in(*kinds.get_registered_subclasses(self._kind))
            self._request["FilterExpression"] = mine.serialize(names, values)
        self._request["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in names.items()}
        self._request["ExpressionAttributeValues"] = values

    @property
    def call(self) -> Call:
        return "Query", self._request

    def take(self, answer: dict[str, Any]) -> bool:
        self.rows += map(self._kind.from_raw_data, answer["Items"][: self._most - len(self.rows)])
        following = answer.get("LastEvaluatedKey")
        self.done = following is None or len(self.rows) >= self._most
        self._request = {**self._request, "ExclusiveStartKey": following}
        return False


def _batches(wanted: dict[Address, type[Row]], strict: set[str], found: dict[Any, Row]) -> Iterator[_Batch]:
    of_batch = iter(wanted.items())
    while some := dict(islice(of_batch, BATCH)):
        yield _Batch(some, strict, found)


def _addresses(read: Read[Any], wanted: dict[Address, type[Row]]) -> list[Address]:
    """Of the rows of a read, which are added to what is wanted."""
    addresses = []
    for row in read.rows:
        kind = type(row)
        named = zip(key_names(kind), keys_of(row), strict=False)  # a table without range key has one name
        address = (kind.Meta.table_name, *[attribute.serialize(value) for (attribute, _, _), value in named])
        addresses.append(address)
        wanted[address] = kind
    return addresses


def _address_of(sample: type[Row], item: dict[str, Any]) -> Address:
    return (sample.Meta.table_name, *[item[name][type_] for _, name, type_ in key_names(sample)])

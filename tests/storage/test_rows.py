"""Rows are made of items by a short way, and come out as pynamodb makes them."""

from typing import Any

import pytest
from pynamodb.attributes import AttributeContainer, NumberAttribute
from pynamodb.constants import BOOLEAN, LIST, NUMBER, STRING
from pynamodb.exceptions import AttributeDeserializationError

from chalicelib.catalog.store import ListingRow
from chalicelib.orders.rows import OrderRow
from chalicelib.storage.attributes import Packed
from chalicelib.storage.table import Row
from chalicelib.storage.tables import tables

tables()  # imports every kind
KINDS = [kind for kind in Row.kinds if not kind._get_discriminator_attribute()]
PLAIN: dict[str, Any] = {STRING: "text", NUMBER: "12", BOOLEAN: True, LIST: []}


def by_pynamodb(kind: Any, item: Any) -> Any:
    row = kind(_user_instantiated=False)
    AttributeContainer._container_deserialize(row, item)
    return row


def full(kind: type[Row]) -> dict[str, Any]:
    """An item with every attribute that a plain value fits."""
    return {
        attribute.attr_name: {attribute.attr_type: PLAIN[attribute.attr_type]}
        for attribute in kind.get_attributes().values()
        if attribute.attr_type in PLAIN and not isinstance(attribute, Packed)
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_row_is_made_as_pynamodb_makes_it(kind: Any) -> None:
    item = full(kind)
    assert item
    for given in (item, {}, {**item, "unknown": {"S": "x"}}, {name: {"NULL": True} for name in item}):
        assert kind.from_raw_data(given).attribute_values == by_pynamodb(kind, given).attribute_values


@pytest.mark.parametrize("kind", Row.kinds, ids=lambda kind: kind.__name__)
def test_a_new_row_is_what_pynamodb_would_make_it(kind: Any) -> None:
    keys = ["a", "b"][: 1 + bool(kind._range_keyname)]
    others: dict[Any, Any] = dict.fromkeys(
        set(kind.get_attributes()) - {kind._hash_keyname, kind._range_keyname, kind._discriminator}
    )
    for more in ({}, others):
        row = kind(*keys, **more)
        plain = kind.__new__(kind)
        plain.attribute_values = {}
        plain._set_discriminator()
        AttributeContainer._set_defaults(plain)
        key: Any = dict(zip([kind._hash_keyname, kind._range_keyname], keys, strict=False))
        AttributeContainer._set_attributes(plain, **more, **key)
        assert row.attribute_values == plain.attribute_values
    with pytest.raises(ValueError, match="unheard_of"):
        kind(*keys, unheard_of=1)


def test_a_default_belongs_to_one_row_alone() -> None:
    class MutableRow(Row):
        seen = NumberAttribute(default=3)

    one, other = MutableRow._instantiate({}), MutableRow._instantiate({})
    one.seen = 4
    assert (other.seen, MutableRow._instantiate({"seen": {"N": "5"}}).seen) == (3, 5)


def test_what_is_made_of_an_item_can_be_stored_again() -> None:
    item = full(OrderRow)
    row = OrderRow.from_raw_data(item)
    assert row.attempt == 12
    assert {name: row.serialize(null_check=False)[name] for name in item} == item


def test_an_item_of_another_type_is_refused() -> None:
    with pytest.raises(AttributeDeserializationError):
        ListingRow.from_raw_data({"sales": {"S": "twelve"}})


@pytest.mark.parametrize("text", ["0", "12", "-3", "1.5", "1E+3", "12345678901234567890"])
def test_numbers_are_read_as_pynamodb_reads_them(text: str) -> None:
    item = {"sales": {"N": text}}
    read, expected = ListingRow.from_raw_data(item).sales, by_pynamodb(ListingRow, item).sales
    assert (read, type(read)) == (expected, type(expected))

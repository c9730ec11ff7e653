"""Attribute kinds that pynamodb lacks, how a timeline is kept, and how many attributes are changed at once."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.constants import STRING
from pynamodb.expressions.update import Action, SetAction
from pynamodb.models import Model

from ..kernel.trail import Event
from .spelled import Sets

Value = TypeVar("Value")


class Packed(Attribute[Value], Generic[Value]):
    """A dataclass (or a tuple of them) kept as JSON text: one cheap encode instead of nested maps.

    For what is always read and written whole and never asked for in a condition.
    """

    attr_type = STRING

    def __init__(self, shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._decoder = msgspec.json.Decoder(shape)

    def serialize(self, value: Value) -> str:
        return msgspec.json.encode(value).decode()

    def deserialize(self, value: str) -> Value:
        return self._decoder.decode(value)  # type: ignore[no-any-return]


class _SetAll(SetAction):
    """As many actions of pynamodb as there are values, in a third of the time."""

    values = ()
    format_string = "SET"

    def __init__(self, kind: type[Model], given: Mapping[str, Any]) -> None:
        self._attributes, self._given = kind.get_attributes(), given

    def serialize(self, names: dict[str, str], values: dict[str, Any]) -> str:
        changes = []
        for name, value in self._given.items():
            attribute = self._attributes[name]
            place, placeholder = names.setdefault(attribute.attr_name, f"#{len(names)}"), f":{len(values)}"
            values[placeholder] = {attribute.attr_type: attribute.serialize(value)}
            changes.append(f"{place} = {placeholder}")
        return ", ".join(changes)


def becoming(kind: type[Model], given: Mapping[str, Any]) -> list[Action]:
    """The actions that give these values to attributes of a row, by their names in Python; None takes one away."""
    kept = {name: value for name, value in given.items() if value is not None}
    gone = [getattr(kind, name).remove() for name, value in given.items() if value is None]
    return [*gone, _SetAll(kind, kept)] if kept else gone


def packed(event: Event) -> str:
    """An entry of a timeline, as it is kept: to the second, as all times are."""
    return msgspec.json.encode(replace(event, at=event.at.replace(microsecond=0))).decode()


def entered(events: Iterable[Event]) -> Action:
    """More entries for the timeline of a row that has one."""
    more = {"L": [{STRING: packed(event)} for event in events]}
    return Sets("{timeline} = list_append({timeline}, {more})", {"timeline": "timeline"}, more=more)


def unpacked(texts: Iterable[str]) -> tuple[Event, ...]:
    return tuple(_event.decode(text) for text in texts)


_event = msgspec.json.Decoder(Event)

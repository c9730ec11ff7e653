"""Attribute kinds that pynamodb lacks, how a timeline is kept, and how many attributes are changed at once."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.constants import STRING
from pynamodb.expressions.update import Action
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


def becoming(kind: type[Model], given: Mapping[str, Any]) -> list[Action]:
    """The actions that give these values to attributes of a row, by their names in Python; None takes one away. Values
    are set by one action, in a third of the time of as many of pynamodb's.
    """
    gone = [getattr(kind, name).remove() for name, value in given.items() if value is None]
    attributes = [(kind.get_attributes()[name], value) for name, value in given.items() if value is not None]
    if not attributes:
        return gone
    names = {f"name{n}": attribute.attr_name for n, (attribute, _) in enumerate(attributes)}
    values = {f"value{n}": {each.attr_type: each.serialize(value)} for n, (each, value) in enumerate(attributes)}
    changes = ", ".join(f"{{name{n}}} = {{value{n}}}" for n in range(len(attributes)))
    return [*gone, Sets(changes, names, **values)]


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

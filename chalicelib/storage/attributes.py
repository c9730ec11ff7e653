"""Attribute kinds that pynamodb lacks, and how a timeline is kept."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Generic, TypeVar

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.constants import STRING

from ..kernel.trail import Event

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


def packed(event: Event) -> str:
    """An entry of a timeline, as it is kept: to the second, as all times are."""
    return msgspec.json.encode(replace(event, at=event.at.replace(microsecond=0))).decode()


def unpacked(texts: Iterable[str]) -> tuple[Event, ...]:
    return tuple(_event.decode(text) for text in texts)


_event = msgspec.json.Decoder(Event)

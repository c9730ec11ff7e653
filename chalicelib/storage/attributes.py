"""Attribute kinds that pynamodb lacks."""

from typing import Any, Generic, TypeVar

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.constants import STRING

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

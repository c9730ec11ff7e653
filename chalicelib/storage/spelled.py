"""Conditions and changes written as DynamoDB has them, for those that each request of a kind makes: pynamodb puts them
together of objects, which takes ten times as long.

In a text, `{word}` stands for an attribute's name or for a value. Values are DynamoDB's JSON. They go together with
pynamodb's own conditions and actions in one request.
"""

from collections.abc import Mapping
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import SetAction


class Holds(Condition):
    """`Holds("{q} <= {most}", {"q": "quantity"}, most={"N": "9"})`."""

    def __init__(self, text: str, names: Mapping[str, str], **values: dict[str, Any]) -> None:
        self._spelled = text, names, values

    def serialize(self, names: dict[str, str], values: dict[str, Any]) -> str:
        return _placed(*self._spelled, names, values)


class Sets(SetAction):
    """`Sets("{q} = {q} + {more}", {"q": "quantity"}, more={"N": "1"})`."""

    values = ()

    def __init__(self, text: str, names: Mapping[str, str], **values: dict[str, Any]) -> None:
        self._spelled = text, names, values

    def serialize(self, names: dict[str, str], values: dict[str, Any]) -> str:
        return _placed(*self._spelled, names, values)


def _placed(
    text: str, named: Mapping[str, str], given: Mapping[str, Any], names: dict[str, str], values: dict[str, Any]
) -> str:
    """The text, with its words numbered after those that the request has already, as pynamodb numbers them."""
    words = {word: names.setdefault(name, f"#{len(names)}") for word, name in named.items()}
    for word, value in given.items():
        words[word] = placeholder = f":{len(values)}"
        values[placeholder] = value
    return text.format_map(words)

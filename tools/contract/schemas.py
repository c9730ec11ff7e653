"""Shapes: msgspec's schemas, made plain for generators of typed clients, and examples composed from their fields.

What is changed: two classes of one name get their domain before it; enums say their type and integers their format; a
field that may be null carries its description itself. In answers every field is required, since msgspec leaves none
out. In requests a default is told in words: some generators take a field with a `default` for one that must be sent.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

Schema = dict[str, Any]
REF = "#/components/schemas/"


class Schemas:
    """`components` by name; `of` is the place of a type in them, `body_of` and `answer_of` likewise."""

    def __init__(self, bodies: Sequence[Any], queries: Sequence[Any], answers: Sequence[Any]) -> None:
        types = list(dict.fromkeys([*bodies, *queries, *answers]))
        found, components = msgspec.json.schema_components(types, ref_template=REF + "{name}")
        self.components: dict[str, Schema] = {_name(name): _plain(schema) for name, schema in components.items()}
        self._of: dict[Any, Schema] = {of: _plain(schema) for of, schema in zip(types, found, strict=True)}
        for name in self._reached(answers):
            _require_all(self.components[name])
        for name in self._reached(bodies):
            _tell_defaults(self.components[name])
        self._queries: dict[Any, Schema] = {
            of: self.components.pop(self._reached([of])[0]) for of in dict.fromkeys(queries)
        }

    def of(self, shape: Any) -> Schema:
        return self._of[shape]

    def query(self, shape: Any) -> Schema:
        """The object of which each property is a parameter."""
        return self._queries[shape]

    def example(self, schema: Schema) -> Any:
        """Composed from the examples of the fields."""
        if schema.get("examples"):
            return schema["examples"][0]
        if "$ref" in schema:
            return self.example(self.components[schema["$ref"].removeprefix(REF)])
        if "anyOf" in schema:
            return self.example(schema["anyOf"][0])
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("type") == "array":
            return [self.example(schema["items"])]
        if schema.get("type") == "object":
            return {name: self.example(field) for name, field in schema.get("properties", {}).items()}
        raise ValueError(f"no example for {schema}")

    def _reached(self, types: Sequence[Any]) -> list[str]:
        """Names of components, the types' own first."""
        names = [name for of in types for name in _references(self._of[of])]
        for name in names:  # grows while it is walked
            names.extend(other for other in _references(self.components[name]) if other not in names)
        return list(dict.fromkeys(names))


def _name(name: str) -> str:
    """msgspec tells classes of one name apart by modules: chalicelib.pricing.terms.ScopeKind -> PricingScopeKind."""
    *_, domain, _module, own = ["", "", *name.split(".")]
    return domain.capitalize() + own


def _plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: value if key in {"examples", "default"} else _plain(value) for key, value in schema.items()}
    if isinstance(plain.get("title"), str):
        del plain["title"]  # the component's name says it
    if "$ref" in plain:
        plain["$ref"] = REF + _name(plain["$ref"].removeprefix(REF))
    if isinstance(plain.get("description"), str):
        plain["description"] = re.sub(r"\s*\n\s*", " ", plain["description"])
    if isinstance(plain.get("enum"), list):
        plain.setdefault("type", "string")
    if plain.get("type") == "integer":
        plain["format"] = "int64"
    if isinstance(plain.get("anyOf"), list) and {"type": "null"} in plain["anyOf"]:
        _hoist(plain)
    return plain


def _hoist(nullable: Schema) -> None:
    if nullable.get("default", ...) is None:
        del nullable["default"]
    for word in ("description", "examples"):
        for option in nullable["anyOf"]:
            if word in option:
                nullable.setdefault(word, option.pop(word))


def _require_all(schema: Schema) -> None:
    if "properties" in schema:
        schema["required"] = list(schema["properties"])
        for field in schema["properties"].values():
            field.pop("default", None)


def _tell_defaults(schema: Schema) -> None:
    for field in schema.get("properties", {}).values():
        if "default" in field:
            default = json.dumps(field.pop("default"), ensure_ascii=False)
            field["description"] = f"{field['description']} Default: `{default}`."


def _references(schema: Any) -> Iterator[str]:
    values = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ()
    if isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
        yield schema["$ref"].removeprefix(REF)
    for value in values:
        yield from _references(value)

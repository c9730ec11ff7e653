"""What a JSON body may hold: declared once per call, checked without mercy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class BadField(Exception):
    """`location` is a JSON pointer such as /amount/total."""

    def __init__(self, location: str, issue: str) -> None:
        super().__init__(f"{location}: {issue}")
        self.location, self.issue = location, issue


@dataclass(frozen=True)
class Text:
    """A string of `least` to `most` characters that fits the pattern as a whole."""

    most: int
    least: int = 1
    pattern: str = ""
    required: bool = False

    def check(self, value: object, at: str) -> None:
        if not isinstance(value, str):
            raise BadField(at, "类型应为string")
        if not self.least <= len(value) <= self.most:
            raise BadField(at, f"长度应为{self.least}到{self.most}个字符")
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise BadField(at, "格式不正确")


@dataclass(frozen=True)
class Number:
    """An integer; a JSON number with a fraction, a string or true are none."""

    least: int = 0
    required: bool = False

    def check(self, value: object, at: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadField(at, "类型应为integer")
        if value < self.least:
            raise BadField(at, f"不能小于{self.least}")


@dataclass(frozen=True)
class Flag:
    required: bool = False

    def check(self, value: object, at: str) -> None:
        if not isinstance(value, bool):
            raise BadField(at, "类型应为boolean")


@dataclass(frozen=True)
class Group:
    """An object with these fields and no others."""

    fields: Mapping[str, Field]
    required: bool = False

    def check(self, value: object, at: str) -> None:
        if not isinstance(value, dict):
            raise BadField(at or "/", "类型应为object")
        for name, field in self.fields.items():
            if name in value:
                field.check(value[name], f"{at}/{name}")
            elif field.required:
                raise BadField(f"{at}/{name}", "必填参数缺失")
        for name in value:
            if name not in self.fields:
                raise BadField(f"{at}/{name}", "未定义的参数")


@dataclass(frozen=True)
class Many:
    item: Field
    most: int = 6000
    required: bool = False

    def check(self, value: object, at: str) -> None:
        if not isinstance(value, list):
            raise BadField(at, "类型应为array")
        if not 1 <= len(value) <= self.most:
            raise BadField(at, f"个数应为1到{self.most}")
        for index, each in enumerate(value):
            self.item.check(each, f"{at}/{index}")


Field = Text | Number | Flag | Group | Many


def value_at(body: Mapping[str, Any], location: str) -> object:
    """The value under a JSON pointer, None if there is none."""
    value: object = body
    for part in location.strip("/").split("/"):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value

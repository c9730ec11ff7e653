"""Rows of the shop copied under new ids: what the shop itself once wrote, as often as is wanted.

Every id in a row is renewed wherever it stands, and the nth copy of an id is the same in all rows, so that a copied
payment belongs to a copied order. Ids of things come out older by a day and more, so that lists that begin with the
newest begin with what the shop wrote. What is sealed to the id of its row cannot be opened in a copy; it has its size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from chalicelib.kernel.ids import ALPHABET

Item = dict[str, Any]
THING, MEMBER, DAY = r"0[0-9A-HJKMNP-TV-Z]{25}", r"M[A-Z2-7]{25}", r"\d{4}-\d{2}-\d{2}"
_things = re.compile(THING)
_day = re.compile(DAY)
BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
A_DAY_MS = 86_400_000
SHARDS = 8


@dataclass(frozen=True)
class Times:
    """Epoch seconds, by number: when copies that wait are due, and when copies that ended have ended."""

    now: int
    wait: int
    """Copies are due within so many seconds from now, the first a minute from now."""

    def due(self, number: int) -> int:
        return self.now + 60 + number * 61 % self.wait

    def ended(self, number: int) -> int:
        return self.now - 60 - number * 61


def another(name: str, number: int) -> str:
    """What the id is called in copy `number`, from 1 up; as long as others of its kind."""
    if _things.fullmatch(name):
        age = (A_DAY_MS + number * 1000) << 80
        return base32(int("".join(f"{ALPHABET.index(each):05b}" for each in name), 2) - age, ALPHABET, 26)
    if re.fullmatch(MEMBER, name):
        return name[:20] + base32(number, BASE32, 6)
    if _day.fullmatch(name):
        return str(date.fromisoformat(name) - timedelta(days=30 + number % 10_000))
    return f"{name}-{number:07d}"


def base32(number: int, alphabet: str, length: int) -> str:
    return "".join(alphabet[number >> 5 * place & 31] for place in reversed(range(length)))


def copies(item: Item, numbers: range, times: Times, *, own: bool, also: tuple[str, ...]) -> Iterator[Item]:
    """Of one row. `own`: of the same member; else of another each. `also`: attributes whose text is an id too.

    Nothing, if there is no id in the row that could be another. Attributes without ids are shared among the copies.
    """
    names = _names(item, own=own, also=also)
    if names is None:
        return
    makers = {attribute: make for attribute in item if (make := _maker(attribute, item[attribute], names, times))}
    known = {name for value in item.values() for name in names.findall(_text(value))}
    for number in numbers:
        renewed = {name: another(name, number) for name in known}
        yield item | {attribute: make(number, renewed) for attribute, make in makers.items()}


Make = Callable[[int, Mapping[str, str]], Any]


def _names(item: Item, *, own: bool, also: tuple[str, ...]) -> re.Pattern[str] | None:
    """What finds the ids of the row. Those that look like none count as whole words: there is rice in every price."""
    looks = THING if own else f"{THING}|{MEMBER}"
    words = {re.escape(value["S"]) for attribute, value in item.items() if attribute in also}
    if not words and not re.search(looks, json.dumps(item)):
        return None
    return re.compile("|".join([*(rf"(?<![0-9A-Za-z]){word}(?![0-9A-Za-z])" for word in sorted(words)), looks]))


def _maker(attribute: str, value: Any, names: re.Pattern[str], times: Times) -> Make | None:
    """What makes the attribute of a copy, if it is not the same as of the original."""
    if attribute == "due_at":
        return lambda number, _: {"N": str(times.due(number))}
    if attribute == "ends_at":
        return lambda number, _: {"N": str(times.ended(number))}
    if attribute == "due_shard":
        job = value["S"].partition("#")[0]
        return lambda number, _: {"S": f"{job}#{number % SHARDS}"}
    if attribute == "day_shard":
        day = value["S"].partition("#")[0]
        return lambda number, _: {"S": f"{another(day, number)}#{number % SHARDS}"}
    parts = re.split(f"({names.pattern})", _text(value))
    if len(parts) == 1:
        return None
    plain = list(value) == ["S"]

    def make(_: int, renewed: Mapping[str, str]) -> Any:
        text = "".join(renewed.get(part, part) for part in parts)
        return {"S": text} if plain else json.loads(text)

    return make


def _text(value: Any) -> str:
    return str(value["S"]) if list(value) == ["S"] else json.dumps(value, ensure_ascii=False)

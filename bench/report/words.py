"""What was measured, read once, and how tables and numbers are written."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import BEFORE, kept

PARTS = {
    "requests": "requests", "cpu": "cpu", "growth": "growth", "sale": "sale", "model": "model", "sweep": "jobs",
    "coldstart": "coldstart", "cost": "cost",
}  # fmt: skip
"""Modules of the bench in the order in which they are run, and the names of what they keep."""

Figures = Mapping[str, Any]
WIDTH, HELD = 120, "\0"


@dataclass(frozen=True)
class Results:
    """By the name of what is kept; without what was not measured."""

    now: Mapping[str, Figures]
    before: Mapping[str, Figures]


def load() -> Results:
    now, before = (
        {name: found for name in PARTS.values() if (found := kept(name, *folder)) is not None}
        for folder in ((), (BEFORE,))
    )
    return Results(now, before)


def missing(part: str) -> str:
    return f"Not measured here yet: `make bench PARTS={part}`.\n"


def picture(name: str, what: str) -> str:
    return f"![{what}](pictures/{name}.svg)\n\n"


def wrapped(text: str) -> str:
    """Paragraphs and points of lists no wider than WIDTH; all else as it is."""
    return "\n\n".join(map(_wrapped, text.split("\n\n")))


def _wrapped(block: str) -> str:
    lines = block.split("\n")
    if not any(line.startswith(("|", "!", "#", "-")) for line in lines):
        return _filled(block.strip()) + "\n" * (len(block) - len(block.rstrip()))
    return "\n".join(_filled(line, "  ") if line.startswith("-") else line for line in lines)


def _filled(text: str, indent: str = "") -> str:
    whole = re.sub("`[^`]*`", lambda code: code[0].replace(" ", HELD), text)
    filled = textwrap.fill(whole, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return filled.replace(HELD, " ")


def measured(figures: Figures) -> str:
    """When and on what, in brackets."""
    machine = figures["machine"]
    return f"(measured {figures['measured']}, {machine['cores']} cores, Python {machine['python']})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], text: Collection[int] = (0,)) -> str:
    """All columns are numbers, to be read from the right, but for those of text."""
    rules = ["---" if column in text else "--:" for column in range(len(head))]
    lines = [head, *rows]
    marked = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([marked[0], f"|{'|'.join(rules)}|", *marked[1:]]) + "\n"


def number(value: float | None, places: int = 0) -> str:
    return "" if value is None else f"{value:,.{places}f}"


def units(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def change(before: str, after: str) -> str:
    """`6 → 2`; one of them alone if they are the same or the other is not known."""
    return f"{before} → {after}" if before and after and before != after else after or before


def bytes_of(value: float | None) -> str:
    return "" if value is None else f"{value / 1000:.1f}"

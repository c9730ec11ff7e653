"""What a step of the check found, in words for a merchant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """`mark`: ✓ holds, ✗ does not, – was not tried or not wanted. `why` explains, `do` is the next step."""

    mark: Literal["✓", "✗", "–"]
    what: str
    why: str = ""
    do: str = ""

    def __str__(self) -> str:
        lines = [f"{self.mark} {self.what}"]
        lines += [f"    {label}{text}" for label, text in (("", self.why), ("→ ", self.do)) if text]
        return "\n".join(lines)


def holds(what: str, why: str = "") -> Finding:
    return Finding("✓", what, why)


def fails(what: str, why: str, do: str) -> Finding:
    return Finding("✗", what, why, do)


def skipped(what: str, why: str, do: str = "") -> Finding:
    return Finding("–", what, why, do)

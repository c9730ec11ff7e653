"""One line of the doctor's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from deploy.cloud import CloudError, told

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """✓ holds; ✗ stops a shop, or loses what it has; ? cannot be told from here, or is for somebody to judge."""

    mark: Literal["✓", "✗", "?"]
    what: str
    do: str = ""

    def __str__(self) -> str:
        return f"{self.mark} {self.what}" + (f" → {self.do}" if self.do else "")


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be had."""

    why: str


NOT_ASKED = Unknown("not asked")


def good(what: str) -> Finding:
    return Finding("✓", what)


def bad(what: str, do: str) -> Finding:
    return Finding("✗", what, do)


def look(what: str, do: str = "") -> Finding:
    return Finding("?", what, do)


def attempted(ask: Callable[[], T]) -> T | Unknown:
    """What AWS answers, or why it does not."""
    try:
        return ask()
    except (BotoCoreError, ClientError) as error:
        return Unknown(told(error))
    except CloudError as error:
        return Unknown(str(error))

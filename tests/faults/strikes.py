"""What goes wrong, once in a run, at a step that is found by counting.

A step is a write to storage or a call to WeChat, made by the shop. For a race, reads are steps too, but not the looking
for what is due: nothing is read there that could be different by the time it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from tests.faults.engine import Answer, Request, answer_lost, refused

Result = TypeVar("Result")


class Died(BaseException):
    """The process is gone: nothing in it may catch this."""


class Mode(StrEnum):
    """BEFORE, AFTER: the process dies before or after the step. REPEATED: the step is done, its answer is lost, and
    whoever made it (botocore, our client of WeChat) makes it again. LOST: done, and no repetition gets through. BUSY:
    not done, "try again" is answered. RACE: right before the step, somebody else's work is done from end to end.
    """

    BEFORE = "before"
    AFTER = "after"
    REPEATED = "repeated"
    LOST = "lost"
    BUSY = "busy"
    RACE = "race"


@dataclass
class Strike:
    """`at` counts from 1; 0 never strikes."""

    at: int = 0
    mode: Mode = Mode.BEFORE
    counted: int = 0
    struck: str = ""
    rival: Callable[[], None] = lambda: None
    _cut: str = ""

    def concerns(self, request: Request) -> bool:
        """Whether something may happen to this request."""
        coming = not self.struck and self.counted + 1 == self.at
        return bool(self._cut) or (coming and self._counts(request))

    def storage(self, request: Request, do: Callable[[], Answer]) -> Answer:
        """A request to the engine by the shop."""
        if request.attempt > 1:
            if self._cut == str(request):
                raise answer_lost()
            return do()
        self._cut = ""
        if not self._counts(request) or not self._hits(str(request)):
            return do()
        match self.mode:
            case Mode.REPEATED | Mode.LOST:
                do()
                self._cut = str(request) if self.mode is Mode.LOST else ""
                raise answer_lost()
            case Mode.BUSY:
                return refused("ThrottlingException" if self.at % 2 else "TransactionConflictException")
        return self._deadly(do)

    def outside(
        self, call: str, do: Callable[[], Result], busy: Callable[[], Result], lost: Callable[[], Exception]
    ) -> Result:
        """A call of the shop to WeChat."""
        if self._cut == call:
            self._cut = ""
            raise lost()
        if not self._hits(call):
            return do()
        match self.mode:
            case Mode.REPEATED | Mode.LOST:
                do()
                self._cut = call if self.mode is Mode.LOST else ""
                raise lost()
            case Mode.BUSY:
                return busy()
        return self._deadly(do)

    def _counts(self, request: Request) -> bool:
        return request.writes or (self.mode is Mode.RACE and not request.job)

    def _hits(self, step: str) -> bool:
        if self.struck:
            return False
        self.counted += 1
        if self.counted != self.at:
            return False
        self.struck = step
        return True

    def _deadly(self, do: Callable[[], Result]) -> Result:
        if self.mode is Mode.BEFORE:
            raise Died
        if self.mode is Mode.RACE:
            self.rival()
            return do()
        do()
        raise Died

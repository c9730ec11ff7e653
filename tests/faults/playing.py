"""One use case, one strike, one seed: played, let go on until nothing is due, and held against the invariants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from tests.faults import driver
from tests.faults.invariants import broken
from tests.faults.people import Fault, GaveUp, Refusal
from tests.faults.staging import life
from tests.faults.strikes import Mode, Strike
from tests.faults.usecases import USE_CASES, UseCase
from tests.faults.world import Stage

MOST_STEPS = 2000


@dataclass(frozen=True)
class Case:
    """What is needed to play it again."""

    name: str
    at: int
    mode: Mode
    seed: int

    def __str__(self) -> str:
        return f"{self.name} {self.at} {self.mode} {self.seed}"

    @staticmethod
    def parse(text: str) -> Case:
        name, at, mode, seed = text.split()
        return Case(name, int(at), Mode(mode), int(seed))


@dataclass(frozen=True)
class Played:
    """`struck` is the step that was struck; empty if there are fewer steps."""

    struck: str
    wrong: list[str]
    story: list[str]

    def report(self, case: Case) -> str:
        where = f"{case.name}: {case.mode} step {case.at}, {self.struck or 'nothing'}; seed {case.seed}"
        again = f'play it again: JISHI_FAULT="{case}" make faults'
        return "\n".join([where, *(f"  {line}" for line in self.wrong), again, *(f"    {line}" for line in self.story)])


def play(stage: Stage, case: Case, use_case: UseCase | None = None) -> Played:
    """A failure of the use case itself counts only where nothing was struck, or where nobody gave up."""
    strike, wrong = Strike(case.at, case.mode), []
    with life(stage, case.seed, strike) as world:
        try:
            (use_case or USE_CASES[case.name])(world)
        except GaveUp as error:
            if not strike.struck:
                wrong.append(f"the client gave up for no reason: {error!r}")
        except Refusal as error:
            if not strike.struck:
                wrong.append(f"refused: {error}")
        except (AssertionError, Fault) as error:
            wrong.append(f"{type(error).__name__}: {error}")
        except Exception as error:
            wrong.append(f"the use case failed: {error!r}")
        try:
            driver.settle(world, hours=50)
        except Fault as error:
            wrong.append(f"{type(error).__name__}: {error}")
        wrong += broken(world)
        return Played(strike.struck, wrong, world.story)


def points(
    stage: Stage, name: str, seed: int, modes: Sequence[Mode], every: int = 1, use_case: UseCase | None = None
) -> Iterator[tuple[Case, Played]]:
    """A use case struck at each step, or at every so many, the modes taking turns; first of all, without a strike."""
    yield (case := Case(name, 0, modes[0], seed)), play(stage, case, use_case)
    for number, at in enumerate(count(1 + seed % every, every)):
        case = Case(name, at, modes[(number + seed) % len(modes)], seed)
        played = play(stage, case, use_case)
        if not played.struck:
            return
        yield case, played
        assert at < MOST_STEPS, f"{name} never ends"

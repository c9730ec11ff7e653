"""CPU milliseconds of a process per turn, a turn being what one guest asks at once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.gateway import Act, Answer

Turn = Sequence[Act]
CLIENTS = 8


@dataclass(frozen=True)
class Cpu:
    """Milliseconds a turn: the median of the rounds, and the least and the most of them."""

    median: float
    least: float
    most: float


class Clients:
    """One client, or eight at once, in threads that live as long as this does, as their connections do."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(CLIENTS)

    def play(self, turns: Sequence[Turn], clients: int) -> list[list[Answer]]:
        """The answers, turn by turn. RuntimeError for one that refuses."""
        shares = [turns[number::clients] for number in range(clients)]
        answers: list[list[Answer]] = [[] for _ in turns]
        for number, done in enumerate(self._threads.map(_play, shares)):
            answers[number::clients] = done
        return answers

    def close(self) -> None:
        self._threads.shutdown()


def _play(turns: Sequence[Turn]) -> list[list[Answer]]:
    return [[_checked(act()) for act in turn] for turn in turns]


def _checked(answer: Answer) -> Answer:
    if answer.status >= 300:
        raise RuntimeError(f"{answer.status} {answer.body}")
    return answer


def spent(rounds: Sequence[float], turns: int, less: float = 0.0) -> Cpu:
    """Of the CPU seconds of each round, of `turns` turns each; `less` ms a turn are not the shop's."""
    each = [seconds * 1000 / turns - less for seconds in rounds]
    return Cpu(round(statistics.median(each), 3), round(min(each), 3), round(max(each), 3))


def cpu_of(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """CPU seconds that pass on the clock meanwhile."""
    began = clock()
    work()
    return clock() - began

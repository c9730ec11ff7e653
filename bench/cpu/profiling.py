"""Where the CPU time of one operation goes, by samples: cProfile's cost per call would make small functions look large,
and waiting for the engine would hide all else.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from bench.cpu.measuring import Turn

ROOT = Path(__file__).parents[2]
OURS = tuple(str(ROOT / part) for part in ("app.py", "chalicelib"))
MOST = 40
EVERY = 0.001
"""CPU seconds between samples; most kernels take 4 ms at least."""
SAMPLES, MOST_ROUNDS = 500, 40
Function = tuple[str, int, str]


class Samples:
    """Which functions were under way, and which of them was running; a function counts once a sample."""

    def __init__(self) -> None:
        self.number = 0
        self.under_way: Counter[Function] = Counter()
        self.running: Counter[Function] = Counter()

    def take(self, _: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            code = frame.f_code
            stack.append((code.co_filename, code.co_firstlineno, code.co_qualname))
            frame = frame.f_back
        self.number += 1
        self.running[stack[0]] += 1
        self.under_way.update(set(stack))


def profiled(turns_of_a_round: Callable[[], Sequence[Turn]]) -> str:
    """CPU microseconds a turn, in all and in the function itself: ours first, then others'. One client."""
    samples, seconds, turns = Samples(), 0.0, 0
    before: Any = signal.signal(signal.SIGPROF, samples.take)
    try:
        for _ in range(MOST_ROUNDS):
            if samples.number >= SAMPLES:
                break
            round_ = turns_of_a_round()
            turns += len(round_)
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
            for turn in round_:
                for act in turn:
                    act()
            signal.setitimer(signal.ITIMER_PROF, 0)
            seconds += time.process_time() - began
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return _table(samples, seconds * 1e6 / turns)


def _table(samples: Samples, turn_us: float) -> str:
    lines: dict[bool, list[str]] = {True: [], False: []}
    scale = turn_us / max(samples.number, 1)
    for function, number in samples.under_way.most_common():
        file, line, name = function
        ours = file.startswith(OURS)
        place = Path(file).relative_to(ROOT) if ours else "/".join(Path(file).parts[-2:])
        lines[ours].append(f"{number * scale:9.0f} {samples.running[function] * scale:8.0f}  {place}:{line} {name}")
    head = "us in all  us self  "
    title = f"{turn_us:.0f} us of CPU a turn, {samples.number} samples of {scale:.0f} us"
    return "\n".join([title, f"{head}ours", *lines[True][:MOST], f"{head}others'", *lines[False][:MOST]])

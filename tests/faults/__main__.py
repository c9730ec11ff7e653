"""`make faults`: every use case, struck in every way at every step, by several seeds; prints a report.

JISHI_FAULT_SEED="1 2 3" names the seeds, JISHI_FAULT_CASES a part of the use cases' names,
JISHI_FAULT_JOBS how many are played at once. JISHI_FAULT="<use case>
<step> <mode> <seed>" plays one life again and tells its story.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

os.environ.setdefault("AWS_ACCESS_KEY_ID", "local")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "local")
os.environ.setdefault("AWS_DEFAULT_REGION", "cn-north-1")

from sandbox.wechat import make_credentials
from tests.faults.invariants import CHECKS
from tests.faults.playing import Case, play, points
from tests.faults.staging import staged
from tests.faults.strikes import Mode
from tests.faults.usecases import USE_CASES, furnish


@dataclass(frozen=True)
class Result:
    """Of one use case: how many steps it has, how many lives it was given in each way, and what went wrong."""

    name: str
    steps: int
    lives: Counter[Mode]
    seconds: float
    reports: list[str]

    def line(self) -> str:
        counts = "  ".join(f"{mode} {n}" for mode, n in self.lives.items())
        return f"{self.name:42} {self.steps:4} steps   {counts}   {self.seconds:6.0f} s   {len(self.reports)} found"


def whole(name: str, seeds: list[int]) -> Result:
    """A use case in every way at every step. In a process of its own, so with a stage of its own."""
    began, steps, lives, reports = time.process_time(), 0, Counter[Mode](), []
    with tempfile.TemporaryDirectory() as home, staged(make_credentials(Path(home)), furnish) as stage:
        for seed, mode in product(seeds, Mode):
            for case, played in points(stage, name, seed, [mode]):
                lives[mode] += bool(case.at)
                steps = max(steps, case.at) if mode is not Mode.RACE else steps
                if played.wrong:
                    reports.append(played.report(case))
    return Result(name, steps, lives, time.process_time() - began, reports)


def everything(seeds: list[int], names: list[str]) -> int:
    results = []
    with ProcessPoolExecutor(int(os.environ.get("JISHI_FAULT_JOBS", os.cpu_count() or 1))) as pool:
        for result in pool.map(whole, names, [seeds] * len(names)):
            results.append(result)
            print(result.line(), *result.reports, sep="\n\n" if result.reports else "", flush=True)
    lives = sum((result.lives for result in results), Counter[Mode]())
    counts = ", ".join(f"{n} {mode}" for mode, n in lives.items())
    print(f"\n{len(names)} use cases, {lives.total()} lives with a strike ({counts}), seeds {seeds}")
    print(f"{len(CHECKS)} invariants after each: {', '.join(check.__name__ for check in CHECKS)}")
    found = sum(len(result.reports) for result in results)
    print(f"{found} lives in which one did not hold")
    return found


def main() -> int:
    if wanted := os.environ.get("JISHI_FAULT"):
        case = Case.parse(wanted)
        with tempfile.TemporaryDirectory() as home, staged(make_credentials(Path(home)), furnish) as stage:
            played = play(stage, case)
        print(played.report(case))
        return len(played.wrong)
    seeds = [int(seed) for seed in os.environ.get("JISHI_FAULT_SEED", "1 2").split()]
    return everything(seeds, [name for name in USE_CASES if os.environ.get("JISHI_FAULT_CASES", "") in name])


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

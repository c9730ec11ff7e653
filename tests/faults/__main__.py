"""`make faults`: every use case, struck in every way at every step, by several seeds; prints a report.

JISHI_FAULT_SEEDS="1 2 3" names the seeds, JISHI_FAULT_CASES a part of the use cases' names. JISHI_FAULT="<use case>
<step> <mode> <seed>" plays one life again and tells its story.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("AWS_ACCESS_KEY_ID", "local")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "local")
os.environ.setdefault("AWS_DEFAULT_REGION", "cn-north-1")

from sandbox.wechat import make_credentials
from tests.faults.invariants import CHECKS
from tests.faults.playing import Case, play, points
from tests.faults.strikes import Mode
from tests.faults.usecases import USE_CASES, furnish
from tests.faults.world import Stage, staged


def again(stage: Stage, case: Case) -> int:
    played = play(stage, case)
    print(played.report(case))
    return len(played.wrong)


def everything(stage: Stage, seeds: list[int], names: list[str]) -> int:
    found, played_in_all = 0, Counter[Mode]()
    for name in names:
        began, steps, here = time.monotonic(), 0, Counter[Mode]()
        for seed in seeds:
            for mode in Mode:
                for case, played in points(stage, name, seed, [mode]):
                    here[mode] += bool(case.at)
                    steps = max(steps, case.at) if mode is not Mode.RACE else steps
                    if played.wrong:
                        found += 1
                        print(f"\n{played.report(case)}\n", file=sys.stderr, flush=True)
        counts = "  ".join(f"{mode} {n}" for mode, n in here.items())
        print(f"{name:42} {steps:4} steps   {counts}   {time.monotonic() - began:6.0f} s", flush=True)
        played_in_all += here
    counts = ", ".join(f"{n} {mode}" for mode, n in played_in_all.items())
    print(f"\n{len(names)} use cases, {played_in_all.total()} lives with a strike ({counts}), seeds {seeds}")
    print(f"{len(CHECKS)} invariants after each: {', '.join(check.__name__ for check in CHECKS)}")
    print(f"{found} lives in which one did not hold")
    return found


def main() -> int:
    seeds = [int(seed) for seed in os.environ.get("JISHI_FAULT_SEEDS", "1 2").split()]
    names = [name for name in USE_CASES if os.environ.get("JISHI_FAULT_CASES", "") in name]
    with tempfile.TemporaryDirectory() as home, staged(make_credentials(Path(home)), furnish) as stage:
        if wanted := os.environ.get("JISHI_FAULT"):
            return again(stage, Case.parse(wanted))
        return everything(stage, seeds, names)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

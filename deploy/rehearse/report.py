"""The end: a short table of what was done, or the last words of whatever failed."""

from __future__ import annotations

import re
import sys

from deploy.rehearse.world import World
from deploy.template.functions import functions

LAST = 15
FAULT = re.compile("Traceback|Task timed out|Runtime exited")


def table(world: World) -> None:
    print()
    probed = f"{world.probed} requests during releases, all answered, the slowest in {world.slowest:.1f} s"
    for name, fact in {**world.facts, "shoppers": probed, "checks": f"{world.checks} beside the demo's"}.items():
        print(f"  {name:<12}{fact}")
    print(f"\n✓ Rehearsed in {world.seconds:.0f} s.")


def failure(world: World, error: Exception) -> None:
    """Also keeps every function's log among the others."""
    print(f"\n✗ {error}", file=sys.stderr)
    folder = world.home / "logs" / "functions"
    folder.mkdir(parents=True, exist_ok=True)
    for function in functions():
        try:
            lines = world.log(function.name)
        except Exception as silence:  # there may be no such log, or no emulator any more
            lines = [f"no log: {silence}"]
        (folder / f"{function.name}.log").write_text("\n".join(lines), encoding="utf-8")
        wrong = [number for number, line in enumerate(lines) if FAULT.search(line)]
        if wrong and not lines[0].startswith("no log"):
            print(f"\n  {function.name}:", file=sys.stderr)
            for line in lines[max(0, wrong[-1] - LAST) : wrong[-1] + 3]:
                print(f"    {line[:400]}", file=sys.stderr)

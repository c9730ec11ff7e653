"""`make bench`: measures one part after another, then draws docs/performance.md. `python -m bench requests cost`: some.

Exit status 1 if a part failed, or broke a promise of its own; the others are measured all the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence

from bench.report.words import PARTS

SHOWN = 100
TAIL = 15


def main(asked: Sequence[str]) -> int:
    if unknown := [part for part in asked if part not in PARTS]:
        print(f"no part {', '.join(unknown)}: there are {', '.join(PARTS)}", file=sys.stderr)
        return 1
    wanted = [part for part in PARTS if part in asked or not asked]
    began = time.monotonic()
    failed = [part for number, part in enumerate(wanted, 1) if not measured(part, f"{number}/{len(wanted)} {part}")]
    drawn = subprocess.run([sys.executable, "-m", "bench.report"]).returncode == 0
    print(f"{len(wanted)} part{'s' if len(wanted) > 1 else ''} in {(time.monotonic() - began) / 60:.1f} minutes")
    if failed:
        print(f"failed: {', '.join(failed)}; `python -m bench.{failed[0]}` shows all of it", file=sys.stderr)
    return int(bool(failed) or not drawn)


def measured(part: str, title: str) -> bool:
    """Whether it went well; shows the last line of what it says, and its end if it failed."""
    began = time.monotonic()
    last: deque[str] = deque(maxlen=TAIL)
    command = [sys.executable, "-m", f"bench.{part}"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            if words := line.strip():
                last.append(words)
                _show(f"{title}: {words}"[:SHOWN])
    _show("")
    well = process.returncode == 0
    print(f"{title}: {time.monotonic() - began:.0f} s{'' if well else ', FAILED'}", flush=True)
    if not well:
        print(*last, sep="\n", flush=True)
    return well


def _show(words: str) -> None:
    """In the one line that is written over again and again; not at all where nobody looks."""
    if sys.stdout.isatty():
        print(f"\r{words:{SHOWN}}\r", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

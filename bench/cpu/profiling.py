"""Where the time of one operation goes: cProfile over many turns of it, what is ours first."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Sequence
from pathlib import Path

from bench.cpu.measuring import Turn

ROOT = Path(__file__).parents[2]
OURS = tuple(str(ROOT / part) for part in ("app.py", "chalicelib"))
MOST = 40


def profiled(turns: Sequence[Turn]) -> str:
    """The functions that take most, with what they call: microseconds a turn in all and in themselves, calls a turn.
    A profile makes Python's own code look about twice as dear as it is, beside C's.
    """
    profile = cProfile.Profile()
    profile.enable()
    for turn in turns:
        for act in turn:
            act()
    profile.disable()
    rows: dict[bool, list[tuple[float, str]]] = {True: [], False: []}
    for (file, line, name), (_, calls, own, total, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        ours, scale = file.startswith(OURS), 1e6 / len(turns)
        place = Path(file).relative_to(ROOT) if ours else "/".join(Path(file).parts[-2:])
        text = f"{total * scale:9.0f} {own * scale:8.0f} {calls / len(turns):8.1f}  {place}:{line} {name}"
        rows[ours].append((total, text))
    first, rest = ([text for _, text in sorted(rows[ours], reverse=True)[:MOST]] for ours in (True, False))
    head = "us in all  us self    calls  "
    return "\n".join([f"{head}ours", *first, f"{head}others'", *rest])

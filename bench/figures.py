"""What a part of the bench measured, kept as bench/results/<part>.json, from which the page and its pictures are drawn.

bench/results/before/ holds the same of the code as it was before it was made fast: commit da221e5.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
BEFORE = RESULTS / "before"


def keep(part: str, figures: Mapping[str, Any], results: Path = RESULTS) -> Path:
    """Writes what was measured just now, with the day and the machine; keys sorted, so that a repetition differs by
    figures alone. Returns the file.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = {"cores": cores, "python": platform.python_version()}
    head = {"part": part, "measured": datetime.now(UTC).date().isoformat(), "machine": machine}
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{part}.json"
    kept = json.loads(json.dumps(figures, sort_keys=True))
    path.write_text(json.dumps({**head, **kept}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def kept(part: str, results: Path = RESULTS) -> dict[str, Any] | None:
    """What this part measured last; None if that is not there."""
    path = results / f"{part}.json"
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found

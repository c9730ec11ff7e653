"""python -m bench.coldstart [--rounds 15] [--bundle bundle.zip]: exit status 1 if a budget is broken."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from zipfile import ZipFile

from bench import figures
from bench.coldstart import first, programs, report
from bench.coldstart.programs import Start
from chalicelib.log import logger
from deploy import package
from deploy.stage import ROOT, read

PAGE = ROOT / "docs" / "coldstart.md"
AHEAD = {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}
WAYS: Mapping[str, Mapping[str, str]] = {"on demand": {}, "ahead": AHEAD}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.coldstart", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--stage", default="dev", help="whose bundle is made")
    parser.add_argument("--bundle", type=Path, help="a bundle.zip that was made already, for this machine")
    given = parser.parse_args()
    logger.setLevel("CRITICAL")
    with tempfile.TemporaryDirectory(prefix="jishi-coldstart-") as folder:
        tree = Path(folder) / "tree"
        with ZipFile(given.bundle or _made(given.stage, Path(folder))) as archive:
            archive.extractall(tree)
        starts = _starts(tree, given.rounds)
        judged = report.verdicts(starts)
        dearest = {name: _dearest(tree, name) for name in ("app", "functions.orders")}
        firsts = _firsts(tree, given.rounds)
    head = {"rounds": given.rounds, "machine": platform.machine(), "python": platform.python_version()}
    text = report.page(head, judged, dearest, firsts)
    PAGE.write_text(text, encoding="utf-8")
    starts_kept = [{**asdict(one), "holds": one.holds} for one in judged]
    seen = {"architecture": platform.machine(), "rounds": given.rounds}
    kept = figures.keep("coldstart", {**seen, "starts": starts_kept, "dearest": dearest, "first": firsts})
    print(text)
    print(*judged[1:], f"wrote {PAGE.relative_to(ROOT)} and {kept.relative_to(ROOT)}", sep="\n")
    sys.exit(not all(one.holds for one in judged))


def _made(stage_name: str, folder: Path) -> Path:
    stage = read(stage_name)
    here = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    return package.make(replace(stage, options=replace(stage.options, architecture=here)), ROOT, folder).bundle


def _starts(tree: Path, rounds: int) -> dict[str, list[Start]]:
    wanted = programs.programs(tree)
    starts: dict[str, list[Start]] = defaultdict(list)
    for number in range(rounds):
        print(f"\rStarting {len(wanted)} programs, round {number + 1} of {rounds}", end="", flush=True)
        for name, program in wanted.items():
            starts[name].append(programs.start(tree, program))
    print()
    return starts


def _dearest(tree: Path, name: str, runs: int = 5) -> dict[str, float]:
    """The ten dearest modules of a program, ms by name."""
    times = [programs.self_times(tree, programs.programs(tree)[name]) for _ in range(runs)]
    known = {module: round(median(time.get(module, 0.0) for time in times), 2) for module in times[0]}
    return dict(sorted(known.items(), key=lambda item: -item[1])[:10])


def _firsts(tree: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """By kind of request and way of starting: CPU ms of the start, the first and the second request."""
    times: dict[str, dict[str, list[tuple[float, ...]]]] = {
        kind: {way: [] for way in WAYS} for kind in first.KINDS
    }  # fmt: skip
    with first.opened() as scene:
        for number in range(rounds):
            print(f"\rFirst requests, round {number + 1} of {rounds}", end="", flush=True)
            for kind, ways in times.items():
                for way, variables in WAYS.items():
                    environment = {**scene.environment, **variables}
                    ways[way].append(programs.requests(tree, environment, scene.events(kind)))
    print()
    return {
        kind: {way: [round(median(each), 1) for each in zip(*found, strict=True)] for way, found in ways.items()}
        for kind, ways in times.items()
    }


if __name__ == "__main__":
    main()

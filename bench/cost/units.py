"""What a day asks of the cloud, visit by visit, out of what `python -m bench.requests` counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import add
from pathlib import Path
from statistics import median
from typing import Any

from app import app
from bench import figures
from bench.cost.day import BASE_MS, HEADER_BYTES, MINUTES_OF_A_DAY, PER_ORDER, REQUEST_MS, TRANSACTION_MS, WECHAT_MS
from bench.meter import TRANSACTION
from deploy.stage import Options

HTTP_GB, JOB_GB = Options().memory / 1024, 0.5
NOTHING_DUE = "nothing is due"
UNITS = {"minute": 1, "hour": 60, "day": 60 * 24}


class UnknownVisit(Exception):
    """A line of day.py that was not counted (any more), or nothing was."""


@dataclass(frozen=True)
class Asked:
    """What visits ask for: runs of functions, those over HTTP, units, Lambda's time, bytes out."""

    runs: float = 0
    http: float = 0
    read: float = 0
    write: float = 0
    gb_seconds: float = 0
    bytes: float = 0

    def __add__(self, other: Asked) -> Asked:
        return Asked(*map(add, self._numbers(), other._numbers()))

    def __sub__(self, other: Asked) -> Asked:
        return self + other.times(-1)

    def times(self, number: float) -> Asked:
        return Asked(*(number * each for each in self._numbers()))

    def _numbers(self) -> tuple[float, ...]:
        return self.runs, self.http, self.read, self.write, self.gb_seconds, self.bytes


def counted(results: Path = figures.RESULTS) -> dict[str, Asked]:
    """Every visit by name and case. Raises UnknownVisit if nothing was counted."""
    found = figures.kept("requests", results)
    if found is None:
        raise UnknownVisit(f"there is no {results / 'requests.json'}: run make bench PARTS=requests")
    rows = [(row, True) for row in found["routes"]] + [(row, False) for row in found["functions"]]
    cpu = cpu_ms(results)
    return {f"{row['name']} {row['case']}".strip(): _asked(row, http, cpu) for row, http in rows}


def cpu_ms(results: Path) -> float:
    """Milliseconds of a request, about."""
    found = figures.kept("cpu", results)
    return median(row["ms"]["1"]["median"] for row in found["operations"].values()) if found else BASE_MS


def _asked(row: Mapping[str, Any], http: bool, cpu: float) -> Asked:
    transactions = row["operations"].get(TRANSACTION, 0)
    singles = max(0, row["depth"] - transactions)
    ms = cpu + singles * REQUEST_MS + transactions * TRANSACTION_MS + row["wechat"] * WECHAT_MS
    seconds = ms / 1000 * (HTTP_GB if http else JOB_GB)
    out = row["bytes_answered"] + HEADER_BYTES if http else 0
    return Asked(1, int(http), row["read_units"], row["write_units"], seconds, out)


def of_an_order(visits: Mapping[str, Asked]) -> dict[str, Asked]:
    """By visit, what one paid order asks for. What a job does for one row costs what its run costs more than an empty
    one. Raises UnknownVisit.
    """
    if unknown := [name for name in PER_ORDER if name not in visits]:
        raise UnknownVisit(f"not counted: {unknown}: mend bench/cost/day.py, or run make bench PARTS=requests")
    empty = {name: visits.get(f"{name.partition(' ')[0]} {NOTHING_DUE}", Asked()) for name in PER_ORDER}
    return {name: (visits[name] - empty[name]).times(often) for name, often in PER_ORDER.items()}


def of_empty_runs(visits: Mapping[str, Asked]) -> Asked:
    """What the schedules ask for in a day in which nothing is due: they come all the same."""
    runs = (visits.get(f"{name} {NOTHING_DUE}", Asked(1)).times(often) for name, often in runs_in_a_day())
    return sum(runs, Asked())


def runs_in_a_day() -> Iterator[tuple[str, float]]:
    """How often each schedule comes, by its own declaration."""
    for source in app.event_sources:
        expression = getattr(source, "schedule_expression", None)
        if expression is not None:
            number, unit = re.findall(r"(\d+)[ ,]+(\w+?)s?\b", str(expression.to_string()))[0]
            name = source.handler_string.rpartition(".")[2]
            yield name, MINUTES_OF_A_DAY / (int(number) * UNITS[unit.lower()])

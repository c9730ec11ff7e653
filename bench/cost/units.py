"""A day's requests, request units and seconds, out of what `make bench` measured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from app import app
from bench.cost.day import BASE_MS, MINUTES_OF_A_DAY, PER_ORDER, REQUEST_MS, TRANSACTION_MS, WECHAT_MS

MEASURED = Path(__file__).parents[2] / "docs" / "requests.md"
ROW = re.compile(r"\| `([^`]+)`([^|]*)\| (\d+) \| ([^|]*)\|[^|]*\|[^|]*\| ([\d.]+) \| (\d+) \| (\d+) \|")
NOTHING_DUE = "nothing is due"
UNITS = {"minute": 1, "hour": 60, "day": 60 * 24}


class UnknownRow(Exception):
    """A line of day.py that docs/requests.md does not have (any more)."""


@dataclass(frozen=True)
class Asked:
    """What one visit asks for, or many together. `ms` is how long Lambda runs."""

    calls: float = 0
    read: float = 0
    write: float = 0
    ms: float = 0

    def __add__(self, other: Asked) -> Asked:
        return Asked(self.calls + other.calls, self.read + other.read, self.write + other.write, self.ms + other.ms)

    def __sub__(self, other: Asked) -> Asked:
        return self + other.times(-1)

    def times(self, number: float) -> Asked:
        return Asked(self.calls * number, self.read * number, self.write * number, self.ms * number)


@dataclass(frozen=True)
class Day:
    http: Asked
    jobs: Asked


def measured() -> dict[str, Asked]:
    """Every row of docs/requests.md by name and case."""
    rows = {}
    for name, case, requests, which, read, write, wechat in ROW.findall(MEASURED.read_text(encoding="utf-8")):
        transactions = sum(int(number or 1) for number in re.findall(r"(?:(\d+) )?\bT\b", which))
        singles = int(requests) - transactions
        ms = BASE_MS + singles * REQUEST_MS + transactions * TRANSACTION_MS + int(wechat) * WECHAT_MS
        rows[f"{name}{case}".strip()] = Asked(1, float(read), float(write), ms)
    return rows


def day(orders: int) -> Day:
    """Raises UnknownRow. What a job does for one row costs what its run costs more than an empty one; the empty runs
    come at their rates whether there is something to do or not.
    """
    rows = measured()
    if unknown := [name for name in PER_ORDER if name not in rows]:
        raise UnknownRow(f"docs/requests.md has no row {unknown}: mend bench/cost/day.py, or run make bench")
    http, jobs = Asked(), Asked()
    for name, often in PER_ORDER.items():
        function = name.partition(" ")[0]
        if function.isupper():
            http += rows[name].times(often * orders)
        else:
            empty = rows.get(f"{function} {NOTHING_DUE}")
            jobs += (rows[name] - empty if empty else rows[name]).times(often * orders)
    for function, runs in runs_in_a_day().items():
        jobs += rows.get(f"{function} {NOTHING_DUE}", Asked(1)).times(runs)
    return Day(http, jobs)


def runs_in_a_day() -> dict[str, float]:
    """How often each schedule comes, by its own declaration."""
    found = {}
    for source in app.event_sources:
        expression = getattr(source, "schedule_expression", None)
        if expression is not None:
            number, unit = re.findall(r"(\d+)[ ,]+(\w+?)s?\b", str(expression.to_string()))[0]
            found[source.handler_string.rpartition(".")[2]] = MINUTES_OF_A_DAY / (int(number) * UNITS[unit.lower()])
    return found

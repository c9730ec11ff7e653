"""python -m bench.growth: exit status 1 if anything costs more with more rows behind."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.figures import keep
from bench.growth import due
from bench.growth.engine import Engine, growing_engine
from bench.jobs import FUNCTIONS
from bench.meter import Cost, Meter
from bench.service import SERVICE
from bench.tour import Tour, Visit
from bench.visits import ROUTES
from chalicelib.kernel.clock import epoch
from chalicelib.log import logger
from sandbox.local.seed import load
from sandbox.wechat import make_credentials
from tests.engine import open_stack, running_api

SIZES = {"demo": 0, "thousand": 1_000, "million": 1_000_000}
VISITS = (*ROUTES, *SERVICE)
IN_LISTS = 40 * 3600
"""Seconds within which copies are due while routes are visited: what waits stands in the lists of those who work."""
YEARS = 3 * 365 * 86_400
"""So much later than that, when schedules run."""
COUNTED = ("requests", "depth", "read_units", "write_units")
Figures = dict[str, float]
Counted = dict[tuple[str, str], Figures]


class Growing:
    """The demo shop with alice in it, each visit made once, and rows put behind what that left."""

    def __init__(self, tour: Tour, engine: Engine, visits: Iterable[Visit] = VISITS) -> None:
        self.tour, self.meter = tour, Meter(tour.stack, engine.address)
        self._engine = engine
        for visit in visits:
            self._ready(visit)()

    def grow(self, rows: int) -> dict[str, Any]:
        """Rows by table, the seconds that it took, and the megabytes that the engine has."""
        return self._engine.grow(rows, self.tour.alice.member_id, epoch(self.tour.stack.clock()), IN_LISTS)

    def wait_for_years(self) -> None:
        """None of what was put behind is due while schedules run."""
        self._engine.put_off(YEARS)

    def counted(self, visits: Iterable[Visit]) -> Counted:
        return {(visit.name, visit.case): figures(self._cost(visit)) for visit in visits}

    def _cost(self, visit: Visit) -> Cost:
        act = self._ready(visit)
        with self.meter.counting() as cost:
            act()
        return cost

    def _ready(self, visit: Visit) -> Any:
        """A second goes by, so that what is newest is told by its id."""
        self.tour.stack.clock.forward(seconds=1)
        return visit.ready(self.tour)


def figures(cost: Cost) -> Figures:
    return {name: getattr(cost, name) for name in COUNTED}


def measured(size: str, rows: int) -> tuple[Counted, dict[str, Any], dict[str, Any]]:
    """What visits cost with so many rows behind, how they were made, and what schedules cost if there are many."""
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{size:8} {time.monotonic() - began:4.0f} s  {what}", flush=True)

    with tempfile.TemporaryDirectory() as home, growing_engine(Path(home)) as engine, running_api() as api:
        credentials = make_credentials(Path(home))
        with open_stack(engine.tables(), engine.address, credentials, api, load) as stack:
            growing = Growing(Tour(stack), engine)
            made = growing.grow(rows) if rows else {}
            if made:
                say(f"{sum(made['rows'].values())} rows behind, made in {made['seconds']} s, {made['megabytes']} MB")
            counted = growing.counted(VISITS)
            say(f"{len(counted)} visits to routes")
            growing.wait_for_years()
            growing.counted(FUNCTIONS)  # once, to find the process warm and what routes left behind done
            counted |= growing.counted(FUNCTIONS)
            say(f"{len(FUNCTIONS)} runs of functions")
            schedules: dict[str, Any] = {}
            for name, runs in due.costs(growing.tour, growing.meter) if size == "million" else ():
                schedules[name] = {case: figures(cost) for case, cost in runs.items()}
                say(f"{name} with {due.MANY} rows due")
    return counted, made, schedules


def results() -> dict[str, Any]:
    counted: dict[str, Counted] = {}
    made: dict[str, Any] = {}
    schedules: dict[str, Any] = {}
    for size, rows in SIZES.items():
        counted[size], made[size], schedules = measured(size, rows)
    visits: list[dict[str, Any]] = [
        {"name": name, "case": case, **{size: costs[name, case] for size, costs in counted.items()}}
        for name, case in counted["demo"]
    ]
    for name, runs in schedules.items():
        runs["nothing"] = counted["million"].get((name, "nothing is due"), {})
        runs["per_row"] = {each: (runs["many"][each] - runs["nothing"][each]) / due.MANY for each in COUNTED}
    return {"visits": visits, "made": made, "schedules": schedules, "many": due.MANY}


def grown(visits: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What costs more with a million rows behind than with a thousand."""
    for visit in visits:
        few, many = visit["thousand"], visit["million"]
        if more := [name for name in COUNTED if many[name] > few[name]]:
            what = ", ".join(f"{name} {few[name]:g} -> {many[name]:g}" for name in more)
            yield f"{visit['name']} {visit['case']}: {what}"


def main() -> int:
    logger.setLevel("CRITICAL")
    found = results()
    keep("growth", found)
    for name, runs in found["schedules"].items():
        told = (f"{runs['nothing'][each]:g} + {runs['per_row'][each]:g} a row {each}" for each in COUNTED)
        print(f"{name:24} {', '.join(told)}")
    more = list(grown(found["visits"]))
    print("\n".join(more) or "Nothing costs more with a million rows behind than with a thousand.")
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main())

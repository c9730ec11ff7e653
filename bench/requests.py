"""What every route and function asks of DynamoDB and of WeChat: `python -m bench.requests` prints it, and writes
docs/requests.md and bench/results/requests.json.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from app import app
from bench import figures
from bench.jobs import FUNCTIONS
from bench.meter import SINGLE, TRANSACTION, Cost, Meter
from bench.service import SERVICE
from bench.tour import Tour, Visit
from bench.visits import ROUTES
from chalicelib.log import logger
from chalicelib.pricing.service import KEPT
from sandbox.local.seed import load
from sandbox.wechat import make_credentials
from tests.engine import fresh_tables, open_stack, running_api, running_engine
from tests.shop import Stack

REPORT = Path(__file__).parents[1] / "docs" / "requests.md"
HEAD = """\
# What the shop asks of DynamoDB and of WeChat

Counted by `make bench PARTS=requests`, which writes this file: it starts an engine, a sandbox WeChat and the
demo shop, visits every route over HTTP and runs every function, each twice, and counts the second time. Nothing is
timed. The budgets of the routes that matter most are held by `tests/test_requests.py`; bytes are in
`bench/results/requests.json`.

- **requests**: calls to DynamoDB. **depth**: how many of them follow one another; those that are sent together and
  waited for at once count one. In **which**, W stands for a PutItem, UpdateItem or DeleteItem and T for a
  TransactWriteItems; the others are reads.
- **read**, **written**: items; a condition check in a transaction counts as written.
- **RU**, **WU**: read and write units, from the sizes of the items before and after by the rules of AWS: consistent
  reads count full, writes with all index entries that they change, transactions double (index entries apart).
- **WeChat**: calls to the platform.
- A session costs its one GetItem on every route that is not public. A signed request writes its nonce: one W more.
- A process keeps price rules for a few seconds. Counted is one that has forgotten them: else carts and orders ask for
  one query less.
- An access token of the platform is read again after a minute, which is the one GetItem more in functions that send.
"""
TABLE = """\
| | requests | depth | which | read | written | RU | WU | WeChat |
|---|--:|--:|---|--:|--:|--:|--:|--:|
"""
SHORT = {**dict.fromkeys(SINGLE, "W"), TRANSACTION: "T"}


def measure(stack: Stack, engine: str, visits: Iterable[Visit]) -> Iterator[tuple[Visit, Cost]]:
    """Each visit in a warm process: made once, then once more and counted, with what is kept for seconds forgotten."""
    tour, meter = Tour(stack), Meter(stack, engine)
    for visit in visits:
        visit.ready(tour)()
        act = visit.ready(tour)
        stack.clock.forward(seconds=KEPT.total_seconds())
        with meter.counting() as cost:
            act()
        yield visit, cost


def unvisited() -> set[str]:
    """Routes and functions that no visit goes to."""
    routes = {f"{each.method} {each.path}" for each in app.endpoints}
    functions = {source.handler_string.rpartition(".")[2] for source in app.event_sources}
    return (routes | functions) - {visit.name for visit in (*ROUTES, *SERVICE, *FUNCTIONS)}


def which(cost: Cost) -> str:
    counted: dict[str, int] = {}
    for name, number in sorted(cost.operations.items(), key=lambda pair: (SHORT.get(pair[0], ""), pair[0])):
        counted[SHORT.get(name, name)] = counted.get(SHORT.get(name, name), 0) + number
    return ", ".join(name if number == 1 else f"{number} {name}" for name, number in counted.items())


def row(visit: Visit, cost: Cost) -> str:
    name = f"`{visit.name}`" + (f" {visit.case}" if visit.case else "")
    numbers = (cost.items_read, cost.items_written, f"{cost.read_units:g}", cost.write_units, cost.wechat)
    return f"| {name} | {cost.requests} | {cost.depth} | {which(cost)} | {' | '.join(map(str, numbers))} |\n"


def counted(visit: Visit, cost: Cost) -> dict[str, Any]:
    """One row of the results."""
    return {"name": visit.name, "case": visit.case, "requests": cost.requests, **vars(cost)}


def main() -> int:
    if missed := unvisited():
        print(f"no visit goes to {', '.join(sorted(missed))}", file=sys.stderr)
        return 1
    logger.setLevel("CRITICAL")
    visits = [*sorted((*ROUTES, *SERVICE), key=lambda visit: visit.name.split()[::-1]), *FUNCTIONS]
    costs = []
    print(TABLE, end="")
    with tempfile.TemporaryDirectory() as home, running_engine(Path(home)) as engine, running_api() as api:
        credentials = make_credentials(Path(home))
        with open_stack(fresh_tables(engine), engine, credentials, api, load) as stack:
            for visit, cost in measure(stack, engine, visits):
                costs.append((visit, cost))
                print(row(visit, cost), end="", flush=True)
    routes, functions = (
        [each for each in costs if (each[0] in FUNCTIONS) == of_functions] for of_functions in (False, True)
    )
    rows = ["".join(row(*each) for each in part) for part in (routes, functions)]
    REPORT.write_text(f"{HEAD}\n## Routes\n\n{TABLE}{rows[0]}\n## Functions\n\n{TABLE}{rows[1]}", "utf-8")
    results = {"routes": [counted(*each) for each in routes], "functions": [counted(*each) for each in functions]}
    figures.keep("requests", results)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""python -m bench.sale: exit status 1 if a promise is broken."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.figures import keep
from bench.sale import ceiling, processes, scene, verdict
from bench.sale.conflicts import Conflicts
from bench.sale.crowd import Crowd
from bench.sale.watch import TRANSACTION, WRITES
from chalicelib.log import logger
from chalicelib.orders.rows import OrderRow
from chalicelib.shop import Shop, build, use
from sandbox.wechat import make_credentials
from tests.engine import fresh_tables, running_engine

COUNTERS = 16
CEILING = 2000
HELD = 0.005


@dataclass(frozen=True)
class Sale:
    """`at_once` buyers at a time. `held`: seconds that a transaction holds its items beyond what the engine takes,
    with TransactionConflict for whoever comes meanwhile; None: as the engine does it.
    """

    name: str
    buyers: int
    at_once: int
    pieces: int
    counters: int = 0
    held: float | None = None


# The largest last: orders are counted after each sale, with those of the sales before.
SALES = (
    Sale("rush", 200, 50, 100),
    Sale("rush-spread", 200, 50, 100, COUNTERS),
    Sale("rush-conflicts", 200, 50, 100, held=HELD),
    Sale("rush-spread-conflicts", 200, 50, 100, COUNTERS, held=HELD),
    Sale("crowd", 5000, 200, 100),
    Sale("crowd-spread", 5000, 200, 100, COUNTERS),
    Sale("crowd-conflicts", 2000, 200, 100, held=HELD),
    Sale("crowd-spread-conflicts", 2000, 200, 100, COUNTERS, held=HELD),
    Sale("flash", 20_000, 64, 10_000),
    Sale("flash-spread", 20_000, 64, 10_000, COUNTERS),
)


@dataclass(frozen=True)
class Bench:
    """`shops` are processes of their own; `here` is this one, in which conflicts can be injected."""

    engine: str
    shop: Shop
    shops: processes.Processes
    here: Crowd
    buyers: Sequence[scene.Buyer]

    def hold(self, sale: Sale) -> dict[str, Any]:
        """The figures of one sale."""
        sku_id = scene.offer(self.shop, sale.name, sale.pieces, sale.counters)
        guests, met = self.buyers[: sale.buyers], 0
        if sale.held is None:
            outcomes = self.shops.sell(guests, sku_id, sale.at_once)
        else:  # who holds what is known within a process
            with Conflicts(sale.held).injected() as conflicts:
                outcomes = self.here.buy(guests, sku_id, sale.at_once)
            met = conflicts.met
        figures = verdict.figures(outcomes, sale.pieces, scene.left(sku_id), ordered()[sku_id])
        asked = {"at_once": sale.at_once, "counters": sale.counters, "held_ms": sale.held and sale.held * 1000}
        return {**figures, **asked, "conflicts": met, "broken": verdict.broken(figures)}

    def ceilings(self, times: int, counters: int) -> dict[str, float]:
        """How often a second the engine does an order's transaction, and all that an order asks of it."""
        name = "ceiling-spread" if counters else "ceiling"
        sku_id = scene.offer(self.shop, name, 10 * times * (counters + 1), counters)
        all_requests = ceiling.recorded(lambda: self.here.buy(self.buyers[:1], sku_id, 1))
        transactions = [each for each in all_requests if each.operation == TRANSACTION]
        # Without the write that one request in some makes to count a member's requests.
        requests = [each for each in all_requests if each.operation not in WRITES] + transactions
        return {
            "transactions_per_second": ceiling.rate(self.shops, self.engine, transactions, times),
            "orders_per_second": ceiling.rate(self.shops, self.engine, requests, times),
        }


@contextmanager
def opened(buyers: int, cores: int) -> Iterator[Bench]:
    """A shop on an engine of its own, and its buyers."""
    with tempfile.TemporaryDirectory(prefix="jishi-sale-") as home, running_engine(Path(home)) as engine:
        settings = scene.settings_of(make_credentials(Path(home)), fresh_tables(engine), engine)
        shop = build(settings).complete()
        use(shop)
        scene.furnish(shop)
        with processes.running(settings, cores) as shops:
            yield Bench(engine, shop, shops, Crowd(), scene.admit(shop, buyers))


def ordered() -> Counter[str]:
    """Pieces of each SKU in all orders that are stored."""
    pieces: Counter[str] = Counter()
    for row in OrderRow.scan():
        for line in row.sold.lines:
            pieces[line.sku_id] += line.quantity
    return pieces


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sale", description=__doc__)
    parser.add_argument("--only", nargs="*", help=f"some of {', '.join(sale.name for sale in SALES)}")
    parser.add_argument("--share", type=float, default=1.0, help="a tenth (0.1) of the buyers and pieces, say")
    given = parser.parse_args()
    logger.setLevel("CRITICAL")
    sales = [_part(sale, given.share) for sale in SALES if not given.only or sale.name in given.only]
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} processes of the shop; {max(sale.buyers for sale in sales):,} members come in", flush=True)
    with opened(max(sale.buyers for sale in sales), cores) as bench:
        figures: dict[str, Any] = {"processes": cores, "ceiling": {}, "sales": {}}
        for way, counters in sorted({(_way(sale), sale.counters) for sale in sales}):
            figures["ceiling"][way] = bench.ceilings(int(CEILING * given.share), counters)
            print(f"engine alone, {way}: {figures['ceiling'][way]}", flush=True)
        for sale in sales:
            began = time.monotonic()
            figures["sales"][sale.name] = found = bench.hold(sale)
            ceilings = figures["ceiling"][_way(sale)]
            found["of_ceiling"] = round(found["orders_per_second"] / ceilings["transactions_per_second"], 3)
            _show(sale.name, found, time.monotonic() - began)
    if not given.only and given.share == 1:
        print(f"wrote {keep('sale', figures)}")
    return int(any(found["broken"] for found in figures["sales"].values()))


def _way(sale: Sale) -> str:
    return "spread" if sale.counters else "ordinary"


def _part(sale: Sale, share: float) -> Sale:
    return replace(sale, buyers=int(sale.buyers * share), pieces=int(sale.pieces * share))


def _show(name: str, found: dict[str, Any], seconds: float) -> None:
    keys = ("sold", "left", "orders_per_second", "of_ceiling", "p50_ms", "p99_ms", "busy_answers", "conflicts")
    print(f"{name}: " + ", ".join(f"{key} {found[key]}" for key in keys) + f"; {seconds:.0f} s", flush=True)
    for promise in found["broken"]:
        print(f"  BROKEN: {promise}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

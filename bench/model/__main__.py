"""python -m bench.model: what one SKU bears, predicted, and checked against the shop's code on an engine."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.figures import keep
from bench.model import check, formulas, order, simulation
from bench.model.limits import BUSY, CALM, HOLD, PAUSES
from bench.model.needs import needed
from bench.model.simulation import World
from bench.sale import scene
from bench.sale.crowd import Crowd
from chalicelib.log import logger
from chalicelib.shop import build, use
from chalicelib.stock.rules import MOST_COUNTERS
from sandbox.wechat import make_credentials
from tests.engine import fresh_tables, running_engine

COUNTERS = tuple(2**n for n in range(10))
SIMULATED = 64
HOLDS = (0.005, 0.010, 0.020, 0.040)
DAY = 24 * 60 * 60
AIMS = {
    "10,000 orders a second on one SKU": (10_000, True),
    "500,000 orders a day, at a peak of ten times the mean": (round(500_000 / DAY * 10, 1), False),
    "the same, all on one SKU": (round(500_000 / DAY * 10, 1), True),
}


def curve(counters: int) -> dict[str, Any]:
    rate = formulas.most_transactions(counters, HOLD, BUSY)
    load = rate / counters * HOLD
    found = {
        "counters": counters,
        "transaction": round(rate, 1),
        "calm": round(formulas.calm_transactions(counters, HOLD, CALM), 1),
        "plain": round(formulas.most_updates(counters)),
        "conflicts": round(formulas.conflict_share(load, HOLD), 3),
        "stock_units": round(formulas.units_per_order(load, HOLD), 2),
    }
    if counters <= SIMULATED:
        run = simulation.open_loop(World(counters, HOLD), rate, seconds=20)
        found |= {"simulated": round(run.rate, 1), "conflicts_simulated": round(run.conflict_share, 3)}
    return found


def at_the_engine() -> tuple[order.Order, list[dict[str, Any]]]:
    """What one order asks, and the points that were measured."""
    with tempfile.TemporaryDirectory(prefix="jishi-model-") as home, running_engine(Path(home)) as engine:
        settings = scene.settings_of(make_credentials(Path(home)), fresh_tables(engine), engine)
        shop = build(settings).complete()
        use(shop)
        scene.furnish(shop)
        buyers = scene.admit(shop, max(check.EXPECTED.values()) * check.SECONDS)
        points = []
        for point in check.measured(shop, Crowd(), buyers):
            print(f"  {point}", flush=True)
            points.append(point)
        return order.counted(shop, engine, buyers), points


def main() -> int:
    logger.setLevel("CRITICAL")
    print(f"The shop's code with transactions that hold for {check.HOLD * 1000:g} ms, by counters", flush=True)
    one, points = at_the_engine()
    print(f"One order writes {one.write}; simulating", flush=True)
    figures: dict[str, Any] = {
        "assumed": {
            "hold_ms": HOLD * 1000,
            "tries": len(PAUSES),
            "busy_share": BUSY,
            "calm": CALM,
            "most_counters": MOST_COUNTERS,
        },
        "curve": [curve(counters) for counters in COUNTERS],
        "by_hold": {
            f"{hold * 1000:g}": [round(formulas.most_transactions(n, hold, BUSY), 1) for n in COUNTERS]
            for hold in HOLDS
        },
        "check": {"clients": check.CLIENTS, "hold_ms": check.HOLD * 1000},
        "checked": points,
        "order": one.figures(),
        "needs": {name: needed(rate, one, one_sku=one_sku) for name, (rate, one_sku) in AIMS.items()},
    }
    for each in figures["curve"]:
        print(f"  {each}")
    for name, need in figures["needs"].items():
        print(f"{name}:\n  {need}")
    print(f"wrote {keep('model', figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

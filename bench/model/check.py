"""The shop's own code at the engine, with transactions that hold their items for a while, beside what the model says of
as many clients: is the model true where both can be had?
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from statistics import mean, median
from typing import Any

from bench.model import formulas, simulation
from bench.model.simulation import World
from bench.sale import scene
from bench.sale.conflicts import Conflicts
from bench.sale.crowd import PLACED, Crowd, Outcome
from chalicelib.shop import Shop
from chalicelib.stock.service import SAMPLE

COUNTERS = (0, 2, 4, 8, 16)
CLIENTS = 16
HOLD = 0.060
SECONDS = 5
EXPECTED = {0: 13, 2: 35, 4: 50, 8: 80, 16: 110}
"""Orders a second, about: so that each takes as long."""


def measured(shop: Shop, crowd: Crowd, buyers: Sequence[scene.Buyer]) -> Iterator[dict[str, Any]]:
    """A point for each of COUNTERS. A SKU that is spread has its head beside its counters: one item more."""
    for counters in COUNTERS:
        orders = EXPECTED[counters] * SECONDS
        sku_id = scene.offer(shop, f"model-{counters}", 40 * orders, counters)
        with Conflicts(HOLD).injected() as conflicts:
            outcomes = crowd.buy(buyers[:orders], sku_id, CLIENTS)
        yield point(counters, outcomes, conflicts)


def point(counters: int, outcomes: Sequence[Outcome], conflicts: Conflicts) -> dict[str, Any]:
    placed = [one for one in outcomes if one.code == PLACED and one.seen.sold_at is not None]
    look = median(one.seen.writes[0] - one.began for one in placed)
    hold = mean((one.seen.sold_at or 0) - one.seen.writes[-1] for one in placed)
    world = World(counters + 1, hold, look, pick=pick)
    run = simulation.closed_loop(world, CLIENTS, seconds=120)
    return {
        "counters": counters + 1,
        "measured": round(_rate(placed), 1),
        "simulated": round(run.rate, 1),
        "formula": round(formulas.closed_rate(CLIENTS, counters + 1, hold, look), 1),
        "conflicts_measured": round(conflicts.met / (conflicts.met + conflicts.held), 3),
        "conflicts_simulated": round(run.conflict_share, 3),
        "hold_ms": round(hold * 1000, 1),
        "look_ms": round(look * 1000, 1),
    }


def pick(chance: random.Random, counters: int, first: bool) -> int:
    """As the shop does it: at first of the head and a few counters, later of all."""
    if not first or counters - 1 <= SAMPLE:
        return chance.randrange(counters)
    return chance.choice([0, *chance.sample(range(1, counters), SAMPLE)])


def _rate(placed: Sequence[Outcome]) -> float:
    """Without the beginning and the end, where fewer are at it."""
    moments = sorted(one.seen.sold_at or 0 for one in placed)
    cut = len(moments) // 8
    inner = moments[cut : len(moments) - cut]
    return (len(inner) - 1) / (inner[-1] - inner[0])

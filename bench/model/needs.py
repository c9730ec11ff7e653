"""What a rate of orders takes: counters, partitions, quotas, concurrency. Pure."""

from __future__ import annotations

import math
from typing import Any

from bench.cost.day import BASE_MS, REQUEST_MS, TRANSACTION_MS
from bench.model import formulas
from bench.model.limits import BUSY, CALM, CONCURRENCY, HOLD, HTTP, NEW_WRITE, PARTITION_WRITE, TABLE_QUOTA
from bench.model.order import Order

WAVES = 3
"""Round trips of an order before its transaction."""


def needed(rate: float, order: Order, *, one_sku: bool) -> dict[str, Any]:
    """Of so many orders a second, on one SKU or on many of which none is hot. Refused attempts are charged whole."""
    counters = math.ceil(rate / formulas.calm_transactions(1, HOLD, CALM)) if one_sku else 1
    load = rate / counters * HOLD if one_sku else 0.0
    attempts = formulas.attempts(load, HOLD)
    concurrency = math.ceil(rate * (BASE_MS + WAVES * REQUEST_MS + TRANSACTION_MS * attempts) / 1000)
    needs: dict[str, Any] = {
        "orders_per_second": rate,
        "tables": [_table(name, rate * units * attempts) for name, units in order.write.items()],
        "concurrency": concurrency,
        "above_concurrency": concurrency > CONCURRENCY,
        "above_http": rate > HTTP,
    }
    if one_sku:
        above = {key: units for key, units in order.shared_reads.items() if rate > formulas.most_reads(units)}
        needs |= {
            "counters": counters,
            "counters_at_least": math.ceil(rate / formulas.most_transactions(1, HOLD, BUSY)),
            "counters_plain": math.ceil(rate / formulas.most_updates(1)),
            "conflicts": round(formulas.conflict_share(load, HOLD), 3),
            "shared_reads": sorted(f"{table} {key}" for table, key in above),
            "keep_seconds": round(formulas.keep_seconds(concurrency, max(above.values(), default=0)), 2),
        }
    return needs


def _table(name: str, units: float) -> dict[str, Any]:
    """`partitions`: at least, if all items were spread evenly; an item never has more than one."""
    return {
        "table": name,
        "units": round(units),
        "partitions": math.ceil(units / PARTITION_WRITE),
        "above_new": units > NEW_WRITE,
        "above_quota": units > TABLE_QUOTA,
    }

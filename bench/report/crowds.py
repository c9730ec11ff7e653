"""Buyers at once, and rows that are due: flash sale, schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.report.words import Results, measured, missing, number, table

SALE = """\
Buyers who each want one piece of one SKU, by processes of the shop (one a core) against the engine with true
transactions {measured}. **Ceiling**: the engine's rate for the transaction of one order, sent by bare clients in the
same run. **Held**: how long a transaction holds its items, with DynamoDB's TransactionConflict for whoever comes
meanwhile, which the engine by itself never answers. **Writes**: requests that write, of a loser who came once all was
sold.

"""


def sale(results: Results) -> str:
    figures = results.now.get("sale")
    if figures is None:
        return missing("sale")
    ceilings = "".join(
        f"- the engine alone, {way}: {each['transactions_per_second']:,.0f} such transactions a second, "
        f"{each['orders_per_second']:,.0f} times all requests of an order\n"
        for way, each in figures["ceiling"].items()
    )
    head = (
        "", "buyers", "at once", "pieces", "counters", "held, ms", "sold", "left", "orders/s", "of ceiling", "p50 ms",
        "p99 ms", "5xx", "told to repeat", "writes of a late loser",
    )  # fmt: skip
    broken = [f"- {name}: {each}\n" for name, row in figures["sales"].items() for each in row["broken"]]
    promises = "\nPromises that did not hold:\n\n" + "".join(broken) if broken else "\nEvery promise held.\n"
    return f"{SALE.format(measured=measured(figures))}{table(head, _sales(figures['sales']))}{promises}\n{ceilings}"


def _sales(found: Mapping[str, Any]) -> Iterator[list[str]]:
    order = ("buyers", "pieces", "counters")
    for name, row in sorted(found.items(), key=lambda sale: [sale[1]["held_ms"] or 0, *map(sale[1].get, order)]):
        counts = [number(row[each]) for each in ("buyers", "at_once", "pieces", "counters")]
        ends = [number(row[each]) for each in ("sold", "left")]
        times = [number(row[each]) for each in ("p50_ms", "p99_ms", "server_errors", "busy_answers")]
        rate = [number(row["orders_per_second"]), f"{row['of_ceiling']:.0%}"]
        yield [name, *counts, number(row["held_ms"]), *ends, *rate, *times, number(late_writes(row), 3)]


def late_writes(row: Mapping[str, Any]) -> float | None:
    """Requests that write, on average, of those who came when nothing was left; None if nobody did."""
    writes = row["writes"]
    return float(writes["of_late_losers"] / writes["late_losers"]) if writes["late_losers"] else None


def schedules(results: Results) -> str:
    figures = results.now.get("jobs")
    if figures is None:
        return missing("sweep")
    closing = figures["close_unpaid"]
    rows = [
        [str(row["workers"]), number(row["orders_per_minute"]), number(row["cpu_ms_per_order"], 1)]
        for row in closing["by_workers"]
    ]
    head = ("unpaid orders closed side by side", "orders a minute", "CPU ms an order")
    text = f"WeChat is asked and told about each order, and answers in {1000 * closing['seconds_at_wechat']:.0f} ms"
    return f"{text} {measured(figures)}.\n\n{table(head, rows)}"

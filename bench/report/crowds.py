"""Buyers at once, and rows that are due: flash sale, schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.report.words import Results, measured, missing, number, table
from bench.sale import ENOUGH, MOST_WRITES

SALE = """\
Buyers who each want one piece of one SKU, by processes of the shop (one a core) against the engine with true
transactions {measured}. **Ceiling**: the engine's rate for the transaction of one order, sent by bare clients in the
same run. **Held**: how long a transaction holds its items, with DynamoDB's TransactionConflict for whoever comes
meanwhile, which the engine by itself never answers. **Writes**: all requests that write, refused ones too, by loser:
of one who came once all was sold, those of them that only count how often a member asks (one request in 32 does, by
chance), and of one who was **in flight**, waiting already as the last piece went. One who comes late may cost
{most:g}; of fewer than {enough} of them no rate is told, since chance decides how many are counted.

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
        "p99 ms", "5xx", "told to repeat", "late losers", "writes of one", "to count", "in flight", "writes of one",
    )  # fmt: skip
    broken = [f"- {name}: {each}\n" for name, row in figures["sales"].items() for each in row["broken"]]
    promises = "\nPromises that did not hold:\n\n" + "".join(broken) if broken else "\nEvery promise held.\n"
    text = SALE.format(measured=measured(figures), most=MOST_WRITES, enough=ENOUGH)
    return f"{text}{table(head, _sales(figures['sales']))}{promises}\n{ceilings}"


def _sales(found: Mapping[str, Any]) -> Iterator[list[str]]:
    order = ("buyers", "pieces", "counters")
    for name, row in sorted(found.items(), key=lambda sale: [sale[1]["held_ms"] or 0, *map(sale[1].get, order)]):
        counts = [number(row[each]) for each in ("buyers", "at_once", "pieces", "counters")]
        ends = [number(row[each]) for each in ("sold", "left")]
        times = [number(row[each]) for each in ("p50_ms", "p99_ms", "server_errors", "busy_answers")]
        rate = [number(row["orders_per_second"]), f"{row['of_ceiling']:.0%}"]
        yield [name, *counts, number(row["held_ms"]), *ends, *rate, *times, *_writes(row["writes"])]


def _writes(writes: Mapping[str, int]) -> list[str]:
    """Late losers, their writes and those to count, losers in flight and theirs: by loser, or all of a few."""
    late, waiting = writes["late_losers"], writes["losers_in_flight"]
    of_late = [writes[each] for each in ("of_late_losers", "counting_late")]
    told = [number(each / late, 3) if late >= ENOUGH else f"{each} in all" for each in of_late] if late else ["", ""]
    in_flight = number(writes["of_losers_in_flight"] / waiting, 2) if waiting else ""
    return [number(late), *told, number(waiting), in_flight]


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

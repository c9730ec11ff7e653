"""The same visits with a thousand and with a million rows behind, and what a schedule's run costs by what is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.report.hot import HOT
from bench.report.words import Figures, Results, change, measured, missing, number, picture, table, units

Visit = Mapping[str, Any]
COUNTED = {"depth": "round trips", "requests": "requests", "read_units": "RU", "write_units": "WU"}
TEXT = """\
Every route and function {measured} with {few:,} and with {many:,} rows behind that the shop itself could have written,
put straight into the engine (in {seconds:.0f} s): members, orders of others and of the visitor in all states, products,
coupons, payments, teams, cases, parcels, points.

"""


def section(results: Results) -> str:
    figures = results.now.get("growth")
    if figures is None:
        return missing("growth")
    few, many = (sum(figures["made"][size]["rows"].values()) for size in ("thousand", "million"))
    seconds = figures["made"]["million"]["seconds"]
    head = ("thousand → million rows behind", *COUNTED.values())
    hot = [row for row in map(visits(figures).get, (hot.visit for hot in HOT)) if row]
    return (
        TEXT.format(measured=measured(figures), few=few, many=many, seconds=seconds)
        + f"{table(head, map(_row, hot))}\n{_verdict(figures)}\n"
        + picture("growth", "Units with a thousand and with a million rows behind; one dot is one visit")
        + "One dot is one visit; on the line it costs as much with a million rows behind as with a thousand.\n\n"
        + _due(figures)
    )


def visits(figures: Figures) -> dict[str, Visit]:
    return {f"{row['name']} {row['case']}".strip(): row for row in figures["visits"]}


def grown(figures: Figures) -> list[Visit]:
    """Visits that cost more with more behind."""
    return [row for row in figures["visits"] if any(row["million"][each] > row["thousand"][each] for each in COUNTED)]


def _row(visit: Visit) -> list[str]:
    figures = [change(*(units(visit[size][name]) for size in ("thousand", "million"))) for name in COUNTED]
    return [f"`{visit['name']}` {visit['case']}".strip(), *figures]


def _verdict(figures: Figures) -> str:
    more = grown(figures)
    if not more:
        return f"None of {len(figures['visits'])} visits costs more with a million rows behind than with a thousand.\n"
    head = ("costs more with more behind", *COUNTED.values())
    return f"{len(more)} of {len(figures['visits'])} visits cost more:\n\n{table(head, map(_row, more))}"


def _due(figures: Figures) -> str:
    head = (
        "with a million rows behind", "round trips, nothing due", "requests", "RU", "WU", "requests for a row due",
        "RU", "WU",
    )  # fmt: skip
    text = f"What a run costs with nothing due, and how much more for each row that is (of {figures['many']} rows):\n\n"
    return text + table(head, _schedules(figures))


def _schedules(figures: Figures) -> Iterator[list[str]]:
    for name, runs in figures["schedules"].items():
        nothing = [units(runs["nothing"].get(each)) for each in COUNTED]
        yield [f"`{name}`", *nothing, *(number(runs["per_row"][each], 1) for each in list(COUNTED)[1:])]

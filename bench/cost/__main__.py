"""`make cost`: a month at 100, 10,000 and 500,000 orders a day, and ten thousand orders by route -> docs/cost.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import figures
from bench.cost import bill, units
from bench.cost.day import PER_ORDER
from bench.cost.units import Asked, UnknownVisit

HERE = Path(__file__).parent
REPORT = HERE.parents[1] / "docs" / "cost.md"
ORDERS = (100, 10_000, 500_000)

HEAD = """\
# What it costs

Computed by `make cost` from the request units that `make bench` counted ([requests.md](requests.md)), a day's visits
for each paid order (`bench/cost/day.py`) and a price list (`bench/cost/prices.json`, {region}). Put your own figures
into these two files and run it again: visits differ tenfold between shops, and prices change. Free tiers, taxes and
discounts are not counted.

| yuan a month | {columns} |
|---|{rules}|
"""
BY_ROUTE = """
## By route

A day of 10,000 paid orders, by what asks for it: visits for each order, request units of DynamoDB for all orders, yuan
for these, and yuan for all that the visits cause (API Gateway, Lambda, logs and the rest). **Before** is that by the
requests of the code before it was made fast, at the same prices.

| | visits an order | RU | WU | yuan, DynamoDB | yuan, all | share | before |
|---|--:|--:|--:|--:|--:|--:|--:|
"""


def measure(listed: Mapping[str, Any]) -> dict[str, Any]:
    """Raises UnknownVisit."""
    price = {name: each["price"] for name, each in listed["prices"].items()}
    visits = units.counted()
    one = units.of_an_order(visits)
    return {
        "months": {str(orders): bill.month(orders, price) for orders in ORDERS},
        "routes": bill.by_route(price),
        "visits": bill.by_visit(price),
        "before": _before(price),
        "order": vars(sum((what for what in one.values() if what.http), Asked())),
        "idle_reads": units.of_empty_runs(visits).read * bill.DAYS,
    }


def _before(price: Mapping[str, float]) -> dict[str, Any] | None:
    """The same of the code before; None if a visit of today was unknown then."""
    try:
        months = {str(orders): bill.month(orders, price, figures.BEFORE) for orders in ORDERS}
        routes, visits = bill.by_route(price, figures.BEFORE), bill.by_visit(price, figures.BEFORE)
        return {"months": months, "routes": routes, "visits": visits}
    except UnknownVisit as error:
        print(f"no costs before: {error}", file=sys.stderr)
        return None


def page(measured: Mapping[str, Any], listed: Mapping[str, Any]) -> str:
    months = measured["months"]
    columns = " | ".join(f"{orders:,} orders a day" for orders in ORDERS)
    text = HEAD.format(region=listed["region"], columns=columns, rules="|".join("--:" for _ in ORDERS))
    for name in next(iter(months.values())):
        text += f"| {name} | " + " | ".join(f"{each[name]:,.0f}" for each in months.values()) + " |\n"
    text += totals("together", months)
    if measured["before"]:
        text += totals("before", measured["before"]["months"])
    per_order = (sum(each.values()) / int(orders) / bill.DAYS for orders, each in months.items())
    text += "| fen an order | " + " | ".join(f"{100 * each:.2f}" for each in per_order) + " |\n"
    order = measured["order"]
    text += (
        f"\nFor each paid order: {order['http']:,.0f} HTTP requests, {order['read']:,.0f} read and "
        f"{order['write']:,.0f} write units over HTTP; streams and schedules come on top. {len(PER_ORDER)} kinds of "
        f"visits are counted.\nAn empty shop asks for {measured['idle_reads'] / bill.MILLION:.1f} million read units a "
        f"month, by its schedules alone.\n"
    )
    text += BY_ROUTE + "".join(by_route(measured)) + "\n## Prices\n\n| yuan | for | from |\n|--:|---|---|\n"
    return text + "".join(
        f"| {each['price']} | {each['what']} | {each['source']} |\n" for each in listed["prices"].values()
    )


def totals(name: str, months: Mapping[str, Mapping[str, float]]) -> str:
    return f"| **{name}** | " + " | ".join(f"**{sum(each.values()):,.0f}**" for each in months.values()) + " |\n"


def by_route(measured: Mapping[str, Any]) -> Sequence[str]:
    """Rows of the table by route."""
    earlier = measured["before"] or {"routes": []}
    before = {row["name"]: row["yuan"] for row in earlier["routes"]}
    rows = []
    for row in measured["routes"]:
        name = f"`{row['name']}`" if row["visits"] else row["name"]
        asked = f"{row['visits']:g} | {row['read_units']:,.0f} | {row['write_units']:,.0f}"
        was = f"{before[row['name']]:.2f}" if row["name"] in before else ""
        rows.append(f"| {name} | {asked} | {row['dynamodb']:.2f} | {row['yuan']:.2f} | {row['share']:.1%} | {was} |\n")
    whole, was = (sum(row["yuan"] for row in rows) for rows in (measured["routes"], earlier["routes"]))
    return [*rows, f"| **together** | | | | | **{whole:.2f}** | | **{was:.2f}** |\n"]


def main() -> int:
    listed = json.loads((HERE / "prices.json").read_text(encoding="utf-8"))
    try:
        measured = measure(listed)
    except UnknownVisit as error:
        print(error, file=sys.stderr)
        return 1
    figures.keep("cost", measured)
    text = page(measured, listed)
    REPORT.write_text(text, encoding="utf-8")
    print(text.partition("\n## Prices")[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())

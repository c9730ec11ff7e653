"""What one hot SKU bears, by DynamoDB's published limits, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report.words import Results, measured, missing, number, picture, table

TEXT = """\
Orders a second on one SKU whose pieces are spread over counters, by DynamoDB's published limits; a transaction is
assumed to hold its items for {hold_ms:g} ms. **Most**: so many that {busy:g}% of the orders end in
"busy". **At ease**: so many that {calm:.0%} of the attempts meet another. **Plain**: if pieces were taken by single
conditional updates instead of transactions. The shop spreads a SKU over at most {most_counters} counters.

"""
CHECKED = """
Checked {measured}: the shop's own code and {clients} clients, on the
engine with transactions that hold their items for {hold_ms:g} ms and more. Model and simulation are given what was
measured there: how long a transaction **held**, and how long an order took before it (**look**), on these cores.

"""


def section(results: Results) -> str:
    figures = results.now.get("model")
    if figures is None:
        return missing("model")
    text = TEXT.format(busy=100 * figures["assumed"]["busy_share"], **figures["assumed"])
    checked = CHECKED.format(measured=measured(figures), **figures["check"])
    return (
        f"{picture('counters', 'Orders a second on one SKU by number of counters')}"
        f"{text}{_curve(figures)}{checked}{_checked(figures)}"
        f"\nWhat it takes:\n\n{_needs(figures['needs'])}"
    )


def _curve(figures: Mapping[str, Any]) -> str:
    head = (
        "counters", "orders/s, at ease", "most", "most, simulated", "plain", "conflicts at most", "WU of stock an order"
    )  # fmt: skip
    rows = [
        [
            *(number(row.get(each)) for each in ("counters", "calm", "transaction", "simulated", "plain")),
            f"{row['conflicts']:.1%}",
            number(row["stock_units"], 2),
        ]
        for row in figures["curve"]
    ]
    return table(head, rows)


def _checked(figures: Mapping[str, Any]) -> str:
    head = (
        "counters", "orders/s, measured", "simulated", "by formula", "conflicts, measured", "simulated", "held, ms",
        "look, ms",
    )  # fmt: skip
    rows = [
        [
            number(row["counters"]),
            *(number(row[each], 1) for each in ("measured", "simulated", "formula")),
            *(f"{row[each]:.1%}" for each in ("conflicts_measured", "conflicts_simulated")),
            *(number(row[each]) for each in ("hold_ms", "look_ms")),
        ]
        for row in figures["checked"]
    ]
    return table(head, rows)


def _needs(needs: Mapping[str, Any]) -> str:
    head = (
        "", "orders/s", "counters, at ease", "at least", "plain", "functions at once", "tables to be warmed first",
        "tables above the default quota", "rows read more than one partition bears",
    )  # fmt: skip
    return table(head, (_need(name, need) for name, need in needs.items()), text=(0, 6, 7, 8))


def _need(name: str, need: Mapping[str, Any]) -> list[str]:
    counters = [number(need.get(each)) for each in ("counters", "counters_at_least", "counters_plain")]
    tables = [
        ", ".join(f"{each['table']} ({each['units']:,} WU/s)" for each in need["tables"] if each[column])
        for column in ("above_new", "above_quota")
    ]
    listed = [each or "–" for each in (*tables, ", ".join(need.get("shared_reads", ())))]
    at_once = number(need["concurrency"]) + (" (above the default quota)" if need["above_concurrency"] else "")
    return [
        name,
        number(need["orders_per_second"], 1),
        *counters,
        at_once,
        *listed,
    ]

"""What one hot SKU bears, by DynamoDB's published limits, and what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.report.words import Results, measured, missing, number, picture, table

TEXT = """\
Orders a second on one SKU whose pieces are spread over counters, by DynamoDB's published limits; a transaction is
assumed to hold its items for {hold_ms:g} ms. **Most**: so many that {busy:g}% of the orders end in
"busy". **At ease**: so many that {calm:.0%} of the attempts meet another. **Plain**: if pieces were taken by single
conditional updates instead of transactions. {borne}

"""
CHECKED = """
Checked {measured}: the shop's own code and {clients} clients, on the engine with transactions that hold their items for
{hold_ms:g} ms beyond what they take. Model and simulation are given what was measured there, on these cores: how long a
transaction **held** in all, and how long an order took before it (**look**). So no point of these is one of the curve
for {assumed:g} ms.

"""


def section(results: Results) -> str:
    figures = results.now.get("model")
    if figures is None:
        return missing("model")
    text = TEXT.format(busy=100 * figures["assumed"]["busy_share"], borne=borne(figures), **figures["assumed"])
    assumed = figures["assumed"]["hold_ms"]
    checked = CHECKED.format(measured=measured(figures), assumed=assumed, **figures["check"])
    return (
        f"{picture('counters', 'Orders a second on one SKU by number of counters')}"
        f"{text}{_curve(figures)}{checked}{_checked(figures)}"
        f"\nWhat it takes:\n\n{_needs(figures['needs'])}\n" + "".join(f"- {line}\n" for line in one_sku(figures))
    )


def borne(figures: Mapping[str, Any]) -> str:
    """What the shop's most counters bear."""
    counters = figures["assumed"]["most_counters"]
    row = next((row for row in figures["curve"] if row["counters"] == counters), None)
    bear = f", which bear {row['calm']:,.0f} orders/s at ease and {row['transaction']:,.0f} at most" if row else ""
    return f"The shop spreads a SKU over at most {counters} counters{bear}."


def one_sku(figures: Mapping[str, Any]) -> Iterator[str]:
    """Each need of one SKU in a line: what it takes, and whether the shop's counters are enough for it."""
    spread, first = figures["assumed"]["most_counters"], dict[float, str]()
    for name, need in figures["needs"].items():
        rate = first.setdefault(need["orders_per_second"], name)
        if "counters" in need:
            calm, least, plain = (need[each] for each in ("counters", "counters_at_least", "counters_plain"))
            if calm <= spread:
                enough = f"within the shop's {spread}"
            elif least <= spread:
                enough = f"within the shop's {spread} with some attempts in vain, but not at ease"
            else:
                enough = f"more than the shop's {spread}: it needs more counters, or {plain} with plain updates"
            orders = rate if rate == name else f"{rate}, all on one SKU"
            yield f"{orders}: {calm:,} counters at ease, {least:,} at least, by DynamoDB's limits; {enough}."


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

"""Cold start and cost, in short; each has a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report.words import Figures, Results, change, measured, missing, number, picture, table

DEAREST = 5


def coldstart(results: Results) -> str:
    figures = results.now.get("coldstart")
    if figures is None:
        return missing("coldstart")
    before = {row["name"]: row for row in results.before.get("coldstart", {"starts": []})["starts"]}
    rows = [_start(before.get(row["name"]), row) for row in figures["starts"]]
    modules = sorted(figures["dearest"]["app"].items(), key=lambda item: -item[1])[:DEAREST]
    dearest = ", ".join(f"`{name}` {ms:.1f} ms" for name, ms in modules)
    head = ("", "CPU ms", "times the floor", "budget", "modules of the shop", "")
    text = f"A fresh process with the packaged bundle {measured(figures)}; the whole of it is in"
    return (
        f"{text} [coldstart.md](coldstart.md).\n\n{table(head, rows)}\nThe dearest modules of `app`, each by itself: "
        f"{dearest}.\n"
    )


def _start(old: Mapping[str, Any] | None, row: Mapping[str, Any]) -> list[str]:
    was = ("", "") if old is None else (f"{old['cpu']:.0f}", f"{old['ratio']:.2f}")
    cpu, ratio = change(was[0], f"{row['cpu']:.0f}"), change(was[1], f"{row['ratio']:.2f}")
    verdict = "" if row["name"] == "floor" else "met" if row["holds"] else "**not met**"
    return [f"`{row['name']}`", cpu, ratio, f"{row['budget']:g}", str(row["own"]), verdict]


def cost(results: Results) -> str:
    figures = results.now.get("cost")
    if figures is None:
        return missing("cost")
    before = yuan_by_route(figures["before"])
    rows = [_priced(row, before.get(row["name"])) for row in figures["routes"]]
    whole, was = (sum(yuan_by_route(each).values()) for each in (figures, figures["before"]))
    rows.append(["**together**", "", "", "", "", change(number(was or None, 2), number(whole, 2)), ""])
    head = ("10,000 paid orders", "visits an order", "RU", "WU", "yuan, DynamoDB", "yuan, all", "share")
    return (
        f"{picture('cost', 'Yuan by route for ten thousand orders')}"
        "Yuan for a day of 10,000 paid orders, by the visits that bring one order about and the prices of a region; "
        f"both and the months are in [cost.md](cost.md).\n\n{table(head, rows)}"
    )


def yuan_by_route(figures: Figures | None) -> dict[str, float]:
    return {row["name"]: row["yuan"] for row in figures["routes"]} if figures else {}


def _priced(row: Mapping[str, Any], was: float | None) -> list[str]:
    name = f"`{row['name']}`" if row["visits"] else row["name"]
    often = f"{row['visits']:g}" if row["visits"] else ""
    asked = [number(row["read_units"]), number(row["write_units"]), number(row["dynamodb"], 2)]
    return [name, often, *asked, change(number(was, 2), number(row["yuan"], 2)), f"{row['share']:.1%}"]

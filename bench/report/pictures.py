"""The pictures of docs/performance.md: the same figures give the same files, bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from bench.report.cpu import floor
from bench.report.hot import CART_AND_ORDER, HOT, visits
from bench.report.rest import yuan_by_route
from bench.report.words import Results

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
# Okabe and Ito's colours, which colour-blind people can tell apart; before and after differ in shape too.
BEFORE, AFTER, BESIDE, QUIET = "#D55E00", "#0072B2", "#009E73", "#999999"
LOOKS = (
    ("before", "o", 62, "none", BEFORE),
    ("now", "o", 34, AFTER, AFTER),
    ("floor", "|", 110, BESIDE, None),
)
DEAREST, AIM = 14, 10_000
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "jishi",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E5E5E5",
    "legend.frameon": False,
    "figure.facecolor": "white",
}

Draw = Callable[[Results], Figure | None]


def draw(results: Results, folder: Path = PICTURES) -> list[Path]:
    """Every picture of which there are figures; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with mpl.rc_context(STYLE):
        for name, drawn in DRAWN.items():
            figure = drawn(results)
            if figure is not None:
                figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
                files.append(folder / f"{name}.svg")
    return files


def _panels(width: float, height: float, count: int = 1) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)[0]
    return figure, list(axes)


def routes(results: Results) -> Figure | None:
    """Round trips and CPU of the hot routes, before and after."""
    if "requests" not in results.now:
        return None
    figure, panels = _panels(10, 5.4, 2 if "cpu" in results.now else 1)
    left = panels[0]
    was, now = (visits(each.get("requests")) for each in (results.before, results.now))
    trips = [(hot.label, _value(was, hot.visit, "depth"), _value(now, hot.visit, "depth"), None) for hot in HOT]
    _dumbbells(left, trips, "round trips to DynamoDB, one after another")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    for right in panels[1:]:
        _dumbbells(right, _cpu(results), "CPU ms of our process per operation, 8 clients")
    figure.legend(*panels[-1].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _value(rows: Any, name: str, column: str) -> float | None:
    return float(rows[name][column]) if name in rows else None


def _cpu(results: Results) -> list[tuple[str, float | None, float | None, float | None]]:
    was, now = (each.get("cpu", {"operations": {}})["operations"] for each in (results.before, results.now))
    names = [(hot.label, hot.cpu) for hot in HOT if hot.cpu] + [("cart + place order", CART_AND_ORDER)]

    def ms(row: Any) -> float | None:
        return row and float(row["ms"]["8"]["median"])

    return [(label, ms(was.get(name)), ms(now.get(name)), name in now and floor(now[name])) for label, name in names]


def _dumbbells(axes: Axes, rows: Sequence[tuple[str, Any, Any, Any]], title: str) -> None:
    """Label, before, after and floor of each, from the top down."""
    places = range(len(rows), 0, -1)
    for place, (_, was, now, _) in zip(places, rows, strict=True):
        if was is not None and now is not None:
            axes.plot([was, now], [place, place], color=QUIET, linewidth=1.2, zorder=1)
    for column, (name, marker, size, fill, edge) in enumerate(LOOKS, 1):
        points = [(row[column], place) for place, row in zip(places, rows, strict=True) if row[column]]
        x, y = zip(*points, strict=True) if points else ((), ())
        axes.scatter(x, y, size, marker=marker, facecolors=fill, edgecolors=edge, linewidths=1.6, zorder=2, label=name)
    axes.set_yticks(list(places), [row[0] for row in rows])
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(title)


def cost(results: Results) -> Figure | None:
    """Yuan by route, the dearest."""
    figures = results.now.get("cost")
    if figures is None:
        return None
    rows = [row for row in figures["routes"] if row["visits"]][:DEAREST][::-1]
    before = yuan_by_route(figures["before"])
    figure, (axes,) = _panels(8.5, 4.6)
    names = [row["name"] for row in rows]
    dynamodb = [row["dynamodb"] for row in rows]
    axes.barh(names, dynamodb, color=AFTER, label="DynamoDB's request units")
    others = [row["yuan"] - row["dynamodb"] for row in rows]
    axes.barh(names, others, left=dynamodb, color="#A6C8E0", label="API Gateway, Lambda, logs, traffic and the rest")
    axes.scatter(
        [before.get(name, float("nan")) for name in names], names, 130, marker="|", color=BEFORE, linewidths=2,
        label="all, before",
    )  # fmt: skip
    axes.set_xlabel("yuan for 10,000 paid orders")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower right")
    return figure


def counters(results: Results) -> Figure | None:
    """Orders a second on one SKU by counters: the model and what was measured."""
    figures = results.now.get("model")
    if figures is None:
        return None
    figure, (axes,) = _panels(7.5, 5.2)
    curve, checked = figures["curve"], figures["checked"]
    places = [row["counters"] for row in curve]
    axes.axhline(AIM, color=QUIET, linestyle=":", linewidth=1.4)
    axes.annotate(f"{AIM:,} orders/s", (places[0], AIM), (0, 4), textcoords="offset points", color="#555555")
    held = f"{figures['assumed']['hold_ms']:g} ms held"
    axes.plot(*_points(curve, "plain"), "--", color=BESIDE, label="model, plain conditional updates")
    axes.plot(*_points(curve, "transaction"), color=AFTER, label=f"model, transactions, {held}: the most")
    axes.plot(*_points(curve, "calm"), color=AFTER, linewidth=1, linestyle="-.", label="the same, at ease")
    axes.plot(*_points(curve, "simulated"), "o", mfc="none", color=AFTER, markersize=7, label="the most, simulated")
    holds = [row["hold_ms"] for row in checked]
    asked = f"{figures['check']['clients']} clients, {min(holds):.0f} to {max(holds):.0f} ms held"
    axes.plot(*_points(checked, "formula"), color=BEFORE, linewidth=1, label=f"model of {asked}")
    axes.plot(*_points(checked, "measured"), "s", color=BEFORE, markersize=5, label=f"measured, {asked}")
    spread = figures["assumed"]["most_counters"]
    axes.axvline(spread, color=QUIET, linestyle=":", linewidth=1.4)
    axes.annotate("the shop's most", (spread, 1), (4, -10), ("data", "axes fraction"), "offset points", color="#555555")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(places, [f"{place}" for place in places])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("counters over which one SKU's pieces are spread")
    axes.set_ylabel("orders a second on one SKU")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _points(rows: Sequence[Any], column: str) -> tuple[list[float], list[float]]:
    """Of the rows that have it."""
    having = [row for row in rows if column in row]
    return [row["counters"] for row in having], [row[column] for row in having]


def growth(results: Results) -> Figure | None:
    """Units of each visit with a thousand and with a million rows behind: on the diagonal, if nothing grows."""
    figures = results.now.get("growth")
    if figures is None:
        return None
    figure, panels = _panels(9, 4.6, 2)
    for axes, (column, name) in zip(panels, {"read_units": "read", "write_units": "write"}.items(), strict=True):
        few, many = ([row[size][column] for row in figures["visits"]] for size in ("thousand", "million"))
        most = 1.08 * max(*few, *many, 1)
        axes.plot([0, most], [0, most], color=QUIET, linewidth=1, label="as many with a million as with a thousand")
        axes.scatter(few, many, 26, color=AFTER, alpha=0.45, linewidths=0, label="one visit")
        for row, x, y in zip(figures["visits"], few, many, strict=True):
            if y > x:
                label = f"{row['name']}\n{row['case']}".strip()
                behind = {"facecolor": "white", "linewidth": 0, "pad": 1}
                axes.annotate(label, (x, y), (6, 6), textcoords="offset points", fontsize=7, color=BEFORE, bbox=behind)
        axes.set_aspect("equal")
        axes.set_xlim(0, most)
        axes.set_ylim(0, most)
        axes.set_xlabel(f"{name} units with a thousand rows behind")
        axes.set_ylabel("with a million")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


DRAWN: dict[str, Draw] = {"routes": routes, "counters": counters, "growth": growth, "cost": cost}

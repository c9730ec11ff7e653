"""The first lines of the page, and what is said at the end of `make bench`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.report.cpu import beside_others
from bench.report.growth import grown
from bench.report.hot import HOT, verdicts, visits
from bench.report.model import borne, one_sku
from bench.report.rest import yuan_by_route
from bench.report.words import PARTS, Results


def section(results: Results) -> str:
    lines = [
        line
        for part in (_budgets, _requests, _cpu, _growth, _sale, _model, _coldstart, _cost)
        for line in part(results)
    ]
    absent = [part for part, kept in PARTS.items() if kept not in results.now]
    if absent:
        lines.append(f"Not measured here yet: {', '.join(absent)}.")
    return "\n".join(f"- {line}" for line in lines)


def _budgets(results: Results) -> Iterator[str]:
    found = verdicts(results)
    missed = [verdict.label for verdict in found if not verdict.met]
    if found:
        yield f"Budgets: {len(found) - len(missed)} of {len(found)} met" + (
            f"; not met: {'; '.join(missed)}." if missed else "."
        )


def _requests(results: Results) -> Iterator[str]:
    now, before = visits(results.now.get("requests")), visits(results.before.get("requests"))
    both = [hot.visit for hot in HOT if hot.visit in now and hot.visit in before]
    if both:
        was, is_now = (sum(rows[name]["depth"] for name in both) for rows in (before, now))
        yield f"Round trips of the {len(both)} hot routes: {is_now} together, {was} before."


def _cpu(results: Results) -> Iterator[str]:
    figures = results.now.get("cpu")
    if figures is None:
        return
    before = results.before.get("cpu", {"operations": {}})["operations"]
    both = [name for name in figures["operations"] if name in before]
    was, now = (
        sum(rows[name]["ms"]["8"]["median"] for name in both) for rows in (before, figures["operations"])
    )  # fmt: skip
    if both:
        yield f"CPU of {len(both)} hot operations at 8 clients: {now:.1f} ms together, {was:.1f} before."
    ratios = sorted(row["ratio"] for row in figures["operations"].values())
    middle = ratios[len(ratios) // 2]
    yield f"A hot operation takes {ratios[0]:.1f} to {ratios[-1]:.1f} times the floor of CPU, the median {middle:.1f}."
    yield f"Beside other shops, {beside_others(figures['operations'])}"


def _growth(results: Results) -> Iterator[str]:
    figures = results.now.get("growth")
    if figures:
        rows, more = sum(figures["made"]["million"]["rows"].values()), grown(figures)
        many = f"{len(more)} of {len(figures['visits'])} visits cost" if more else "no visit costs"
        yield f"With {rows:,} rows behind, {many} more than with a thousand."


def _model(results: Results) -> Iterator[str]:
    figures = results.now.get("model")
    if figures:
        yield borne(figures)
        yield from one_sku(figures)


def _sale(results: Results) -> Iterator[str]:
    figures = results.now.get("sale")
    if figures is None:
        return
    sales = figures["sales"]
    broken = sum(len(row["broken"]) for row in sales.values())
    yield f"Flash sales: {len(sales)} kinds, {broken or 'no'} broken promise{'s' if broken > 1 else ''}."
    for name in ("flash", "flash-spread"):
        if row := sales.get(name):
            yield (
                f"{row['pieces']:,} pieces, {row['buyers']:,} buyers, over {row['counters'] or 'one'} counter"
                f"{'s' if row['counters'] else ''}: {row['orders_per_second']:,.0f} orders/s, "
                f"{row['of_ceiling']:.0%} of the engine's own ceiling, p99 {row['p99_ms']:,.0f} ms."
            )
    yield from _losers([row["writes"] for row in sales.values()])


def _losers(writes: Sequence[Mapping[str, int]]) -> Iterator[str]:
    """Of all sales together."""
    late, made, counting, waiting, theirs = (
        sum(each[column] for each in writes)
        for column in ("late_losers", "of_late_losers", "counting_late", "losers_in_flight", "of_losers_in_flight")
    )
    if late:
        yield (
            f"{late:,} buyers came once all was sold, and caused {made / late:.3f} writes each "
            f"({counting / late:.3f} of them to count how often a member asks)."
        )
    if waiting:
        each_one = f"{theirs / waiting:.2f} writes each"
        yield f"{waiting:,} losers were in flight as the last piece went, and caused {each_one}."


def _coldstart(results: Results) -> Iterator[str]:
    figures = results.now.get("coldstart")
    if figures:
        app = next(row for row in figures["starts"] if row["name"] == "app")
        yield f"A cold start takes {app['cpu']:.0f} ms of CPU, {app['ratio']:.2f} times the floor of its libraries."


def _cost(results: Results) -> Iterator[str]:
    figures = results.now.get("cost")
    if figures:
        now, was = (sum(yuan_by_route(each).values()) for each in (figures, figures["before"]))
        before = f", {was:.2f} before" if was else ""
        yield f"10,000 paid orders with all visits around them cost {now:.2f} yuan{before}."

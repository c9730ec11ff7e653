"""Requests, units, bytes and cost by route, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.report import words
from bench.report.hot import CART_AND_ORDER, HOT, Row, Verdict, verdicts, visits
from bench.report.words import Figures, Results, bytes_of, change, missing, number, table, units

HEAD = (
    "before → after", "round trips", "requests", "RU", "WU", "kB, DynamoDB", "kB, answer", "WeChat", "CPU ms, 1 client",
    "CPU ms, 8 clients", "yuan for 10,000",
)  # fmt: skip


def hot(results: Results) -> str:
    """The table of the routes that matter most."""
    if "requests" not in results.now:
        return missing("requests")
    return table(HEAD, _hot_rows(results))


def picture(results: Results) -> str:
    what = "Round trips and CPU of the hot routes, before and after"
    return words.picture("routes", what).strip() if "requests" in results.now else ""


def _hot_rows(results: Results) -> Iterator[list[str]]:
    now, before = visits(results.now.get("requests")), visits(results.before.get("requests"))
    for each in HOT:
        rows = before.get(each.visit), now.get(each.visit)
        counts = [
            _both(rows, "depth", number), _both(rows, "requests", number), _both(rows, "read_units", units),
            _both(rows, "write_units", units), change(*map(_traffic, rows)), _both(rows, "bytes_answered", bytes_of),
            _both(rows, "wechat", number),
        ]  # fmt: skip
        yield [each.label, *counts, *_cpu(results, each.cpu), _yuan(results, each.visit)]
    yield ["cart + place order", *[""] * 7, *_cpu(results, CART_AND_ORDER), ""]


def _both(rows: tuple[Row | None, Row | None], name: str, write: Any) -> str:
    before, after = ("" if row is None else write(row[name]) for row in rows)
    return change(before, after)


def _traffic(row: Row | None) -> str:
    return "" if row is None else bytes_of(row["bytes_sent"] + row["bytes_received"])


def _cpu(results: Results, name: str) -> list[str]:
    """With one client and with eight."""
    rows = [figures["operations"].get(name) for figures in _of(results, "cpu")]
    return [change(*("" if row is None else f"{row['ms'][clients]['median']:.2f}" for row in rows)) for clients in "18"]


def _yuan(results: Results, visit: str) -> str:
    cost = results.now.get("cost")
    if cost is None:
        return ""
    found = [(figures or {"visits": {}})["visits"].get(visit) for figures in (cost["before"], cost)]
    return change(*(number(each, 2) for each in found))


def _of(results: Results, part: str) -> tuple[Figures, Figures]:
    empty: Mapping[str, Any] = {"operations": {}}
    return results.before.get(part, empty), results.now.get(part, empty)


def budgets(results: Results) -> str:
    """Every budget, with what was found."""
    found = verdicts(results)
    if not found:
        return missing("requests")
    return table(("", "budget", "found", ""), map(_budget, found), text=(0, 1, 3)) + "".join(_reasons(found))


def _budget(verdict: Verdict) -> list[str]:
    return [verdict.label, verdict.goal, verdict.found, "met" if verdict.met else "**not met**"]


def _reasons(found: list[Verdict]) -> Iterator[str]:
    missed = [f"- {verdict}\n" for verdict in found if not verdict.met]
    if missed:
        yield "\nNot met:\n\n"
        yield from missed


def every(results: Results) -> str:
    """All routes and functions, as far as they changed."""
    if "requests" not in results.now:
        return missing("requests")
    now, before = visits(results.now["requests"]), visits(results.before.get("requests"))
    rows = [(name, before.get(name), row) for name, row in now.items()]
    changed = [row for row in rows if _counts(row[1]) != _counts(row[2])]
    same = f"\n{len(rows) - len(changed)} of {len(rows)} visits ask for the same as before.\n"
    if not changed:
        return same.lstrip()
    head = ("before → after", "round trips", "requests", "RU", "WU", "WeChat")
    return table(head, ([_name(new), *map(change, _counts(old), _counts(new))] for _, old, new in changed)) + same


def _name(row: Row) -> str:
    return f"`{row['name']}` {row['case']}".strip()


def _counts(row: Row | None) -> list[str]:
    if row is None:
        return [""] * 5
    return [units(row[name]) for name in ("depth", "requests", "read_units", "write_units", "wechat")]

"""CPU by operation, beside the floor of the same run and beside other shops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.report.hot import CART_AND_ORDER, HOT
from bench.report.words import Results, change, measured, missing, number, table

SHOPS = Path(__file__).parent / "shops.json"
TEXT = """\
CPU milliseconds of the shop's own process per operation {measured}; engine and WeChat are processes of their own, and
what the clients themselves cost is taken off. The **floor** is what nobody could do without: the operation's requests
to DynamoDB signed and sent by the shop's lean client with nothing around them, RSA and AES where WeChat is heard or
asked, and Chalice's dispatch of an empty route. Beside it, what the same requests cost by botocore's client alone.
**Ratio**: ours at 8 clients to the floor.

"""
OTHERS = """
What other open-source shops cost, measured on {machine}:

"""


def section(results: Results) -> str:
    figures = results.now.get("cpu")
    if figures is None:
        return missing("cpu")
    head = ("CPU ms", "requests", "1 client", "8 clients", "floor", "botocore alone", "ratio", "over HTTP")
    return TEXT.format(measured=measured(figures)) + table(head, _rows(results)) + _beside_others(figures["operations"])


def _rows(results: Results) -> Iterator[list[str]]:
    now, before = (each.get("cpu", {"operations": {}})["operations"] for each in (results.now, results.before))
    order = [hot.cpu for hot in HOT]
    for name in sorted(now, key=lambda name: order.index(name) if name in order else len(order)):
        row, old = now[name], before.get(name)
        ours = [change(_ms(old, clients), _ms(row, clients)) for clients in ("1", "8")]
        web = [each["http_ms"]["median"] if each and each["http_ms"] else None for each in (old, row)]
        over_http = change(*(number(each, 2) for each in web))
        asked = change(str(old["requests"]) if old else "", str(row["requests"]))
        bare = f"{row['floor_ms']['botocore']:.2f}"
        yield [f"`{name}`", asked, *ours, f"{floor(row):.2f}", bare, number(row["ratio"], 1), over_http]


def floor(row: Any) -> float:
    """Milliseconds that the operation cannot do without."""
    parts = row["floor_ms"]
    return float((parts.get("lean") or parts["botocore"]) + parts["crypto"] + parts["dispatch"])


def _ms(row: Any, clients: str) -> str:
    return "" if row is None else f"{row['ms'][clients]['median']:.2f}"


def _beside_others(operations: Any) -> str:
    others = json.loads(SHOPS.read_text(encoding="utf-8"))
    names = {hot.label: hot.cpu for hot in HOT} | {"cart + place order": CART_AND_ORDER}
    ours = [operations.get(names[label]) for label in others["operations"]]
    web = [row["http_ms"]["median"] if row and row["http_ms"] else None for row in ours]
    rows = [
        ["**this shop, as Lambda calls it**", *(_ms(row, "8") for row in ours)],
        ["**this shop, as an HTTP server**", *(number(each, 2) for each in web)],
        *([name, *("–" if each is None else f"{each:g}" for each in shop)] for name, shop in others["shops"].items()),
    ]
    notes = "".join(f"- {note}\n" for note in others["notes"])
    return f"{OTHERS.format(machine=others['machine'])}{table(('CPU ms', *others['operations']), rows)}\n{notes}"

"""CPU by operation, beside the floor of the same run and beside other shops."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.report.hot import CART_AND_ORDER, HOT, bare
from bench.report.words import Results, change, measured, missing, number, table
from chalicelib.pricing.service import KEPT

SHOPS = Path(__file__).parent / "shops.json"
TEXT = """\
CPU milliseconds of the shop's own process per operation {measured}; engine and WeChat are processes of their own, and
what the clients themselves cost is taken off. The **floor** is what nobody could do without: the operation's requests
to DynamoDB signed and sent by the shop's lean client with nothing around them, RSA and AES where WeChat is heard or
asked, and Chalice's dispatch of an empty route. Beside it, what the same requests cost by botocore's client alone.
**Ratio**: ours at 8 clients to the floor. **To botocore's**: ours at 8 clients to botocore's client alone, both of the
same run, with the requests of the code of that run. Milliseconds move with the speed that a machine has at the moment,
and botocore's move along: so this says more than they do. Less than 1 is a whole operation for less than botocore takes
to send its requests. Price rules, which a process keeps for {kept:g} seconds, are kept here: operations are repeated
without a pause. [requests.md](requests.md) counts a process that has forgotten them, with the request that reads them.

"""
OTHERS = """
What other open-source shops cost, {machine}:

"""


def section(results: Results) -> str:
    figures = results.now.get("cpu")
    if figures is None:
        return missing("cpu")
    head = (
        "CPU ms", "requests", "1 client", "8 clients", "floor", "botocore alone", "ratio", "to botocore's", "over HTTP"
    )  # fmt: skip
    text = TEXT.format(measured=measured(figures), kept=KEPT.total_seconds())
    return text + table(head, _rows(results)) + _others(figures["operations"])


def _rows(results: Results) -> Iterator[list[str]]:
    now, before = (each.get("cpu", {"operations": {}})["operations"] for each in (results.now, results.before))
    order = [hot.cpu for hot in HOT]
    for name in sorted(now, key=lambda name: order.index(name) if name in order else len(order)):
        row, old = now[name], before.get(name)
        ours = [change(_ms(old, clients), _ms(row, clients)) for clients in ("1", "8")]
        web = [each["http_ms"]["median"] if each and each["http_ms"] else None for each in (old, row)]
        over_http = change(*(number(each, 2) for each in web))
        asked = change(str(old["requests"]) if old else "", str(row["requests"]))
        alone = f"{row['floor_ms']['botocore']:.2f}"
        ratios = [number(row["ratio"], 1), change(_to_botocore(old), _to_botocore(row))]
        yield [f"`{name}`", asked, *ours, f"{floor(row):.2f}", alone, *ratios, over_http]


def floor(row: Any) -> float:
    """Milliseconds that the operation cannot do without."""
    return bare(row) + float(row["floor_ms"]["crypto"] + row["floor_ms"]["dispatch"])


def _to_botocore(row: Any) -> str:
    return "" if row is None else f"{row['ms']['8']['median'] / row['floor_ms']['botocore']:.2f}"


def _ms(row: Any, clients: str) -> str:
    return "" if row is None else f"{row['ms'][clients]['median']:.2f}"


def _others(operations: Any) -> str:
    others = json.loads(SHOPS.read_text(encoding="utf-8"))
    ways = beside(operations, others["operations"])
    rows = [
        *([f"**this shop, {way}**", *(number(each, 2) for each in ours)] for way, ours in ways.items()),
        *([name, *("–" if each is None else f"{each:g}" for each in shop)] for name, shop in others["shops"].items()),
    ]
    ranks = "".join(f"- This shop, {way}: {rank(ours, others)}\n" for way, ours in ways.items())
    notes = "".join(f"- {note}\n" for note in others["notes"])
    return f"{OTHERS.format(machine=others['machine'])}{table(('CPU ms', *others['operations']), rows)}\n{ranks}{notes}"


def beside(operations: Any, labels: Sequence[str]) -> dict[str, list[float | None]]:
    """Ours, in both ways, for these operations; None for what was not measured."""
    names = {hot.label: hot.cpu for hot in HOT} | {"cart + place order": CART_AND_ORDER}
    rows = [operations.get(names[label]) for label in labels]
    return {
        "as Lambda calls it": [row and row["ms"]["8"]["median"] for row in rows],
        "as an HTTP server": [row["http_ms"]["median"] if row and row["http_ms"] else None for row in rows],
    }


def beside_others(operations: Any) -> str:
    """`rank` of the dearer way, which is how the others were measured."""
    others = json.loads(SHOPS.read_text(encoding="utf-8"))
    return "as an HTTP server: " + rank(beside(operations, others["operations"])["as an HTTP server"], others)


def rank(ours: Sequence[float | None], others: Mapping[str, Any]) -> str:
    """In which operations ours take less than every other shop, and which shops are ahead in the rest."""
    ahead, behind = [], []
    for place, (label, our) in enumerate(zip(others["operations"], ours, strict=True)):
        better = [name for name, shop in others["shops"].items() if our is not None and (shop[place] or our + 1) <= our]
        if better:
            behind.append(f"{label} (behind {' and '.join(better)})")
        elif our is not None:
            ahead.append(label)
    if not behind and ahead:
        return f"ahead of every shop in the table in all that was measured: {', '.join(ahead)}."
    first = f"ahead of every shop in the table in {', '.join(ahead)}" if ahead else "ahead of all of them in nothing"
    return f"{first}; not in {', '.join(behind)}." if behind else "not measured."

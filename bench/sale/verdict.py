"""How a sale went, in figures, and which of its promises it broke. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.sale import ENOUGH, MOST_WRITES
from bench.sale.crowd import PLACED, Outcome

FEW = 8
"""So many writes more may fewer than ENOUGH losers cost together."""


def figures(outcomes: Sequence[Outcome], pieces: int, left: int, in_orders: int) -> dict[str, Any]:
    """`left` in stock and `in_orders`: pieces as they are stored after the sale."""
    losers = [one for one in outcomes if one.code != PLACED]
    sold_at = [one.seen.sold_at for one in outcomes if one.code == PLACED and one.seen.sold_at is not None]
    first, last, end = min(o.began for o in outcomes), max(sold_at, default=0.0), max(o.ended for o in outcomes)
    late, in_flight = ([one for one in losers if (one.began > last) == after] for after in (True, False))
    took = sorted(one.ended - one.began for one in outcomes)
    return {
        "buyers": len(outcomes),
        "pieces": pieces,
        "sold": len(outcomes) - len(losers),
        "left": left,
        "in_orders": in_orders,
        "refused": dict(Counter(one.code for one in losers)),
        "server_errors": sum(one.status >= 500 for one in outcomes),
        "busy_answers": sum(one.busy for one in outcomes) + sum(one.status == 503 for one in outcomes),
        "orders_per_second": _rate(len(outcomes) - len(losers), last - first),
        "answers_per_second": _rate(len(outcomes), end - first),
        "p50_ms": _milliseconds(took, 0.5),
        "p99_ms": _milliseconds(took, 0.99),
        "writes": {
            "of_losers": sum(len(one.seen.all_writes) for one in losers),
            "after_last_sale": sum(moment > last for one in losers for moment in one.seen.all_writes),
            "late_losers": len(late),
            "of_late_losers": sum(len(one.seen.all_writes) for one in late),
            "counting_late": sum(len(one.seen.paced) for one in late),
            "losers_in_flight": len(in_flight),
            "of_losers_in_flight": sum(len(one.seen.all_writes) for one in in_flight),
        },
    }


def broken(sale: Mapping[str, Any], *, may_be_busy: bool = False) -> list[str]:
    """Each broken promise in a line. Where a sale `may_be_busy`, a buyer may be told to ask again, but not for good."""
    buyers, pieces, writes = sale["buyers"], sale["pieces"], sale["writes"]
    sold = min(buyers, pieces)
    promises = {
        f"sold {sale['sold']} of {pieces} to {buyers}": sale["sold"] == sold,
        f"{sale['left']} left in stock": sale["left"] == pieces - sold,
        f"{sale['in_orders']} pieces in orders": sale["in_orders"] == sold,
        f"{sale['server_errors']} ended in an error of the server": sale["server_errors"] == 0,
        f"losers were told {sale['refused']}": set(sale["refused"]) <= {"SOLD_OUT"},
        f"{sale['busy_answers']} answers said to come again": may_be_busy or sale["busy_answers"] == 0,
        f"{writes['of_late_losers']} writes for {writes['late_losers']} who came once all was sold": (
            writes["of_late_losers"] <= most_writes(writes["late_losers"])
        ),
    }
    return [promise for promise, kept in promises.items() if not kept]


def most_writes(late: int) -> float:
    """That so many who come once all is sold may cost together."""
    return MOST_WRITES * late + (FEW if late < ENOUGH else 0)


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds > 0 else 0.0


def _milliseconds(took: Sequence[float], share: float) -> float:
    return round(took[min(len(took) - 1, int(share * len(took)))] * 1000, 1)

"""What may never be below zero or above its bound, not for a moment."""

from collections.abc import Iterator
from typing import Any

COUNTED = {
    "stock": ("available",),
    "points": ("balance",),
    "consents": ("left",),
    "groupbuy": ("seats_taken", "paid_count"),
    "bargain": ("n",),
    "payments": ("refunding",),
}
"""What is never below zero, by table; nor above its bound, where there is one."""
BOUNDS = {"seats_taken": "size", "paid_count": "size", "refunding": "total"}


def overdrawn(table: str, items: list[Any]) -> Iterator[str]:
    """What is below zero or above its bound at this moment, though it may be right again later."""
    for item in items:
        for name in COUNTED[table]:
            count = float(item[name]["N"]) if name in item else 0
            bound = item.get(BOUNDS.get(name, ""))
            if count < 0 or (bound and count > float(bound["N"])):
                yield f"{table} had {count:.0f} {name}" + (f" of {bound['N']}" if bound else "")

"""The routes that matter most, under all the names that the parts of the bench have for them, and their budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.report.words import Figures, Results

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Hot:
    """`visit` as bench/visits.py names it, `cpu` as bench/cpu/operations.py does. `most`: round trips that it may take,
    one after another; `before`: those before its transaction.
    """

    label: str
    visit: str
    cpu: str = ""
    most: int | None = None
    before: int | None = None


HOT = (
    Hot("login", "POST /login a member", "POST /login: a member", most=2),
    Hot("categories", "GET /categories", "GET /categories"),
    Hot("list of 20", "GET /products 20 of all", "GET /products: 20 of all", most=1),
    Hot("product page", "GET /products/{product_id}", "GET /products/{product_id}", most=2),
    Hot("add to cart", "POST /cart/lines a third SKU", "POST /cart/lines: a third SKU"),
    Hot("cart", "GET /cart 3 lines", "GET /cart: 3 lines", most=2),
    Hot(
        "preview",
        "POST /orders/preview two lines, coupon, address",
        "POST /orders/preview: two lines, coupon",
    ),
    Hot("place order", "POST /orders two lines, coupon", "POST /orders: two lines, coupon", before=3),
    Hot("place order, signed", "POST /orders two lines, coupon, signed", before=3),
    Hot("place order, the cart", "POST /orders the cart of 3 lines", before=3),
    Hot("open a team", "POST /orders opens a team", "POST /orders: opens a team", before=3),
    Hot("join a team", "POST /orders joins a team", "POST /orders: joins a team", before=3),
    Hot("order at a bargain", "POST /orders at a bargained price", before=3),
    Hot("cut a bargain", "POST /bargain/launches/{launch_id}/cuts", "POST /bargain/launches/{launch_id}/cuts"),
    Hot("begin payment", "POST /orders/{order_id}/payment first", "POST /orders/{order_id}/payment"),
    Hot("pay callback", "POST /wechat/pay/notify paid", "POST /wechat/pay/notify: paid", before=1),
    Hot("list of orders", "GET /orders 20 of all", "GET /orders: 20 of all"),
    Hot("order", "GET /orders/{order_id}", "GET /orders/{order_id}"),
)
CART_AND_ORDER = "POST /cart/lines + POST /orders: the cart"

_REQUESTS = (
    "What is left, by the profile (`python -m bench.cpu --profile`): its {requests} requests, {bare:.2f} ms by the "
    "bare client and {botocore:.2f} by botocore's; "
)
WHY = {
    "CPU, add to cart": f"{_REQUESTS}making rows of what is read and the write out of the cart's row; the price of the "
    "whole cart, which the answer shows; a log line; Chalice.",
    "CPU, pay callback": f"{_REQUESTS}making rows of the payment and the order; building the transaction that marks "
    "both paid; two log lines; Chalice.",
    "CPU, cart + place order": f"{_REQUESTS}making rows of what is read; the price of the cart, twice; building the "
    "order's transaction; three log lines; Chalice, twice.",
}
"""By label of a goal that is not met: why, about the operation's requests and what bare clients take for them."""


@dataclass(frozen=True)
class Verdict:
    """A budget and what was found."""

    label: str
    goal: str
    found: str
    met: bool
    why: str = ""

    def __str__(self) -> str:
        why = f" {self.why}" if self.why and not self.met else ""
        return f"{self.label}: {self.found} of {self.goal}.{why}"


def visits(figures: Figures | None) -> dict[str, Row]:
    """What was counted, by name and case of the visit."""
    if figures is None:
        return {}
    return {f"{row['name']} {row['case']}".strip(): row for row in (*figures["routes"], *figures["functions"])}


def verdicts(results: Results) -> list[Verdict]:
    """On all budgets of which something was measured."""
    return [*_on_counts(results.now.get("requests")), *_on_cpu(results.now.get("cpu"))]


def _on_counts(figures: Figures | None) -> Iterator[Verdict]:
    counted = visits(figures)
    for hot in HOT:
        row = counted.get(hot.visit)
        if row and hot.most is not None:
            goal = f"at most {hot.most} round trip{'s' if hot.most > 1 else ''}"
            yield Verdict(hot.label, goal, str(row["depth"]), row["depth"] <= hot.most)
        elif row and hot.before is not None:
            found = row["depth"] if row["depth_before"] is None else row["depth_before"]
            goal = f"at most {hot.before} before the transaction"
            yield Verdict(hot.label, goal, str(found), found <= hot.before)


def _on_cpu(figures: Figures | None) -> Iterator[Verdict]:
    labels = {hot.cpu: hot.label for hot in HOT if hot.cpu} | {CART_AND_ORDER: "cart + place order"}
    for name, row in figures["operations"].items() if figures else ():
        if row["goal_ms"] is not None:
            found = row["ms"]["8"]["median"] - (row["floor_ms"]["crypto"] if row["beyond_rsa"] else 0)
            beyond = " beyond RSA and AES" if row["beyond_rsa"] else ""
            label = f"CPU, {labels.get(name, name)}"
            why = WHY.get(label, "").format(
                requests=row["requests"], bare=bare(row), botocore=row["floor_ms"]["botocore"]
            )
            yield Verdict(label, f"at most {row['goal_ms']:g} ms{beyond}", f"{found:.2f} ms", bool(row["met"]), why)


def bare(row: Row) -> float:
    """Milliseconds of an operation's requests by the leanest client that was measured alone."""
    return float(row["floor_ms"].get("lean") or row["floor_ms"]["botocore"])

"""Orders, their timelines, and that nothing is left lying."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.aftersales.rules import TRANSITIONS as CASE_TRANSITIONS
from chalicelib.orders.rules import TRANSITIONS
from chalicelib.payments.rules import PAYMENT_TRANSITIONS, REFUND_TRANSITIONS
from tests.faults.driver import waiting
from tests.faults.invariants.books import Books, Item


def orders_rest(books: Books) -> Iterator[str]:
    """No order is left in a state that is to be left by itself."""
    for order in books.orders:
        name = f"order {order['order_id']}"
        if order["state"] == "AWAITING_PAYMENT" and order["pay_by"] < books.now - 600:
            yield f"{name} still waits for its payment"
        if order.get("effects_due"):
            yield f"{name} has effects due"
        if order.get("late_payment"):
            yield f"{name} was paid late and nothing came of it"
        if order.get("refund_state") in ("PENDING", "PROCESSING"):
            yield f"{name} shows a refund that is {order['refund_state']}"
        if order["state"] == "REFUNDED" and order.get("refund_state") is None and not order["cases"]:
            yield f"{name} is refunded without a refund"


def timelines(books: Books) -> Iterator[str]:
    """Every change is told, each begins where the last one ended, and all are allowed."""
    told: list[tuple[str, Mapping[Any, Any], list[Item]]] = [
        ("order_id", TRANSITIONS, books.orders),
        ("out_trade_no", PAYMENT_TRANSITIONS, books.payments),
        ("out_refund_no", REFUND_TRANSITIONS, books.refunds),
        ("case_id", CASE_TRANSITIONS, books.cases),
    ]
    for key, allowed, rows in told:
        for row in rows:
            name, state = row[key], None
            for event in map(json.loads, row["timeline"]):
                was, now = event["was"], event["now"]
                if was != state:
                    yield f"{name}: {state} is followed by a change from {was}"
                if was is not None and was != now and now not in allowed[was]:
                    yield f"{name} went from {was} to {now}"
                state = now
            if state != row["state"]:
                yield f"{name} is {row['state']} and its timeline ends with {state}"


def keys(books: Books) -> Iterator[str]:
    """One key, one order."""
    placed = Counter(order["member_id"] for order in books.orders)
    for member_id, number in placed.items():
        if number > len(books.world.keys.get(member_id, ())):
            yield f"{number} orders of one member for {len(books.world.keys.get(member_id, ()))} keys"


def messages(books: Books) -> Iterator[str]:
    """Nobody is told the same thing twice, and nobody's consent is overdrawn."""
    told = Counter((m["touser"], m["template_id"], m["page"]) for m in books.world.control("GET", "messages"))
    yield from (f"{key} was told {n} times" for key, n in told.items() if n > 1)
    yield from (f"consent {row}" for row in books.table("consents") if row["left"] < 0)


def somebody_comes(books: Books) -> Iterator[str]:
    """Whatever waits, waits for a job that a schedule asks for."""
    for _, table, job, key in waiting(books.world):
        if (table, job) not in books.world.asked_jobs:
            yield f"{table} {key} waits for {job!r}, which no schedule does"

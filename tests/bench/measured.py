"""Small results of every part of the bench, as the parts write them."""

from __future__ import annotations

from typing import Any

COUNTS = {"requests": 3, "depth": 2, "read_units": 2.5, "write_units": 4}


def head(part: str) -> dict[str, Any]:
    return {"part": part, "measured": "2026-11-22", "machine": {"cores": 2, "python": "3.11.7"}}


def visit_row(visit: str, **counts: Any) -> dict[str, Any]:
    """A row of bench/results/requests.json."""
    method, path, *case = visit.split()
    more = {"bytes_sent": 900, "bytes_received": 1500, "bytes_answered": 800, "wechat": 0, "depth_before": None}
    name = {"name": f"{method} {path}", "case": " ".join(case), "operations": {"Query": 3}}
    return {**name, **COUNTS, **more, **counts}


def cpu_row(ms: float, crypto: float = 0.0, **more: Any) -> dict[str, Any]:
    spent = {"median": ms, "least": ms, "most": ms}
    floor = {"botocore": 2.0, "lean": 0.5, "crypto": crypto, "dispatch": 0.05}
    judged = {"goal_ms": None, "beyond_rsa": False, "met": None}
    return {
        "ms": {"1": spent, "8": spent},
        "http_ms": spent,
        "requests": 1,
        "floor_ms": floor,
        "ratio": 2.0,
        **judged,
        **more,
    }


def sale_row(**more: Any) -> dict[str, Any]:
    writes = {
        "of_losers": 40, "after_last_sale": 9, "late_losers": 1000, "of_late_losers": 40, "counting_late": 30,
        "losers_in_flight": 50, "of_losers_in_flight": 75,
    }  # fmt: skip
    asked = {"buyers": 200, "pieces": 100, "at_once": 50, "counters": 16, "held_ms": None}
    counts = {"sold": 100, "left": 0, "server_errors": 0, "busy_answers": 0, "conflicts": 0, "broken": []}
    rates = {"orders_per_second": 50.0, "answers_per_second": 90.0, "p50_ms": 9.0, "p99_ms": 50.0, "of_ceiling": 0.5}
    return {**asked, **counts, **rates, "writes": writes, **more}


def _cost() -> dict[str, Any]:
    row = {"name": "GET /cart", "visits": 6, "read_units": 900, "write_units": 0, "dynamodb": 1, "yuan": 2, "share": 1}
    costs = {"routes": [row], "visits": {"GET /cart 3 lines": 0.7}, "months": {"100": {"Logs": 4.0}}}
    return {**costs, "before": costs, "order": {}, "idle_reads": 1.0}


def _model() -> dict[str, Any]:
    curve = {
        "counters": 1,
        "transaction": 20,
        "calm": 5,
        "plain": 1000,
        "conflicts": 0.1,
        "stock_units": 2.2,
        "simulated": 19,
    }
    checked = {
        "counters": 1, "measured": 18.0, "simulated": 19.0, "formula": 20.0, "conflicts_measured": 0.1,
        "conflicts_simulated": 0.1, "hold_ms": 61, "look_ms": 40,
    }  # fmt: skip
    table = {"table": "stock", "units": 44_000, "partitions": 44, "above_new": True, "above_quota": True}
    need = {"orders_per_second": 10_000, "tables": [table], "concurrency": 900, "above_concurrency": False}
    one_sku = {"counters": 800, "counters_at_least": 500, "counters_plain": 10, "shared_reads": ["catalog p1"]}
    assumed = {"hold_ms": 20, "tries": 2, "busy_share": 0.01, "calm": 0.1, "most_counters": 64}
    check = {"clients": 8, "hold_ms": 20}
    needs = {"many SKUs": need, "one SKU": {**need, **one_sku}}
    return {"assumed": assumed, "curve": [curve], "checked": [checked], "check": check, "needs": needs}


MEASURED: dict[str, Any] = {
    "requests": {**head("requests"), "routes": [visit_row("GET /cart 3 lines")], "functions": []},
    "cpu": {**head("cpu"), "operations": {"GET /cart: 3 lines": cpu_row(1.4)}},
    "growth": {
        **head("growth"),
        "visits": [{"name": "GET /cart", "case": "3 lines", **dict.fromkeys(("demo", "thousand", "million"), COUNTS)}],
        "made": {
            size: {"rows": {"orders": rows}, "seconds": 9.0} for size, rows in {"thousand": 1, "million": 2}.items()
        },
        "schedules": {"close_unpaid": {"nothing": COUNTS, "one": COUNTS, "many": COUNTS, "per_row": COUNTS}},
        "many": 40,
    },
    "sale": {
        **head("sale"),
        "sales": {"flash": sale_row()},
        "ceiling": {"ordinary": {"transactions_per_second": 400.0, "orders_per_second": 90.0}},
    },
    "model": {**head("model"), **_model()},
    "jobs": {
        **head("jobs"),
        "close_unpaid": {
            "seconds_at_wechat": 0.1,
            "by_workers": [{"workers": 8, "orders_per_minute": 2187, "cpu_ms_per_order": 4.3}],
        },
    },
    "coldstart": {
        **head("coldstart"),
        "starts": [{"name": "app", "cpu": 135.0, "ratio": 1.15, "budget": 1.3, "own": 37, "holds": True}],
        "dearest": {"app": {"typing": 1.7}},
    },
    "cost": {**head("cost"), **_cost()},
}

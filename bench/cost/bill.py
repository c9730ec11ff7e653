"""Yuan: of a month, of what visits ask for, and of each route for ten thousand orders."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import figures
from bench.cost import units
from bench.cost.day import INSTANCE_HOURS_PER_10K, KB_PER_ORDER, LOG_BYTES, MONTHS_KEPT, PER_ORDER, TRACED
from bench.cost.units import Asked
from deploy.stage import read
from deploy.template import extras

Yuan = dict[str, float]
DAYS, TEN_THOUSAND, MILLION, GB = 30, 10_000, 1e6, 1e9
READS, WRITES = "DynamoDB, reads", "DynamoDB, writes"
STORED = f"DynamoDB, stored and recoverable, after {MONTHS_KEPT} months"
IDLE, STANDING = "schedules, when nothing is due", "storage, alarms, firewall, secret"


def month(orders: int, price: Mapping[str, float], results: Path = figures.RESULTS) -> Yuan:
    """A month of so many orders a day, by what it is for."""
    visits = units.counted(results)
    one = sum(units.of_an_order(visits).values(), Asked())
    day = one.times(orders) + units.of_empty_runs(visits)
    spent = Counter(asked(day.times(DAYS), price))
    spent.update(standing(orders, price))
    order = (READS, WRITES, STORED)
    return {name: spent[name] for name in (*order, *(name for name in spent if name not in order))}


def asked(what: Asked, price: Mapping[str, float]) -> Yuan:
    """What is paid for by use."""
    fetched = what.http / TEN_THOUSAND * INSTANCE_HOURS_PER_10K * 12
    return {
        READS: what.read / MILLION * price["read_million"],
        WRITES: what.write / MILLION * price["write_million"],
        "API Gateway": what.http / MILLION * price["api_million"],
        "Lambda": what.runs / MILLION * price["lambda_million"] + what.gb_seconds * price["lambda_gb_second"],
        "Logs": what.runs * LOG_BYTES / GB * price["log_gb"],
        "Traces": what.runs * TRACED / MILLION * price["trace_million"],
        "Firewall": what.http / MILLION * price["firewall_million"],
        "Traffic out": what.bytes / GB * price["out_gb"],
        "Secret": fetched / TEN_THOUSAND * price["secret_10k"],
    }


def standing(orders: int, price: Mapping[str, float]) -> Yuan:
    """What a month costs whether anybody comes or not, and what is kept of so many orders a day."""
    things = _things_watched()
    kept = orders * DAYS * MONTHS_KEPT * KB_PER_ORDER / MILLION
    fetched = 16 * 12 * 24 * DAYS
    return {
        STORED: kept * (price["storage_gb"] + price["recovery_gb"]),
        "Firewall": price["firewall_list"] + things["rules"] * price["firewall_rule"],
        "Metrics, alarms, dashboard": things["metrics"] * price["metric"]
        + things["alarms"] * price["alarm"]
        + price["dashboard"],
        "Secret": price["secret"] + fetched / TEN_THOUSAND * price["secret_10k"],
    }


def by_route(price: Mapping[str, float], results: Path = figures.RESULTS) -> list[dict[str, Any]]:
    """A day of ten thousand orders: by route and function, the dearest first, then what no route asks for."""
    visits = units.counted(results)
    routes: dict[str, Asked] = defaultdict(Asked)
    often: dict[str, float] = defaultdict(float)
    for visit, what in units.of_an_order(visits).items():
        name = _route(visit)
        routes[name] += what.times(TEN_THOUSAND)
        often[name] += PER_ORDER[visit]
    rows = sorted((_row(name, what, price, often[name]) for name, what in routes.items()), key=lambda row: -row["yuan"])
    rows.append(_row(IDLE, units.of_empty_runs(visits), price, 0))
    fixed = sum(standing(TEN_THOUSAND, price).values()) / DAYS
    rows.append({**_row(STANDING, Asked(), price, 0), "yuan": fixed})
    whole = sum(row["yuan"] for row in rows)
    return [{**row, "share": row["yuan"] / whole} for row in rows]


def by_visit(price: Mapping[str, float], results: Path = figures.RESULTS) -> Yuan:
    """Yuan for ten thousand of each visit that was counted."""
    visits = units.counted(results).items()
    return {name: round(sum(asked(what.times(TEN_THOUSAND), price).values()), 4) for name, what in visits}


def _route(visit: str) -> str:
    """The name without the case."""
    words = visit.split()
    return " ".join(words[: 2 if words[0].isupper() else 1])


def _row(name: str, what: Asked, price: Mapping[str, float], often: float) -> dict[str, Any]:
    spent = asked(what, price)
    return {
        "name": name,
        "visits": often,
        "read_units": what.read,
        "write_units": what.write,
        "dynamodb": spent[READS] + spent[WRITES],
        "yuan": sum(spent.values()),
    }


def _things_watched() -> dict[str, int]:
    """How many alarms, metrics of ours and firewall rules the template has."""
    resources: dict[str, Any] = extras(read("dev"))["Resources"]
    of = [(each.get("Type"), each.get("Properties", {})) for each in resources.values()]
    metrics = {
        transformation["MetricName"]
        for kind, properties in of
        if kind == "AWS::Logs::MetricFilter"
        for transformation in properties["MetricTransformations"]
    }
    return {
        "alarms": sum(kind == "AWS::CloudWatch::Alarm" for kind, _ in of),
        "metrics": len(metrics),
        "rules": sum(len(properties["Rules"]) for kind, properties in of if kind == "AWS::WAFv2::WebACL"),
    }

"""`make cost`: the bill of a month at 100, 10,000 and 500,000 orders a day, written to docs/cost.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.cost.day import (
    ANSWER_BYTES,
    INSTANCE_HOURS_PER_10K,
    KB_PER_ORDER,
    LOG_BYTES,
    MONTHS_KEPT,
    PER_ORDER,
    TRACED,
)
from bench.cost.units import Day, UnknownRow, day
from deploy.stage import Options, read
from deploy.template import extras

HERE = Path(__file__).parent
REPORT = HERE.parents[1] / "docs" / "cost.md"
ORDERS = (100, 10_000, 500_000)
DAYS = 30
MILLION, GB = 1e6, 1e9
HTTP_GB, JOB_GB = Options().memory / 1024, 0.5

HEAD = """\
# What it costs

Computed by `make cost` from the request units that `make bench` measured ([requests.md](requests.md)), a day's visits
for each paid order (`bench/cost/day.py`) and a price list (`bench/cost/prices.json`, {region}). Put your own figures
into these two files and run it again: visits differ tenfold between shops, and prices change. Free tiers, taxes and
discounts are not counted.

| yuan a month | {columns} |
|---|{rules}|
"""


def bill(orders: int, price: Mapping[str, float], things: Mapping[str, int]) -> dict[str, float]:
    """Yuan a month by what it is for."""
    asked: Day = day(orders)
    calls, jobs = asked.http.calls * DAYS, asked.jobs.calls * DAYS
    read, write = (asked.http.read + asked.jobs.read) * DAYS, (asked.http.write + asked.jobs.write) * DAYS
    stored = orders * DAYS * MONTHS_KEPT * KB_PER_ORDER / MILLION
    seconds = (asked.http.ms * HTTP_GB + asked.jobs.ms * JOB_GB) / 1000 * DAYS
    fetched = calls / 10_000 * INSTANCE_HOURS_PER_10K * 12 + 16 * 12 * 24 * DAYS
    return {
        "DynamoDB, reads": read / MILLION * price["read_million"],
        "DynamoDB, writes": write / MILLION * price["write_million"],
        f"DynamoDB, stored and recoverable, after {MONTHS_KEPT} months": stored
        * (price["storage_gb"] + price["recovery_gb"]),
        "API Gateway": calls / MILLION * price["api_million"],
        "Lambda": (calls + jobs) / MILLION * price["lambda_million"] + seconds * price["lambda_gb_second"],
        "Logs": (calls + jobs) * LOG_BYTES / GB * price["log_gb"],
        "Traces": (calls + jobs) * TRACED / MILLION * price["trace_million"],
        "Firewall": price["firewall_list"]
        + things["rules"] * price["firewall_rule"]
        + calls / MILLION * price["firewall_million"],
        "Metrics, alarms, dashboard": things["metrics"] * price["metric"]
        + things["alarms"] * price["alarm"]
        + price["dashboard"],
        "Secret": price["secret"] + fetched / 10_000 * price["secret_10k"],
        "Traffic out": calls * ANSWER_BYTES / GB * price["out_gb"],
    }


def things_watched() -> dict[str, int]:
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


def page(listed: Mapping[str, Any]) -> str:
    price, things = {name: each["price"] for name, each in listed["prices"].items()}, things_watched()
    bills = [bill(orders, price, things) for orders in ORDERS]
    columns = " | ".join(f"{orders:,} orders a day" for orders in ORDERS)
    text = HEAD.format(region=listed["region"], columns=columns, rules="|".join("--:" for _ in ORDERS))
    for name in bills[0]:
        text += f"| {name} | " + " | ".join(f"{each[name]:,.0f}" for each in bills) + " |\n"
    text += "| **together** | " + " | ".join(f"**{sum(each.values()):,.0f}**" for each in bills) + " |\n"
    per_order = (sum(each.values()) / orders / DAYS for each, orders in zip(bills, ORDERS, strict=True))
    text += "| fen an order | " + " | ".join(f"{100 * each:.1f}" for each in per_order) + " |\n"
    http = day(1).http - day(0).http
    text += (
        f"\nFor each paid order: {http.calls:,.0f} HTTP requests, {http.read:,.0f} read and {http.write:,.0f} write "
        f"units over HTTP; streams and schedules come on top. {len(PER_ORDER)} kinds of visits are counted.\n"
        f"An empty shop asks for {day(0).jobs.read * DAYS / MILLION:.1f} million read units a month, by its schedules "
        f"alone.\n\n## Prices\n\n| yuan | for | from |\n|--:|---|---|\n"
    )
    return text + "".join(
        f"| {each['price']} | {each['what']} | {each['source']} |\n" for each in listed["prices"].values()
    )


def main() -> int:
    try:
        text = page(json.loads((HERE / "prices.json").read_text(encoding="utf-8")))
    except UnknownRow as error:
        print(error, file=sys.stderr)
        return 1
    REPORT.write_text(text, encoding="utf-8")
    print(text.partition("\n## Prices")[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())

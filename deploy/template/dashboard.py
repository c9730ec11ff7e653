"""One page of figures: what shoppers meet, what they buy, what works behind, and which alarms ring.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
from typing import Any

from chalicelib.storage.tables import tables
from deploy.stage import API, Stage

from . import metrics
from .alarms import alarm_name, alarms
from .functions import functions
from .metrics import Metric, of_api, of_function, of_table, ours

TROUBLE = ("Faults", metrics.CRASHES, "StorageFailures", "CallbackFailures", "CallbacksRefused")
WIDTH = 24
HEIGHT = 6


def resources(stage: Stage) -> dict[str, Any]:
    properties = {"DashboardName": stage.stack, "DashboardBody": {"Fn::Sub": json.dumps(body_of(stage))}}
    return {"Dashboard": {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}}


def body_of(stage: Stage) -> dict[str, Any]:
    """With ${AWS::AccountId} still in it."""
    rows = [
        [_alarms(stage)],
        [
            _graph(stage, "Requests", [of_api(stage, name) for name in ("Count", "4XXError", "5XXError")]),
            _graph(stage, "Milliseconds of a request", [of_api(stage, "Latency")], "p50", "p99"),
            _graph(stage, "Orders", [ours(stage, "OrdersPlaced"), ours(stage, "OrdersPaid")]),
        ],
        [
            _graph(stage, "HTTP functions at once", [of_function(stage, API, "ConcurrentExecutions")], "Maximum"),
            _graph(stage, "Turned away", [ours(stage, "Throttled"), of_function(stage, API, "Throttles")]),
            _graph(stage, "Trouble", [ours(stage, name) for name in TROUBLE]),
        ],
        [
            _graph(stage, "Errors by function", _of_functions(stage, "Errors")),
            _graph(stage, "Milliseconds by function", _of_functions(stage, "Duration"), "Maximum"),
            _graph(stage, "Given up, and the age of the stream", _waiting(stage), "Maximum"),
        ],
        [
            _graph(stage, "Read units by table", _of_tables(stage, "ConsumedReadCapacityUnits")),
            _graph(stage, "Written units by table", _of_tables(stage, "ConsumedWriteCapacityUnits")),
            _graph(stage, "Throttled by table", _throttled(stage)),
        ],
        [_lines(stage)],
    ]
    return {"start": "-PT12H", "widgets": [widget for n, row in enumerate(rows) for widget in _placed(row, n)]}


def _of_functions(stage: Stage, name: str) -> list[Metric]:
    return [of_function(stage, each.name, name) for each in functions()]


def _of_tables(stage: Stage, name: str) -> list[Metric]:
    return [of_table(stage, table, name) for table in tables()]


def _throttled(stage: Stage) -> list[Metric]:
    return [*_of_tables(stage, "ReadThrottleEvents"), *_of_tables(stage, "WriteThrottleEvents")]


def _waiting(stage: Stage) -> list[Metric]:
    name = "ApproximateNumberOfMessagesVisible"
    queues = [Metric("AWS/SQS", name, {"QueueName": f"{stage.stack}-{of}-failures"}) for of in ("schedule", "stream")]
    return [*queues, of_function(stage, "on_order_change", "IteratorAge")]


def _graph(stage: Stage, title: str, shown: list[Metric], *statistics: str) -> dict[str, Any]:
    """By five minutes; without a statistic, sums."""
    lines = [
        [each.namespace, each.name, *(part for pair in each.dimensions.items() for part in pair), {"stat": statistic}]
        for each in shown
        for statistic in statistics or ("Sum",)
    ]
    properties = {
        "title": title,
        "region": stage.region,
        "view": "timeSeries",
        "stat": "Sum",
        "period": 300,
        "metrics": lines,
        "yAxis": {"left": {"min": 0}},
    }
    return {"type": "metric", "properties": properties}


def _alarms(stage: Stage) -> dict[str, Any]:
    """Those that ring come first."""
    arn = f"arn:{stage.partition}:cloudwatch:{stage.region}:${{AWS::AccountId}}:alarm:"
    arns = [arn + alarm_name(stage, each.name) for each in alarms(stage)]
    return {"type": "alarm", "properties": {"title": "Alarms", "sortBy": "stateUpdatedTimestamp", "alarms": arns}}


def _lines(stage: Stage) -> dict[str, Any]:
    """The last alarms in the logs, with what they are about. Looking is charged by what is read."""
    sources = " | ".join(f"SOURCE '/aws/lambda/{stage.function(each.name)}'" for each in functions())
    fields = "fields @timestamp, alarm, message, order_id, refund_no, case_id, error"
    query = f"{sources} | {fields} | filter ispresent(alarm) | sort @timestamp desc | limit 50"
    properties = {"title": "What the alarms are about", "region": stage.region, "view": "table", "query": query}
    return {"type": "log", "properties": properties}


def _placed(row: list[dict[str, Any]], n: int) -> list[dict[str, Any]]:
    width = WIDTH // len(row)
    return [{**each, "x": x * width, "y": n * HEIGHT, "width": width, "height": HEIGHT} for x, each in enumerate(row)]

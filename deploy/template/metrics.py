"""What is counted out of log lines, since no service of AWS's knows of it.

Each metric is charged for the hours in which it was counted, so what seldom happens costs nearly nothing. Names of
alarms are the one dimension, and there are as many as in NAMED; everything else is one metric each.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.stage import API, Stage

from .edge import ACCESS_LOG
from .functions import Function, functions

ALARMS = "Alarms"
CRASHES = "Crashes"
CALLBACKS = '$.route = "/wechat/pay/notify"'
READ = '($.reason = "undecryptable") || ($.reason = "malformed")'
"""Reasons for which a callback is refused that WeChat Pay has signed: those are never somebody else's noise."""
CRASHED = '?"[ERROR]" ?"Task timed out" ?"Runtime exited"'
"""What Lambda writes, beside the shop's own lines, when a function died. The shop's lines say "ERROR" without brackets.
"""
SETTLING = (API, "close_unpaid", "reconcile")
"""Functions that learn of payments."""


@dataclass(frozen=True)
class Metric:
    namespace: str
    name: str
    dimensions: Mapping[str, Any] = field(default_factory=dict)


def ours(stage: Stage, name: str, **dimensions: str) -> Metric:
    return Metric(f"Jishi/{stage.name}", name, dimensions)


def of_api(stage: Stage, name: str) -> Metric:
    """Of all routes together: by route it would be charged."""
    return Metric("AWS/ApiGateway", name, {"ApiName": stage.stack, "Stage": "api"})


def of_function(stage: Stage, function: str, name: str) -> Metric:
    """Of all versions, by Chalice's name of the function."""
    return Metric("AWS/Lambda", name, {"FunctionName": stage.function(function)})


def of_table(stage: Stage, table: str, name: str) -> Metric:
    return Metric("AWS/DynamoDB", name, {"TableName": stage.table_prefix + table})


def resources(stage: Stage) -> dict[str, Any]:
    api = Function(API)
    refused = '($.message = "callback refused")'
    found = {
        f"{each.logical_id}Alarms": _filter(stage, each, '{ $.alarm = "*" }', ALARMS, alarm="$.alarm")
        for each in functions()
    }
    for each in functions():
        found[f"{each.logical_id}Crashes"] = _filter(stage, each, CRASHED, CRASHES)
    for name in SETTLING:
        each = Function(name)
        found[f"{each.logical_id}Paid"] = _filter(stage, each, '{ $.message = "paid" }', "OrdersPaid")
    return found | {
        "ApiFaults": _filter(stage, api, '{ $.message = "unexpected failure" }', "Faults"),
        "ApiStorageFailures": _filter(stage, api, '{ $.message = "storage failed" }', "StorageFailures"),
        "CallbacksNotRead": _filter(stage, api, f"{{ {refused} && ({READ}) }}", "CallbackFailures"),
        "CallbacksRefused": _filter(stage, api, f"{{ {refused} }}", "CallbacksRefused"),
        "CallbacksFailed": _filter(stage, None, f"{{ ({CALLBACKS}) && ($.status >= 500) }}", "CallbackFailures"),
        "Throttled": _filter(stage, None, '{ $.refused = "THROTTLED" }', "Throttled"),
        "OrdersPlaced": _filter(
            stage, None, '{ ($.method = "POST") && ($.route = "/orders") && ($.status < 300) }', "OrdersPlaced"
        ),
    }


def _filter(stage: Stage, function: Function | None, pattern: str, metric: str, **dimensions: str) -> dict[str, Any]:
    """Counts lines of a function's log, or without one of the access log."""
    log = f"{function.logical_id}Log" if function else ACCESS_LOG
    transformation: dict[str, Any] = {
        "MetricNamespace": ours(stage, metric).namespace,
        "MetricName": metric,
        "MetricValue": "1",
    }
    if dimensions:
        transformation["Dimensions"] = [{"Key": key, "Value": value} for key, value in dimensions.items()]
    properties = {
        "LogGroupName": {"Ref": log},
        "FilterPattern": pattern,
        "MetricTransformations": [transformation],
    }
    return {"Type": "AWS::Logs::MetricFilter", "Properties": properties}

"""What is watched and who is told. What each alarm means and what to do about it stands in docs/alarms.md.

One metric an alarm, without metric math: it is charged by the metric either way, and a name says more than a sum.

Not watched: throttles of the schedules' functions, each of which runs alone, so that a run begun by hand holds the next
one up and nothing is wrong. UserErrors of DynamoDB, which counts for the whole account, and counts each transaction
that is refused because something is sold out. SystemErrors, which it gives by operation: what outlasts the repetitions
is counted as a storage failure, or fails the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deploy.stage import API, Stage

from . import metrics
from .functions import SIZES, functions
from .metrics import Metric, of_api, of_function, of_table, ours
from .named import AT_ONCE, NAMED, REPEATED
from .triggers import SCHEDULE_FAILURES, STREAM_FAILURES

ROLLBACK_ALARMS = (
    "ApiErrorsAlarm",
    "ApiFaultsAlarm",
    "ApiHandlerErrorsAlarm",
    "FunctionCrashesAlarm",
    "CallbackFailuresAlarm",
)
"""Logical ids. CloudFormation takes five at most, so the crashes of all functions are one of them."""

HOT = {
    "stock": "Write",  # everybody wants one SKU
    "coupon_counts": "Write",
    "groupbuy": "Write",
    "bargain": "Write",
    "orders": "Write",
    "catalog": "Read",
    "activities": "Read",
}
"""Tables of which one key may be asked for by all at once, and what is: 1,000 writes or 3,000 reads a second are the
end of a key. The dashboard shows all tables.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""
URGENT = {API, "close_unpaid", "advance_refunds", "finish_effects"}
"""Functions whose failure wakes: goods stay reserved, money stays, paid orders are not worked on."""
MOST_DURATION = 0.8
"""Of a function's time-out."""


class Severity(StrEnum):
    NOW = "now"
    """Shoppers cannot buy, or money goes wrong: wake somebody."""
    MORNING = "morning"
    """Nothing is lost by looking at it in the morning."""


NOW, MORNING = Severity


@dataclass(frozen=True)
class Alarm:
    """`threshold` is reached in `breaches` of `windows` periods of `period` seconds."""

    name: str
    severity: Severity
    means: str
    metric: Metric
    threshold: float
    statistic: str = "Sum"
    period: int = 300
    breaches: int = 1
    windows: int = 1
    below: bool = False
    """It rings when too little is counted; then nothing counted is too little."""
    recovers: bool = True
    """Whether silence means that it is over; who was told is told of that too."""

    @property
    def logical_id(self) -> str:
        return "".join(word.title() for word in self.name.split("-")) + "Alarm"


def resources(stage: Stage) -> dict[str, Any]:
    found = {**_topics(stage), **metrics.resources(stage)}
    return found | {alarm.logical_id: _resource(stage, alarm) for alarm in alarms(stage)}


def alarms(stage: Stage) -> list[Alarm]:
    found = [*_api(stage), *_functions(stage), *_queues(), *_tables(stage), *_named(stage)]
    return [*found, _firewall(stage)] if stage.options.firewall else found


def alarm_name(stage: Stage, name: str) -> str:
    """In the account: `jishi-prod-api-errors`."""
    return f"{stage.stack}-{name}"


def _api(stage: Stage) -> list[Alarm]:
    errors, latency = of_api(stage, "5XXError"), of_api(stage, "Latency")
    faults, throttled = ours(stage, "Faults"), ours(stage, "Throttled")
    failures, refused = ours(stage, "CallbackFailures"), ours(stage, "CallbacksRefused")
    storage, full = ours(stage, "StorageFailures"), of_function(stage, API, "Throttles")
    return [
        Alarm("api-errors", NOW, "2 % of the requests are answered 5xx", errors, 0.02, "Average", 60, 3, 5),
        Alarm("api-slow", MORNING, "one request in a hundred takes 5 s", latency, 5000, "p99", 300, 3, 3),
        Alarm("api-faults", MORNING, "the shop's code fails", faults, 1, "Sum", 60, 2, 5),
        Alarm("api-throttled", NOW, "requests are turned away for their number", throttled, 100, "Sum", 300, 2, 2),
        Alarm("api-out-of-instances", NOW, "Lambda turns requests away", full, 10),
        Alarm("storage-failures", NOW, "DynamoDB fails requests", storage, 5),
        Alarm("callback-failures", NOW, "callbacks of WeChat Pay fail", failures, 1, "Sum", 60),
        Alarm("callbacks-refused", MORNING, "callbacks are not believed", refused, 10),
    ]


def _functions(stage: Stage) -> list[Alarm]:
    """A job that fails once is repeated, or is its own repetition; what was given up is a dead letter."""
    found = []
    for each in functions():
        if not (each.schedule or each.on_stream or each.name == API):
            continue  # asked for by a deployment, which hears of its failure
        name, most = each.name.replace("_", "-"), SIZES[each.name].seconds * MOST_DURATION
        errors, duration = (of_function(stage, each.name, metric) for metric in ("Errors", "Duration"))
        severity, fails = (NOW if each.name in URGENT else MORNING), f"{each.name} fails"
        slow = f"{each.name} takes {most:g} s and more, near its time-out"
        found += [
            Alarm(f"{name}-errors", severity, fails, errors, 1, "Sum", 60, 2, 5)
            if each.name == API
            else Alarm(f"{name}-errors", severity, fails, errors, 2, "Sum", 900),
            Alarm(f"{name}-slow", MORNING, slow, duration, most * 1000, "Maximum", 900),
        ]
    crashes, runs = ours(stage, metrics.CRASHES), of_function(stage, "close_unpaid", "Invocations")
    late, age = "effects of orders start 2 minutes late", of_function(stage, "on_order_change", "IteratorAge")
    stopped = "no schedule has started close_unpaid for 15 minutes"
    return [
        *found,
        Alarm("function-crashes", MORNING, "functions die or run out of time", crashes, 1, "Sum", 60, 2, 5),
        Alarm("schedules-stopped", NOW, stopped, runs, 1, "Sum", 300, 3, 3, below=True),
        Alarm("stream-late", MORNING, late, age, 120_000, "Maximum", 300, 3, 3),
    ]


def _queues() -> list[Alarm]:
    found = []
    for name, queue in (("schedule", SCHEDULE_FAILURES), ("stream", STREAM_FAILURES)):
        of = {"QueueName": {"Fn::GetAtt": [queue, "QueueName"]}}
        waiting = Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", of)
        age = Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", of)
        given_up, forgotten = f"what a {name} gave up waits in {queue}", f"what waits in {queue} is deleted in 4 days"
        found += [
            Alarm(f"{name}-failures", MORNING, given_up, waiting, 1, "Maximum"),
            Alarm(f"{name}-failures-forgotten", MORNING, forgotten, age, 10 * 86400, "Maximum"),
        ]
    return found


def _tables(stage: Stage) -> list[Alarm]:
    return [
        Alarm(
            f"{table.replace('_', '-')}-throttled",
            MORNING,
            f"a key of {table} is asked for too often",
            of_table(stage, table, f"{kind}ThrottleEvents"),
            10,
        )
        for table, kind in HOT.items()
    ]


def _firewall(stage: Stage) -> Alarm:
    of = {"WebACL": stage.stack, "Rule": "ALL", "Region": stage.region}
    return Alarm(
        "firewall-stops", MORNING, "many requests are stopped", Metric("AWS/WAFV2", "BlockedRequests", of), 1000
    )


def _named(stage: Stage) -> list[Alarm]:
    """A line in a log is news and no state: silence after it does not mean that it is over."""
    return [
        Alarm(
            name.replace("_", "-"),
            NOW if name in AT_ONCE else MORNING,
            means,
            ours(stage, metrics.ALARMS, alarm=name),
            threshold=3 if name in REPEATED else 1,
            period=900 if name in REPEATED else 300,
            recovers=False,
        )
        for name, means in NAMED.items()
    ]


def _resource(stage: Stage, alarm: Alarm) -> dict[str, Any]:
    topic = {"Ref": "AlarmTopic" if alarm.severity == Severity.NOW else "MorningTopic"}
    percentile = alarm.statistic.startswith("p")
    properties = {
        "AlarmName": alarm_name(stage, alarm.name),
        "AlarmDescription": f"{alarm.means} ({alarm.severity}; docs/alarms.md)",
        "Namespace": alarm.metric.namespace,
        "MetricName": alarm.metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in alarm.metric.dimensions.items()],
        "ExtendedStatistic" if percentile else "Statistic": alarm.statistic,
        "Period": alarm.period,
        "EvaluationPeriods": alarm.windows,
        "DatapointsToAlarm": alarm.breaches,
        "Threshold": alarm.threshold,
        "ComparisonOperator": "LessThanThreshold" if alarm.below else "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "breaching" if alarm.below else "notBreaching",
        "AlarmActions": [topic],
        **({"OKActions": [topic]} if alarm.recovers else {}),
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _topics(stage: Stage) -> dict[str, Any]:
    """One for what wakes, one for the morning; e-mail comes from both, and a telephone may follow the first alone.

    Not encrypted: CloudWatch could not publish under AWS's own key, and nothing personal is in an alarm.
    """
    found: dict[str, Any] = {}
    for topic, name, sender in (("AlarmTopic", "alarms", "now"), ("MorningTopic", "morning", "morning")):
        properties = {"TopicName": f"{stage.stack}-{name}", "DisplayName": f"{stage.stack} {sender}"}
        found[topic] = {"Type": "AWS::SNS::Topic", "Properties": properties}
        if stage.options.alarm_email:
            to = {"TopicArn": {"Ref": topic}, "Protocol": "email", "Endpoint": stage.options.alarm_email}
            found[f"{topic}Email"] = {"Type": "AWS::SNS::Subscription", "Properties": to}
    return found

"""Alarms and dashboard: what they look at is counted by somebody, they reach people, and the document tells of each."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.storage.tables import tables
from deploy.stage import API
from deploy.template import alarms, metrics
from deploy.template.functions import SIZES, functions
from deploy.template.metrics import Metric
from deploy.template.named import AT_ONCE, NAMED, REPEATED
from tests.alarm_names import raised
from tests.deploy.sam import packaged, stage

ROOT = Path(__file__).parents[2]
STAGE = stage("prod", alarm_email="owner@example.cn")
ALL = {each.logical_id: each for each in alarms.alarms(STAGE)}

AWS = {
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency"},
    "AWS/Lambda": {"Errors", "Throttles", "Duration", "Invocations", "ConcurrentExecutions", "IteratorAge"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/WAFV2": {"BlockedRequests"},
    "AWS/DynamoDB": {
        "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents",
    },
}  # fmt: skip
"""Of what the services count with those dimensions, what is looked at."""


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    found: dict[str, Any] = packaged(STAGE)["Resources"]
    return found


def of_type(resources: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


def test_the_shop_names_just_the_alarms_that_ring() -> None:
    assert set(NAMED) == raised()
    assert set(NAMED) >= AT_ONCE
    assert set(REPEATED) == {name for name in NAMED if name.endswith("_failed")}
    assert {each.metric.dimensions["alarm"] for each in ALL.values() if each.metric.name == metrics.ALARMS} == set(
        NAMED
    )


def counted(resources: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    """Metrics of our own with the names of their dimensions."""
    found: dict[tuple[str, str], set[str]] = {}
    for each in of_type(resources, "AWS::Logs::MetricFilter").values():
        (made,) = each["MetricTransformations"]
        of = {dimension["Key"] for dimension in made.get("Dimensions", [])}
        assert found.setdefault((made["MetricNamespace"], made["MetricName"]), of) == of
    return found


def shown(resources: dict[str, Any]) -> Iterator[Metric]:
    for widget in body(resources)["widgets"]:
        for namespace, name, *rest in widget["properties"].get("metrics", []):
            of = rest[:-1]
            yield Metric(namespace, name, dict(zip(of[::2], of[1::2], strict=True)))


def body(resources: dict[str, Any]) -> dict[str, Any]:
    text = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].replace("${AWS::AccountId}", "123456789012")
    assert "${" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_everything_that_is_looked_at_is_counted_by_somebody(resources: dict[str, Any]) -> None:
    ours = counted(resources)
    here = {
        "FunctionName": {each["FunctionName"] for each in of_type(resources, "AWS::Serverless::Function").values()},
        "TableName": {each["TableName"] for each in of_type(resources, "AWS::DynamoDB::Table").values()},
        "QueueName": {each["QueueName"] for each in of_type(resources, "AWS::SQS::Queue").values()},
        "ApiName": {resources["RestAPI"]["Properties"]["Name"]},
        "Stage": {resources["RestAPI"]["Properties"]["StageName"]},
        "WebACL": {resources["Firewall"]["Properties"]["Name"]},
        "Rule": {"ALL"},
        "Region": {"cn-north-1"},
        "alarm": set(NAMED),
    }
    looked_at = [each.metric for each in ALL.values()] + list(shown(resources))
    for metric in looked_at:
        if metric.namespace in AWS:
            assert metric.name in AWS[metric.namespace], metric
        else:
            assert ours[metric.namespace, metric.name] == set(metric.dimensions), metric
        for name, value in metric.dimensions.items():
            if isinstance(value, dict):
                value = resources[value["Fn::GetAtt"][0]]["Properties"][name]
            assert value in here[name], metric
    assert {(metric.namespace, metric.name) for metric in looked_at} >= set(ours)


def test_every_alarm_reaches_somebody_at_its_hour(resources: dict[str, Any]) -> None:
    rendered = of_type(resources, "AWS::CloudWatch::Alarm")
    assert set(rendered) == set(ALL)
    for name, properties in rendered.items():
        topic = "AlarmTopic" if ALL[name].severity == "now" else "MorningTopic"
        assert properties["AlarmActions"] == [{"Ref": topic}]
        assert properties.get("OKActions", [{"Ref": topic}]) == [{"Ref": topic}]
        assert ("OKActions" in properties) == (properties["MetricName"] != metrics.ALARMS)
    mail = of_type(resources, "AWS::SNS::Subscription").values()
    assert {each["TopicArn"]["Ref"] for each in mail} == {"AlarmTopic", "MorningTopic"}
    assert {each["Endpoint"] for each in mail} == {"owner@example.cn"}
    assert not of_type(packaged(stage())["Resources"], "AWS::SNS::Subscription")


def test_silence_rings_only_where_something_must_be_heard(resources: dict[str, Any]) -> None:
    for name, properties in of_type(resources, "AWS::CloudWatch::Alarm").items():
        silent = name == "SchedulesStoppedAlarm"
        assert properties["TreatMissingData"] == ("breaching" if silent else "notBreaching"), name
        assert properties["ComparisonOperator"].startswith("LessThan") == silent
        assert properties["DatapointsToAlarm"] <= properties["EvaluationPeriods"]
        assert "Metrics" not in properties


def test_names_are_the_stages_own(resources: dict[str, Any]) -> None:
    names = Counter(each["AlarmName"] for each in of_type(resources, "AWS::CloudWatch::Alarm").values())
    assert set(names.values()) == {1}
    assert all(re.fullmatch(r"jishi-prod-[a-z-]+", name) for name in names)
    assert len(alarms.alarms(STAGE)) == len(ALL)


def test_every_function_that_starts_by_itself_or_by_http_is_watched() -> None:
    watched = {each.name: each for each in ALL.values()}
    for function in functions():
        name = function.name.replace("_", "-")
        by_itself = function.schedule or function.on_stream or function.name == API
        assert (f"{name}-errors" in watched) == (f"{name}-slow" in watched) == bool(by_itself), name
        if by_itself:
            assert watched[f"{name}-slow"].threshold < SIZES[function.name].seconds * 1000


def test_no_more_alarms_take_a_release_back_than_cloudformation_watches() -> None:
    assert set(alarms.ROLLBACK_ALARMS) <= set(ALL)
    assert len(alarms.ROLLBACK_ALARMS) <= 5
    watched = [ALL[name] for name in alarms.ROLLBACK_ALARMS]
    assert all(each.recovers and each.period * each.windows <= 300 for each in watched), "they ring in a canary's time"
    crashes = [each for each in metrics.resources(STAGE) if each.endswith("Crashes")]
    assert len(crashes) == len(functions())


def test_hot_tables_are_tables() -> None:
    assert set(alarms.HOT) <= set(tables())


def rows() -> dict[str, tuple[str, bool]]:
    """Of docs/alarms.md: when each rings, and whether it takes a release back."""
    found = {}
    text = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
    for names, mark, when in re.findall(r"^\| ((?:`[^|`]+`(?:, )?)+)( ↩)? \| (now|morning) \|", text, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", names):
            assert name not in found, name
            found[name] = (when, bool(mark))
    return found


def test_the_document_tells_of_every_alarm_and_of_no_other() -> None:
    told, unused = rows(), set(rows())
    for logical_id, alarm in ALL.items():
        named = alarm.metric.dimensions.get("alarm") if alarm.metric.name == metrics.ALARMS else None
        of_any = re.sub(r"^.*-(errors|slow)$", r"<function>-\1", alarm.name)
        name = next(name for name in (named, alarm.name, of_any) if name in told)
        unused.discard(name)
        assert told[name] == (alarm.severity, logical_id in alarms.ROLLBACK_ALARMS), alarm.name
    assert not unused


def test_the_document_counts_what_is_paid_for(resources: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
    ours = sum(len(NAMED) if of else 1 for of in counted(resources).values())
    assert f"{len(ALL)} alarms, one dashboard, and at most {ours} metrics of our own" in text
    assert (len(ALL), ours) <= (90, 40), "whoever adds more says what it costs"


def test_the_dashboard_stays_within_cloudwatchs_limits(resources: dict[str, Any]) -> None:
    widgets = body(resources)["widgets"]
    cells = Counter(
        (x, y)
        for each in widgets
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    )
    assert set(cells.values()) == {1}
    assert max(x for x, _ in cells) < 24
    (ringing,) = (each["properties"]["alarms"] for each in widgets if each["type"] == "alarm")
    assert len(ringing) == len(ALL) <= 100
    assert ringing[0] == "arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:jishi-prod-api-errors"
    assert all(len(each["properties"].get("metrics", [])) <= 500 for each in widgets)
    (query,) = (each["properties"]["query"] for each in widgets if each["type"] == "log")
    logs = {each["LogGroupName"] for each in of_type(resources, "AWS::Logs::LogGroup").values()}
    assert set(re.findall(r"SOURCE '([^']+)'", query)) <= logs
    assert query.count("SOURCE") <= 50

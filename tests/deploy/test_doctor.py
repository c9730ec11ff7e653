"""The doctor's judgement: each check, with facts at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.doctor import account, edge, stack
from deploy.doctor.account import Account
from deploy.doctor.edge import Answer, Certificate, Edge
from deploy.doctor.finding import Finding, Unknown
from deploy.doctor.stack import Stack, Table
from deploy.stage import Options, Stage

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ACM = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1"
DOMAIN = {"domain": "api.example.cn", "certificate": ACM}
WELL = Account("123456789012", "arn:aws-cn:iam::123456789012:user/ann", {}, 1000, 1000, (3, 12))
REFUSED = Answer(401, b'{"code":"FAIL","message":"signature or content refused"}')
PUSH_REFUSED = Answer(403, json.dumps({"code": "PUSH_REFUSED"}).encode())
OPEN = Edge(
    "https://api.example.cn",
    Certificate("ISSUED", ("api.example.cn",), NOW + timedelta(days=90)),
    frozenset({"1.2.3.4"}),
    frozenset({"1.2.3.4", "1.2.3.5"}),
    "TLSv1.3",
    REFUSED,
    PUSH_REFUSED,
    timedelta(seconds=2),
)
DEPLOYED = Stack(
    "UPDATE_COMPLETE",
    "IN_SYNC",
    {},
    {"orders": Table(True, True), "stock": Table(True, True)},
    {"AlarmTopic": {"shop@example.cn": True}},
)


def stage(region: str = "cn-north-1", environment: dict[str, str] | None = None, **options: Any) -> Stage:
    plain = {"JISHI_STAGE": "prod", "JISHI_REGION": region, **(environment or {})}
    return Stage("prod", region, plain, Options(**{"account": "123456789012", **DOMAIN, **options}))


def marks(found: Iterator[Finding]) -> str:
    return "".join(each.mark for each in found)


def test_all_is_well_where_all_is_well() -> None:
    assert marks(account.check(stage(), WELL, deployed=True)) == "✓✓✓✓✓"
    assert marks(stack.check(stage(), DEPLOYED)) == "✓✓✓✓"
    assert marks(edge.check(stage("eu-west-1"), OPEN, NOW, deployed=True)) == "✓✓✓✓✓✓✓"


def test_whatever_is_not_well_says_what_to_do() -> None:
    for found in (
        *account.check(stage(account=""), Account("1", refused={"iam": "no"}, limit=10, unreserved=10), False),
        *stack.check(stage(), replace(DEPLOYED, status="UPDATE_FAILED", drift="DRIFTED", tables={"orders": None})),
        *edge.check(stage(), Edge("https://api.example.cn"), NOW, deployed=True),
    ):
        assert found.mark == "✓" or found.do, found
        assert "\n" not in str(found)


@pytest.mark.parametrize(
    ("facts", "options", "mark"),
    [
        ({}, {}, "✓"),
        ({}, {"account": ""}, "?"),
        ({}, {"account": "210987654321"}, "✗"),
        ({"account": Unknown("expired")}, {}, "✗"),
    ],
)
def test_the_account_is_the_stages(facts: dict[str, Any], options: dict[str, Any], mark: str) -> None:
    assert account.credentials(stage(**options), replace(WELL, **facts)).mark == mark


@pytest.mark.parametrize(
    ("unreserved", "options", "deployed", "mark"),
    [
        (116, {}, False, "✓"),
        (113, {}, False, "✗"),
        (113, {}, True, "✓"),
        (113, {"reserve": False}, False, "✓"),
        (150, {"reserve": False, "api_concurrency": 51}, False, "✗"),
    ],
)
def test_what_the_stage_reserves_leaves_aws_its_hundred(
    unreserved: int, options: dict[str, Any], deployed: bool, mark: str
) -> None:
    facts = replace(WELL, unreserved=unreserved)
    assert account.concurrency(stage(**options), facts, deployed).mark == mark


def test_region_runtime_and_permissions() -> None:
    assert account.region(stage()).mark == "✓"
    assert account.region(stage("eu-west-1")).mark == "?"
    assert account.runtime((3, 10)).mark == "✗"
    assert "iam" in account.permissions(replace(WELL, refused={"iam": "AccessDenied"})).what


@pytest.mark.parametrize(
    ("status", "mark"),
    [
        ("CREATE_COMPLETE", "✓"), ("UPDATE_COMPLETE", "✓"), ("UPDATE_IN_PROGRESS", "?"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "?"), ("UPDATE_ROLLBACK_COMPLETE", "?"), ("ROLLBACK_COMPLETE", "✗"),
        ("UPDATE_ROLLBACK_FAILED", "✗"), ("ROLLBACK_FAILED", "✗"), ("DELETE_FAILED", "✗"),
    ],
)  # fmt: skip
def test_the_states_of_a_stack(status: str, mark: str) -> None:
    assert stack.state(stage(), replace(DEPLOYED, status=status)).mark == mark


@pytest.mark.parametrize(
    ("table", "options", "mark"),
    [
        (Table(True, True), {}, "✓"),
        (Table(False, True), {}, "✗"),
        (Table(True, False), {}, "✗"),
        (None, {}, "✗"),
        (Table(False, False), {"keep": False}, "?"),
    ],
)
def test_tables_outlive_mistakes(table: Table | None, options: dict[str, Any], mark: str) -> None:
    assert marks(stack.tables(stage(**options), replace(DEPLOYED, tables={"orders": table}))) == mark


@pytest.mark.parametrize(("heard", "mark"), [({}, "?"), ({"a@b.cn": False}, "?"), ({"a@b.cn": True}, "✓")])
def test_somebody_hears_alarms(heard: dict[str, bool], mark: str) -> None:
    assert marks(stack.listeners(stage(), replace(DEPLOYED, listeners={"AlarmTopic": heard}))) == mark


def test_a_stage_without_a_stack_or_a_domain_is_told_of() -> None:
    assert marks(stack.check(stage(), None)) == "?"
    assert edge.domain(stage(domain="", certificate="")).mark == "?"
    assert "ICP" in edge.domain(stage()).do


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({}, "✓"),
        ({"status": "PENDING_VALIDATION"}, "✗"),
        ({"status": "EXPIRED"}, "✗"),
        ({"names": ("*.example.cn",)}, "✓"),
        ({"names": ("*.cn",)}, "✗"),
        ({"names": ("www.example.cn",)}, "✗"),
        ({"ends": NOW + timedelta(days=29)}, "?"),
        ({"ends": NOW}, "✗"),
        ({"ends": None}, "✓"),
    ],
)
def test_the_certificate_is_the_domains_and_lasts(changes: dict[str, Any], mark: str) -> None:
    facts = replace(OPEN.certificate, **changes)  # type: ignore[type-var]  # it is one
    assert edge.certificate(stage(), facts, NOW).mark == mark


def test_a_certificate_that_is_not_there_stops_the_shop() -> None:
    assert edge.certificate(stage(), Unknown("gone"), NOW).mark == "✗"


@pytest.mark.parametrize(
    ("addresses", "mark"), [({"1.2.3.5"}, "✓"), ({"9.9.9.9"}, "?"), (set(), "✗")], ids=["api", "cdn", "none"]
)
def test_the_domain_points_at_the_api(addresses: set[str], mark: str) -> None:
    assert edge.dns(stage(), replace(OPEN, addresses=frozenset(addresses))).mark == mark


@pytest.mark.parametrize(
    ("answer", "mark", "word"),
    [
        (REFUSED, "✓", "reach the shop"),
        (Answer(503, b'{"code":"UNAVAILABLE"}'), "✗", "does not open"),
        (Answer(500, b'{"code":"INTERNAL"}'), "✗", "does not open"),
        (Answer(403, b'{"message":null}'), "✗", "ICP"),
        (Answer(404, b'{"code":"NOT_FOUND"}'), "✗", "JISHI_PUBLIC_URL"),
        (Answer(200, b"<html>"), "✗", "something else"),
        (Answer(401, b"<html>"), "✗", "something else"),
        (Answer(302, b""), "✗", "something else"),
        (Answer(200, b"[]"), "✗", "something else"),
        (Unknown("ConnectTimeoutError"), "✗", "443"),
        (None, "✗", "443"),
    ],
)
def test_only_the_shops_own_refusal_shows_that_callbacks_arrive(answer: Any, mark: str, word: str) -> None:
    found = edge.callback(stage(), replace(OPEN, callback=answer))
    assert found.mark == mark
    assert word in str(found)


def test_push_tls_and_clock() -> None:
    assert edge.push(replace(OPEN, push=Answer(200, b""))).mark == "?"
    assert edge.push(replace(OPEN, push=Unknown("x"))).mark == "?"
    assert edge.tls(replace(OPEN, tls=Unknown("handshake failure"))).mark == "✗"
    assert [edge.clock(timedelta(seconds=each)).mark for each in (-300, 300, -301, 301)] == ["✓", "✓", "✗", "✗"]
    assert edge.clock(Unknown("no network")).mark == "?"

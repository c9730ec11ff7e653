"""Each function may do what it does and nothing else: its role against a tour of all ways that it can take."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import pytest

from bench.jobs import FUNCTIONS
from bench.needs import Need, Needs
from bench.rare_money import RARE
from bench.service import SERVICE
from bench.tour import Tour
from bench.visits import ROUTES
from chalicelib.log import logger
from chalicelib.pricing.service import KEPT
from chalicelib.shop import build, use
from chalicelib.storage import due
from chalicelib.storage.tables import tables as models
from deploy.stage import API
from deploy.template.functions import functions
from deploy.template.grants import GRANTS, OPERATIONS, statements
from functions.wechat import refresh_certificates
from sandbox.local.seed import load
from sandbox.local.worker import schedule_event
from sandbox.wechat import Credentials, SandboxWeChat, Settings, running
from tests.deploy.roles import STAGE, arn, may, may_ask, rendered
from tests.deploy.sam import stage
from tests.faults.engine import ADDRESS, PREFIX, Answer, Engine, Request
from tests.shop import Stack, TestClock, settings_for

NAMES = sorted(GRANTS)
RESOURCES = sorted(
    f"{name}{index}" for name, kind in models().items() for index in ("", *(f"/{each}" for each in kind._indexes))
)
NOBODYS = ("Scan", "BatchWriteItem", "DescribeTable", "UpdateTable", "DeleteTable", "PartiQLUpdate", "UpdateTimeToLive")
VISITS = (*ROUTES, *SERVICE, *FUNCTIONS, *RARE)


def granted() -> set[Need]:
    return {
        (name, OPERATIONS[word], table)
        for name, grants in GRANTS.items()
        for table, words in grants.items()
        for word in words.split()
    }


@contextmanager
def certified(credentials: Credentials, api_server: str) -> Iterator[Stack]:
    """The demo shop of a merchant with certificates, of which WeChat Pay has just begun to use another."""
    clock, mode = TestClock(), Settings(certificate_mode=True)
    with SandboxWeChat(credentials, clock=clock, settings=mode) as wechat, running(wechat.wsgi_app) as wechat_url:
        keys = {credentials.platform_serial: credentials.platform_certificate}
        settings = settings_for(credentials, PREFIX, ADDRESS, wechat_url, api_server)
        shop = build(replace(settings, wechat_platform_keys=keys), clock=clock)
        use(shop)
        load(shop)
        stack = Stack(shop, clock, wechat, wechat_url, api_server)
        stack.control("POST", "certificates/rotate", {"signs_in": 0})
        assert refresh_certificates(schedule_event(clock()), None) == 2
        yield stack


@contextmanager
def watched() -> Iterator[Needs]:
    """What the functions ask for until the block ends, of an engine in this process."""
    engine, needs, level = Engine(), Needs(PREFIX), logger.log_level

    def carry(request: Request, do: Callable[[], Answer]) -> Answer:
        needs.note(request.operation, request.sent)
        return do()

    engine.quiet, engine.carry = (lambda request: True), carry
    logger.setLevel("CRITICAL")
    try:
        with patch.object(due, "SHARDS", 1), engine.running():
            engine.make_tables()
            yield needs
    finally:
        logger.setLevel(level)


@pytest.fixture(scope="module")
def asked(credentials: Credentials, api_server: str) -> set[Need]:
    """On all ways that are known, with what is kept for seconds forgotten."""
    with watched() as needs, certified(credentials, api_server) as stack:
        tour = Tour(stack)
        for visit in VISITS:
            act = visit.ready(tour)
            stack.clock.forward(seconds=KEPT.total_seconds())
            act()
    return needs.found


def lines(needs: set[Need]) -> str:
    return "".join(f"\n  {name}: {table} {operation}" for name, operation, table in sorted(needs))


def test_every_function_is_granted_all_that_it_asks_for(asked: set[Need]) -> None:
    missing = asked - granted()
    assert not missing, f"to be added to GRANTS:{lines(missing)}"


def test_no_function_is_granted_what_it_never_asks_for(asked: set[Need]) -> None:
    unused = granted() - asked
    assert not unused, f"to be taken from GRANTS, or to be visited in bench/rare.py:{lines(unused)}"


def test_every_function_has_its_line_in_the_grants() -> None:
    assert set(GRANTS) == {function.name for function in functions()}


@pytest.mark.parametrize("name", NAMES)
def test_a_role_allows_each_table_and_index_just_what_is_granted(name: str) -> None:
    mine = {(table, operation) for function, operation, table in granted() if function == name}
    assert {table for table, _ in mine} <= set(RESOURCES)
    allowed = {
        (resource, operation)
        for resource in RESOURCES
        for operation in (*OPERATIONS.values(), *NOBODYS)
        if may(name, f"dynamodb:{operation}", arn("dynamodb", _path(STAGE.table_prefix, resource)))
    }
    assert allowed == mine


@pytest.mark.parametrize("name", NAMES)
def test_a_role_reaches_into_no_other_stage(name: str) -> None:
    other = stage("dev2")
    theirs = [_path(other.table_prefix, resource) for resource in RESOURCES]
    assert not any(
        may(name, f"dynamodb:{each}", arn("dynamodb", path)) for each in OPERATIONS.values() for path in theirs
    )
    secrets = {each: may(name, "secretsmanager:GetSecretValue", _secret(each)) for each in ("dev", "dev2", "prod")}
    assert secrets == {"dev": True, "dev2": False, "prod": False}
    groups = {each: may(name, "logs:PutLogEvents", _log(each)) for each in (STAGE.function(name), other.function(name))}
    assert list(groups.values()) == [True, False]


def test_coupon_jobs_write_no_orders_and_a_transaction_is_as_allowed_as_its_parts() -> None:
    orders, coupons = (f"{STAGE.table_prefix}{name}" for name in ("orders", "coupons"))
    update, key = {"Update": {"TableName": coupons}}, {"Update": {"TableName": orders}}
    assert may_ask("expire_coupons", "UpdateItem", TableName=coupons)
    assert may_ask("expire_coupons", "Query", TableName=coupons, IndexName="due")
    assert not may_ask("expire_coupons", "Query", TableName=coupons)
    assert not may_ask("expire_coupons", "Scan", TableName=coupons)
    assert not may_ask("expire_coupons", "UpdateItem", TableName=orders)
    assert may_ask("expire_coupons", "TransactWriteItems", TransactItems=[update])
    assert not may_ask("expire_coupons", "TransactWriteItems", TransactItems=[update, key])
    assert may_ask("close_unpaid", "TransactWriteItems", TransactItems=[update, key])
    assert not may_ask("close_unpaid", "TransactWriteItems", TransactItems=[{"Put": {"TableName": orders}}])


def test_what_fails_goes_to_the_queue_of_its_kind_and_only_the_stream_is_read() -> None:
    queues = {function.name: "StreamFailures" if function.on_stream else "ScheduleFailures" for function in functions()}
    for function in functions():
        waits_for_an_answer = not function.on_stream and not function.schedule
        expected = [] if waits_for_an_answer else [queues[function.name]]
        both = ("ScheduleFailures", "StreamFailures")
        assert [each for each in both if may(function.name, "sqs:SendMessage", arn("sqs", each))] == expected
        stream = arn("dynamodb", f"table/{STAGE.table_prefix}orders/stream/2026-11-22T02:00:00.000")
        for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"):
            assert may(function.name, f"dynamodb:{action}", stream) == function.on_stream


@pytest.mark.parametrize("name", NAMES)
def test_no_action_is_a_pattern_and_only_x_ray_has_no_resource_of_its_own(name: str) -> None:
    found = rendered(STAGE, name)
    assert not [action for each in found for action in each["Action"] if "*" in action or "?" in action]
    everything = [action for each in found if "*" in each["Resource"] for action in each["Action"]]
    assert everything == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]


def test_every_policy_fits_into_a_role() -> None:
    """All inline policies of a role together: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    longest = stage("a" * 15, "cn-northwest-1")
    sizes = {name: len(json.dumps(rendered(longest, name), separators=(",", ":"))) for name in NAMES}
    assert max(sizes.values()) == sizes[API] < 6700


def test_a_function_without_grants_is_named() -> None:
    with pytest.raises(KeyError, match="unheard_of"):
        statements(STAGE, "unheard_of")


def _path(prefix: str, resource: str) -> str:
    table, _, index = resource.partition("/")
    return f"table/{prefix}{table}" + (f"/index/{index}" if index else "")


def _secret(name: str) -> str:
    return arn("secretsmanager", f"secret:jishi/{name}-AbCdEf")


def _log(function: str) -> str:
    return arn("logs", f"log-group:/aws/lambda/{function}:log-stream:2026/11/22/[1]abc")

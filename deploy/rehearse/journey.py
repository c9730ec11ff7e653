"""A day in the shop's life, over its API in the emulator: the demo, and what must have happened behind it."""

from __future__ import annotations

import base64
import json
import secrets
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from chalicelib.settings import secret_names
from chalicelib.shop import build
from deploy.rehearse import function_processes
from deploy.rehearse.world import World
from deploy.secret.proof import settings_of
from deploy.stage import LIVE
from deploy.template.functions import functions
from sandbox.clock import SandboxClock
from sandbox.demo.__main__ import play
from sandbox.demo.stage import Stage
from sandbox.local import seed

STREAM = "on_order_change"
MINUTE = 90.0
"""Seconds in which the emulator's EventBridge, at the system's time, starts what it starts each minute."""
COUPON_JOB = "expire_coupons"
NO_COUPON = {"member_id": {"S": "M"}, "coupon_id": {"S": "1"}}
NEVER = {
    "UpdateExpression": "SET touched = :yes",
    "ConditionExpression": "attribute_exists(member_id)",
    "ExpressionAttributeValues": {":yes": {"BOOL": True}},
}
"""A write of what is not there: whoever may do it is told that its condition failed."""


class Day(Stage):
    """The demo's, where nobody moves the clock while a schedule runs."""

    def __init__(self, world: World) -> None:
        super().__init__(world.place, run=secrets.token_hex(3))
        self._still = world.bridge.still

    def _advance(self, by: timedelta) -> None:
        with self._still:
            super()._advance(by)


def furnish(world: World) -> None:
    """The demo's goods, put in with the deployer's credentials"""
    settings = settings_of(world.stage, world.secret())
    seed.load(build(replace(settings, dynamodb_url=world.emulator.address), clock=SandboxClock(world.place.clock_file)))


def schedules(world: World) -> None:
    """Every schedule once, in its own process, with its own role"""
    world.bridge.run_all()
    world.expect("schedules that failed", [], world.bridge.failures)
    world.bridge.start()


def push_address(world: World) -> None:
    """The push address, saved in WeChat's console"""
    body = json.dumps({"url": f"{world.place.api}/wechat/push"}).encode()
    with urllib.request.urlopen(f"{world.place.wechat}/_sandbox/push/verify", body, timeout=60) as answer:
        world.expect("the push address answers WeChat", True, json.load(answer)["echoed"])


def demo(world: World) -> None:
    """The whole demo, over API Gateway"""
    stage = Day(world)
    play(stage)
    world.bridge.stop()
    world.facts["demo"] = f"{stage.chapters} chapters, {stage.checks} checks, {world.front.requests} requests"


def nothing_failed(world: World) -> None:
    """Nothing failed behind it: no schedule, no batch of the stream"""
    world.expect("schedules that failed", [], world.bridge.failures)
    for queue in ("schedule-failures", "stream-failures"):
        world.expect(f"messages in {queue}", [], list(_messages(world, queue)))


def bundle(world: World) -> None:
    """Every function ran the very file that was packed"""
    client = world.cloud.client("lambda")
    for name, properties in world.functions():
        found = client.get_function_configuration(FunctionName=name, Qualifier=LIVE)["CodeSha256"]
        packed = PurePosixPath(properties["CodeUri"]["Key"]).stem
        world.expect(f"SHA-256 of the code of {name}", packed, base64.b64decode(found).hex())


def no_secrets(world: World) -> None:
    """No secret in any environment, log or template"""
    held = {name: value for name, value in world.secret().items() if name in secret_names()}
    function_processes.hold_no_secret(world, [(name, text) for name in held for text in _texts(held[name])])


def roles(world: World) -> None:
    """The coupon job's own credentials: coupons yes, orders no"""
    prefix = world.stage.table_prefix
    coupons, orders = {"TableName": f"{prefix}coupons"}, {"TableName": f"{prefix}orders"}
    order = {"member_id": {"S": "M"}, "order_id": {"S": "1"}}
    dynamodb = function_processes.client(world, COUPON_JOB, "dynamodb")
    function_processes.granted(world, "updates a coupon", dynamodb.update_item, **coupons, Key=NO_COUPON, **NEVER)
    refusals: tuple[tuple[str, Any, dict[str, Any]], ...] = (
        ("updates an order", dynamodb.update_item, {**orders, "Key": order, **NEVER}),
        ("writes an order", dynamodb.put_item, {**orders, "Item": order}),
        ("deletes a coupon", dynamodb.delete_item, {**coupons, "Key": NO_COUPON}),
        ("scans coupons", dynamodb.scan, coupons),
        ("drops coupons", dynamodb.delete_table, coupons),
    )
    for what, call, arguments in refusals:
        function_processes.refused(world, f"a coupon job {what}", call, **arguments)


def poison(world: World) -> None:
    """What the stream cannot digest is put aside, and the stream goes on"""
    dynamodb, lambdas = world.cloud.client("dynamodb"), world.cloud.client("lambda")
    orders = f"{world.stage.table_prefix}orders"
    (source,) = lambdas.list_event_source_mappings(FunctionName=world.stage.function(STREAM))["EventSourceMappings"]
    # A second instead of a quarter of an hour; the cloud takes none below sixty.
    lambdas.update_event_source_mapping(UUID=source["UUID"], MaximumRecordAgeInSeconds=1)
    for order_id in ("no-order", "no-order-either"):
        key = {"member_id": {"S": "nobody"}, "order_id": {"S": order_id}}
        dynamodb.put_item(TableName=orders, Item=key)
        (told,) = world.wait("a record is put aside", lambda: list(_messages(world, "stream-failures")))
        world.expect("why it was put aside", "MaxRecordAgeExceeded", json.loads(told)["requestContext"]["condition"])
    lambdas.update_event_source_mapping(
        UUID=source["UUID"], MaximumRecordAgeInSeconds=source["MaximumRecordAgeInSeconds"]
    )


def _texts(value: Any) -> list[str]:
    return [text for each in value.values() for text in _texts(each)] if isinstance(value, dict) else [str(value)]


def _messages(world: World, queue: str) -> Iterator[str]:
    sqs = world.cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{world.stage.stack}-{queue}")["QueueUrl"]
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages"):
        yield from (message["Body"] for message in found)


def started_by_the_emulator(world: World) -> None:
    """The emulator's own EventBridge and stream started functions too"""
    by_rules = world.wait("EventBridge starts a schedule", lambda: _runs_by_rules(world), MINUTE)
    world.facts["schedules"] = f"{world.bridge.runs.total()} runs at the sandbox's clock, {by_rules} by the emulator"
    by_stream = world.wait("the stream starts its function", lambda: world.runs(STREAM))
    world.facts["stream"] = f"{by_stream} batches"


def _runs_by_rules(world: World) -> int:
    return sum(world.runs(each.name) for each in functions() if each.schedule) - world.bridge.runs.total()

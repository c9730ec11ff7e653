"""Tables brought back beside those in use: complete, proved by their money, and thrown away again.

The engine restores what is there now, whatever the time, and forgets all that DynamoDB forgets but for the tags.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from chalicelib.shop import build, use
from deploy.cloud import Cloud
from deploy.restore import proof
from deploy.restore.__main__ import _demand_free, copies_of
from deploy.restore.copies import Copies, RestoreError
from deploy.stage import Stage
from tests.shop import Stack

NOW = datetime.now(UTC).replace(microsecond=0)
OFF = {"PointInTimeRecoveryEnabled": False}
ON = {"PointInTimeRecoveryEnabled": True}


@pytest.fixture
def client(engine: str) -> Any:
    return boto3.client("dynamodb", endpoint_url=engine, region_name="cn-north-1")


class Drill:
    def __init__(self, client: Any, prefix: str) -> None:
        self.client = client
        self.said: list[str] = []
        self.prefix = f"{prefix}r1-"
        self.copies = copies_of(prefix, self.prefix)
        self.work = Copies(client, self.copies, self.said.append, pause=lambda seconds: None)

    def recoverable(self, setting: dict[str, bool]) -> None:
        for copy in self.copies:
            self.client.update_continuous_backups(
                TableName=copy.source, PointInTimeRecoverySpecification=setting
            )

    def run(self, at: datetime) -> None:
        self.work.start(at)
        self.work.wait()
        self.work.complete(at, protect=True)


@pytest.fixture
def drill(stack: Stack, client: Any) -> Iterator[Drill]:
    """A shop with two paid orders and one that waits, and copies of its tables that are not made yet."""
    alice = stack.shopper("alice")
    for _ in range(2):
        alice.buy(("tea-01", 1))
    alice.order(("tea-01", 1))
    drill = Drill(client, stack.shop.settings.table_prefix)
    drill.recoverable(ON)
    yield drill
    drill.work.discard()
    use(stack.shop)


def at_of(drill: Drill) -> datetime:
    """The last moment that can be restored."""
    found = drill.client.describe_continuous_backups(TableName=drill.copies[0].source)
    latest = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["LatestRestorableDateTime"]
    return latest.replace(microsecond=0)  # type: ignore[no-any-return]


def test_copies_have_all_that_the_shop_needs_and_their_money_adds_up(drill: Drill, stack: Stack) -> None:
    at = at_of(drill)
    drill.work.start(at)
    drill.work.wait()
    bare = proof.differences(drill.client, drill.copies)
    assert any("stream" in line for line in bare), "a restore carries none"
    assert any("TTL" in line for line in bare)
    drill.work.complete(at, protect=True)
    assert proof.differences(drill.client, drill.copies) == []
    for copy in drill.copies:
        table = drill.client.describe_table(TableName=copy.target)["Table"]
        backups = drill.client.describe_continuous_backups(TableName=copy.target)["ContinuousBackupsDescription"]
        assert table["DeletionProtectionEnabled"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    counted = {name.rpartition("-")[2]: copied for name, _, copied in proof.counts(drill.client, drill.copies)}
    assert counted["orders"] == "3"
    found = money(drill, stack, at)
    assert found == proof.Money(3, (), ())


def money(drill: Drill, stack: Stack, at: datetime) -> proof.Money:
    shop = build(replace(stack.shop.settings, table_prefix=drill.prefix), clock=stack.clock)
    return proof.money(drill.client, f"{drill.prefix}orders", shop, 10, at)


def test_a_copy_that_was_cut_in_two_is_found_and_told_from_one_that_is_wrong(drill: Drill, stack: Stack) -> None:
    drill.run(at_of(drill))
    payments = drill.client.scan(TableName=f"{drill.prefix}payments")["Items"]
    paid = next(row for row in payments if row["state"]["S"] == "PAID")
    key = {"out_trade_no": paid["out_trade_no"]}
    drill.client.delete_item(TableName=f"{drill.prefix}payments", Key=key)
    drill.client.put_item(TableName=f"{drill.prefix}payments", Item={**paid, "state": {"S": "STARTED"}})
    (order_id,) = money(drill, stack, stack.clock() + timedelta(hours=1)).wrong
    assert money(drill, stack, stack.clock()) == proof.Money(3, (), (order_id,))


def test_a_run_that_stopped_is_taken_up_by_the_same_command(drill: Drill) -> None:
    at = at_of(drill)
    drill.run(at)
    drill.client.update_table(TableName=drill.copies[3].target, DeletionProtectionEnabled=False)
    drill.client.delete_table(TableName=drill.copies[3].target)
    drill.run(at)
    assert proof.differences(drill.client, drill.copies) == []
    assert any(line.startswith("1 tables are being restored") for line in drill.said)


def test_copies_of_another_moment_are_not_taken_for_these(drill: Drill) -> None:
    at = at_of(drill)
    drill.run(at)
    with pytest.raises(RestoreError, match="DISCARD=1"):
        drill.work.start(at - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("setting", "at", "says"),
    [
        (ON, NOW + timedelta(days=1), "Give an AT between"),
        (ON, NOW - timedelta(days=400), "Give an AT between"),
        (OFF, NOW, "no point-in-time recovery"),
    ],
)
def test_what_cannot_be_restored_is_refused_before_anything_begins(
    drill: Drill, setting: dict[str, bool], at: datetime, says: str
) -> None:
    drill.recoverable(setting)
    with pytest.raises(RestoreError, match=says):
        drill.work.start(at)
    assert drill.work.discard() == []


def test_only_copies_are_thrown_away(drill: Drill) -> None:
    at = at_of(drill)
    drill.run(at)
    own = Copies(drill.client, [replace(copy, target=copy.source) for copy in drill.copies])
    with pytest.raises(RestoreError, match="not made by a restore"):
        own.discard()
    assert set(drill.work.discard()) == {copy.target for copy in drill.copies}
    assert drill.work.discard() == []


class Untouched(Cloud):
    """An account in which nothing is deployed."""

    def client(self, service: str) -> Any:
        from botocore.exceptions import ClientError

        class Nothing:
            def describe_stacks(self, **_: Any) -> Any:
                raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")

        return Nothing()


@pytest.mark.parametrize("prefix", ["jishi-prod-", "jishi-prod-r1-", "r2", "no such-", "-"])
def test_prefixes_that_the_shop_works_on_or_that_are_none_are_refused(prefix: str) -> None:
    moved = Untouched(Stage("prod", "cn-north-1", {"JISHI_TABLE_PREFIX": "jishi-prod-r1-"}))
    with pytest.raises(RestoreError, match="PREFIX"):
        _demand_free(moved, prefix)
    _demand_free(moved, "jishi-prod-r2-")

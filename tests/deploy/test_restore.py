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
from deploy.restore.copies import Copies, Copy, RestoreError
from deploy.stage import Stage
from tests.shop import Stack

NOW = datetime.now(UTC).replace(microsecond=0)
OFF = {"PointInTimeRecoveryEnabled": False}
ON = {"PointInTimeRecoveryEnabled": True}


class Kept:
    """The engine's client; but what it kept goes back 35 days, as after a month, and ends now."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def describe_continuous_backups(self, **given: Any) -> Any:
        found = self._client.describe_continuous_backups(**given)
        recovery = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        recovery |= {"EarliestRestorableDateTime": NOW - timedelta(days=35), "LatestRestorableDateTime": NOW}
        return found


@pytest.fixture(scope="module")
def client(engine: str) -> Any:
    return Kept(boto3.client("dynamodb", endpoint_url=engine, region_name="cn-north-1"))


class Drill:
    def __init__(self, client: Any, prefix: str, *names: str) -> None:
        """Of these tables, or of all."""
        self.client = client
        self.said: list[str] = []
        self.prefix = f"{prefix}r1-"
        copies = copies_of(prefix, self.prefix)
        self.copies = [copy for copy in copies if not names or copy.target.removeprefix(self.prefix) in names]
        self.work = Copies(client, self.copies, self.said.append, pause=lambda seconds: None)

    def recoverable(self, setting: dict[str, bool]) -> None:
        for copy in self.copies:
            self.client.update_continuous_backups(TableName=copy.source, PointInTimeRecoverySpecification=setting)

    def run(self, at: datetime) -> None:
        self.work.start(at)
        self.work.wait()
        self.work.complete(NOW, protect=True)


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


@pytest.fixture
def few(tables: str, client: Any) -> Iterator[Drill]:
    """Of tables of each kind: with a stream, with TTL, with neither. They are empty."""
    drill = Drill(client, tables, "orders", "claims", "payments")
    drill.recoverable(ON)
    yield drill
    drill.work.discard()


def test_copies_have_all_that_the_shop_needs_and_their_money_adds_up(drill: Drill, stack: Stack) -> None:
    drill.work.start(NOW)
    drill.work.wait()
    bare = proof.differences(drill.client, drill.copies)
    assert any("stream" in line for line in bare), "a restore carries none"
    assert any("TTL" in line for line in bare)
    drill.work.complete(NOW, protect=True)
    assert proof.differences(drill.client, drill.copies) == []
    for copy in drill.copies:
        table = drill.client.describe_table(TableName=copy.target)["Table"]
        backups = drill.client.describe_continuous_backups(TableName=copy.target)["ContinuousBackupsDescription"]
        assert table["DeletionProtectionEnabled"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    counted = {name.rpartition("-")[2]: copied for name, _, copied in proof.counts(drill.client, drill.copies)}
    assert counted["orders"] == "3"
    assert money(drill, stack, NOW) == proof.Money(3, (), ())
    _cut_in_two(drill)
    (order_id,) = money(drill, stack, stack.clock() + timedelta(hours=1)).wrong
    assert money(drill, stack, stack.clock()) == proof.Money(3, (), (order_id,)), "it changed at that very moment"


def money(drill: Drill, stack: Stack, at: datetime) -> proof.Money:
    shop = build(replace(stack.shop.settings, table_prefix=drill.prefix), clock=stack.clock)
    return proof.money(drill.client, f"{drill.prefix}orders", shop, 10, at)


def _cut_in_two(drill: Drill) -> None:
    """A payment goes back to what it was before WeChat told of it."""
    payments = f"{drill.prefix}payments"
    paid = next(row for row in drill.client.scan(TableName=payments)["Items"] if row["state"]["S"] == "PAID")
    drill.client.put_item(TableName=payments, Item={**paid, "state": {"S": "STARTED"}})


def test_a_run_that_stopped_is_taken_up_by_the_same_command(few: Drill) -> None:
    few.run(NOW)
    few.client.update_table(TableName=few.copies[1].target, DeletionProtectionEnabled=False)
    few.client.delete_table(TableName=few.copies[1].target)
    few.run(NOW)
    assert proof.differences(few.client, few.copies) == []
    assert any(line.startswith("1 tables are being restored") for line in few.said)


def test_copies_of_another_moment_are_not_taken_for_these(few: Drill) -> None:
    few.run(NOW)
    with pytest.raises(RestoreError, match="DISCARD=1"):
        few.work.start(NOW - timedelta(seconds=1))


def test_what_cannot_be_restored_is_refused_before_anything_begins(few: Drill) -> None:
    for at in (NOW + timedelta(days=1), NOW - timedelta(days=400)):
        with pytest.raises(RestoreError, match="Give an AT between"):
            few.work.start(at)
    few.recoverable(OFF)
    with pytest.raises(RestoreError, match="no point-in-time recovery"):
        few.work.start(NOW)
    assert few.work.discard() == []


def test_only_copies_are_thrown_away(few: Drill) -> None:
    few.run(NOW)
    own = Copies(few.client, [replace(copy, target=copy.source) for copy in few.copies])
    with pytest.raises(RestoreError, match="not made by a restore"):
        own.discard()
    assert set(few.work.discard()) == {copy.target for copy in few.copies}
    assert few.work.discard() == []


def test_copies_of_a_restore_that_was_stopped_can_be_thrown_away(few: Drill) -> None:
    few.work.start(NOW)
    few.work.wait()
    with pytest.raises(RestoreError, match="was not made by a restore"):
        few.work.discard()
    few.work = Copies(Remembered(few.client, few.copies), few.copies, few.said.append)
    assert set(few.work.discard()) == {copy.target for copy in few.copies}


class Remembered:
    """DynamoDB, which knows of a copy what it was made from; the engine does not."""

    def __init__(self, client: Any, copies: list[Copy]) -> None:
        self._client, self._copies = client, copies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def describe_table(self, TableName: str) -> Any:
        found = self._client.describe_table(TableName=TableName)
        arn = found["Table"]["TableArn"]
        sources = {copy.target: copy.source for copy in self._copies}
        found["Table"]["RestoreSummary"] = {"SourceTableArn": arn.replace(TableName, sources[TableName])}
        return found


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

"""The tables of the cloud are those that the code makes for itself on a laptop."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.storage.table import dynamodb
from chalicelib.storage.tables import tables as models
from deploy.template import tables
from tests.deploy.sam import packaged, stage

OURS = stage()
TABLES = {name: tables.resources(OURS)[tables.logical_id(name)]["Properties"] for name in models()}
NOT_COMPARED = (
    # different in each table, or decided for the cloud alone
    "TableName", "TableArn", "TableId", "CreationDateTime", "LatestStreamArn", "LatestStreamLabel", "IndexArn",
    "SSEDescription", "DeletionProtectionEnabled", "TableSizeBytes", "IndexSizeBytes", "ProvisionedThroughput",
)  # fmt: skip


def created(prefix: str, bare_name: str) -> str:
    """A table made of the template's properties by CreateTable; returns its name."""
    properties = TABLES[bare_name]
    same = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "BillingMode")
    asked = {key: properties[key] for key in same if key in properties}
    if "StreamSpecification" in properties:
        asked["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    name = f"{prefix}cloud-{bare_name}"
    dynamodb().create_table(TableName=name, **asked)
    if "TimeToLiveSpecification" in properties:
        dynamodb().update_time_to_live(TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
    return name


def described(name: str) -> tuple[Any, Any]:
    found = dynamodb().describe_table(TableName=name)["Table"]
    return canonical(found), dynamodb().describe_time_to_live(TableName=name)["TimeToLiveDescription"]


def canonical(value: Any) -> Any:
    """Without what differs anyway, and with lists in one order."""
    if isinstance(value, dict):
        return {key: canonical(each) for key, each in value.items() if key not in NOT_COMPARED}
    if isinstance(value, list):
        return sorted((canonical(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value


def test_the_cloud_gets_the_tables_that_the_code_makes(tables: str) -> None:
    for bare_name in models():
        cloud = created(tables, bare_name)
        try:
            assert described(cloud) == described(tables + bare_name), bare_name
        finally:
            dynamodb().delete_table(TableName=cloud)


@pytest.mark.parametrize("properties", TABLES.values(), ids=TABLES)
def test_each_tables_keys_are_in_the_order_that_dynamodb_wants(properties: dict[str, Any]) -> None:
    """The emulator takes any: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html"""
    indexes = [*properties.get("GlobalSecondaryIndexes", []), *properties.get("LocalSecondaryIndexes", [])]
    schemas = [properties["KeySchema"], *(index["KeySchema"] for index in indexes)]
    assert all([key["KeyType"] for key in schema] in (["HASH"], ["HASH", "RANGE"]) for schema in schemas)
    used = {key["AttributeName"] for schema in schemas for key in schema}
    assert {each["AttributeName"] for each in properties["AttributeDefinitions"]} == used


def test_the_shops_data_outlives_mistakes() -> None:
    for resource in tables.resources(OURS).values():
        properties = resource["Properties"]
        assert properties["DeletionProtectionEnabled"]
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["SSESpecification"] == {"SSEEnabled": True}
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_a_stage_that_is_thrown_away_leaves_nothing() -> None:
    resources = packaged(stage(keep=False))["Resources"]
    kinds = ("AWS::DynamoDB::Table", "AWS::Logs::LogGroup", "AWS::SQS::Queue")
    assert {each.get("DeletionPolicy") for each in resources.values() if each["Type"] in kinds} == {"Delete"}
    assert not resources["OrdersTable"]["Properties"]["DeletionProtectionEnabled"]


def test_few_tables_with_indexes_are_made_at_once() -> None:
    """DynamoDB limits how many of them are, and CloudFormation would begin them all."""
    made = tables.resources(stage())
    indexed = [key for key in made if "IndexName" in json.dumps(made[key])]
    waits = {key: each["DependsOn"] for key, each in made.items() if "DependsOn" in each}
    assert set(waits) < set(indexed)
    assert len(indexed) - len(waits) == 5
    assert len({before for (before,) in waits.values()}) == len(waits), "no two wait for the same"
    assert all(before < key for key, (before,) in waits.items()), "the same order in every release: no circle"


def test_restored_tables_are_used_and_not_made() -> None:
    """Their names begin otherwise; the stream of theirs is given to the stack."""
    found = packaged(stage(prefix="jishi-dev-r1-"))
    assert not [each for each in found["Resources"].values() if each["Type"] == "AWS::DynamoDB::Table"]
    assert found["Resources"]["OnOrderChangeSource"]["Properties"]["EventSourceArn"] == {"Ref": tables.STREAM}
    assert tables.STREAM in found["Parameters"]
    environment = found["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    assert environment["JISHI_TABLE_PREFIX"] == "jishi-dev-r1-"

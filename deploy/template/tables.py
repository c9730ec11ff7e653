"""The tables as CloudFormation knows them, from the models that the code reads and writes with."""

from __future__ import annotations

from typing import Any

from chalicelib.storage.table import Row
from chalicelib.storage.tables import TTL_ATTRIBUTE, tables
from deploy.stage import Stage

STREAM = "OrdersStream"
"""Parameter with the ARN of the orders' stream, where the stack does not own its tables."""

AT_ONCE = 5
"""Tables with indexes that are being made."""


def owned(stage: Stage) -> bool:
    """Whether the stack makes the tables. It does not after a restore, when JISHI_TABLE_PREFIX names other tables."""
    return stage.table_prefix == f"{stage.stack}-"


def logical_id(bare_name: str) -> str:
    """`order_lines` -> `OrderLinesTable`."""
    return "".join(word.title() for word in bare_name.split("_")) + "Table"


def resources(stage: Stage) -> dict[str, Any]:
    if not owned(stage):
        return {}
    found = {logical_id(name): _table(stage, name, kind) for name, kind in tables().items()}
    _in_turn(found)
    return found


def _in_turn(found: dict[str, Any]) -> None:
    """A few tables with indexes are made at a time, in the order of their ids: DynamoDB limits how many
    that may be, and CloudFormation would begin them all.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-dynamodb-table.html
    """
    indexed = sorted(
        key
        for key, each in found.items()
        if {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"} & each["Properties"].keys()
    )
    for before, key in zip(indexed, indexed[AT_ONCE:], strict=False):
        found[key]["DependsOn"] = [before]


def stream(stage: Stage) -> dict[str, Any]:
    """The ARN of the orders' stream."""
    return {"Fn::GetAtt": [logical_id("orders"), "StreamArn"]} if owned(stage) else {"Ref": STREAM}


def parameters(stage: Stage) -> dict[str, Any]:
    if owned(stage):
        return {}
    return {STREAM: {"Type": "String", "Description": f"LatestStreamArn of the table {stage.table_prefix}orders"}}


def _table(stage: Stage, name: str, kind: type[Row]) -> dict[str, Any]:
    properties = {
        "TableName": stage.table_prefix + name,
        **definition(kind),
        "BillingMode": "PAY_PER_REQUEST",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True},
        "DeletionProtectionEnabled": stage.options.keep,
    }
    # Retained but for the operation that made it: a first deployment that fails leaves nothing that blocks the second.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
    kept = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    thrown = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
    return {"Type": "AWS::DynamoDB::Table", **(kept if stage.options.keep else thrown), "Properties": properties}


def definition(kind: type[Row]) -> dict[str, Any]:
    """Keys, indexes, stream and TTL of a model."""
    schema: dict[str, Any] = {**kind._get_schema()}
    found: dict[str, Any] = {
        "AttributeDefinitions": sorted(schema["attribute_definitions"], key=lambda each: each["AttributeName"]),
        "KeySchema": _keys(schema["key_schema"]),
    }
    for ours, theirs in (
        ("global_secondary_indexes", "GlobalSecondaryIndexes"),
        ("local_secondary_indexes", "LocalSecondaryIndexes"),
    ):
        if schema[ours]:
            found[theirs] = [_index(each) for each in sorted(schema[ours], key=lambda each: each["index_name"])]
    view = getattr(kind.Meta, "stream_view_type", None)
    if view:
        found["StreamSpecification"] = {"StreamViewType": view}
    if "ttl" in getattr(kind.Meta, "features", ()):
        found["TimeToLiveSpecification"] = {"AttributeName": TTL_ATTRIBUTE, "Enabled": True}
    return found


def _index(index: dict[str, Any]) -> dict[str, Any]:
    return {
        "IndexName": index["index_name"],
        "KeySchema": _keys(index["key_schema"]),
        "Projection": index["projection"],
    }


def _keys(schema: list[dict[str, str]]) -> list[dict[str, str]]:
    """DynamoDB wants the HASH key first."""
    return sorted(schema, key=lambda each: each["KeyType"])

"""What each function may do: by hand, table by table, and no more than it does.

`GRANTS` names the operations of each function on each table and index. tests/deploy/test_grants.py runs every route and
every function and holds what they ask for against it, both ways: what is missing would be a paid order that cannot be
settled, what is too much would let a coupon job write orders. A transaction needs what each of its items does.

Nothing here lists tables, scans, or names an action by a pattern. `*` is the resource of X-Ray alone, which has no
other: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html

Tables and the secret are sealed with keys that AWS keeps for the account (`aws/dynamodb`, `aws/secretsmanager`): their
own policies admit whoever may use the service, so no role names a key. With a key of the merchant's own, each role
also needs kms:Decrypt on that key, through `secretsmanager` for the secret, and through `dynamodb` kms:Decrypt,
kms:Encrypt, kms:ReEncryptFrom, kms:ReEncryptTo, kms:GenerateDataKey, kms:GenerateDataKeyWithoutPlaintext,
kms:DescribeKey and kms:CreateGrant for tables:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.stage import API, Stage

Grants = Mapping[str, str]
"""By table, or `table/index`: the operations in words of OPERATIONS."""

OPERATIONS = {
    "get": "GetItem",
    "batch": "BatchGetItem",
    "query": "Query",
    "put": "PutItem",
    "update": "UpdateItem",
    "delete": "DeleteItem",
    "check": "ConditionCheckItem",
}


def _all(*grants: Grants) -> Grants:
    """All of these together."""
    found: dict[str, set[str]] = {}
    for each in grants:
        for table, words in each.items():
            found.setdefault(table, set()).update(words.split())
    return {table: " ".join(word for word in OPERATIONS if word in found[table]) for table in sorted(found)}


ORDER: Grants = {"orders": "batch update"}
MINI_PROGRAM: Grants = {"wechat_tokens": "get put", "claims": "put"}
"""To call the platform: its access token, and the right to renew it."""
WECHAT_PAY: Grants = {"wechat_keys": "get"}
"""To believe an answer that a fetched certificate has signed."""
MESSAGE: Grants = _all(MINI_PROGRAM, {"consents": "batch update", "deliveries": "put update"})
"""Told once, by consent."""
BACK: Grants = {"stock": "update", "groupbuy": "batch update"}
"""What a paid order in a team held."""
ALL_BACK: Grants = _all(BACK, {"coupons": "update", "points": "put update", "bargain": "batch update"})
"""What an order of any kind held."""
OWES: Grants = {"payments": "batch update", "refunds": "put"}
"""A refund is decided."""
SETTLES: Grants = _all(ORDER, OWES, ALL_BACK, WECHAT_PAY, {"groupbuy": "delete"})
"""A payment is heard of; over money that is not the order's, an unpaid order is closed."""
REFUNDS: Grants = _all(ORDER, WECHAT_PAY, {"refunds": "get put update", "payments": "update"})
"""One step of a refund, told to its order."""
CASE: Grants = {"aftersales": "batch update"}
"""After-sale cases move on, or hear of their refunds."""
TEAM: Grants = _all(ORDER, OWES, BACK, {"groupbuy": "query"})
"""Members of a team that is over are let go, to be sent or paid back."""
EFFECTS: Grants = _all(
    TEAM,
    REFUNDS,
    MESSAGE,
    {
        "activities": "batch",
        "groupbuy": "put delete",
        "groupbuy/joinable": "query",
        "bargain": "batch update delete",
        "catalog": "query update",
        "listings": "batch update",
        "stock": "batch",
    },
)
"""Of a paid order: its place in a team, or another one, or the money back; sales counted; the shopper told."""
SHIPPING: Grants = _all(
    MINI_PROGRAM,
    {"shipping_uploads/due": "query", "shipping_uploads": "get update", "orders": "batch", "parcels": "query"},
)

GRANTS: Mapping[str, Grants] = {
    API: _all(
        SETTLES,
        REFUNDS,
        CASE,
        MINI_PROGRAM,
        {
            "activities": "batch",
            "activities/by_kind": "query",
            "activities/by_product": "query",
            "addresses": "batch query put update delete check",
            "aftersales": "query put",
            "aftersales/due": "query",
            "bargain": "query put",
            "bargain/by_launcher": "query",
            "cart": "batch put update delete",
            "catalog": "batch query",
            "claims": "batch",
            "consents": "batch update",
            "coupon_counts": "batch update",
            "coupon_templates": "batch update",
            "coupon_templates/shelf": "query",
            "coupons": "batch put",
            "coupons/by_standing": "query",
            "groupbuy": "query put",
            "groupbuy/by_member": "query",
            "groupbuy/joinable": "query",
            "listings/by_newest": "query",
            "listings/by_price": "query",
            "listings/by_sales": "query",
            "members": "batch update",
            "members/staff": "query",
            "orders": "query put",
            "orders/by_state": "query",
            "orders/due": "query",
            "parcels": "query put update",
            "payments": "put",
            "pickup_codes": "get put update",
            "pickup_points": "batch query put",
            "points": "batch",
            "points/by_time": "query",
            "pricing": "query",
            "reconciliations": "batch query update",
            "refunds": "batch",
            "refunds/due": "query",
            "shipping_uploads": "get batch update",
            "shipping_uploads/due": "query",
            "stock": "batch",
        },
    ),
    "close_unpaid": _all(SETTLES, {"orders/due": "query"}),
    "advance_refunds": _all(REFUNDS, CASE, {"refunds/due": "query"}),
    "on_order_change": EFFECTS,
    "finish_effects": _all(EFFECTS, {"orders/due": "query"}),
    "receive_orders": _all(ORDER, {"orders/due": "query"}),
    "finish_orders": _all(ORDER, {"orders/due": "query", "points": "put update", "pricing": "query"}),
    "alarm_unsent": _all(ORDER, {"orders/due": "query"}),
    "upload_shipping": SHIPPING,
    "retry_refused_uploads": SHIPPING,
    "track_parcels": _all(
        MINI_PROGRAM,
        {"parcels/due": "query", "parcels": "query update", "orders": "batch", "shipping_uploads": "get"},
    ),
    "move_cases_on": _all(ORDER, CASE, OWES, ALL_BACK, MESSAGE, {"aftersales/due": "query", "refunds": "batch"}),
    "move_groups_on": _all(TEAM, {"groupbuy/due": "query", "bargain/due": "query", "bargain": "update"}),
    "remind_of_coupons": _all(MESSAGE, {"coupons/due": "query", "coupons": "update"}),
    "expire_coupons": {"coupons/due": "query", "coupons": "update"},
    "reconcile": _all(
        SETTLES,
        REFUNDS,
        CASE,
        {
            "payments/by_day": "query",
            "refunds": "batch",
            "refunds/by_day": "query",
            "reconciliations": "batch query put update delete check",
        },
    ),
    "refresh_certificates": {"wechat_keys": "get put"},
    "check_release": {"catalog": "query"},
}

ON_STREAM = "on_order_change"
INTO_NETWORK = (
    "AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces",
    "DescribeSubnets", "UnassignPrivateIpAddresses",
)  # fmt: skip
"""What Lambda does in the function's name to put it into subnets; it takes no resources.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
"""
UNQUEUED = (API, "check_release")
"""Called by somebody who waits for the answer; what fails of the others goes to a queue."""


def statements(stage: Stage, name: str) -> list[dict[str, Any]]:
    """For the role of one function, by Chalice's name. Raises KeyError for one without a line in GRANTS."""
    log_group = f"log-group:/aws/lambda/{stage.function(name)}:*"
    found = [
        *_items(stage, GRANTS[name]),
        # Secrets Manager adds six characters of its own to a name.
        _allow(["secretsmanager:GetSecretValue"], [_arn("secretsmanager", f"secret:{stage.secret}-??????")]),
        _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [_arn("logs", log_group)]),
        _allow(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"]),
    ]
    if stage.in_network:
        found.append(_allow([f"ec2:{each}" for each in INTO_NETWORK], ["*"]))
    if name not in UNQUEUED:
        queue = "StreamFailures" if name == ON_STREAM else "ScheduleFailures"
        found.append(_allow(["sqs:SendMessage"], [{"Fn::GetAtt": [queue, "Arn"]}]))
    if name == ON_STREAM:
        reads = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"]
        stream = _table(stage, "orders") + "/stream/*"
        found.append(_allow([f"dynamodb:{each}" for each in reads], [_arn("dynamodb", stream)]))
    return found


def _items(stage: Stage, grants: Grants) -> list[dict[str, Any]]:
    """One statement for all tables and indexes with the same operations."""
    alike: dict[str, list[str]] = {}
    for table, words in grants.items():
        alike.setdefault(words, []).append(table)
    return [
        _allow(
            [f"dynamodb:{OPERATIONS[word]}" for word in words.split()],
            [_arn("dynamodb", _table(stage, table)) for table in tables],
        )
        for words, tables in sorted(alike.items())
    ]


def _table(stage: Stage, table: str) -> str:
    """`orders/due` -> `table/jishi-prod-orders/index/due`"""
    bare, _, index = table.partition("/")
    return f"table/{stage.table_prefix}{bare}" + (f"/index/{index}" if index else "")


def _arn(service: str, resource: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"}


def _allow(actions: list[str], resources: list[Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}

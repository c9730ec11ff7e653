"""What a release may do to tables, addresses and sources that are in use, case by case."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from deploy.release.guard import Weight, compare, moves_tables, refused
from tests.deploy.sam import packaged
from tests.deploy.sam import stage as made

Resources = dict[str, Any]
KEY = [{"AttributeName": "id", "KeyType": "HASH"}]


def index(name: str, kind: str = "KEYS_ONLY") -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": KEY, "Projection": {"ProjectionType": kind}}


def table(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "RetainExceptOnCreate",
        "Properties": {
            "TableName": f"jishi-prod-{name}",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": KEY,
            "GlobalSecondaryIndexes": [index("due")],
            "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "SSESpecification": {"SSEEnabled": True},
            "DeletionProtectionEnabled": True,
            **properties,
        },
    }


def function(**variables: Any) -> dict[str, Any]:
    told = {
        "JISHI_TABLE_PREFIX": "jishi-prod-", "JISHI_SECRET": "jishi/prod", "JISHI_PUBLIC_URL": "https://a", **variables
    }  # fmt: skip
    return {"Type": "AWS::Serverless::Function", "Properties": {"Environment": {"Variables": told}}}


def deployed() -> dict[str, Any]:
    return {
        "Resources": {
            "OrdersTable": table("orders"),
            "APIHandler": function(),
            "CloseUnpaidSchedule": {"Type": "AWS::Events::Rule", "Properties": {}},
            "OnOrderChangeSource": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {}},
            "ApiDomain1": {"Type": "AWS::ApiGateway::DomainName", "Properties": {"DomainName": "api.example.cn"}},
            "RestAPI": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "api"}},
        }
    }


def orders(**properties: Any) -> Callable[[Resources], None]:
    return lambda resources: resources["OrdersTable"]["Properties"].update(properties)


def without(key: str) -> Callable[[Resources], None]:
    return lambda resources: resources.pop(key)


def with_day(also: Callable[[Resources], None]) -> Callable[[Resources], None]:
    """A new index, and another change."""

    def change(resources: Resources) -> None:
        orders(GlobalSecondaryIndexes=[index("due"), index("by_day")])(resources)
        also(resources)

    return change


def reviewed(resources: Resources) -> None:
    resources["ReviewsTable"] = table("reviews")


def renamed(resources: Resources) -> None:
    resources["TradesTable"] = resources.pop("OrdersTable")


def unkept(resources: Resources) -> None:
    resources["OrdersTable"]["DeletionPolicy"] = "Delete"


def told(**variables: Any) -> Callable[[Resources], None]:
    return lambda resources: resources.update(APIHandler=function(**variables))


def addressed(resources: Resources) -> None:
    resources["RestAPI"]["Properties"]["StageName"] = "v2"


def shut(resources: Resources) -> None:
    resources["RestAPI"]["Properties"]["DisableExecuteApiEndpoint"] = True


NO = Weight.IMPOSSIBLE
RISKY, WARNING = Weight.RISKY, Weight.WARNING
NUMBER = [{"AttributeName": "id", "AttributeType": "N"}]
RANGE = [*KEY, {"AttributeName": "at", "KeyType": "RANGE"}]

MATRIX: list[tuple[str, Weight, Callable[[Resources], None]]] = [
    ("table-gone:jishi-prod-orders", RISKY, without("OrdersTable")),
    ("table-moved:jishi-prod-orders", NO, renamed),
    ("table-replaced:jishi-prod-orders", NO, orders(TableName="jishi-prod-trades")),
    ("table-replaced:jishi-prod-orders", NO, orders(KeySchema=RANGE)),
    ("table-replaced:jishi-prod-orders", NO, orders(LocalSecondaryIndexes=[index("local")])),
    ("key-type:jishi-prod-orders/id", NO, orders(AttributeDefinitions=NUMBER)),
    ("index-changed:jishi-prod-orders/due", NO, orders(GlobalSecondaryIndexes=[index("due", "ALL")])),
    ("index-new:jishi-prod-orders/by_day", WARNING, orders(GlobalSecondaryIndexes=[index("due"), index("by_day")])),
    ("index-together:jishi-prod-orders/by_day", RISKY, with_day(reviewed)),
    ("index-together:jishi-prod-orders/by_day", RISKY, with_day(orders(TimeToLiveSpecification=None))),
    ("index-gone:jishi-prod-orders/due", WARNING, orders(GlobalSecondaryIndexes=[])),
    ("indexes:jishi-prod-orders", NO, orders(GlobalSecondaryIndexes=[index("due"), index("a"), index("b")])),
    ("indexes:jishi-prod-orders", NO, orders(GlobalSecondaryIndexes=[index("other")])),
    ("stream-view:jishi-prod-orders", NO, orders(StreamSpecification={"StreamViewType": "NEW_IMAGE"})),
    ("stream-gone:jishi-prod-orders", RISKY, orders(StreamSpecification=None)),
    (
        "ttl-attribute:jishi-prod-orders", NO,
        orders(TimeToLiveSpecification={"AttributeName": "gone_at", "Enabled": True}),
    ),
    ("ttl-off:jishi-prod-orders", RISKY, orders(TimeToLiveSpecification=None)),
    ("recovery-off:jishi-prod-orders", RISKY, orders(PointInTimeRecoverySpecification=None)),
    ("deletion-protection-off:jishi-prod-orders", RISKY, orders(DeletionProtectionEnabled=False)),
    ("encryption-off:jishi-prod-orders", RISKY, orders(SSESpecification={"SSEEnabled": False})),
    ("retention-off:jishi-prod-orders", RISKY, unkept),
    ("prefix", RISKY, told(JISHI_TABLE_PREFIX="jishi-prod-r1-")),
    ("secret", RISKY, told(JISHI_SECRET="jishi/other")),
    ("public-url", RISKY, told(JISHI_PUBLIC_URL="https://b")),
    ("api-stage:RestAPI", RISKY, addressed),
    ("address-gone:execute-api", WARNING, shut),
    ("address-gone:api.example.cn", WARNING, without("ApiDomain1")),
    ("api-gone:RestAPI", NO, without("RestAPI")),
    ("gone:CloseUnpaidSchedule", WARNING, without("CloseUnpaidSchedule")),
    ("gone:OnOrderChangeSource", WARNING, without("OnOrderChangeSource")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "weight", "change"), MATRIX)
def test_each_change_is_found_weighed_and_explained(
    code: str, weight: Weight, change: Callable[[Resources], None]
) -> None:
    new = deployed()
    change(new["Resources"])
    found = {each.code: each for each in compare(deployed(), new)}
    assert found[code].weight is weight
    assert found[code].why.endswith((".", ":"))
    assert (weight is WARNING) or found[code].way_out
    stops = refused(found.values(), frozenset())
    assert (code in {each.code for each in stops}) == (weight is not WARNING)
    accepted = refused(found.values(), frozenset(found))
    assert (code in {each.code for each in accepted}) == (weight is NO), "what is impossible cannot be accepted"


def test_nothing_is_said_of_what_stays_or_is_new() -> None:
    new = deployed()
    new["Resources"] |= {"ReviewsTable": table("reviews"), "Other": function()}
    assert compare(deployed(), deployed()) == []
    assert compare(deployed(), new) == []


def test_an_index_comes_alone() -> None:
    """Whatever else of the release fails may be taken back, but not an index that is being filled."""
    new = deployed()
    attributes = [
        *deployed()["Resources"]["OrdersTable"]["Properties"]["AttributeDefinitions"],
        {"AttributeName": "day", "AttributeType": "S"},
    ]
    with_day(orders(AttributeDefinitions=attributes))(new["Resources"])
    new["Resources"]["APIHandler"] = function(JISHI_NEW="1")
    assert [each.code for each in compare(deployed(), new)] == ["index-new:jishi-prod-orders/by_day"]
    old = deployed()
    reviewed(old["Resources"])
    reviewed(new["Resources"])
    orders(GlobalSecondaryIndexes=[])({"OrdersTable": new["Resources"]["ReviewsTable"]})
    (found,) = [each for each in compare(old, new) if each.code.startswith("index-together")]
    assert "(jishi-prod-reviews)" in found.why


def test_ttl_that_is_new_is_told_of() -> None:
    old = deployed()
    del old["Resources"]["OrdersTable"]["Properties"]["TimeToLiveSpecification"]
    (found,) = compare(old, deployed())
    assert (found.code, found.weight) == ("ttl-new:jishi-prod-orders", WARNING)


def test_a_table_that_would_be_deleted_is_told_apart_from_one_that_would_be_left() -> None:
    old, new = deployed(), deployed()
    without("OrdersTable")(new["Resources"])
    assert "would stay" in compare(old, new)[0].why
    unkept(old["Resources"])
    assert "deleted with all" in compare(old, new)[0].why


def test_the_way_out_of_several_indexes_names_them_all() -> None:
    new = deployed()
    orders(GlobalSecondaryIndexes=[index("due"), index("a"), index("b")])(new["Resources"])
    (found,) = [each for each in compare(deployed(), new) if each.code.startswith("indexes")]
    assert "a, b" in found.why
    assert "Deploy 2 times" in found.way_out


def test_tables_of_another_prefix_are_one_decision_and_not_twenty() -> None:
    """As after a restore, when the stack no longer makes its tables."""
    new = deployed()
    told(JISHI_TABLE_PREFIX="jishi-prod-r1-")(new["Resources"])
    without("OrdersTable")(new["Resources"])
    assert [each.code for each in compare(deployed(), new)] == ["prefix"]
    assert moves_tables(deployed(), new)
    assert not moves_tables(deployed(), deployed())


def test_the_shop_s_own_template_can_follow_itself_and_shows_what_the_guard_looks_for() -> None:
    """If names in the template changed, the guard would see nothing and say nothing."""
    old = packaged(made("prod"))
    assert compare(old, packaged(made("prod"), "b" * 64)) == []
    new = copy.deepcopy(old)
    for each in new["Resources"].values():
        if each["Type"] == "AWS::Serverless::Function":
            variables = each["Properties"]["Environment"]["Variables"]
            variables |= {"JISHI_TABLE_PREFIX": "x-", "JISHI_SECRET": "x", "JISHI_PUBLIC_URL": "x"}
        if each["Type"] == "AWS::Serverless::Api":
            each["Properties"]["StageName"] = "x"
    assert [each.code for each in compare(old, new)] == ["prefix", "secret", "api-stage:RestAPI", "public-url"]
    tables = [each for each in old["Resources"].values() if each["Type"] == "AWS::DynamoDB::Table"]
    for name in ("PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "SSESpecification", "TableName"):
        assert all(each["Properties"][name] for each in tables)
    for name in ("StreamSpecification", "TimeToLiveSpecification", "GlobalSecondaryIndexes"):
        assert any(name in each["Properties"] for each in tables)

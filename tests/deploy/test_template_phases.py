"""What shoppers meet while a release is under way: the live versions, as they were."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from deploy.template import answering, keeping, shift
from deploy.template.functions import functions
from deploy.template.triggers import alias
from tests.deploy.sam import packaged, stage

Template = dict[str, Any]
LIVE = {function.logical_id: "7" for function in functions()}
ALIASES = {alias(function): function for function in functions()}


@pytest.fixture(scope="module")
def old() -> Template:
    return packaged(stage(), "a" * 64)


@pytest.fixture(scope="module")
def new() -> Template:
    return packaged(stage(), "b" * 64)


def of_type(template: Template, kind: str) -> set[str]:
    return {name for name, each in template["Resources"].items() if each["Type"] == kind}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def without(template: Template, change: Callable[[dict[str, Any]], Any]) -> Template:
    changed = copy.deepcopy(template)
    change(changed["Resources"])
    return changed


def weights(alias: dict[str, Any]) -> Any:
    return alias["Properties"].get("RoutingConfig", {}).get("AdditionalVersionWeights")


def test_every_alias_keeps_its_number_while_the_new_versions_are_laid(old: Template, new: Template) -> None:
    laid = shift(new, LIVE, 0, old)["Resources"]
    for name in ALIASES:
        assert laid[name]["Properties"]["FunctionVersion"] == "7"
        assert not weights(laid[name])


def test_the_canary_sends_some_requests_of_the_api_to_the_new_version_and_no_schedule(
    old: Template, new: Template
) -> None:
    canary = shift(new, LIVE, 10, shift(new, LIVE, 0, old))["Resources"]
    assert {name for name in ALIASES if weights(canary[name])} == {"APIHandlerLive"}
    assert {canary[name]["Properties"]["FunctionVersion"] for name in ALIASES} == {"7"}
    (weight,) = weights(canary["APIHandlerLive"])
    assert weight == {
        "FunctionVersion": new["Resources"]["APIHandlerLive"]["Properties"]["FunctionVersion"],
        "FunctionWeight": 0.1,
    }


def test_the_weights_of_a_canary_are_taken_back_in_words(old: Template, new: Template) -> None:
    """UpdateAlias keeps those that it is not told of, and then refuses the version that they are of."""
    assert weights(new["Resources"]["APIHandlerLive"]) == []
    assert weights(shift(new, LIVE, 0, old)["Resources"]["APIHandlerLive"]) == []


def test_an_alias_that_leads_to_this_version_already_is_left_alone(old: Template) -> None:
    """An alarm was changed, and no function: Lambda refuses weights between a version and itself."""
    assert shift(old, LIVE, 10, old)["Resources"]["APIHandlerLive"] == old["Resources"]["APIHandlerLive"]


def test_a_new_function_gets_its_own_version_and_does_not_start_by_itself(old: Template, new: Template) -> None:
    newcomers = ("CloseUnpaid", "OnOrderChange")
    known = {name: number for name, number in LIVE.items() if name not in newcomers}
    laid = shift(new, known, 0, old)["Resources"]
    for name in newcomers:
        assert "Fn::GetAtt" in laid[f"{name}Live"]["Properties"]["FunctionVersion"]
    assert laid["CloseUnpaidSchedule"]["Properties"]["State"] == "DISABLED"
    assert laid["OnOrderChangeSource"]["Properties"]["Enabled"] is False
    assert laid["FinishEffectsSchedule"]["Properties"]["State"] == "ENABLED"


def test_the_first_deployment_serves_its_own_versions(new: Template) -> None:
    laid = shift(new, {}, 0, None)["Resources"]
    assert all("Fn::GetAtt" in laid[name]["Properties"]["FunctionVersion"] for name in ALIASES)


def test_the_live_version_may_still_do_what_it_does(old: Template, new: Template) -> None:
    role = old["Resources"]["ReconcileRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    former = {"Effect": "Allow", "Action": ["dynamodb:DeleteItem", "dynamodb:PutItem"], "Resource": ["former"]}
    sealed = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"Bool": {"x": "y"}}}
    wider = {**role[0], "Action": [*listed(role[0]["Action"]), "dynamodb:Scan"]}

    def widen(resources: dict[str, Any]) -> None:
        policy = resources["ReconcileRole"]["Properties"]["Policies"][0]["PolicyDocument"]
        policy["Statement"] = [wider, *policy["Statement"][1:], former, sealed]

    before = without(old, widen)
    laid = shift(new, LIVE, 0, before)
    properties, then = (
        laid["Resources"]["ReconcileRole"]["Properties"],
        laid["Resources"]["ReconcileRoleBefore1"]["Properties"],
    )
    assert properties == new["Resources"]["ReconcileRole"]["Properties"] | {
        "ManagedPolicyArns": [{"Ref": "ReconcileRoleBefore1"}]
    }
    kept = [(each["Action"], each["Resource"], each.get("Condition")) for each in then["PolicyDocument"]["Statement"]]
    assert sorted(kept, key=json.dumps) == sorted(
        [
            (["dynamodb:Scan"], listed(role[0]["Resource"]), None),
            (["dynamodb:DeleteItem", "dynamodb:PutItem"], ["former"], None),
            (["kms:Decrypt"], ["*"], {"Bool": {"x": "y"}}),
        ],
        key=json.dumps,
    )
    canary = shift(new, LIVE, 10, laid)
    assert all(
        canary["Resources"][name] == laid["Resources"][name] for name in ("ReconcileRole", "ReconcileRoleBefore1")
    )
    unchanged = {name for name in of_type(new, "AWS::IAM::Role") if name != "ReconcileRole"}
    assert all(laid["Resources"][name] == new["Resources"][name] for name in unchanged)


def test_a_release_that_knew_fewer_functions_is_gone_back_to(old: Template, new: Template) -> None:
    def forget(resources: dict[str, Any]) -> None:
        for name in [name for name in resources if name.startswith("Reconcile")]:
            del resources[name]

    back = shift(without(old, forget), LIVE, 0, new)
    assert "ReconcileLive" not in back["Resources"]
    assert back["Resources"]["APIHandlerLive"]["Properties"]["FunctionVersion"] == "7"


def test_a_route_that_only_the_live_version_has_is_reached_until_the_end(old: Template, new: Template) -> None:
    def paths(template: Template) -> dict[str, Any]:
        found: dict[str, Any] = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
        return found

    shorter = without(new, lambda resources: paths({"Resources": resources}).pop("/login"))
    assert "/login" in paths(shift(shorter, LIVE, 10, old))
    assert "/login" not in paths(shorter)


def ways_in(template: Template) -> set[str]:
    """Domains that lead to the API, and `own` if its own address answers."""
    found = of_type(template, "AWS::ApiGateway::BasePathMapping")
    resources = template["Resources"]
    domains = {
        resources[resources[name]["Properties"]["DomainName"]["Ref"]]["Properties"]["DomainName"] for name in found
    }
    return domains | (set() if resources["RestAPI"]["Properties"]["DisableExecuteApiEndpoint"] else {"own"})


def at(domain: str, bundle: str = "b" * 64) -> Template:
    return packaged(stage(domain=domain, certificate="c"), bundle)


def test_every_address_of_before_answers_until_the_end(old: Template) -> None:
    """Callbacks of payments under way go where they were begun."""
    first, second = at("api.example.cn"), at("shop.example.cn")
    assert (ways_in(old), ways_in(first)) == ({"own"}, {"api.example.cn"})
    assert ways_in(shift(first, LIVE, 0, old)) == {"own", "api.example.cn"}
    assert ways_in(shift(second, LIVE, 10, first)) == {"api.example.cn", "shop.example.cn"}
    assert ways_in(shift(old, LIVE, 0, second)) == {"own", "shop.example.cn"}
    both = answering(first, old)
    assert ways_in(both) == {"own", "api.example.cn"}
    assert ways_in(shift(first, LIVE, 0, both)) == {"own", "api.example.cn"}
    assert answering(first, first) == first
    assert ways_in(first) == {"api.example.cn"}, "what was given is as it was"


def test_a_new_certificate_of_the_same_domain_counts_at_once() -> None:
    renewed = packaged(stage(domain="api.example.cn", certificate="d"))
    assert answering(renewed, at("api.example.cn", "a" * 64)) == renewed


def test_live_versions_stay_in_the_stack_and_new_ones_go_with_a_release_that_fails(
    old: Template, new: Template
) -> None:
    """Lambda makes no second version of what it has: one that was retained would be in the next attempt's way."""
    kind = "AWS::Lambda::Version"
    laid = shift(new, LIVE, 0, old)
    assert of_type(laid, kind) == of_type(old, kind) | of_type(new, kind)
    for name in of_type(laid, kind):
        kept = name in of_type(old, kind)
        assert laid["Resources"][name]["DeletionPolicy"] == ("Retain" if kept else "Delete")
    again = shift(new, LIVE, 10, laid)
    assert {name: again["Resources"][name] for name in of_type(again, kind)} == {
        name: laid["Resources"][name] for name in of_type(laid, kind)
    }


def test_a_version_of_a_function_that_is_gone_does_not_stay(old: Template, new: Template) -> None:
    def withdraw(resources: dict[str, Any]) -> None:
        for name in of_type({"Resources": resources}, "AWS::Lambda::Version"):
            if resources[name]["Properties"]["FunctionName"] == {"Ref": "Reconcile"}:
                resources[name]["Properties"]["FunctionName"] = {"Ref": "Gone"}

    assert "Gone" not in json.dumps(shift(new, LIVE, 0, without(old, withdraw)))


def test_what_refuses_to_be_deleted_stays_in_the_stack(old: Template, new: Template) -> None:
    """On the way back too: a table that the release before does not know could not be made a second time."""
    smaller = without(old, lambda resources: [resources.pop(name) for name in ("CartTable", "ReconcileLog")])
    back = keeping(smaller, new)["Resources"]
    assert back["CartTable"] == new["Resources"]["CartTable"]
    assert back["ReconcileLog"] == new["Resources"]["ReconcileLog"]
    assert set(back) == set(old["Resources"])
    assert "CartTable" not in smaller["Resources"]
    assert keeping(new, None) == new


def test_a_table_is_protected_as_soon_as_it_may_hold_something(old: Template, new: Template) -> None:
    before = without(old, lambda resources: resources.pop("CartTable"))

    def protected(template: Template) -> dict[str, bool]:
        names = ("CartTable", "OrdersTable")
        return {name: template["Resources"][name]["Properties"]["DeletionProtectionEnabled"] for name in names}

    laid = shift(new, LIVE, 0, before)
    assert protected(laid) == {"CartTable": False, "OrdersTable": True}
    assert protected(shift(new, LIVE, 10, laid)) == {"CartTable": True, "OrdersTable": True}


def test_nothing_given_is_changed(old: Template, new: Template) -> None:
    given = json.dumps([new, LIVE, old])
    shift(new, LIVE, 10, old)
    keeping(new, old)
    assert json.dumps([new, LIVE, old]) == given

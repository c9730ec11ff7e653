"""What is deployed, before anything is: the template as a graph, its limits, its functions, its versions."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import pytest

from deploy.bundle.errors import BundleError
from deploy.lint import lint, translated
from deploy.stage import API
from deploy.template import PIECES, grants, shift
from deploy.template.functions import SIZES, Function, functions
from deploy.template.triggers import alias
from tests.deploy.sam import packaged, stage

Resources = dict[str, dict[str, Any]]
SCHEDULED = [function for function in functions() if function.schedule]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return packaged(stage())


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> Resources:
    found: Resources = template["Resources"]
    return found


def of_type(resources: Resources, kind: str) -> Resources:
    return {name: each for name, each in resources.items() if each["Type"] == kind}


def named(value: Any) -> Iterator[str]:
    """Every logical id that a piece of a template refers to."""
    if isinstance(value, list):
        for each in value:
            yield from named(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::GetAtt":
                yield each[0] if isinstance(each, list) else each.split(".")[0]
            elif key == "Fn::Sub":
                text, own = each if isinstance(each, list) else (each, {})
                yield from (name for name in re.findall(r"\$\{([A-Za-z0-9:]+)", text) if name not in own)
                yield from named(own)
            elif key == "DependsOn":
                yield from [each] if isinstance(each, str) else each
            else:
                yield from named(each)


@pytest.mark.parametrize("options", [{}, {"domain": "api.example.cn", "certificate": "arn:aws-cn:acm:x:1:c/1"}])
def test_all_that_is_named_is_there_and_nothing_waits_for_itself(options: dict[str, str]) -> None:
    template = packaged(stage(**options))
    resources = template["Resources"]
    graph = {name: {each for each in named(resource) if "::" not in each} for name, resource in resources.items()}
    named_anywhere = set().union(*graph.values(), (each for each in named(template["Outputs"]) if "::" not in each))
    # SAM makes the API's stage and calls it so.
    assert named_anywhere <= {*resources, *template["Parameters"], "RestAPI.Stage", "RestAPIapiStage"}
    tuple(TopologicalSorter(graph).static_order())


def test_no_piece_takes_anothers_name() -> None:
    names = [name for piece in PIECES for name in piece.resources(stage())]
    assert len(names) == len(set(names))


def test_the_template_stays_within_cloudformations_limits(template: dict[str, Any]) -> None:
    """500 resources, of which SAM adds a deployment and a stage; 1 MB, and 200 outputs."""
    size = len(json.dumps(template))
    print(f"{len(template['Resources'])} resources, {size} bytes")
    assert len(template["Resources"]) <= 450
    assert size <= 700_000
    assert len(template["Outputs"]) <= 200


def test_sam_makes_one_stage_of_the_api(template: dict[str, Any]) -> None:
    """Left alone, it makes a second one, open to all and past every limit and firewall."""
    made = translated(template, "cn-north-1")["Resources"]
    assert len(made) <= 500
    (api_stage,) = of_type(made, "AWS::ApiGateway::Stage").values()
    assert api_stage["Properties"]["StageName"] == "api"
    (deployment,) = of_type(made, "AWS::ApiGateway::Deployment").values()
    assert "StageName" not in deployment["Properties"]
    assert made["RestAPI"]["Properties"]["Body"]["swagger"] == "2.0"
    assert set(of_type(made, "AWS::Lambda::Function")) == {function.logical_id for function in functions()}


def test_what_is_wrong_in_what_sam_makes_is_found_and_named() -> None:
    swept = {
        "Type": "AWS::Serverless::Function",
        "Properties": {"Runtime": "python2", "Handler": "h", "CodeUri": "s3://b/k", "Role": "arn:aws-cn:iam::1:role/r"},
    }
    wrong: dict[str, Any] = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Swept": swept}}
    with pytest.raises(BundleError, match="Swept/Properties/Runtime: E3030"):
        lint(wrong, "cn-north-1")
    del wrong["Resources"]["Swept"]["Properties"]["Handler"]
    with pytest.raises(BundleError, match=r"SAM .*\[Swept\].*Handler"):
        lint(wrong, "cn-north-1")


def test_the_apis_own_address_is_shut_and_opened_by_a_new_deployment_of_it(template: dict[str, Any]) -> None:
    """Without one it would count at the next: https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-disable-default-endpoint.html"""
    shut = copy.deepcopy(template)
    shut["Resources"]["RestAPI"]["Properties"]["DisableExecuteApiEndpoint"] = True
    made = [translated(each, "cn-north-1")["Resources"] for each in (template, shut)]
    (one,), (other,) = (of_type(each, "AWS::ApiGateway::Deployment") for each in made)
    assert one != other
    extension = "x-amazon-apigateway-endpoint-configuration"
    bodies = [each["RestAPI"]["Properties"]["Body"][extension] for each in made]
    assert bodies == [{"disableExecuteApiEndpoint": False}, {"disableExecuteApiEndpoint": True}]


@pytest.mark.parametrize(("region", "partition"), [("cn-northwest-1", "aws-cn"), ("eu-central-1", "aws")])
def test_nothing_is_of_another_partition(region: str, partition: str) -> None:
    text = json.dumps(packaged(stage(region=region)))
    assert set(re.findall(r"arn:(aws[a-z-]*):", text)) <= {partition}


def test_every_function_has_its_size_and_every_size_its_function() -> None:
    assert {function.name for function in functions()} == set(SIZES)


@pytest.mark.parametrize("function", SCHEDULED, ids=lambda function: function.name)
def test_a_run_ends_before_the_next_one_begins(function: Function, resources: Resources) -> None:
    properties = resources[function.logical_id]["Properties"]
    assert properties["Timeout"] < function.period
    assert properties["ReservedConcurrentExecutions"] == 1


def test_an_account_with_a_low_limit_reserves_nothing() -> None:
    resources = packaged(stage(reserve=False))["Resources"]
    assert not [each for each in resources.values() if "ReservedConcurrentExecutions" in each["Properties"]]


def test_the_options_of_the_http_function_reach_it() -> None:
    options: dict[str, Any] = {"memory": 2048, "api_concurrency": 50, "provisioned": 5, "architecture": "arm64"}
    resources = packaged(stage(**options))["Resources"]
    api = resources["APIHandler"]["Properties"]
    assert (api["MemorySize"], api["ReservedConcurrentExecutions"], api["Architectures"]) == (2048, 50, ["arm64"])
    warm = {name for name, each in resources.items() if "ProvisionedConcurrencyConfig" in each["Properties"]}
    assert warm == {"APIHandlerLive"}
    assert api["Timeout"] <= 29


def test_all_traffic_goes_through_the_aliases(template: dict[str, Any], resources: Resources) -> None:
    aliases = {alias(function) for function in functions()}
    assert aliases == set(of_type(resources, "AWS::Lambda::Alias")) <= set(template["Outputs"])
    for function in of_type(resources, "AWS::Serverless::Function").values():
        assert "Events" not in function["Properties"]
    for kind, key in (("AWS::Lambda::Permission", "FunctionName"), ("AWS::Lambda::EventSourceMapping", "FunctionName")):
        assert {each["Properties"][key]["Ref"] for each in of_type(resources, kind).values()} <= aliases
    rules = of_type(resources, "AWS::Events::Rule").values()
    assert {target["Arn"]["Ref"] for rule in rules for target in rule["Properties"]["Targets"]} <= aliases
    paths = resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"].values()
    uris = {method["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"] for path in paths for method in path.values()}
    (uri,) = uris
    assert uri.endswith(":function:jishi-dev-api:live/invocations")


def test_every_schedule_starts_its_function_and_leaves_what_failed_in_a_queue(resources: Resources) -> None:
    for function in SCHEDULED:
        rule = resources[f"{function.logical_id}Schedule"]["Properties"]
        assert rule["ScheduleExpression"] == function.schedule
        assert rule["Targets"][0]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["ScheduleFailures", "Arn"]}}
        invoke = resources[f"{function.logical_id}Invoke"]["Properties"]
        assert invoke["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["ScheduleFailures", "Arn"]}
        assert 60 <= invoke["MaximumEventAgeInSeconds"] <= max(function.period, 60)
        assert (invoke["MaximumRetryAttempts"] == 0) == (function.period < 600)


def test_functions_get_the_secrets_name_and_nothing_secret(resources: Resources) -> None:
    environment = resources["CloseUnpaid"]["Properties"]["Environment"]["Variables"]
    assert environment == {
        "JISHI_STAGE": "dev", "JISHI_REGION": "cn-north-1", "JISHI_TABLE_PREFIX": "jishi-dev-",
        "JISHI_SECRET": "jishi/dev",
        "JISHI_PUBLIC_URL": {"Fn::Sub": "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/api"},
    }  # fmt: skip
    own = packaged(stage(domain="api.example.cn", certificate="c"))["Resources"]["APIHandler"]["Properties"]
    assert own["Environment"]["Variables"]["JISHI_PUBLIC_URL"] == "https://api.example.cn"


def test_every_function_has_a_role_and_a_log_of_its_own(resources: Resources) -> None:
    roles, logs = set(), set()
    for function in functions():
        properties = resources[function.logical_id]["Properties"]
        roles.add(properties["Role"]["Fn::GetAtt"][0])
        logs.add(resources[f"{function.logical_id}Log"]["Properties"]["LogGroupName"])
        assert f"/aws/lambda/{properties['FunctionName']}" in logs
        assert f"{function.logical_id}Log" in resources[function.logical_id]["DependsOn"]
        role = resources[function.role]["Properties"]
        assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert [each["PolicyDocument"]["Statement"] for each in role["Policies"]] == [
            grants.statements(stage(), function.name)
        ]
    assert len(roles) == len(logs) == len(functions())


def test_functions_are_traced_where_lambda_knows_x_ray() -> None:
    """Not in China: https://docs.amazonaws.cn/en_us/aws/latest/userguide/lambda.html"""

    def traced(region: str) -> set[Any]:
        made = packaged(stage(region=region))["Resources"]
        return {made[each.logical_id]["Properties"].get("Tracing") for each in functions()}

    assert traced("ap-southeast-1") == {"Active"}
    assert "Active" not in traced("cn-north-1") | traced("cn-northwest-1")


def test_every_roles_policies_fit_also_where_the_release_before_had_other_tables() -> None:
    """10,240 characters in a role, 6,144 in a managed policy:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    name = "abcdefghijklmno"
    live = {function.logical_id: "7" for function in functions()}
    laid = shift(packaged(stage(name, prefix=f"jishi-{name}-r20261122-")), live, 0, packaged(stage(name)))
    for name, role in of_type(laid["Resources"], "AWS::IAM::Role").items():
        assert length(role["Properties"].get("Policies")) <= 10_240, name
    kept = of_type(laid["Resources"], "AWS::IAM::ManagedPolicy")
    assert {"ApiHandlerRoleBefore1", "ApiHandlerRoleBefore2"} <= set(kept)
    for name, policy in kept.items():
        assert length(policy["Properties"]["PolicyDocument"]) <= 6144, name


def length(policy: Any) -> int:
    longest = {"AWS::Partition": "aws-cn", "AWS::Region": "cn-northwest-1", "AWS::AccountId": "1" * 12}
    text = json.dumps(policy, separators=(",", ":"))
    for parameter, value in longest.items():
        text = text.replace(f"${{{parameter}}}", value)
    return len(text)


def versions(template: dict[str, Any]) -> dict[str, str]:
    """Function's name -> the version that its alias leads to."""
    found = {}
    for function in functions():
        version = template["Resources"][alias(function)]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
        assert template["Resources"][version]["Properties"]["FunctionName"] == {"Ref": function.logical_id}
        found[function.name] = version
    return found


def test_the_same_bundle_and_stage_give_the_same_template() -> None:
    assert json.dumps(packaged(stage())) == json.dumps(packaged(stage()))


def test_another_bundle_gives_every_function_another_version() -> None:
    first, second = versions(packaged(stage(), "a" * 64)), versions(packaged(stage(), "b" * 64))
    assert not set(first.values()) & set(second.values())


def test_a_version_is_made_when_lambda_would_make_one_and_only_then() -> None:
    """Lambda refuses to publish what it has already, and reserved concurrency is no part of a version."""
    first = versions(packaged(stage()))
    assert versions(packaged(stage(reserve=False, log_days=7))) == first
    bigger = versions(packaged(stage(memory=2048)))
    assert {name for name in first if first[name] != bigger[name]} == {API}

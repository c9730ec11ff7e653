"""A role's policy as IAM judges it: the engine's own evaluator, by requests as DynamoDB gets them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from ministack.core.iam_actions import dynamodb_resource_arns, dynamodb_transaction_checks
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from deploy.stage import Stage
from deploy.template.grants import statements
from tests.deploy.sam import stage

ACCOUNT = "123456789012"
STAGE = stage("dev")


def arn(service: str, resource: str) -> str:
    """As the engine writes it: all of its regions are of one partition."""
    return f"arn:aws:{service}:{STAGE.region}:{ACCOUNT}:{resource}"


def rendered(of: Stage, name: str) -> list[dict[str, Any]]:
    """The statements of a function's role, as CloudFormation would leave them."""
    values = {"Partition": "aws", "Region": of.region, "AccountId": ACCOUNT}

    def text(value: Any) -> Any:
        if isinstance(value, list):
            return [text(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "Fn::GetAtt" in value:
            return arn("sqs", value["Fn::GetAtt"][0])
        found = value["Fn::Sub"]
        for known, meant in values.items():
            found = found.replace(f"${{AWS::{known}}}", meant)
        return found

    return [{name: text(value) for name, value in each.items()} for each in statements(of, name)]


@cache
def _policy(name: str) -> Any:
    return parse_policy_document({"Statement": rendered(STAGE, name)})


def may(name: str, action: str, *resources: str) -> bool:
    """Whether the function's role allows it on all of these."""
    return all(
        evaluate(
            EvalContext(f"role/{name}", "AssumedRole", ACCOUNT, action, each, STAGE.region), [_policy(name)]
        ).decision
        == "Allow"
        for each in resources
    )


def may_ask(name: str, operation: str, **sent: Any) -> bool:
    """Whether DynamoDB would take this request from the function."""
    body = json.dumps(sent).encode()
    action = f"dynamodb:{operation}"
    checks: Iterable[tuple[str, str]] = dynamodb_transaction_checks(action, body, STAGE.region, ACCOUNT)
    found = list(checks) or [(action, each) for each in dynamodb_resource_arns(body, STAGE.region, ACCOUNT)]
    assert found, "a request about no table"
    return all(may(name, *check) for check in found)

"""The template of each phase of a release: nothing that shoppers meet changes before the new version was checked.

A release lays the new versions beside the live ones, checks them, gives one a share of the traffic, and at the end is
the plain template of `finish`. Going back is the template of the release before. Both pass through `keeping`
and, when addresses change, through `answering`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from deploy.stage import API

from .functions import Function, functions
from .triggers import alias

Template = dict[str, Any]
MOST_OF_A_POLICY = 5500
ADDRESSES = ("AWS::ApiGateway::DomainName", "AWS::ApiGateway::BasePathMapping")
SHUT = "DisableExecuteApiEndpoint"
KEPT = "RetainExceptOnCreate"
"""The deletion policy of what refuses to be deleted: tables and logs. Versions have Retain: they may leave a stack."""


def keeping(template: Template, deployed: Template | None) -> Template:
    """With the tables and logs that only the deployed template has.

    They would outlive the stack anyway, and the next release that has them could not make them a second time.
    """
    found = copy.deepcopy(template)
    for name, resource in _resources(deployed).items():
        if resource.get("DeletionPolicy") == KEPT:
            found["Resources"].setdefault(name, copy.deepcopy(resource))
    return found


def answering(template: Template, former: Template) -> Template:
    """With every address at which `former` answers."""
    found = copy.deepcopy(template)
    _keep_addresses(found["Resources"], former["Resources"])
    return found


def shift(template: Template, live: Mapping[str, str | int], percent: int, before: Template | None) -> Template:
    """`template` (of `finish`) while the versions in `live` (function's logical id -> number) still serve.

    `percent` of the API's requests go to its new version; 0 lays and checks. `before` is the template deployed now:
    what it lets the live versions do and be reached by stays. Functions that are not in `live` get their new version
    and are not started by themselves yet. Raises nothing; pure.
    """
    found = keeping(template, before)
    resources, old = found["Resources"], _resources(before)
    for function in functions():
        if alias(function) not in resources:
            continue  # a release that is gone back to need not know every function of today
        if function.logical_id in live:
            _hold(resources, old, function, live[function.logical_id], percent)
        else:
            _silence(resources, function)
        _keep_statements(resources, old, function)
    _keep_versions(resources, old)
    _keep_paths(resources, old)
    _keep_addresses(resources, old)
    _let_new_tables_go(resources, old)
    return found


def _resources(template: Template | None) -> dict[str, Any]:
    return template["Resources"] if template else {}


def _hold(resources: Template, old: Template, function: Function, number: str | int, percent: int) -> None:
    properties = resources[alias(function)]["Properties"]
    new = properties["FunctionVersion"]
    if alias(function) in old and old[alias(function)]["Properties"]["FunctionVersion"] == new:
        return  # this release does not change it: Lambda refuses weights between a version and itself
    properties["FunctionVersion"] = str(number)
    if function.name == API and percent:
        weight = {"FunctionVersion": new, "FunctionWeight": percent / 100}
        properties["RoutingConfig"] = {"AdditionalVersionWeights": [weight]}


def _silence(resources: Template, function: Function) -> None:
    if function.schedule:
        resources[f"{function.logical_id}Schedule"]["Properties"]["State"] = "DISABLED"
    elif function.on_stream:
        resources[f"{function.logical_id}Source"]["Properties"]["Enabled"] = False


def _keep_statements(resources: Template, old: Template, function: Function) -> None:
    """Managed policies with what the live version may do and the new one need not. The role's own have no room for both
    where every table has another name. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    before = f"{function.role}Before"
    former = [*old.get(function.role, {}).get("Properties", {}).get("Policies", [])]
    former += [each["Properties"] for name, each in old.items() if name.startswith(before)]
    role = resources[function.role]["Properties"]
    missing: dict[tuple[str, str], list[str]] = {}
    for action, resource, condition in sorted(_allowed(former) - _allowed(role["Policies"])):
        missing.setdefault((resource, condition), []).append(action)
    together: dict[tuple[tuple[str, ...], str], list[Any]] = {}
    for (resource, condition), actions in missing.items():
        together.setdefault((tuple(actions), condition), []).append(json.loads(resource))
    statements = [
        {"Effect": "Allow", "Action": list(actions), "Resource": each, **json.loads(condition)}
        for (actions, condition), each in together.items()
    ]
    for number, some in enumerate(_portions(statements), 1):
        document = {"Version": "2012-10-17", "Statement": some}
        resources[f"{before}{number}"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
        role.setdefault("ManagedPolicyArns", []).append({"Ref": f"{before}{number}"})


def _portions(statements: list[Any]) -> list[list[Any]]:
    """Of which each fits into a managed policy: 6,144 characters, here with names longer than they come out."""
    portions: list[list[Any]] = []
    for statement in statements:
        if not portions or len(json.dumps([*portions[-1], statement])) > MOST_OF_A_POLICY:
            portions.append([])
        portions[-1].append(statement)
    return portions


def _allowed(policies: list[Any]) -> set[tuple[str, str, str]]:
    """Each action on each resource, with its condition."""
    return {
        (action, json.dumps(resource, sort_keys=True), json.dumps(condition, sort_keys=True))
        for each in policies
        for statement in each["PolicyDocument"]["Statement"]
        for condition in [{key: value for key, value in statement.items() if key == "Condition"}]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _keep_versions(resources: Template, old: Template) -> None:
    """A version that leaves the stack while it is live could not be taken in again: Lambda makes no second one of what
    it has. For the same reason a new version goes with the release that fails: deleted, not retained.
    """
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Version" and name not in old:
            resource["DeletionPolicy"] = "Delete"
    for name, resource in old.items():
        if resource["Type"] == "AWS::Lambda::Version" and resource["Properties"]["FunctionName"]["Ref"] in resources:
            resources[name] = copy.deepcopy(resource)


def _keep_paths(resources: Template, old: Template) -> None:
    """Routes that only the live version has."""
    if "RestAPI" not in old:
        return
    paths = resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    for path, methods in old["RestAPI"]["Properties"]["DefinitionBody"]["paths"].items():
        paths[path] = {**copy.deepcopy(methods), **paths.get(path, {})}


def _keep_addresses(resources: Template, old: Template) -> None:
    """Domains, and the API's own address."""
    for name, resource in old.items():
        if resource["Type"] in ADDRESSES:
            resources.setdefault(name, copy.deepcopy(resource))
    if "RestAPI" in old and not old["RestAPI"]["Properties"].get(SHUT):
        resources["RestAPI"]["Properties"][SHUT] = False


def _let_new_tables_go(resources: Template, old: Template) -> None:
    """A table that is being made is protected from the next phase on: until then, what fails can be rolled back."""
    for name, resource in resources.items():
        if resource["Type"] == "AWS::DynamoDB::Table" and name not in old:
            resource["Properties"]["DeletionProtectionEnabled"] = False

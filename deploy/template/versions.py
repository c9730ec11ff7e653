"""A version of every function for what it runs and how, and the alias `live` that all traffic goes through."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from deploy.stage import API, LIVE, Stage

from .functions import Function, functions
from .triggers import alias

UNVERSIONED = ("CodeUri", "Events", "FunctionName", "ReservedConcurrentExecutions", "Tags")
"""Lambda makes no second version when only these differ (the code's sha speaks for CodeUri)."""


def resources(sam: dict[str, Any], stage: Stage, sha256: str) -> dict[str, Any]:
    """Of the functions in `sam`, as they stand there. The same bundle and properties give the same ids."""
    found: dict[str, Any] = {}
    for function in functions():
        properties = sam["Resources"][function.logical_id]["Properties"]
        version = f"{function.logical_id}Version{digest(properties, sha256)}"
        found[version] = {
            "Type": "AWS::Lambda::Version",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"FunctionName": {"Ref": function.logical_id}},
        }
        found[alias(function)] = _alias(stage, function, version)
    return found


def digest(properties: dict[str, Any], sha256: str) -> str:
    """10 hex digits: what of the function becomes part of a version."""
    versioned = {name: value for name, value in properties.items() if name not in UNVERSIONED}
    return hashlib.sha256(f"{sha256}{json.dumps(versioned, sort_keys=True)}".encode()).hexdigest()[:10]


def _alias(stage: Stage, function: Function, version: str) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "FunctionName": {"Ref": function.logical_id},
        "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
        "Name": LIVE,
    }
    if function.name == API and stage.options.provisioned:
        properties["ProvisionedConcurrencyConfig"] = {"ProvisionedConcurrentExecutions": stage.options.provisioned}
    elif function.name == API:
        # Said and not left out: UpdateAlias keeps the weights of a canary that it is not told of, and then refuses the
        # version. https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
        properties["RoutingConfig"] = {"AdditionalVersionWeights": []}
    return {"Type": "AWS::Lambda::Alias", "Properties": properties}

"""The CloudFormation template: Chalice's functions and API in SAM, and all else in plain CloudFormation.

tables.py      tables from the models
functions.py   memory, time-out, environment, role and log of each function
grants.py      what each function's role may do
triggers.py    schedules, stream, the API's way in, queues for what failed
versions.py    a version of each function and the alias `live`
phases.py      the template of each phase of a release
edge.py        throttling, firewall, errors and domain of the API
firewall.py    who asks too often or too much
alarms.py      what is watched, and who is told; metrics.py and named.py: of what
dashboard.py   the figures on one page

Functions of dicts, no I/O. `chalice package --merge-template` merges `extras` into Chalice's template, `finish` makes
of that what is deployed, `shift`, `keeping` and `answering` what is deployed on the way there
and back.
"""

from __future__ import annotations

import copy
from typing import Any

from deploy.stage import Stage

from . import alarms, dashboard, edge, functions, tables, triggers, versions
from .phases import answering, keeping, shift

__all__ = ["answering", "extras", "finish", "keeping", "shift"]

PIECES = (functions, tables, triggers, alarms, dashboard, edge)


def extras(stage: Stage) -> dict[str, Any]:
    """To be merged into Chalice's template."""
    return {
        "Description": f"Jishi, a shop for WeChat mini-programs: {stage.name}",
        "Parameters": {
            "CodeBucket": {"Type": "String", "Description": "Holds bundles/<sha256>.zip"},
            **tables.parameters(stage),
        },
        "Resources": {name: found for piece in PIECES for name, found in piece.resources(stage).items()},
    }


def finish(sam: dict[str, Any], stage: Stage, sha256: str) -> dict[str, Any]:
    """Chalice's template with `extras` merged -> what is deployed with the bundle of this sha256."""
    template = copy.deepcopy(sam)
    resources = template["Resources"]
    for function in functions.functions():
        properties = resources[function.logical_id]["Properties"]
        properties["CodeUri"] = {"Bucket": {"Ref": "CodeBucket"}, "Key": f"bundles/{sha256}.zip"}
        properties.pop("Events", None)  # they would start $LATEST
    for methods in resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"].values():
        for method in methods.values():
            method["x-amazon-apigateway-integration"]["uri"] = triggers.integration(stage)
    # Without a version, SAM makes a second stage, `Stage`, open to all and past every limit and firewall:
    # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-api.html
    resources["RestAPI"]["Properties"]["OpenApiVersion"] = "2.0"
    resources |= versions.resources(template, stage, sha256)
    template["Outputs"] = _outputs(stage)
    edge.finish(template, stage)
    return template


def _outputs(stage: Stage) -> dict[str, Any]:
    """The API's address and id, and the ARN of each alias."""
    return {
        "ApiUrl": {"Value": functions.public_url(stage)},
        "RestAPIId": {"Value": {"Ref": "RestAPI"}},
        **{triggers.alias(each): {"Value": {"Ref": triggers.alias(each)}} for each in functions.functions()},
    }

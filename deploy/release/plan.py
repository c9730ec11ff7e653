"""Templates on the way from one release to the next, and what they say of themselves. Pure functions of dicts.

`deploy.template.shift` makes those of the first phases; what follows from them is here. Each template that is deployed
carries a mark, so that a process that comes after one that died knows where it is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.release import tables
from deploy.stage import API, Stage

Template = dict[str, Any]
MARK = "JishiRelease"
STARTED_BY = ("AWS::Lambda::Alias", "AWS::Events::Rule", "AWS::Lambda::EventSourceMapping")


@dataclass(frozen=True)
class Mark:
    """`phase` of the release that the stack is in; `live`: number of the release that serves, 0 before the first."""

    phase: str = ""
    live: int = 0


def marked(template: Template, mark: Mark) -> Template:
    metadata = {**template.get("Metadata", {}), MARK: {"Phase": mark.phase, "Live": mark.live}}
    return {**template, "Metadata": metadata}


def mark_of(template: Template | None) -> Mark:
    found = ((template or {}).get("Metadata") or {}).get(MARK) or {}
    return Mark(found.get("Phase", ""), found.get("Live", 0))


def plain(template: Template) -> Template:
    """Without the mark: what two deployments of the same have in common."""
    metadata = {key: value for key, value in template.get("Metadata", {}).items() if key != MARK}
    rest = {key: value for key, value in template.items() if key != "Metadata"}
    return {**rest, **({"Metadata": metadata} if metadata else {})}


def functions(template: Template) -> dict[str, str]:
    """Names in the account of all functions, by logical id."""
    return {
        key: found["Properties"]["FunctionName"]
        for key, found in template["Resources"].items()
        if found["Type"] == "AWS::Serverless::Function"
    }


def version_of(template: Template, function: str) -> str:
    """Logical id of the version that the alias of this function (a logical id) points to in a finished template."""
    return str(template["Resources"][f"{function}Live"]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0])


def logical_id(template: Template, stage: Stage, name: str) -> str:
    """Of a function, by Chalice's name. Raises KeyError."""
    return {found: key for key, found in functions(template).items()}[stage.function(name)]


def api_moves(laid: Template, target: Template, stage: Stage) -> bool:
    """Whether the release changes what HTTP requests run on, so that there is something to try on a few of them."""
    alias = f"{logical_id(target, stage, API)}Live"
    return bool(laid["Resources"][alias] != target["Resources"][alias])


def takes_weights(template: Template, stage: Stage) -> bool:
    """Whether the API's alias may share its traffic: Lambda refuses weights together with provisioned concurrency.

    https://github.com/hashicorp/terraform/issues/24957
    """
    alias = template["Resources"][f"{logical_id(template, stage, API)}Live"]
    return "ProvisionedConcurrencyConfig" not in alias["Properties"]


def closed(template: Template) -> bool:
    """Whether API Gateway turns every request away, as while data is restored."""
    settings = template["Resources"]["RestAPI"]["Properties"].get("MethodSettings", ())
    return any(each["HttpMethod"] == "*" and each["ThrottlingRateLimit"] == 0 for each in settings)


def cname(outputs: Mapping[str, str]) -> str:
    """What DNS must say, where the shop has a domain."""
    return f"A CNAME of its domain leads to {outputs['DomainTarget']}." if "DomainTarget" in outputs else ""


def meaning(phase: str, percent: int, minutes: int) -> str:
    """A phase for people: `percent` of the API's requests are the canary's, alarms are watched for `minutes`."""
    watched = f", watched for {minutes} minutes" if minutes else ""
    return {
        "laid": "new versions beside the live ones, no traffic to them",
        "canary": f"{percent} % of the API's requests to the new version{watched}",
        "live": f"all traffic to the new versions{watched}",
        "back": "all traffic to the versions that were live before",
    }.get(phase, "taking away what only the old versions needed")


def arrived(laid: Template, target: Template) -> Template:
    """Everything at the new versions and nothing taken away yet: runs that the old ones began may finish, and
    CloudFormation can still take it back without making anything anew.
    """
    moved = {key: found for key, found in target["Resources"].items() if found["Type"] in STARTED_BY}
    return {**laid, "Resources": {**laid["Resources"], **moved}}


def with_tables(template: Template, deployed: Template) -> Template:
    """With the tables as they are deployed. Data goes forward only: a release that is brought back finds tables and
    indexes that it does not know, and does not mind them; taking them away would break the code that is still live.
    """
    found = copy.deepcopy(template)
    for key, resource in deployed["Resources"].items():
        if resource["Type"] == tables.TYPE:
            found["Resources"][key] = copy.deepcopy(resource)
    return found


def alarms(template: Template, ids: Iterable[str]) -> dict[str, str]:
    """Types of those alarms that the template has, by the alarm's name."""
    found = {key: template["Resources"][key] for key in ids if key in template["Resources"]}
    return {each["Properties"]["AlarmName"]: each["Type"] for each in found.values()}


def alarm_arns(names: Mapping[str, str], stage: Stage, account: str) -> dict[str, str]:
    return {f"arn:{stage.partition}:cloudwatch:{stage.region}:{account}:alarm:{n}": kind for n, kind in names.items()}

"""What each function may use, and what Chalice's function resources get from us.

Chalice makes the functions from app.py; a new one needs its line in SIZES.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalice.utils import to_cfn_resource_name

from deploy.stage import API, Stage

from . import grants


@dataclass(frozen=True)
class Size:
    """Time-outs of schedules stay below their period, so that runs of one job cannot overlap."""

    seconds: int
    memory: int = 512
    """MB; CPU grows with it."""
    alone: bool = True
    """One instance at a time."""
    scratch: int = 0
    """MB under /tmp; 0 for Lambda's own 512."""


SIZES: Mapping[str, Size] = {
    API: Size(29, alone=False),  # API Gateway waits no longer; its memory is an option of the stage
    "close_unpaid": Size(50),
    "advance_refunds": Size(50),
    "finish_effects": Size(50),
    "upload_shipping": Size(50),
    "move_groups_on": Size(50),
    "move_cases_on": Size(270),
    "remind_of_coupons": Size(270),
    "expire_coupons": Size(270),
    "receive_orders": Size(540),
    "finish_orders": Size(540),
    "alarm_unsent": Size(540),
    "track_parcels": Size(540),
    "retry_refused_uploads": Size(900),
    "reconcile": Size(900, memory=1024, scratch=1024),  # a bill of a million rows takes 330 MB of scratch
    "refresh_certificates": Size(60),
    "on_order_change": Size(60, alone=False),
    "check_release": Size(120, alone=False),
}

API_ADDRESS = {"Fn::Sub": "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/api"}
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Function:
    name: str
    """Chalice's."""
    schedule: str = ""
    """`rate(5 minutes)`, or empty."""
    on_stream: bool = False

    @property
    def logical_id(self) -> str:
        return "APIHandler" if self.name == API else to_cfn_resource_name(self.name)

    @property
    def role(self) -> str:
        return f"{to_cfn_resource_name(self.name)}Role"

    @property
    def period(self) -> int:
        """Seconds between two runs. Raises ValueError for a schedule that is no rate."""
        if not self.schedule.startswith("rate("):
            raise ValueError(f"{self.name}: only rates are known here, not {self.schedule!r}")
        count, unit = self.schedule.removeprefix("rate(").removesuffix(")").split()
        return int(count) * _UNITS[unit.rstrip("s")]


def functions() -> list[Function]:
    """Every function of the app, the HTTP function first."""
    from app import app

    found = [Function(API)]
    for source in app.event_sources:
        rate = getattr(source, "schedule_expression", None)
        found.append(Function(source.name, rate.to_string() if rate else "", on_stream=not rate))
    return found + [Function(each.name) for each in app.pure_lambda_functions]


def resources(stage: Stage) -> dict[str, Any]:
    """What is merged into Chalice's functions, with the role and the log group of each."""
    found: dict[str, Any] = {}
    for function in functions():
        found |= {
            function.logical_id: {
                # The function may write to its log group and not make one: without this, its first lines were lost.
                "DependsOn": [f"{function.logical_id}Log"],
                "Properties": _properties(stage, function),
            },
            function.role: _role(stage, function),
            f"{function.logical_id}Log": _log(stage, function),
        }
    return found


def _properties(stage: Stage, function: Function) -> dict[str, Any]:
    size = SIZES[function.name]
    is_api = function.name == API
    reserved = stage.options.api_concurrency if is_api else int(size.alone and stage.options.reserve)
    properties: dict[str, Any] = {
        "FunctionName": stage.function(function.name),
        "Role": {"Fn::GetAtt": [function.role, "Arn"]},
        "MemorySize": stage.options.memory if is_api else size.memory,
        "Timeout": size.seconds,
        "Architectures": [stage.options.architecture],
        "Environment": {"Variables": stage.variables(API_ADDRESS)},
    }
    if not stage.in_china:  # https://docs.amazonaws.cn/en_us/aws/latest/userguide/lambda.html: X-Ray takes none there
        properties["Tracing"] = "Active"
    if size.scratch:
        properties["EphemeralStorage"] = {"Size": size.scratch}
    if reserved:
        properties["ReservedConcurrentExecutions"] = reserved
    return properties


def public_url(stage: Stage) -> Any:
    return stage.url(API_ADDRESS)


def _role(stage: Stage, function: Function) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [policy("now", grants.statements(stage, function.name))],
        },
    }


def policy(name: str, statements: list[Any]) -> dict[str, Any]:
    return {"PolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}


def _log(stage: Stage, function: Function) -> dict[str, Any]:
    return {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "RetainExceptOnCreate" if stage.options.keep else "Delete",
        "UpdateReplacePolicy": "Retain" if stage.options.keep else "Delete",
        "Properties": {
            "LogGroupName": f"/aws/lambda/{stage.function(function.name)}",
            "RetentionInDays": stage.options.log_days,
        },
    }

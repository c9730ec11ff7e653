"""The way in: what API Gateway lets through, how fast, what it logs, and how it refuses.

API Gateway's own limits come after ours: a body of more than web.edge.MOST_BYTES is refused by the firewall (by its
Content-Length) and by the shop; only what Lambda (6 MB) or API Gateway (10 MB) would not carry is refused by them.
CORS: nowhere. wx.request is no browser's, and staff work in the mini-program too.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from chalicelib.kernel.errors import Forbidden, Invalid, NotFound, ShopError, TooMany, Unavailable
from chalicelib.web.edge import MOST_BYTES
from chalicelib.web.errors import BodyTooLarge, UnsupportedMediaType, error_answer
from chalicelib.web.headers import SAFE
from deploy.stage import Stage

from . import firewall

API = "RestAPI"
ACCESS_LOG = "AccessLog"
SIX_MONTHS = 365
"""Days; CloudWatch knows 180, which is less than six months, and then 365."""

UNLIMITED = -1.0
FREE = {"ThrottlingRateLimit": 10_000, "ThrottlingBurstLimit": 5_000}
"""An account's own limits in a region, unless raised. CloudFormation takes no -1, API Gateway's word for no limit."""
LIMITS = (
    ("*", "/wechat/.*", UNLIMITED),
    ("*", "/staff/.*", 0.1),
    ("POST", "/login", 0.2),  # asks WeChat
    ("POST", "/orders", 0.2),
    ("POST", r"/orders/{order_id}/(payment|payment/native|payment/check|cancel|aftersales)", 0.2),
    ("POST", r"/coupon-templates/{template_id}/claim", 0.2),
    ("POST", r"/bargain/launches(/{launch_id}/cuts)?", 0.2),
    ("POST", "/me/phone", 0.05),
    ("POST", "/addresses/parse", 0.05),  # much CPU
    ("GET", r"/groupbuy/teams/{team_id}/code", 0.05),  # WeChat draws a picture
)
"""Method, path, share of the stage's requests_per_second and burst. All other routes have the whole of it."""

ACCESS = {
    "request_id": "$context.requestId",
    "at": "$context.requestTimeEpoch",
    "address": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "refused": "$context.error.responseType",
    "firewall": "$context.wafResponseCode",
    "trace": "$context.xrayTraceId",
    "ms": "$context.responseLatency",
    "bytes": "$context.responseLength",
}
"""A line for each request. Route and not path: no id of anybody's. No query, token, member or agent.

The address is personal data and is kept all the same: the Cybersecurity Law (网络安全法) wants network logs kept for
six months, and one without addresses tells nothing of an attack. API Gateway cannot hash it, and four billion hashes
are quickly undone. The function logs hold none.
"""

REFUSALS: dict[str, tuple[ShopError, int | None]] = {
    "THROTTLED": (TooMany(), 429),
    "REQUEST_TOO_LARGE": (BodyTooLarge(limit=MOST_BYTES), 413),
    "UNSUPPORTED_MEDIA_TYPE": (UnsupportedMediaType(), 415),
    "WAF_FILTERED": (Forbidden(), 403),
    "MISSING_AUTHENTICATION_TOKEN": (NotFound(), 404),  # API Gateway's word for a route that is not there
    "RESOURCE_NOT_FOUND": (NotFound(), 404),
    "DEFAULT_4XX": (Invalid(), None),
    "DEFAULT_5XX": (Unavailable(), 503),  # the function died, is out of time or of instances: the same call may succeed
}
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html"""


def resources(stage: Stage) -> dict[str, Any]:
    return {
        **_logging(stage),
        **(_domain(stage) if stage.options.domain else {}),
        **(firewall.resources(stage) if stage.options.firewall else {}),
    }


def finish(template: dict[str, Any], stage: Stage) -> None:
    """Changes Chalice's API in place, and adds outputs for the domain's DNS record."""
    api = template["Resources"][API]
    body = api["Properties"]["DefinitionBody"]
    body["info"]["title"] = stage.stack  # the name in metrics, which stages of one account would share
    body.pop("x-amazon-apigateway-binary-media-types", None)  # no route takes or answers bytes
    body["x-amazon-apigateway-gateway-responses"] = {name: _refusal(*REFUSALS[name]) for name in REFUSALS}
    api["DependsOn"] = "ApiGatewayAccount"
    api["Properties"] |= {
        "Name": stage.stack,
        "TracingEnabled": True,
        "MinimumCompressionSize": 1024,
        "MethodSettings": throttles(stage, body["paths"]),
        "AccessLogSetting": {"DestinationArn": _access_log_arn(), "Format": access_format()},
        "DisableExecuteApiEndpoint": bool(stage.options.domain),  # left out, it would stay as it was
    }
    if stage.options.domain:
        domain = domain_id(stage.options.domain)
        template.setdefault("Outputs", {}).update(
            {
                "DomainTarget": {"Value": {"Fn::GetAtt": [domain, "RegionalDomainName"]}},
                "DomainZone": {"Value": {"Fn::GetAtt": [domain, "RegionalHostedZoneId"]}},
            }
        )


def throttles(stage: Stage, paths: dict[str, Any]) -> list[dict[str, Any]]:
    """MethodSettings: one for all, and one for each route with a share of its own.

    API Gateway holds the first for each route by itself, all callers together. Callbacks have what the account has in
    the region, which all its APIs share: so WeChat is refused only if everybody is.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html

    A stage of 0 requests a second is closed, to WeChat too, which comes again for a day.

    No detailed metrics: they are charged for each route, and the stage's own and the access log say what is watched.
    """
    found = [_throttle(stage, "/*", "*", 1.0)]
    if not stage.options.requests_per_second:
        return found
    for path, methods in sorted(paths.items()):
        for method in sorted(methods):
            share = _share(method.upper(), path)
            if share is not None:
                found.append(_throttle(stage, "/" + path.replace("/", "~1"), method.upper(), share))
    return found


def _share(method: str, path: str) -> float | None:
    return next(
        (share for of, like, share in LIMITS if of in ("*", method) and re.fullmatch(_literal(like), path)), None
    )


def _literal(like: str) -> str:
    return like.replace("{", r"\{").replace("}", r"\}")


def _throttle(stage: Stage, path: str, method: str, share: float) -> dict[str, Any]:
    rate, burst = stage.options.requests_per_second, stage.options.burst
    limits = {
        "ThrottlingRateLimit": _limit(rate, share),
        "ThrottlingBurstLimit": _limit(burst if rate else 0, share),
    }
    return {
        "ResourcePath": path,
        "HttpMethod": method,
        **(FREE if share == UNLIMITED else limits),
        "MetricsEnabled": False,
        "DataTraceEnabled": False,
        "LoggingLevel": "OFF",
    }


def _limit(whole: int, share: float) -> int:
    return max(1, round(whole * share)) if whole else 0


def access_format() -> str:
    """One line of JSON. What API Gateway does not know is a bare dash, so only the status is a number."""
    return json.dumps(ACCESS, separators=(",", ":"))[:-1] + ',"status":$context.status}'


def _refusal(error: ShopError, status: int | None) -> dict[str, Any]:
    """In the shop's form. ASCII, so that no part of the way can break the words.

    Content-Security-Policy stays out: its value holds quotes, which a static value of API Gateway cannot.
    """
    answer = json.loads(error_answer(error, "$context.requestId")[1])
    headers = {name: f"'{value}'" for name, value in SAFE.items() if "'" not in value}
    headers |= {"X-Request-Id": "context.requestId", "Cache-Control": "'no-store'"}
    if status in (429, 503):
        headers["Retry-After"] = "'1'"
    return {
        **({"statusCode": str(status)} if status else {}),
        "responseParameters": {f"gatewayresponse.header.{name}": value for name, value in headers.items()},
        "responseTemplates": {"application/json": json.dumps(answer)},
    }


def _logging(stage: Stage) -> dict[str, Any]:
    """The role by which API Gateway writes logs is one for the account and region, so it outlives the stack: other
    stages would fall silent.
    """
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    trust = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    managed = "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    role = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "ManagedPolicyArns": [{"Fn::Sub": managed}],
    }
    days = max(stage.options.log_days, SIX_MONTHS) if stage.in_china else stage.options.log_days
    return {
        "ApiGatewayLogRole": {"Type": "AWS::IAM::Role", **kept, "Properties": role},
        "ApiGatewayAccount": {
            "Type": "AWS::ApiGateway::Account",
            **kept,
            "Properties": {"CloudWatchRoleArn": {"Fn::GetAtt": ["ApiGatewayLogRole", "Arn"]}},
        },
        ACCESS_LOG: log_group(stage, f"/jishi/{stage.name}/access", days),
    }


def log_group(stage: Stage, name: str, days: int) -> dict[str, Any]:
    kept = stage.options.keep
    return {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "RetainExceptOnCreate" if kept else "Delete",
        "UpdateReplacePolicy": "Retain" if kept else "Delete",
        "Properties": {"LogGroupName": name, "RetentionInDays": days},
    }


def _access_log_arn() -> dict[str, str]:
    where = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}"
    return {"Fn::Sub": f"{where}:log-group:${{{ACCESS_LOG}}}"}


def domain_id(domain: str) -> str:
    """Logical id; of each domain another, so that an old one can go on answering beside the new one."""
    return f"ApiDomain{hashlib.sha256(domain.encode()).hexdigest()[:10]}"


def _domain(stage: Stage) -> dict[str, Any]:
    """With it, the API's own address answers nothing, so WeChat's callbacks must name the domain."""
    name = domain_id(stage.options.domain)
    domain = {
        "DomainName": stage.options.domain,
        "RegionalCertificateArn": stage.options.certificate,
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
        "SecurityPolicy": "TLS_1_2",
    }
    mapping = {"DomainName": {"Ref": name}, "RestApiId": {"Ref": API}, "Stage": {"Ref": f"{API}.Stage"}}
    return {
        name: {"Type": "AWS::ApiGateway::DomainName", "Properties": domain},
        f"{name}Mapping": {"Type": "AWS::ApiGateway::BasePathMapping", "Properties": mapping},
    }

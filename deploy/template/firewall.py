"""The firewall before the API: rates by address, and what no client of the shop ever sends.

WeChat's callbacks pass all of it: they come from few addresses, in bursts, and the shop itself believes only what is
signed. Whoever is stopped hears of it in the shop's form; the managed rules answer through API Gateway's WAF_FILTERED.

https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
"""

from __future__ import annotations

import json
from typing import Any

from chalicelib.kernel.errors import ShopError, TooMany
from chalicelib.web.edge import MOST_BYTES
from chalicelib.web.errors import BodyTooLarge, error_answer
from chalicelib.web.headers import SAFE
from deploy.stage import Stage

CALLBACKS = "^(?:/api)?/wechat/(?:pay/notify|push)$"
"""With the stage in front, and without it at the shop's own domain."""
TOO_LARGE = "^(?:6553[7-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4}|[0-9]{6,})$"
"""A Content-Length above MOST_BYTES. The header and not the body: WAF reads 16 KB of that, and charges for more."""
LEAST_IN_CHINA = 100
"""https://docs.amazonaws.cn/en_us/waf/latest/developerguide/waf-rule-statement-type-rate-based-high-level-settings.html"""

COUNTED = (
    "SizeRestrictions_BODY",
    "EC2MetaDataSSRF_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "CrossSiteScripting_BODY",
)
"""Of the common rules, those on bodies count and stop nobody. Bodies hold what people write (remarks, reasons,
addresses), up to 64 KB where the rule allows 8; each is parsed strictly, never becomes HTML, and a shopper whose order
is refused for its words could not be told why. Paths and queries hold only ids and cursors: there, the rules stop.
"""


def resources(stage: Stage) -> dict[str, Any]:
    rules = [_size(), _by_address(stage), _managed("AWSManagedRulesKnownBadInputsRuleSet"), _common()]
    acl = {
        "Name": stage.stack,
        "Scope": "REGIONAL",
        "DefaultAction": {"Allow": {}},
        "CustomResponseBodies": {
            "TooMany": _body(TooMany()),
            "TooLarge": _body(BodyTooLarge(limit=MOST_BYTES)),
        },
        "Rules": [{**rule, "Priority": n} for n, rule in enumerate(rules)],
        "VisibilityConfig": _visible(stage.stack),
    }
    stage_of_api = "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${RestAPI}/stages/${RestAPI.Stage}"
    return {
        "Firewall": {"Type": "AWS::WAFv2::WebACL", "Properties": acl},
        "FirewallOfApi": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "Properties": {"ResourceArn": {"Fn::Sub": stage_of_api}, "WebACLArn": {"Fn::GetAtt": ["Firewall", "Arn"]}},
        },
        **_logging(stage),
    }


def _size() -> dict[str, Any]:
    large = _regex(TOO_LARGE, {"SingleHeader": {"Name": "content-length"}})
    statement = {"AndStatement": {"Statements": [_not_callbacks(), large]}}
    return _rule("TooLarge", statement, "TooLarge", 413)


def _by_address(stage: Stage) -> dict[str, Any]:
    """Requests in five minutes. How often a member may ask is counted by the shop (JISHI_REQUESTS_PER_MEMBER): WAF's
    rates by header do not exist in China.
    https://aws.amazon.com/about-aws/whats-new/2025/05/aws-waf-enhanced-rate-based-rules-feature-across-multiple-regions
    """
    return _rate("ByAddress", {"Limit": _least(stage, stage.options.requests_per_address), "AggregateKeyType": "IP"})


def _least(stage: Stage, limit: int) -> int:
    return max(limit, LEAST_IN_CHINA) if stage.in_china else limit


def _rate(name: str, rate: dict[str, Any]) -> dict[str, Any]:
    return _rule(name, {"RateBasedStatement": {**rate, "ScopeDownStatement": _not_callbacks()}}, "TooMany", 429)


def _common() -> dict[str, Any]:
    overrides = [{"Name": name, "ActionToUse": {"Count": {}}} for name in COUNTED]
    return _managed("AWSManagedRulesCommonRuleSet", RuleActionOverrides=overrides)


def _managed(name: str, **more: Any) -> dict[str, Any]:
    group = {"VendorName": "AWS", "Name": name, "ScopeDownStatement": _not_callbacks(), **more}
    return {
        "Name": name,
        "Statement": {"ManagedRuleGroupStatement": group},
        "OverrideAction": {"None": {}},
        "VisibilityConfig": _visible(name),
    }


def _rule(name: str, statement: dict[str, Any], body: str, status: int) -> dict[str, Any]:
    headers = {**SAFE, "Cache-Control": "no-store", **({"Retry-After": "300"} if status == 429 else {})}
    response = {
        "ResponseCode": status,
        "CustomResponseBodyKey": body,
        "ResponseHeaders": [{"Name": key, "Value": value} for key, value in headers.items()],
    }
    return {
        "Name": name,
        "Statement": statement,
        "Action": {"Block": {"CustomResponse": response}},
        "VisibilityConfig": _visible(name),
    }


def _not_callbacks() -> dict[str, Any]:
    return {"NotStatement": {"Statement": _regex(CALLBACKS, {"UriPath": {}})}}


def _regex(pattern: str, field: dict[str, Any]) -> dict[str, Any]:
    plain = [{"Priority": 0, "Type": "NONE"}]
    return {"RegexMatchStatement": {"RegexString": pattern, "FieldToMatch": field, "TextTransformations": plain}}


def _body(error: ShopError) -> dict[str, str]:
    """WAF knows no request id."""
    answer = json.loads(error_answer(error, "")[1])
    return {"ContentType": "APPLICATION_JSON", "Content": json.dumps(answer)}


def _visible(name: str) -> dict[str, Any]:
    return {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": True, "MetricName": name}


def _logging(stage: Stage) -> dict[str, Any]:
    """Only what was stopped or counted, without tokens and queries. WAF wants the log's name to begin like this."""
    arn = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${FirewallLog}"
    kept = [{"ActionCondition": {"Action": action}} for action in ("BLOCK", "COUNT", "EXCLUDED_AS_COUNT")]
    return {
        "FirewallLog": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "LogGroupName": f"aws-waf-logs-{stage.stack}",
                "RetentionInDays": stage.options.log_days,
            },
        },
        "FirewallLogging": {
            "Type": "AWS::WAFv2::LoggingConfiguration",
            "Properties": {
                "ResourceArn": {"Fn::GetAtt": ["Firewall", "Arn"]},
                "LogDestinationConfigs": [{"Fn::Sub": arn}],
                "LoggingFilter": {
                    "DefaultBehavior": "DROP",
                    "Filters": [{"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": kept}],
                },
                "RedactedFields": [{"SingleHeader": {"Name": "authorization"}}, {"QueryString": {}}],
            },
        },
    }

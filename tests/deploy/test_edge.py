"""The way in: who is held to what, what is written down, how refusals look, what the firewall stops."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from app import app
from chalicelib.web.edge import MOST_BYTES
from chalicelib.web.errors import ErrorAnswer
from chalicelib.web.headers import SAFE
from deploy.template import edge, firewall
from tests.contract import contract
from tests.deploy.sam import packaged, stage

ROUTES = {(method, path) for path, methods in app.routes.items() for method in methods}
CALLBACKS = {(method, path) for method, path in ROUTES if path.startswith("/wechat/")}
ABROAD = "us-east-1"
DOMAIN = {"domain": "api.example.cn", "certificate": "arn:aws-cn:acm:cn-north-1:123456789012:certificate/c"}


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    found: dict[str, Any] = packaged(stage())["Resources"]
    return found


@pytest.fixture(scope="module")
def api(resources: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = resources["RestAPI"]["Properties"]
    return found


def settings(api: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By method and path as app.py has it."""
    return {
        (each["HttpMethod"], each["ResourcePath"].replace("/~1", "/").replace("~1", "/")): each
        for each in api["MethodSettings"]
    }


def test_every_route_is_held_to_the_stages_rate_dear_ones_to_less_and_callbacks_to_none(api: dict[str, Any]) -> None:
    found = settings(api)
    everybody = found.pop(("*", "/*"))
    assert (everybody["ThrottlingRateLimit"], everybody["ThrottlingBurstLimit"]) == (500, 1000)
    assert set(found) <= ROUTES
    free = {route for route, each in found.items() if each["ThrottlingRateLimit"] == 10_000}
    assert free == CALLBACKS
    assert all(found[route]["ThrottlingBurstLimit"] == 5_000 for route in free)
    for route in set(found) - free:
        assert 1 <= found[route]["ThrottlingRateLimit"] <= 100, route
        assert 1 <= found[route]["ThrottlingBurstLimit"] <= 200, route
    assert {("POST", "/login"), ("POST", "/orders"), ("POST", "/orders/{order_id}/payment")} <= set(found)
    assert {route for route in ROUTES if route[1].startswith("/staff/")} <= set(found)


def test_every_line_of_the_limits_is_of_a_route() -> None:
    for limit in edge.LIMITS:
        assert [route for route in ROUTES if edge._share(*route) == limit[2] and of(limit, route)], limit


def of(limit: tuple[str, str, float], route: tuple[str, str]) -> bool:
    return limit[0] in ("*", route[0]) and bool(re.fullmatch(edge._literal(limit[1]), route[1]))


def test_even_the_smallest_stage_lets_a_request_through() -> None:
    small = packaged(stage(requests_per_second=1, burst=1))["Resources"]["RestAPI"]["Properties"]
    assert {each["ThrottlingRateLimit"] for each in small["MethodSettings"]} == {1, 10_000}


def test_a_stage_of_no_requests_is_closed_to_everybody() -> None:
    closed = packaged(stage(requests_per_second=0))["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    (limits,) = ((each["ThrottlingRateLimit"], each["ThrottlingBurstLimit"]) for each in closed)
    assert limits == (0, 0)


def test_a_path_in_the_settings_is_written_as_api_gateway_wants_it(api: dict[str, Any]) -> None:
    paths = {each["ResourcePath"] for each in api["MethodSettings"]} - {"/*"}
    assert "/~1orders~1{order_id}~1payment" in paths
    assert not [path for path in paths if "/" in path[1:] or not path.startswith("/~1")]


def test_nothing_is_charged_by_route_and_no_body_is_logged(api: dict[str, Any]) -> None:
    assert {each["MetricsEnabled"] for each in api["MethodSettings"]} == {False}
    assert {each["DataTraceEnabled"] for each in api["MethodSettings"]} == {False}
    assert {each["LoggingLevel"] for each in api["MethodSettings"]} == {"OFF"}


def test_the_access_log_is_json_whatever_api_gateway_knows_and_tells_nothing_of_whom(api: dict[str, Any]) -> None:
    shape = api["AccessLogSetting"]["Format"]
    line = json.loads(re.sub(r"\$context[\w.]+", lambda found: {"$context.status": "403"}.get(found[0], "-"), shape))
    assert (line["status"], line["ms"], line["route"]) == (403, "-", "-")
    assert "\n" not in shape
    forbidden = r"authorizer|path\b|querystring|header|userAgent|user\b|caller|error\.message"
    assert not re.search(forbidden, shape.replace("resourcePath", "route"), re.IGNORECASE)


def test_the_access_log_is_kept_for_six_months_where_the_law_wants_it() -> None:
    def days(region: str, **options: Any) -> int:
        log = packaged(stage(region=region, **options))["Resources"]["AccessLog"]["Properties"]
        return int(log["RetentionInDays"])

    assert days("cn-north-1") >= 184
    assert days("cn-northwest-1", log_days=731) == 731
    assert days(ABROAD) == 30


def test_api_gateway_may_write_logs_before_it_must_and_after_the_stack_is_gone(resources: dict[str, Any]) -> None:
    assert resources["RestAPI"]["DependsOn"] == "ApiGatewayAccount"
    for name in ("ApiGatewayAccount", "ApiGatewayLogRole"):
        assert resources[name]["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize("kind", edge.REFUSALS)
def test_api_gateway_refuses_in_the_shops_form_with_a_code_of_the_contract(api: dict[str, Any], kind: str) -> None:
    refusal = api["DefinitionBody"]["x-amazon-apigateway-gateway-responses"][kind]
    body = json.loads(refusal["responseTemplates"]["application/json"])
    assert set(body) == set(ErrorAnswer.__struct_fields__)
    assert body["request_id"] == "$context.requestId"
    row = re.search(rf"^\| `{body['code']}` \| (\d+) \| {body['message']} ", described(), re.MULTILINE)
    assert row, body
    assert refusal.get("statusCode", row[1]) == row[1]
    assert refusal["responseTemplates"]["application/json"].isascii()


def described() -> str:
    return str(contract()["info"]["description"])


def test_api_gateways_refusals_carry_the_headers_that_it_can_write(api: dict[str, Any]) -> None:
    for kind, refusal in api["DefinitionBody"]["x-amazon-apigateway-gateway-responses"].items():
        headers = {name.rpartition(".")[2]: value for name, value in refusal["responseParameters"].items()}
        assert headers.pop("X-Request-Id") == "context.requestId"
        assert all(re.fullmatch(r"'[^']*'", value) for value in headers.values()), kind
        assert set(SAFE) - set(headers) == {"Content-Security-Policy"}
        assert ("Retry-After" in headers) == (refusal.get("statusCode") in ("429", "503")), kind


def test_bodies_are_text_both_ways_and_long_answers_are_packed(api: dict[str, Any]) -> None:
    assert "x-amazon-apigateway-binary-media-types" not in api["DefinitionBody"]
    assert "BinaryMediaTypes" not in api
    assert api["MinimumCompressionSize"] == 1024
    assert api["TracingEnabled"] is True


def test_nothing_in_the_template_speaks_cors(api: dict[str, Any]) -> None:
    assert not [path for path, methods in api["DefinitionBody"]["paths"].items() if "options" in methods]
    assert "Access-Control" not in json.dumps(api)
    assert "Cors" not in api


def test_the_api_has_the_stages_name_so_that_stages_do_not_share_figures(api: dict[str, Any]) -> None:
    assert (api["Name"], api["DefinitionBody"]["info"]["title"]) == ("jishi-dev", "jishi-dev")


def test_a_domain_is_the_only_way_in_where_there_is_one_from_the_start(api: dict[str, Any]) -> None:
    template = packaged(stage(**DOMAIN))
    name = edge.domain_id("api.example.cn")
    domain = template["Resources"][name]["Properties"]
    assert (domain["DomainName"], domain["SecurityPolicy"]) == ("api.example.cn", "TLS_1_2")
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert "BasePath" not in template["Resources"][f"{name}Mapping"]["Properties"]
    assert template["Resources"]["RestAPI"]["Properties"]["DisableExecuteApiEndpoint"] is True
    assert {"DomainTarget", "DomainZone", "ApiUrl"} <= set(template["Outputs"])
    assert template["Outputs"]["DomainTarget"]["Value"]["Fn::GetAtt"][0] == name
    assert api["DisableExecuteApiEndpoint"] is False, "said, since what is left out of an API stays as it was"


def rules(region: str = "cn-north-1", **options: Any) -> dict[str, dict[str, Any]]:
    found = firewall.resources(stage(region=region, **options))["Firewall"]["Properties"]["Rules"]
    assert [each["Priority"] for each in found] == list(range(len(found)))
    return {each["Name"]: each for each in found}


def holds(statement: dict[str, Any], path: str, headers: dict[str, str]) -> bool:
    """What WAF makes of those kinds of statements that the shop's own rules have."""
    ((kind, inner),) = statement.items()
    if kind == "NotStatement":
        return not holds(inner["Statement"], path, headers)
    if kind == "AndStatement":
        return all(holds(each, path, headers) for each in inner["Statements"])
    field = inner["FieldToMatch"]
    seen = path if "UriPath" in field else headers.get(field["SingleHeader"]["Name"], "")
    return bool(re.search(inner["RegexString"], seen))


@pytest.mark.parametrize(
    "size", [0, 1, 9999, 59999, 65535, 65536, 65537, 65540, 65600, 66000, 70000, 99999, 10**5, 10**9]
)
def test_the_firewall_stops_just_what_the_shop_would_find_too_large(size: int) -> None:
    statement = rules()["TooLarge"]["Statement"]
    assert holds(statement, "/api/orders", {"content-length": str(size)}) == (size > MOST_BYTES)
    assert not holds(statement, "/api/wechat/pay/notify", {"content-length": str(size)})


def test_every_rule_lets_callbacks_pass_and_nobody_else() -> None:
    for rule in rules(ABROAD).values():
        ((kind, inner),) = rule["Statement"].items()
        scope = inner["Statements"][0] if kind == "AndStatement" else inner["ScopeDownStatement"]
        for _, path in ROUTES:
            for prefix in ("", "/api"):
                assert holds(scope, prefix + path, {}) == (not path.startswith("/wechat/")), (rule["Name"], path)
        for forged in ("/wechat/push/..", "/api/orders/wechat/push", "/wechat/pay/notify/", "/x/api/wechat/push"):
            assert holds(scope, forged, {}), forged


def test_addresses_are_held_to_a_rate_that_the_region_takes() -> None:
    limits = [
        rules(region, requests_per_address=limit)["ByAddress"]["Statement"]["RateBasedStatement"]["Limit"]
        for region, limit in ((ABROAD, 20), ("cn-north-1", 20), ("cn-north-1", 888))
    ]
    assert limits == [20, 100, 888]


def test_who_is_stopped_hears_of_it_in_the_shops_form() -> None:
    acl = firewall.resources(stage(region=ABROAD))["Firewall"]["Properties"]
    for rule in acl["Rules"]:
        if "Action" not in rule:
            continue  # answers through API Gateway's WAF_FILTERED
        response = rule["Action"]["Block"]["CustomResponse"]
        body = json.loads(acl["CustomResponseBodies"][response["CustomResponseBodyKey"]]["Content"])
        assert set(body) == set(ErrorAnswer.__struct_fields__)
        assert f"| `{body['code']}` | {response['ResponseCode']} | {body['message']} " in described()
        headers = {each["Name"]: each["Value"] for each in response["ResponseHeaders"]}
        assert SAFE.items() <= headers.items()
        assert len(headers) <= 10


def test_words_in_bodies_are_counted_and_stop_nobody() -> None:
    common = rules()["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]
    overrides = {each["Name"]: each["ActionToUse"] for each in common["RuleActionOverrides"]}
    assert overrides == {name: {"Count": {}} for name in firewall.COUNTED}
    assert all(name.endswith("_BODY") for name in overrides)


def test_the_firewalls_log_holds_no_token() -> None:
    logging = firewall.resources(stage())["FirewallLogging"]["Properties"]
    assert {"SingleHeader": {"Name": "authorization"}} in logging["RedactedFields"]
    assert {"QueryString": {}} in logging["RedactedFields"]
    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"


def test_without_a_firewall_there_is_none() -> None:
    found = packaged(stage(firewall=False))["Resources"]
    assert not [name for name, each in found.items() if each["Type"].startswith("AWS::WAF")]

"""What is counted out of log lines: lines as the shop, Lambda and API Gateway write them, against the filters."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from chalicelib.log import logger
from deploy.template import metrics
from deploy.template.edge import access_format
from deploy.template.functions import functions
from tests.deploy.sam import stage

ROOT = Path(__file__).parents[2]
FILTERS = [each["Properties"] for each in metrics.resources(stage()).values()]


def counts(pattern: str, line: str) -> bool:
    """What CloudWatch makes of those kinds of patterns that the template has."""
    if not pattern.startswith("{"):
        return any(term in line for term in re.findall(r'\?"([^"]+)"', pattern))
    try:
        fields = json.loads(line)
    except ValueError:
        return False

    def one(found: re.Match[str]) -> str:
        name, sign, value = found[1], found[2], json.loads(found[3])
        have = fields.get(name)
        if have is None or value == "*":
            return str(have is not None)
        return str({"=": have == value, ">=": have >= value, "<": have < value}[sign])

    plain = re.sub(r'\$\.(\w+) (=|>=|<) ("[^"]*"|\d+)', one, pattern.strip("{} "))
    return bool(eval(plain.replace("&&", "and").replace("||", "or")))


def heard(line: str, log: str) -> set[str]:
    """The metrics that a line is counted in."""
    hits = [each for each in FILTERS if each["LogGroupName"] == {"Ref": log} and counts(each["FilterPattern"], line)]
    return {each["MetricTransformations"][0]["MetricName"] for each in hits}


def test_the_shops_own_lines_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    def line() -> str:
        """The last one, as it leaves the function."""
        return str(logger.registered_formatter.format(caplog.records[-1]))

    try:
        raise RuntimeError
    except RuntimeError:
        logger.exception("unexpected failure")
        assert heard(line(), "APIHandlerLog") == {"Faults"}
        logger.exception("effects failed", order_id="01", alarm="effects_failed")
        assert "Alarms" in heard(line(), "OnOrderChangeLog")
    for message, more, metric in (
        ("storage failed", {}, {"StorageFailures"}),
        ("paid", {"heard_by": "callback"}, {"OrdersPaid"}),
        ("callback refused", {"reason": "stale"}, {"CallbacksRefused"}),
        ("callback refused", {"reason": "undecryptable"}, {"CallbacksRefused", "CallbackFailures"}),
        ("callback refused", {"reason": "malformed"}, {"CallbacksRefused", "CallbackFailures"}),
        ("answered", {"status": 500}, set()),
        ("order job failed", {"alarm": "order_failed"}, {"Alarms"}),
    ):
        logger.error(message, **more)
        assert heard(line(), "APIHandlerLog") == metric, message


def test_lambdas_own_lines_are_counted() -> None:
    for dead in (
        "[ERROR] ValueError: nothing\nTraceback (most recent call last):",
        "2026-11-22T02:00:00.000Z 3f1d2c9e Task timed out after 50.00 seconds",
        "RequestId: 3f1d2c9e Error: Runtime exited with error: signal: killed",
    ):
        assert heard(dead, "ReconcileLog") == {"Crashes"}
    assert heard("START RequestId: 3f1d2c9e Version: 7", "ReconcileLog") == set()


def test_lines_of_the_access_log_are_counted() -> None:
    def line(method: str, route: str, status: int, refused: str = "-") -> str:
        known = {
            "$context.httpMethod": method, "$context.resourcePath": route, "$context.status": str(status),
            "$context.error.responseType": refused,
        }  # fmt: skip
        return re.sub(r"\$context[\w.]+", lambda found: known.get(found[0], "-"), access_format())

    for given, metric in (
        (("POST", "/wechat/pay/notify", 500), {"CallbackFailures"}),
        (("POST", "/wechat/pay/notify", 503, "DEFAULT_5XX"), {"CallbackFailures"}),
        (("POST", "/wechat/pay/notify", 401), set()),
        (("POST", "/wechat/pay/notify", 200), set()),
        (("GET", "/me", 429, "THROTTLED"), {"Throttled"}),
        (("POST", "/orders", 201), {"OrdersPlaced"}),
        (("POST", "/orders", 422), set()),
        (("GET", "/orders", 200), set()),
        (("POST", "/orders/preview", 200), set()),
    ):
        assert heard(line(*given), "AccessLog") == metric, given


def test_the_lines_that_are_counted_are_written() -> None:
    said = set()
    for path in (ROOT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("logger.") and node.args:
                said.add(ast.literal_eval(node.args[0]) if isinstance(node.args[0], ast.Constant) else "")
    patterns = "".join(each["FilterPattern"] for each in FILTERS)
    assert set(re.findall(r'\$\.message = "([^"]+)"', patterns)) <= said
    refused = (ROOT / "chalicelib/wechat/callbacks.py").read_text(encoding="utf-8")
    assert all(f'BadCallback("{reason}")' in refused for reason in re.findall(r'\$\.reason = "(\w+)"', patterns))
    assert set(metrics.SETTLING) <= {function.name for function in functions()}

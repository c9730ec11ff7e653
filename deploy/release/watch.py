"""What tells whether a release is well: alarms, and two requests whose answers are known."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.cloud import Cloud

SECONDS = 30
TRIES = 3


class WrongAnswer(Exception):
    """The shop answers, and not as it should."""


class Unreachable(Exception):
    """No answer came here. That may be this computer's network, or a domain that does not point at the API yet."""


@dataclass(frozen=True)
class Question:
    method: str
    path: str
    status: int
    says: Mapping[str, Any]
    """Keys that the answer has; and values, where not None."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    def judge(self, status: int, body: str) -> None:
        """Raises WrongAnswer."""
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        right = isinstance(found, dict) and all(
            key in found and value in (None, found[key]) for key, value in self.says.items()
        )
        if status != self.status or not right:
            raise WrongAnswer(
                f"{self.method} {self.path} was answered with {status} {body[:200]!r}, and should be with {self.status}"
            )

    def event(self) -> dict[str, Any]:
        """As API Gateway hands it to the function."""
        headers = {"Content-Type": "application/json"}
        return {
            "resource": self.path,
            "path": self.path,
            "httpMethod": self.method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": dict(self.query) or None,
            "multiValueQueryStringParameters": {name: [value] for name, value in self.query.items()} or None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": self.path,
                "path": self.path,
                "httpMethod": self.method,
                "requestId": "release",
                "stage": "api",
                "identity": {"sourceIp": "127.0.0.1", "userAgent": "release"},
            },
            "body": self.body,
            "isBase64Encoded": False,
        }


QUESTIONS = (
    Question("GET", "/products", 200, {"items": None}, query={"limit": "1"}),
    # Refused by the shop itself: nobody signed it, and nothing in front of it may keep callbacks away.
    Question("POST", "/wechat/pay/notify", 401, {"code": "FAIL"}, body="{}"),
)


class Watch:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def ringing(self, names: Iterable[str]) -> list[str]:
        """Those of these alarms that ring now."""
        wanted = list(names)
        if not wanted:
            return []
        found = self._cloud.client("cloudwatch").describe_alarms(
            AlarmNames=wanted, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        alarms = [*found.get("MetricAlarms", ()), *found.get("CompositeAlarms", ())]
        return sorted(alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM")

    def greet(self, url: str) -> None:
        """Ask the shop at its public address. Raises WrongAnswer, Unreachable."""
        for question in QUESTIONS:
            question.judge(*_answer(url, question))


def _answer(url: str, question: Question) -> tuple[int, str]:
    asked = _request(url, question)
    for attempt in range(TRIES):
        try:
            with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
                return int(answer.status), answer.read().decode(errors="replace")
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode(errors="replace")
        except OSError as error:
            if attempt == TRIES - 1:
                raise Unreachable(f"{url} cannot be reached from here: {error}") from error
    raise AssertionError


def _request(url: str, question: Question) -> urllib.request.Request:
    """A local emulator has all APIs at one address, and tells them apart by the host's name."""
    headers = {"Content-Type": "application/json", "User-Agent": "jishi-release"}
    if engine := os.environ.get("AWS_ENDPOINT_URL"):
        parts, local = urllib.parse.urlsplit(url), urllib.parse.urlsplit(engine)
        api = parts.netloc.partition(".")[0]
        headers["Host"] = f"{api}.execute-api.localhost:{local.port}"
        url = f"{engine}{parts.path}"
    query = f"?{urllib.parse.urlencode(question.query)}" if question.query else ""
    body = question.body.encode() if question.body is not None else None
    return urllib.request.Request(f"{url}{question.path}{query}", data=body, headers=headers, method=question.method)

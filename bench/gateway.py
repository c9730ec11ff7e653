"""The app called as Lambda calls it: the event of an API Gateway REST API in, the answer out. No socket between.

Safe for many threads of one process.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from chalice.local import LambdaContext, RouteMatcher

from app import app
from sandbox.local.api import for_threads

Act = Callable[[], "Answer"]
Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Request:
    """`path` with its query, as it is on the wire; `body` is text or nothing."""

    method: str
    path: str
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """Header names as the app spells them."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Gateway:
    """Makes all routes be imported, so that no request waits for it. Another `handler` may stand in for the app."""

    def __init__(self, handler: Handler = app) -> None:
        for_threads()
        self._handler = handler
        self._routes = RouteMatcher(list(app.routes))
        self._context = LambdaContext("jishi", 512)
        self._numbers = itertools.count(1)

    def ready(self, request: Request) -> Act:
        """The event made ahead; what is returned only calls the app."""
        event = self.event(request)
        return lambda: self.call(event)

    def send(self, request: Request) -> Answer:
        return self.call(self.event(request))

    def call(self, event: dict[str, Any]) -> Answer:
        answer = self._handler(event, self._context)
        headers = {**answer["headers"], **answer["multiValueHeaders"]}
        return Answer(answer["statusCode"], headers, answer["body"])

    def event(self, request: Request) -> dict[str, Any]:
        """ValueError for a path that no route has: API Gateway would not call the app then."""
        path, _, query = request.path.partition("?")
        found = self._routes.match_route(path)
        several = parse_qs(query, keep_blank_values=True) or None
        headers = {"Content-Type": "application/json", "Accept": "*/*", **request.headers}
        return {
            "resource": found.route,
            "path": path,
            "httpMethod": request.method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": several and {name: values[-1] for name, values in several.items()},
            "multiValueQueryStringParameters": several,
            "pathParameters": found.captured or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": found.route,
                "httpMethod": request.method,
                "path": path,
                "requestId": f"00000000-0000-4000-8000-{next(self._numbers):012d}",
                "identity": {"sourceIp": "203.0.113.7", "userAgent": "MicroMessenger"},
            },
            "body": request.body,
            "isBase64Encoded": False,
        }

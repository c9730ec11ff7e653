"""Endpoints asked as API Gateway asks them; the bearer token is the member's id."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from chalice.app import Request, Response

from chalicelib.identity import Session
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.web.edge import serve
from chalicelib.web.routes import Routes
from tests.identity.fakes import FakeSessions
from tests.messaging.fakes import NOON


class FakeIdentity(FakeSessions):
    def authenticate(self, token: str) -> Session:
        if not token.startswith("M"):
            raise Unauthenticated
        return Session(token, f"openid-{token}", "s1", "", "", NOON, NOON + timedelta(days=7))


class Client:
    def __init__(self, **services: Any) -> None:
        self._app = SimpleNamespace(
            shop=SimpleNamespace(
                identity=FakeIdentity(), settings=SimpleNamespace(require_signatures=False), **services
            )
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: dict[str, str] | None = None,
        token: str = "M1",
        **variables: str,
    ) -> tuple[int, Any]:
        """The status, and the answer or the code of the error."""
        (endpoint,) = (one for one in Routes.endpoints if (one.method, one.path) == (method, path))
        event = {
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
            "headers": {"authorization": f"Bearer {token}", "content-type": "application/json"},
            "pathParameters": variables,
            "requestContext": {"httpMethod": method, "resourcePath": path, "requestId": "r1"},
            "body": None if body is None else json.dumps(body),
            "stageVariables": None,
        }
        response: Response = serve(endpoint, self._app, Request(event), variables)
        answer = json.loads(response.body)
        return response.status_code, answer if response.status_code == 200 else answer["code"]

"""A clock that is set, a platform that answers as it is told, and the edge without a server."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from chalice.app import Request, Response

from chalicelib.identity import Identity, MemberStore, SessionSettings
from chalicelib.storage.cipher import Cipher
from chalicelib.web.edge import serve
from chalicelib.web.routes import Routes

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
APPID = "wx0123456789abcdef"
KEYS = {"k1": b"1" * 32}
CIPHER = Cipher({"d1": b"d" * 32}, "d1")


@dataclass
class FakeClock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Shopper:
    openid: str
    unionid: str | None = None


@dataclass
class FakePlatform:
    """A code logs in the shopper of that name; `failure`, when set, is raised by every call."""

    phone: str = "13800138000"
    verdict: str = "pass"
    unionid: str | None = None
    failure: Exception | None = None
    judged: list[str] = field(default_factory=list)

    def code_to_session(self, code: str) -> Shopper:
        self._fail()
        return Shopper(f"openid-{code}", self.unionid)

    def phone_number(self, code: str, openid: str) -> str:
        self._fail()
        return self.phone

    def check_text(self, openid: str, content: str, scene: int) -> str:
        self._fail()
        self.judged.append(content)
        return self.verdict

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


def new_identity(clock: FakeClock, platform: FakePlatform, **settings: Any) -> Identity:
    terms = {"keys": KEYS, "current_kid": "k1", "appid": APPID, **settings}
    return Identity(MemberStore(CIPHER), platform, SessionSettings(**terms), clock)


class Edge:
    """Endpoints asked as API Gateway asks them; `services` become attributes of the shop."""

    def __init__(self, clock: FakeClock, **services: Any) -> None:
        settings = SimpleNamespace(require_signatures=False)
        self._app = SimpleNamespace(shop=SimpleNamespace(clock=clock, settings=settings, **services))

    def ask(self, method: str, path: str, body: Any = None, token: str = "", **variables: str) -> Response:
        (endpoint,) = (one for one in Routes.endpoints if (one.method, one.path) == (method, path))
        event = {
            "multiValueQueryStringParameters": None,
            "headers": {"authorization": f"Bearer {token}"} if token else {},
            "pathParameters": variables,
            "requestContext": {"httpMethod": method, "resourcePath": path, "requestId": "r1"},
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
            "stageVariables": None,
        }
        return serve(endpoint, self._app, Request(event), variables)

    def get(self, method: str, path: str, body: Any = None, token: str = "", **variables: str) -> Any:
        answer = self.ask(method, path, body, token, **variables)
        assert answer.status_code < 300, answer.body
        return json.loads(answer.body) if answer.body else None

    def code(self, method: str, path: str, body: Any = None, token: str = "", **variables: str) -> tuple[int, str]:
        answer = self.ask(method, path, body, token, **variables)
        return answer.status_code, json.loads(answer.body)["code"]

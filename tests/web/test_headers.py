"""What every answer carries, whoever makes it: the shop, Chalice, a callback's handler."""

import json
from typing import Any

import pytest
import requests

from app import app
from chalicelib.web.edge import MOST_BYTES
from chalicelib.web.headers import SAFE
from tests.shop import Stack

REQUESTS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "an answer": ("GET", "/categories", {}, 200),
    "one that the caller has": ("GET", "/products/tea", {"headers": {"If-None-Match": "*"}}, 304),
    "no content": ("POST", "/logout-everywhere", {"member": True}, 204),
    "a refusal": ("GET", "/me", {}, 401),
    "a malformed body": ("POST", "/login", {"data": b"{"}, 400),
    "a body that is too large": ("POST", "/login", {"data": b" " * (MOST_BYTES + 1)}, 413),
    "Chalice's refusal of a method": ("DELETE", "/login", {}, 405),
    "Chalice's refusal of a type": ("POST", "/login", {"data": b"x", "headers": {"Content-Type": "text/csv"}}, 415),
    "a callback that is refused": ("POST", "/wechat/pay/notify", {"data": b"{}"}, 401),
    "a callback that is too large": ("POST", "/wechat/pay/notify", {"data": b" " * (MOST_BYTES + 1)}, 413),
    "a pushed message that is refused": ("POST", "/wechat/push", {"data": b"{}"}, 403),
    "an address that is not verified": ("GET", "/wechat/push", {}, 403),
}


def test_every_kind_of_answer_is_inert_in_a_browser_and_open_to_no_other_site(stack: Stack) -> None:
    for kind, (method, path, asked, status) in REQUESTS.items():
        answer = ask(stack, method, path, **asked)
        assert answer.status_code == status, (kind, answer.text)
        assert carried(answer) == SAFE, kind
        assert answer.headers["X-Request-Id"], kind
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")], kind


def test_faults_of_the_shop_are_inert_too(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    for owner, name in ((type(stack.shop.catalog), "categories"), (app, "_open_shop")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            answer = ask(stack, "GET", "/categories")
        assert answer.status_code == 500
        assert carried(answer) == SAFE


def test_no_route_speaks_cors() -> None:
    for path, methods in app.routes.items():
        for method, route in methods.items():
            assert not route.cors, (method, path)
            assert method != "OPTIONS", path


def test_a_body_of_just_the_limit_is_read(stack: Stack) -> None:
    body = json.dumps({"code": "x"}).encode().ljust(MOST_BYTES)
    assert ask(stack, "POST", "/login", data=body).json()["code"] == "LOGIN_CODE_INVALID"


def ask(stack: Stack, method: str, path: str, member: bool = False, **how: Any) -> requests.Response:
    headers = {"Content-Type": "application/json", "Origin": "https://evil.example", **how.pop("headers", {})}
    if member:
        headers["Authorization"] = f"Bearer {stack.shopper('alice').token}"
    return requests.request(method, stack.api_url + path, headers=headers, timeout=30, **how)


def carried(answer: requests.Response) -> dict[str, str | None]:
    return {name: answer.headers.get(name) for name in SAFE}

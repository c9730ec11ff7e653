import json

import pytest

import chalicelib.identity.api  # noqa: F401  declares the endpoints
from chalicelib.identity import Identity
from chalicelib.wechat.errors import LoginCodeInvalid, RiskyUser, WeChatBusy, WeChatRateLimited
from tests.identity.world import Edge, FakeClock, FakePlatform


@pytest.fixture
def edge(identity: Identity, clock: FakeClock) -> Edge:
    return Edge(clock, identity=identity)


def test_a_login_answers_token_signing_key_and_member(edge: Edge) -> None:
    answer = edge.get("POST", "/login", {"code": "ming"})
    assert answer["is_new"] is True
    assert answer["expires_at"] == "2026-11-29T04:00:00Z"
    assert len(answer["signing_key"]) == 64
    assert answer["member"] == {
        "member_id": answer["member"]["member_id"],
        "nickname": "微信用户",
        "avatar_url": "",
        "phone_masked": None,
        "joined_at": "2026-11-22T04:00:00Z",
        "roles": [],
    }
    assert edge.get("GET", "/me", token=answer["token"]) == answer["member"]
    assert "openid" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (LoginCodeInvalid(), 400, "LOGIN_CODE_INVALID"),
        (RiskyUser(), 403, "RISKY_USER"),
        (WeChatRateLimited(), 429, "WECHAT_RATE_LIMITED"),
        (WeChatBusy(), 503, "WECHAT_BUSY"),
    ],
)
def test_each_refusal_of_the_platform_has_its_own_answer(
    edge: Edge, platform: FakePlatform, error: Exception, status: int, code: str
) -> None:
    platform.failure = error
    assert edge.code("POST", "/login", {"code": "ming"}) == (status, code)


@pytest.mark.parametrize(
    "body", [{}, {"code": ""}, {"code": 1}, {"code": "x" * 257}, {"code": "ming", "role": "admin"}]
)
def test_a_malformed_login_is_refused(edge: Edge, body: object) -> None:
    assert edge.code("POST", "/login", body) == (400, "MALFORMED")


@pytest.mark.parametrize("token", ["", "garbage", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJNMSJ9."])
def test_nobody_gets_in_without_a_token_of_ours(edge: Edge, token: str) -> None:
    assert edge.code("GET", "/me", token=token) == (401, "UNAUTHENTICATED")


def test_an_expired_session_is_told_apart_from_a_revoked_one(edge: Edge, clock: FakeClock) -> None:
    token = edge.get("POST", "/login", {"code": "ming"})["token"]
    newer = edge.get("POST", "/session/renew", token=token)["token"]
    assert edge.ask("POST", "/logout-everywhere", token=newer).status_code == 204
    assert edge.code("GET", "/me", token=token) == (401, "SESSION_REVOKED")
    assert edge.code("GET", "/me", token=newer) == (401, "SESSION_REVOKED")
    clock.advance(days=8)
    assert edge.code("GET", "/me", token=token) == (401, "SESSION_EXPIRED")


def test_a_member_changes_the_profile_and_binds_a_number(edge: Edge) -> None:
    token = edge.get("POST", "/login", {"code": "ming"})["token"]
    assert edge.get("PATCH", "/me", {"nickname": " 小明 "}, token)["nickname"] == "小明"
    answer = edge.ask("POST", "/me/phone", {"code": "c"}, token)
    assert json.loads(answer.body)["phone_masked"] == "138****8000"
    assert "13800138000" not in answer.body
    assert edge.get("GET", "/me", token=token)["phone_masked"] == "138****8000"
    assert edge.code("PATCH", "/me", {"nickname": ""}, token) == (400, "NICKNAME_INVALID")
    assert edge.code("PATCH", "/me", {"avatar_url": "http://a"}, token) == (400, "AVATAR_INVALID")

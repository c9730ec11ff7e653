"""The mini-program side of the platform, against a peer that answers as it is told."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from chalicelib.kernel.errors import ShopError
from chalicelib.wechat import miniprogram as module
from chalicelib.wechat import wechatpy_client
from chalicelib.wechat.errors import (
    LoginCodeInvalid,
    MessageRefused,
    NoConsent,
    PhoneCodeInvalid,
    RiskyUser,
    WeChatBusy,
    WeChatMisconfigured,
    WeChatRateLimited,
)
from chalicelib.wechat.miniprogram import MiniProgram, MiniProgramSettings, Verdict, WeChatSession
from chalicelib.wechat.tokens import StoredToken

from .platform import APPID, OPENID, Answer, FakeClock, Peer, Request, says
from .tokens import InMemoryTokens

SECRET = "c0ffee5ecret"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def store(clock: FakeClock) -> InMemoryTokens:
    store = InMemoryTokens(clock)
    store.token = StoredToken("T1", clock() + timedelta(hours=2))
    return store


@pytest.fixture
def app(peer: Peer, clock: FakeClock, store: InMemoryTokens) -> MiniProgram:
    return MiniProgram(MiniProgramSettings(APPID, SECRET, peer.base_url), store, clock)


def query(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}


CALLS: dict[str, Callable[[MiniProgram], Any]] = {
    "code_to_session": lambda app: app.code_to_session("the-code"),
    "phone_number": lambda app: app.phone_number("the-code", OPENID),
    "send_subscribe_message": lambda app: app.send_subscribe_message(OPENID, "tpl", "pages/x", {"thing1": "茶"}),
    "check_text": lambda app: app.check_text(OPENID, "你好", 1),
    "check_image": lambda app: app.check_image(OPENID, "https://shop.example/1.jpg", 1),
    "mini_program_code": lambda app: app.mini_program_code("t=1", "/pages/team", 430),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
tokened = pytest.mark.parametrize(
    "call", [call for name, call in CALLS.items() if name != "code_to_session"], ids=list(CALLS)[1:]
)


def test_a_login_code_tells_who_it_is_and_the_session_key_is_dropped(app: MiniProgram, peer: Peer) -> None:
    peer.will(says({"openid": OPENID, "session_key": "HyVFkGl5F5OQWJZZaNzBBg==", "unionid": "u1"}))
    session = app.code_to_session("081Kq4Ga1MSox41iYS")
    assert session == WeChatSession(OPENID, "u1")
    assert "HyVFkGl5F5OQWJZZaNzBBg" not in repr(vars(session))
    (request,) = peer.requests
    assert urlsplit(request.target).path == "/sns/jscode2session"
    assert query(request) == {
        "appid": APPID,
        "secret": SECRET,
        "js_code": "081Kq4Ga1MSox41iYS",
        "grant_type": "authorization_code",
    }


def test_logging_in_needs_no_access_token(app: MiniProgram, peer: Peer, store: InMemoryTokens) -> None:
    store.token = None
    peer.will(says({"openid": OPENID, "session_key": "k", "errcode": 0}))
    assert app.code_to_session("c").unionid is None
    assert len(peer.requests) == 1
    assert store.loads == 0


def test_a_phone_code_tells_the_number_of_this_shopper(app: MiniProgram, peer: Peer) -> None:
    info = {"phoneNumber": "13800138000", "purePhoneNumber": "13800138000", "countryCode": "86"}
    peer.will(says({"errcode": 0, "errmsg": "ok", "phone_info": info}))
    assert app.phone_number("phone-code", OPENID) == "13800138000"
    (request,) = peer.requests
    assert request.target == "/wxa/business/getuserphonenumber?access_token=T1"
    assert request.json() == {"code": "phone-code", "openid": OPENID}


@pytest.mark.parametrize(("version", "state"), [("release", "formal"), ("trial", "trial"), ("develop", "developer")])
def test_a_message_is_sent_as_the_template_wants_it(
    peer: Peer, clock: FakeClock, store: InMemoryTokens, version: Any, state: str
) -> None:
    app = MiniProgram(MiniProgramSettings(APPID, SECRET, peer.base_url, version), store, clock)
    peer.will(says({"errcode": 0, "errmsg": "ok", "msgid": 1}))
    app.send_subscribe_message(OPENID, "tpl", "pages/coupons", {"thing1": "满减券", "time2": "2026年11月22日 10:00"})
    (request,) = peer.requests
    assert request.target == "/cgi-bin/message/subscribe/send?access_token=T1"
    assert request.json() == {
        "touser": OPENID,
        "template_id": "tpl",
        "page": "pages/coupons",
        "data": {"thing1": {"value": "满减券"}, "time2": {"value": "2026年11月22日 10:00"}},
        "miniprogram_state": state,
        "lang": "zh_CN",
    }
    assert "满减券".encode() in request.body


@pytest.mark.parametrize("suggest", ["pass", "review", "risky"])
def test_a_text_is_judged_by_the_second_version_of_the_check(app: MiniProgram, peer: Peer, suggest: str) -> None:
    peer.will(says({"errcode": 0, "errmsg": "ok", "result": {"suggest": suggest, "label": 100}, "trace_id": "t"}))
    assert app.check_text(OPENID, "你好", 2) == Verdict(suggest)
    (request,) = peer.requests
    assert request.target == "/wxa/msg_sec_check?access_token=T1"
    assert request.json() == {"version": 2, "scene": 2, "openid": OPENID, "content": "你好"}


def test_a_text_of_a_shopper_not_seen_lately_needs_a_human(app: MiniProgram, peer: Peer) -> None:
    peer.will(says({"errcode": 61010, "errmsg": "code is expired"}))
    assert app.check_text(OPENID, "你好", 1) is Verdict.REVIEW
    peer.will(says({"errcode": 48001, "errmsg": "api unauthorized"}))
    with pytest.raises(WeChatMisconfigured):
        app.check_text(OPENID, "你好", 1)


def test_an_image_is_checked_in_the_background(app: MiniProgram, peer: Peer) -> None:
    peer.will(says({"errcode": 0, "errmsg": "ok", "trace_id": "60ae"}))
    assert app.check_image(OPENID, "https://shop.example/1.jpg", 3) == "60ae"
    assert peer.requests[0].json() == {
        "media_url": "https://shop.example/1.jpg",
        "media_type": 2,
        "version": 2,
        "scene": 3,
        "openid": OPENID,
    }


def test_a_mini_program_code_is_the_very_bytes_of_an_image(app: MiniProgram, peer: Peer) -> None:
    peer.will(Answer(200, PNG, {"Content-Type": "image/png"}))
    assert app.mini_program_code("t=01JX", "/pages/team/index", 430) == PNG
    assert peer.requests[0].json() == {
        "scene": "t=01JX",
        "page": "pages/team/index",
        "width": 430,
        "env_version": "release",
        "check_path": True,
    }


REFUSALS: list[tuple[str, int, type[ShopError]]] = [
    ("code_to_session", 40029, LoginCodeInvalid),
    ("code_to_session", 40163, LoginCodeInvalid),
    ("code_to_session", 40226, RiskyUser),
    ("code_to_session", 45011, WeChatRateLimited),
    ("code_to_session", -1, WeChatBusy),
    ("code_to_session", 40013, WeChatMisconfigured),
    ("code_to_session", 40125, WeChatMisconfigured),
    ("phone_number", 40029, PhoneCodeInvalid),
    ("phone_number", 40163, PhoneCodeInvalid),
    ("phone_number", 40003, PhoneCodeInvalid),
    ("phone_number", -1, WeChatBusy),
    ("phone_number", 45009, WeChatRateLimited),
    ("send_subscribe_message", 43101, NoConsent),
    ("send_subscribe_message", 43107, MessageRefused),
    ("send_subscribe_message", 47003, MessageRefused),
    ("send_subscribe_message", 45168, MessageRefused),
    ("send_subscribe_message", 40003, MessageRefused),
    ("send_subscribe_message", 43108, WeChatBusy),
    ("send_subscribe_message", -1, WeChatBusy),
    ("send_subscribe_message", 40037, WeChatMisconfigured),
    ("check_text", -1, WeChatBusy),
    ("check_image", 45009, WeChatRateLimited),
    ("mini_program_code", 45009, WeChatRateLimited),
    ("mini_program_code", 41030, WeChatMisconfigured),
    ("mini_program_code", 40164, WeChatMisconfigured),
]


@pytest.mark.parametrize(("name", "errcode", "kind"), REFUSALS)
def test_every_refusal_of_the_platform_is_one_of_ours(
    app: MiniProgram, peer: Peer, name: str, errcode: int, kind: type[ShopError]
) -> None:
    peer.will(says({"errcode": errcode, "errmsg": "no"}))
    with pytest.raises(ShopError) as caught:
        CALLS[name](app)
    assert type(caught.value) is kind
    assert caught.value.details == {"errcode": errcode}
    assert not getattr(caught.value, "uncertain", False)
    assert len(peer.requests) == 1


@every_call
@pytest.mark.parametrize(
    "answer",
    [
        Answer(hang_up=True),
        Answer(502, b"<html>"),
        Answer(200, b""),
        Answer(200, b"null"),
        Answer(200, b"[1]"),
        Answer(200, b'{"errcode": "soon"}'),
        Answer(200, b"{}"),
    ],
    ids=["hang-up", "502", "empty", "null", "list", "errcode", "object"],
)
def test_an_answer_that_makes_no_sense_leaves_the_outcome_unknown(
    app: MiniProgram, peer: Peer, call: Callable[[MiniProgram], Any], answer: Answer
) -> None:
    peer.will(answer)
    with pytest.raises(WeChatBusy) as caught:
        call(app)
    assert caught.value.uncertain


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("code_to_session", {"openid": 7}),
        ("code_to_session", {"openid": OPENID, "unionid": 7}),
        ("phone_number", {"phone_info": "13800138000"}),
        ("phone_number", {"phone_info": {"phoneNumber": 13800138000}}),
        ("check_text", {"result": {"suggest": "perhaps"}}),
        ("check_text", {"result": {"suggest": ["pass"]}}),
        ("check_text", {"result": "pass"}),
        ("mini_program_code", {}),
    ],
)
def test_a_field_of_the_wrong_type_is_no_answer(app: MiniProgram, peer: Peer, name: str, answer: Any) -> None:
    peer.will(says({"errcode": 0, **answer}))
    with pytest.raises(WeChatBusy):
        CALLS[name](app)


@every_call
def test_a_silent_platform_is_waited_for_a_bounded_time(
    peer: Peer,
    clock: FakeClock,
    store: InMemoryTokens,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[MiniProgram], Any],
) -> None:
    assert module.TIMEOUT.connect_timeout
    assert module.TIMEOUT.read_timeout
    monkeypatch.setattr(module, "TIMEOUT", urllib3.Timeout(0.05))
    monkeypatch.setattr(wechatpy_client, "TIMEOUT", 0.05)
    done = threading.Event()

    def silence(request: Request) -> Answer:
        done.wait(3)
        return says({"errcode": 0})

    peer.will(silence)
    app = MiniProgram(MiniProgramSettings(APPID, SECRET, peer.base_url), store, clock)
    started = time.monotonic()
    with pytest.raises(WeChatBusy) as caught:
        call(app)
    assert time.monotonic() - started < 2
    done.set()
    assert caught.value.uncertain


@tokened
@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_refused_token_is_replaced_once(
    app: MiniProgram,
    peer: Peer,
    store: InMemoryTokens,
    clock: FakeClock,
    errcode: int,
    call: Callable[[MiniProgram], Any],
) -> None:
    def platform(request: Request) -> Answer:
        if urlsplit(request.target).path == "/cgi-bin/stable_token":
            return says({"access_token": "T2", "expires_in": 7200})
        return says({"errcode": errcode, "errmsg": "access_token expired"})

    peer.will(platform)
    with pytest.raises(WeChatBusy):
        call(app)
    used = [query(request).get("access_token") for request in peer.requests]
    assert used == ["T1", None, "T2"]
    assert peer.requests[0].body == peer.requests[2].body
    assert store.token == StoredToken("T2", clock() + timedelta(hours=2))


def test_a_call_goes_on_with_the_replaced_token(app: MiniProgram, peer: Peer) -> None:
    peer.will(
        says({"errcode": 42001, "errmsg": "access_token expired"}),
        says({"access_token": "T2", "expires_in": 7200}),
        says({"errcode": 0, "trace_id": "60ae"}),
    )
    assert CALLS["check_image"](app) == "60ae"
    asked = peer.requests[1]
    assert (asked.method, asked.target) == ("POST", "/cgi-bin/stable_token")
    assert asked.json() == {
        "grant_type": "client_credential",
        "appid": APPID,
        "secret": SECRET,
        "force_refresh": False,
    }


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "T2"},
        {"access_token": "T2", "expires_in": "7200"},
        {"access_token": "T2", "expires_in": 0},
        {"access_token": "", "expires_in": 7200},
        {"expires_in": 7200},
    ],
)
def test_a_token_that_makes_no_sense_is_not_stored(
    app: MiniProgram, peer: Peer, store: InMemoryTokens, answer: dict[str, Any]
) -> None:
    store.token = None
    peer.will(says(answer))
    with pytest.raises(WeChatBusy):
        CALLS["check_image"](app)
    assert store.token is None


@pytest.mark.parametrize(("errcode", "kind"), [(40125, WeChatMisconfigured), (40164, WeChatMisconfigured)])
def test_a_wrong_secret_or_address_shows_at_the_token(
    app: MiniProgram, peer: Peer, store: InMemoryTokens, errcode: int, kind: type[ShopError]
) -> None:
    store.token = None
    peer.will(says({"errcode": errcode, "errmsg": "invalid appsecret"}))
    with pytest.raises(kind):
        CALLS["phone_number"](app)


@every_call
def test_no_secret_stands_in_an_error_or_a_log(
    clock: FakeClock, caplog: pytest.LogCaptureFixture, peer: Peer, call: Callable[[MiniProgram], Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    store = InMemoryTokens(clock)
    store.token = StoredToken("T0KENT0KEN", clock() + timedelta(hours=2))
    dead = MiniProgram(MiniProgramSettings(APPID, SECRET, "http://127.0.0.1:9"), store, clock)
    alive = MiniProgram(MiniProgramSettings(APPID, SECRET, peer.base_url), store, clock)
    peer.will(Answer(500, b"<html>"))
    for app in (dead, alive):
        with pytest.raises(WeChatBusy) as caught:
            call(app)
        error: BaseException | None = caught.value
        while error:
            assert SECRET not in str(error)
            assert "T0KENT0KEN" not in str(error)
            error = error.__cause__ or error.__context__
    assert SECRET not in caplog.text
    assert "T0KENT0KEN" not in caplog.text
    assert SECRET not in repr(MiniProgramSettings(APPID, SECRET))

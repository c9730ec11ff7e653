"""Subscribe messages, content checks and mini-program codes (facts D)."""

import json
import struct
from typing import Any

import pytest

from sandbox.wechat import Credentials, SandboxWeChat, Settings, running

from .merchant import FakeClock, Http, Shop

TEMPLATE = "tmpl-coupon-expiry"


@pytest.fixture
def token(http: Http, credentials: Credentials) -> str:
    keys = {"appid": credentials.appid, "secret": credentials.secret}
    return str(http.post("/cgi-bin/stable_token", {"grant_type": "client_credential", **keys})["access_token"])


@pytest.fixture
def openid(http: Http, credentials: Credentials) -> str:
    query = f"appid={credentials.appid}&secret={credentials.secret}&js_code=demo-anna&grant_type=authorization_code"
    return str(http.get(f"/sns/jscode2session?{query}")["openid"])


def send(http: Http, token: str, openid: str, data: object = None, **changed: object) -> int:
    body = {
        "touser": openid,
        "template_id": TEMPLATE,
        "page": "pages/coupons/index",
        "miniprogram_state": "developer",
        "lang": "zh_CN",
        "data": data or {"thing1": {"value": "满100减20"}},
    }
    return int(http.post(f"/cgi-bin/message/subscribe/send?access_token={token}", body | changed)["errcode"])


def test_one_consent_is_one_message(http: Http, token: str, openid: str) -> None:
    consent = {"openid": openid, "template_id": TEMPLATE, "count": 2}
    assert send(http, token, openid) == 43101
    assert http.control("consents", consent) == {"count": 2}
    assert [send(http, token, openid) for _ in range(3)] == [0, 0, 43101]
    assert send(http, token, openid, template_id="tmpl-other") == 43101
    [first, _] = http.get("/_sandbox/messages")
    assert (first["touser"], first["template_id"], first["data"]) == (openid, TEMPLATE, {"thing1": "满100减20"})


GOOD = {
    "thing1": "二十个字以内的内容，可以有标点",
    "thing2": "字" * 20,
    "number1": "12.50",
    "letter1": "ABC",
    "symbol1": "！@",
    "character_string1": "NO-123_45",
    "time1": "2026年11月20日 15:01",
    "time2": "15:01~16:30",
    "date1": "2026年11月20日",
    "date2": "2026-11-20 15:01:30",
    "date3": "2026年11月",
    "date4": "11月20日~2026/11/21",
    "amount1": "￥12.50",
    "amount2": "12.5元",
    "phone_number1": "+86-0766-66888866",
    "car_number1": "粤A8Z888挂",
    "name1": "张三",
    "name2": "Anna Smith",
    "phrase1": "配送中",
}
BAD = {
    "thing1": "字" * 21,
    "thing2": "",
    "thing3": "两\n行",
    "number1": "12a",
    "number2": "1" * 33,
    "letter1": "A1",
    "letter2": "A" * 33,
    "symbol1": "！" * 6,
    "symbol2": "A",
    "character_string1": "汉字",
    "character_string2": "a" * 33,
    "time1": "25:01",
    "time2": "明天",
    "date1": "20261120",
    "date2": "11月20日~11月21日~11月22日",
    "amount1": "12345678901",
    "amount2": "RMB12",
    "phone_number1": "1" * 18,
    "car_number1": "粤A8Z8888888",
    "name1": "汉" * 11,
    "name2": "A" * 21,
    "phrase1": "六个字的词语",
    "phrase2": "abc",
    "unknown1": "x",
    "thing": "x",
}


@pytest.mark.parametrize("key", GOOD)
def test_values_within_the_limits_of_their_kind_are_sent(http: Http, token: str, openid: str, key: str) -> None:
    http.control("consents", {"openid": openid, "template_id": TEMPLATE, "count": 1})
    assert send(http, token, openid, {key: {"value": GOOD[key]}}) == 0


@pytest.mark.parametrize("key", BAD)
def test_values_beyond_the_limits_cost_no_consent(http: Http, token: str, openid: str, key: str) -> None:
    http.control("consents", {"openid": openid, "template_id": TEMPLATE, "count": 1})
    assert send(http, token, openid, {key: {"value": BAD[key]}}) == 47003
    assert send(http, token, openid) == 0


@pytest.mark.parametrize(
    "data",
    [["a"], "text", {"thing1": "bare"}, {"thing1": {}}, {"thing1": {"value": 7}}, {"thing1": {"value": "a", "x": "b"}}],
)
def test_data_is_an_object_of_objects_with_a_string_value(http: Http, token: str, openid: str, data: object) -> None:
    http.control("consents", {"openid": openid, "template_id": TEMPLATE, "count": 1})
    assert send(http, token, openid, data) == 47003


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"touser": "o-nobody"}, 40003),
        ({"template_id": ""}, 40037),
        ({"template_id": None}, 40037),
        ({"page": "/pages/index"}, 41030),
        ({"miniprogram_state": "release"}, 47003),
        ({"lang": "de_DE"}, 47003),
    ],
)
def test_a_wrong_message_is_refused(
    http: Http, token: str, openid: str, changed: dict[str, object], errcode: int
) -> None:
    http.control("consents", {"openid": openid, "template_id": TEMPLATE, "count": 1})
    assert send(http, token, openid, **changed) == errcode


@pytest.mark.parametrize("settings", [Settings(templates={TEMPLATE: ["thing1", "date2"]}, pages=["pages/index"])])
class TestKnownTemplatesAndPages:
    def test_a_message_has_exactly_the_keys_of_its_template(self, http: Http, token: str, openid: str) -> None:
        http.control("consents", {"openid": openid, "template_id": TEMPLATE, "count": 1})
        whole = {"thing1": {"value": "券"}, "date2": {"value": "2026-11-20"}}
        assert send(http, token, openid, {"thing1": {"value": "券"}}) == 47003
        assert send(http, token, openid, whole | {"thing3": {"value": "x"}}) == 47003
        assert send(http, token, openid, whole, template_id="tmpl-other") == 40037
        assert send(http, token, openid, whole) == 0

    def test_a_page_must_be_published_unless_the_check_is_off(self, http: Http, token: str) -> None:
        assert picture(http, token, page="pages/index")[:4] == b"\x89PNG"
        assert b"41030" in picture(http, token, page="pages/other")
        assert picture(http, token, page="pages/other", check_path=False)[:4] == b"\x89PNG"


def test_consents_are_for_known_shoppers(http: Http) -> None:
    assert "error" in http.control("consents", {"openid": "o-nobody", "template_id": TEMPLATE})


def check_text(http: Http, token: str, visitor: str, **changed: object) -> Any:
    body = {"openid": visitor, "scene": 2, "version": 2, "content": "好评"}
    return http.post(f"/wxa/msg_sec_check?access_token={token}", body | changed)


@pytest.mark.parametrize(("content", "suggest"), [("好评", "pass"), ("这是违规内容", "risky"), ("疑似广告", "review")])
def test_text_is_judged(http: Http, token: str, openid: str, content: str, suggest: str) -> None:
    verdict = check_text(http, token, openid, content=content)
    assert (verdict["errcode"], verdict["result"]["suggest"]) == (0, suggest)
    assert verdict["detail"][0]["strategy"] == "content_model"


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"version": 1}, 40097),
        ({"version": "2"}, 40097),
        ({"scene": 5}, 40129),
        ({"openid": "o-nobody"}, 40003),
        ({"content": ""}, 47001),
        ({"content": "字" * 2501}, 40097),
    ],
)
def test_a_wrong_text_check_is_refused(
    http: Http, token: str, openid: str, changed: dict[str, object], errcode: int
) -> None:
    assert check_text(http, token, openid, **changed)["errcode"] == errcode


def test_content_checks_need_a_visit_within_two_hours(
    http: Http, token: str, openid: str, credentials: Credentials, clock: FakeClock
) -> None:
    clock.advance(7199 - 600)
    assert check_text(http, token, openid)["errcode"] == 0
    clock.advance(600)
    assert check_text(http, token, openid)["errcode"] == 0
    clock.advance(1)
    fresh = {"appid": credentials.appid, "secret": credentials.secret, "grant_type": "client_credential"}
    assert check_text(http, http.post("/cgi-bin/stable_token", fresh)["access_token"], openid)["errcode"] == 61010


def check_media(http: Http, token: str, openid: str, **changed: object) -> Any:
    body = {"openid": openid, "scene": 1, "version": 2, "media_type": 2, "media_url": "https://cdn.example/a.png"}
    return http.post(f"/wxa/media_check_async?access_token={token}", body | changed)


@pytest.mark.parametrize(("changed", "errcode"), [({"media_type": 3}, 40004), ({"media_url": "a.png"}, 40097)])
def test_a_wrong_media_check_is_refused(
    http: Http, token: str, openid: str, changed: dict[str, object], errcode: int
) -> None:
    assert check_media(http, token, openid, **changed)["errcode"] == errcode


def test_a_media_check_is_answered_with_a_trace_id(http: Http, token: str, openid: str) -> None:
    assert check_media(http, token, openid)["trace_id"]


def picture(http: Http, token: str, **body: object) -> bytes:
    target = f"/wxa/getwxacodeunlimit?access_token={token}"
    return http.send("POST", target, json.dumps({"scene": "team=1"} | body).encode(), {}).body


def test_a_mini_program_code_is_a_picture_of_the_asked_width(http: Http, token: str) -> None:
    png = picture(http, token, width=280)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (280, 280)
    assert png != picture(http, token, width=280, scene="team=2")


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"scene": ""}, 40169),
        ({"scene": "s" * 33}, 40169),
        ({"scene": 7}, 40169),
        ({"scene": "100%"}, 40129),
        ({"scene": "团"}, 40129),
        ({"page": "/pages/index"}, 41030),
        ({"page": "pages/index?a=1"}, 41030),
        ({"width": 279}, 40097),
        ({"width": 1281}, 40097),
        ({"env_version": "formal"}, 40097),
    ],
)
def test_a_wrong_code_request_is_a_json_error(http: Http, token: str, body: dict[str, object], errcode: int) -> None:
    assert f'"errcode":{errcode}'.encode() in picture(http, token, **body)


def test_media_events_are_pushed_when_an_address_is_set(credentials: Credentials, clock: FakeClock, shop: Shop) -> None:
    wechat = SandboxWeChat(credentials, clock=clock, settings=Settings(push_url=shop.url, push_mode="plain"))
    with wechat, running(wechat.wsgi_app) as base_url:
        http = Http(base_url)
        query = f"appid={credentials.appid}&secret={credentials.secret}"
        openid = http.get(f"/sns/jscode2session?{query}&js_code=demo-anna&grant_type=authorization_code")["openid"]
        keys = {"appid": credentials.appid, "secret": credentials.secret, "grant_type": "client_credential"}
        token = http.post("/cgi-bin/stable_token", keys)["access_token"]
        trace_id = check_media(http, token, openid)["trace_id"]
        http.control("clock", {"advance_seconds": 2})
        [event] = shop.wait_for(1)
    assert (event.json()["Event"], event.json()["trace_id"]) == ("wxa_media_check", trace_id)

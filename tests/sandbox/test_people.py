"""Login, tokens and phone numbers (facts D)."""

from typing import Any

import pytest

from sandbox.wechat import Credentials

from .merchant import FakeClock, Http


def log_in(http: Http, credentials: Credentials, code: str, **changed: str) -> Any:
    names = {"appid": credentials.appid, "secret": credentials.secret, "grant_type": "authorization_code"} | changed
    query = "&".join(f"{name}={value}" for name, value in ({"js_code": code} | names).items() if value)
    return http.get(f"/sns/jscode2session?{query}")


def token_body(credentials: Credentials, **changed: object) -> dict[str, object]:
    return {"grant_type": "client_credential", "appid": credentials.appid, "secret": credentials.secret} | changed


@pytest.fixture
def token(http: Http, credentials: Credentials) -> str:
    return str(http.post("/cgi-bin/stable_token", token_body(credentials))["access_token"])


def test_a_code_logs_its_shopper_in_once(http: Http, credentials: Credentials) -> None:
    issued = http.control("login-codes", {"shopper": "anna"})
    first = log_in(http, credentials, issued["code"])
    assert first["openid"] == issued["openid"]
    assert len(first["session_key"]) == 24
    assert log_in(http, credentials, issued["code"])["errcode"] == 40163


@pytest.mark.parametrize(("seconds", "works"), [(299, True), (300, False)])
def test_a_code_lives_five_minutes(
    http: Http, credentials: Credentials, clock: FakeClock, seconds: int, works: bool
) -> None:
    code = http.control("login-codes", {"shopper": "anna"})["code"]
    clock.advance(seconds)
    assert ("openid" in log_in(http, credentials, code)) is works


def test_demo_codes_work_any_number_of_times_and_openids_are_stable(http: Http, credentials: Credentials) -> None:
    first, second, other = (log_in(http, credentials, f"demo-{name}")["openid"] for name in ("anna", "anna", "bo-2"))
    assert first == second != other
    assert (len(first), first[0]) == (28, "o")


@pytest.mark.parametrize("code", ["0123", "demo-", "demo-%E5%AE%89", "demo-a_b", "demo-" + "a" * 33])
def test_codes_that_were_never_issued_are_refused(http: Http, credentials: Credentials, code: str) -> None:
    assert log_in(http, credentials, code)["errcode"] == 40029


def test_a_phone_code_does_not_log_in(http: Http, credentials: Credentials) -> None:
    code = http.control("phone-codes", {"shopper": "anna", "phone": "13800138000"})["code"]
    assert log_in(http, credentials, code)["errcode"] == 40029


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"appid": "wx1"}, 40013),
        ({"secret": "no"}, 40125),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"js_code": ""}, 41008),
        ({"grant_type": ""}, 40002),
        ({"grant_type": "client_credential"}, 40002),
    ],
)
def test_a_login_with_wrong_parameters_is_refused(
    http: Http, credentials: Credentials, changed: dict[str, str], errcode: int
) -> None:
    reply = log_in(http, credentials, "demo-anna", **changed)
    assert reply["errcode"] == errcode
    assert "rid: " in reply["errmsg"]


def test_a_login_answer_is_json_that_calls_itself_text(http: Http, credentials: Credentials) -> None:
    target = f"/sns/jscode2session?appid={credentials.appid}&secret={credentials.secret}&js_code=demo-anna"
    reply = http.send("GET", f"{target}&grant_type=authorization_code", b"", {})
    assert reply.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("method", "path", "errcode"),
    [("POST", "/sns/jscode2session", 43001), ("GET", "/cgi-bin/stable_token", 43002)],
)
def test_the_wrong_method_is_an_errcode_with_status_200(http: Http, method: str, path: str, errcode: int) -> None:
    reply = http.send(method, path, b"", {})
    assert (reply.status, reply.json()["errcode"]) == (200, errcode)


def test_an_unknown_path_is_not_found(http: Http) -> None:
    assert http.send("GET", "/cgi-bin/nothing", b"", {}).status == 404


def test_the_stable_token_stays_until_five_minutes_before_its_end(
    http: Http, credentials: Credentials, clock: FakeClock
) -> None:
    first = http.post("/cgi-bin/stable_token", token_body(credentials))
    clock.advance(6899)
    same = http.post("/cgi-bin/stable_token", token_body(credentials))
    clock.advance(1)
    fresh = http.post("/cgi-bin/stable_token", token_body(credentials, force_refresh=False))
    assert (first["expires_in"], len(first["access_token"])) == (7200, 512)
    assert same == {"access_token": first["access_token"], "expires_in": 301}
    assert fresh["access_token"] != first["access_token"]
    assert use(http, first["access_token"]) == use(http, fresh["access_token"]) == 44002
    clock.advance(300)
    assert (use(http, first["access_token"]), use(http, fresh["access_token"])) == (42001, 44002)


def use(http: Http, token: str) -> int:
    """44002 (the body is missing) tells that the token was good."""
    return int(http.post(f"/wxa/msg_sec_check?access_token={token}")["errcode"])


def test_a_forced_refresh_ends_the_old_token_at_once(http: Http, credentials: Credentials, token: str) -> None:
    forced = http.post("/cgi-bin/stable_token", token_body(credentials, force_refresh=True))["access_token"]
    assert (use(http, token), use(http, forced)) == (40001, 44002)


def test_forced_refreshes_are_thirty_seconds_apart_and_twenty_a_day(
    http: Http, credentials: Credentials, clock: FakeClock
) -> None:
    force = token_body(credentials, force_refresh=True)
    assert "access_token" in http.post("/cgi-bin/stable_token", force)
    assert http.post("/cgi-bin/stable_token", force)["errcode"] == 45011
    for _ in range(19):
        clock.advance(30)
        assert "access_token" in http.post("/cgi-bin/stable_token", force)
    clock.advance(30)
    assert http.post("/cgi-bin/stable_token", force)["errcode"] == 45009
    clock.advance(86400)
    assert "access_token" in http.post("/cgi-bin/stable_token", force)


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"appid": "wx1"}, 40013),
        ({"secret": "no"}, 40125),
        ({"appid": None}, 41002),
        ({"secret": None}, 41004),
        ({"grant_type": "authorization_code"}, 40002),
        ({"force_refresh": "true"}, 47001),
    ],
)
def test_a_token_request_with_wrong_parameters_is_refused(
    http: Http, credentials: Credentials, changed: dict[str, object], errcode: int
) -> None:
    assert http.post("/cgi-bin/stable_token", token_body(credentials, **changed))["errcode"] == errcode


@pytest.mark.parametrize(("query", "errcode"), [("", 41001), ("?access_token=", 41001), ("?access_token=x", 40001)])
def test_a_call_without_a_good_token_is_refused(http: Http, query: str, errcode: int) -> None:
    assert http.post(f"/wxa/business/getuserphonenumber{query}", {"code": "demo-anna"})["errcode"] == errcode


@pytest.mark.parametrize(("body", "errcode"), [(b"", 44002), (b"[]", 47001), (b"code=1", 47001), (b"\xff", 47001)])
def test_a_body_that_is_no_json_object_is_refused(http: Http, token: str, body: bytes, errcode: int) -> None:
    reply = http.send("POST", f"/wxa/business/getuserphonenumber?access_token={token}", body, {})
    assert reply.json()["errcode"] == errcode


def phone(http: Http, token: str, body: dict[str, object]) -> Any:
    return http.post(f"/wxa/business/getuserphonenumber?access_token={token}", body)


def test_a_phone_code_gives_the_number_once_to_its_owner(http: Http, token: str, credentials: Credentials) -> None:
    issued = http.control("phone-codes", {"shopper": "anna", "phone": "13800138000"})
    info = phone(http, token, {"code": issued["code"], "openid": issued["openid"]})["phone_info"]
    assert (info["purePhoneNumber"], info["countryCode"]) == ("13800138000", "86")
    assert info["watermark"]["appid"] == credentials.appid
    assert phone(http, token, {"code": issued["code"]})["errcode"] == 40163


def test_a_phone_code_of_another_shopper_is_refused(http: Http, token: str) -> None:
    code = http.control("phone-codes", {"shopper": "anna", "phone": "13800138000"})["code"]
    other = http.control("login-codes", {"shopper": "bo"})["openid"]
    assert phone(http, token, {"code": code, "openid": other})["errcode"] == 40003
    assert phone(http, token, {"code": "demo-anna", "openid": other})["errcode"] == 40003


def test_demo_phone_codes_give_a_number_any_number_of_times(http: Http, token: str) -> None:
    codes = ["demo-anna", "demo-anna", "demo-bo"]
    numbers = [phone(http, token, {"code": code})["phone_info"]["phoneNumber"] for code in codes]
    assert numbers[0] == numbers[1] != numbers[2]
    assert phone(http, token, {"code": "demo-13800138000"})["phone_info"]["phoneNumber"] == "13800138000"


@pytest.mark.parametrize("code", ["0123", 7, None])
def test_phone_codes_that_were_never_issued_are_refused(http: Http, token: str, code: object) -> None:
    assert phone(http, token, {"code": code})["errcode"] == 40029


@pytest.mark.parametrize(
    ("path", "body"),
    [("login-codes", {}), ("login-codes", {"shopper": "安娜"}), ("phone-codes", {"shopper": "anna", "phone": "12345"})],
)
def test_the_control_api_refuses_what_it_cannot_do(http: Http, path: str, body: dict[str, object]) -> None:
    assert "error" in http.control(path, body)

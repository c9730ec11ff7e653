"""Where a parcel is: kuaidi100's real-time query (its own documentation; refusals as merchants report them)."""

import hashlib
import json
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.wechat import Credentials

from .merchant import Http, Reply

QUERY = "/poll/query.do"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Asker:
    """A customer of kuaidi100's."""

    def __init__(self, http: Http, credentials: Credentials) -> None:
        self.http, self.credentials = http, credentials

    def form(self, param: str) -> dict[str, str]:
        customer = self.credentials.kuaidi100_customer
        sign = hashlib.md5(f"{param}{self.credentials.kuaidi100_key}{customer}".encode()).hexdigest().upper()
        return {"customer": customer, "param": param, "sign": sign}

    def send(self, form: dict[str, str], method: str = "POST", **headers: str) -> Reply:
        return self.http.send(method, QUERY, urlencode(form).encode(), headers or FORM)

    def ask(self, com: str = "yuantong", num: str = "YT123456", **more: object) -> Any:
        reply = self.send(self.form(json.dumps({"com": com, "num": num, **more}, ensure_ascii=False)))
        assert reply.status == 200
        return reply.json()


@pytest.fixture
def asker(http: Http, credentials: Credentials) -> Asker:
    return Asker(http, credentials)


def scan(http: Http, number: str = "YT123456", **changed: object) -> Any:
    scanned = {"com": "yuantong", "state": "1", "context": "【杭州市】已揽收", "time": "2026-11-20 09:00:00"} | changed
    return http.control(f"parcels/{number}", scanned)


def refusal(code: str, message: str) -> dict[str, object]:
    return {"result": False, "returnCode": code, "message": message}


def test_a_parcel_under_way_shows_its_scans_newest_first(asker: Asker, http: Http) -> None:
    scan(http)
    scan(http, state="0", context="【上海市】到达转运中心", time="2026-11-20 11:00:00")
    assert asker.ask() == {
        "message": "ok",
        "nu": "YT123456",
        "ischeck": "0",
        "condition": "00",
        "com": "yuantong",
        "status": "200",
        "state": "0",
        "data": [
            {"time": "2026-11-20 11:00:00", "context": "【上海市】到达转运中心", "ftime": "2026-11-20 11:00:00"},
            {"time": "2026-11-20 09:00:00", "context": "【杭州市】已揽收", "ftime": "2026-11-20 09:00:00"},
        ],
    }


def test_a_signed_parcel_is_checked(asker: Asker, http: Http) -> None:
    scan(http)
    http.control("parcels/YT123456", {"state": "301", "context": "本人签收"})
    found = asker.ask()
    assert (found["state"], found["ischeck"], found["condition"]) == ("3", "1", "F00")
    assert found["data"][0]["time"] == "2026-11-20 12:00:00"


def test_more_detail_and_the_other_order_are_given_on_request(asker: Asker, http: Http) -> None:
    scan(http)
    scan(http, state="1001", time="2026-11-20 10:00:00")
    named, fine = asker.ask(resultv2="1", order="asc"), asker.ask(resultv2="4")
    assert [row["status"] for row in named["data"]] == ["揽收", "在途"]
    assert (named["state"], fine["state"]) == ("0", "1001")
    assert (fine["data"][0]["status"], fine["data"][0]["statusCode"]) == ("到达派件城市", "1001")


def test_the_last_scan_counts_in_whatever_order_they_were_told(asker: Asker, http: Http) -> None:
    scan(http, state="5", time="2026-11-20 11:00:00")
    scan(http, state="1", time="2026-11-20 09:00:00")
    assert asker.ask()["state"] == "5"


@pytest.mark.parametrize("ask", [{"num": "YT999999"}, {"com": "yunda"}])
def test_an_unknown_number_or_one_of_another_company_has_no_result(
    asker: Asker, http: Http, ask: dict[str, str]
) -> None:
    scan(http)
    assert asker.ask(**ask) == refusal("500", "查询无结果，请隔段时间再查")


@pytest.mark.parametrize("ask", [{"com": "YTO"}, {"com": ""}, {"com": "圆通"}])
def test_an_unknown_company_is_refused(asker: Asker, ask: dict[str, str]) -> None:
    assert asker.ask(**ask) == refusal("400", "找不到对应公司")


@pytest.mark.parametrize("com", ["shunfeng", "shunfengkuaiyun", "zhongtong"])
def test_some_companies_want_the_phone_of_the_parcel(asker: Asker, http: Http, com: str) -> None:
    scan(http, "SF1234567890", com=com, phone="13800138000")
    wrong = refusal("408", "快递公司参数异常：验证码错误")
    assert asker.ask(com, "SF1234567890") == wrong
    assert asker.ask(com, "SF1234567890", phone="9999") == wrong
    assert asker.ask(com, "SF1234567890", phone="000") == wrong
    assert asker.ask(com, "SF1234567890", phone="8000")["message"] == "ok"
    assert asker.ask(com, "SF1234567890", phone="13800138000")["message"] == "ok"
    assert asker.ask(com, "SF0000000000", phone="8000")["returnCode"] == "500"


def test_other_companies_ask_for_no_phone(asker: Asker, http: Http) -> None:
    scan(http, phone="13800138000")
    assert asker.ask(phone="0000")["message"] == "ok"


@pytest.mark.parametrize("changed", [{"sign": "0" * 32}, {"param": '{"com": "yuantong", "num": "YT123457"}'}])
def test_a_wrong_signature_is_refused(asker: Asker, changed: dict[str, str]) -> None:
    form = asker.form('{"com": "yuantong", "num": "YT123456"}') | changed
    assert asker.send(form).json() == refusal("503", "验证签名失败")


def test_the_signature_is_in_upper_case(asker: Asker) -> None:
    form = asker.form("{}")
    assert asker.send(form | {"sign": form["sign"].lower()}).json()["returnCode"] == "503"


@pytest.mark.parametrize("missing", ["customer", "sign", "param"])
def test_an_incomplete_form_is_refused(asker: Asker, missing: str) -> None:
    form = {name: value for name, value in asker.form("{}").items() if name != missing}
    assert asker.send(form).json()["returnCode"] == "400"


def test_only_a_form_that_is_posted_by_a_customer_is_read(asker: Asker) -> None:
    form = asker.form('{"com": "yuantong", "num": "YT123456"}')
    assert asker.send(form, "GET").json()["returnCode"] == "400"
    assert asker.send(form, **{"Content-Type": "application/json"}).json()["returnCode"] == "400"
    assert asker.send(form | {"customer": "0" * 32}).json()["returnCode"] == "400"


@pytest.mark.parametrize("num", ["", "12345", "1" * 33])
def test_a_number_has_6_to_32_characters(asker: Asker, num: str) -> None:
    assert asker.ask(num=num)["returnCode"] == "400"


@pytest.mark.parametrize("param", ["", " ", "[]", "{", "null"])
def test_a_param_that_is_no_object_is_a_server_error(asker: Asker, param: str) -> None:
    assert asker.send(asker.form(param)).json()["returnCode"] in ("400", "501")


@pytest.mark.parametrize(
    "changed", [{"state": "99"}, {"com": "圆通"}, {"com": "yunda", "twice": True}, {"time": "noon"}, {"com": None}]
)
def test_a_scan_that_cannot_be_is_refused(http: Http, changed: dict[str, Any]) -> None:
    if changed.pop("twice", False):
        scan(http)
    assert "error" in scan(http, **changed)


@pytest.mark.parametrize(("errcode", "message"), [(502, "服务器繁忙"), (601, "POLL:KEY已过期")])
def test_any_refusal_can_be_asked_for(asker: Asker, http: Http, errcode: int, message: str) -> None:
    scan(http)
    http.fault("poll/query", "errcode", errcode=errcode, errmsg=message)
    assert asker.ask() == refusal(str(errcode), message)
    assert asker.ask()["message"] == "ok"


def test_the_connection_can_be_cut_and_the_server_fail(asker: Asker, http: Http) -> None:
    http.fault("poll/query", "drop_before")
    with pytest.raises(RemoteDisconnected):
        asker.ask()
    http.fault("poll/query", "status", status=502)
    assert asker.send(asker.form("{}")).status == 502
    http.fault("poll/query", "body", body="<html>")
    assert asker.send(asker.form("{}")).body == b"<html>"


def test_no_phone_shows_in_the_list_of_calls(asker: Asker, http: Http) -> None:
    asker.ask("shunfeng", "SF1234567890", phone="13800138000")
    [call] = http.get("/_sandbox/calls")
    assert (call["path"], call["code"]) == (QUERY, "500")
    assert "8000" not in json.dumps(call)

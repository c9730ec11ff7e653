"""kuaidi100's real-time query, `POST /poll/query.do`: where a parcel is. A third host, poll.kuaidi100.com, on the port.

Form: `customer`, `param` (JSON: com, num, phone?, from?, to?, resultv2?, show?, order?, lang?), and `sign`, the
upper-case hex MD5 of param + key + customer over the very text of param. The answer is HTTP 200 always: what was found,
or `{"result": false, "returnCode", "message"}` with 400 incomplete or unknown company, 408 the phone number does not
belong to the parcel (asked of shunfeng, shunfengkuaiyun and zhongtong; the last four digits will do), 500 nothing found
(yet), 501 not as documented, 503 wrong signature; 502 (busy) and 601 (used up) come by the fault `errcode`. For a
number of a wrong length the documents name no code: here it is 400. They ask for one query of a parcel each half hour
at most, which is not held here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from sandbox.wechat.faults import Fault
from sandbox.wechat.http import Answer, Call, json_answer, parse_json_object
from sandbox.wechat.state import Doc
from sandbox.wechat.world import BEIJING, World

_ASK_PHONE = {"shunfeng", "shunfengkuaiyun", "zhongtong"}
_COMPANIES = _ASK_PHONE | {
    *("yuantong", "yunda", "shentong", "jtexpress", "jd", "ems", "youzhengguonei", "debangkuaidi", "debangwuliu"),
    *("huitongkuaidi", "danniao", "kuayue", "zhaijisong", "annengwuliu"),
}
STATES = {
    "0": "在途", "1001": "到达派件城市", "1002": "干线", "1003": "转递",
    "1": "揽收", "101": "已下单", "102": "待揽收", "103": "已揽收",
    "2": "疑难", "3": "签收", "301": "本人签收", "302": "派件异常后签收", "303": "代签", "304": "投柜或站签收",
    "4": "退签", "401": "已销单", "14": "拒签", "5": "派件", "501": "投柜或驿站", "6": "退回", "7": "转投",
    "10": "待清关", "11": "清关中", "12": "已清关", "13": "清关异常",
}  # fmt: skip
"""States and, of three digits and more, the finer ones that resultv2=4 shows."""


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code, self.message = code, message


class Courier:
    def __init__(self, world: World) -> None:
        self._world = world

    def work(self, call: Call) -> Answer:
        try:
            return json_answer(self._query(call))
        except _Refused as error:
            return _refusal(error.code, error.message)

    def refuse(self, fault: Fault) -> Answer:
        if fault["do"] == "errcode":
            return _refusal(str(fault["errcode"]), fault["errmsg"])
        return Answer(fault["status"], b"<html><body>error</body></html>", "text/html", code=str(fault["status"]))

    def finish(self, call: Call, answer: Answer, faults: Mapping[str, Fault]) -> None:
        """Nothing is signed on this side."""

    def scan(self, tracking_no: str, body: Mapping[str, Any]) -> Doc:
        """Somebody of the courier scans the parcel: {com, state, context, time?, phone?}. The parcel as it is known.

        `com` and `phone` are of the parcel and need not be told again. KeyError or ValueError for a bad scan.
        """
        state, context, now = str(body["state"]), str(body["context"]), self._world.now().astimezone(BEIJING)
        if state not in STATES:
            raise ValueError(f"state is one of {', '.join(STATES)}")
        moment = datetime.fromisoformat(body["time"]).replace(tzinfo=BEIJING) if "time" in body else now
        with self._world.state.transaction():
            parcel = self._world.state.get("parcel", tracking_no) or {"com": body["com"], "phone": "", "scans": []}
            if body.get("com", parcel["com"]) != parcel["com"] or not re.fullmatch(r"[a-z0-9]+", parcel["com"]):
                raise ValueError("com is kuaidi100's code of the company, and stays the same")
            parcel["phone"] = _last_digits(body.get("phone", "")) or parcel["phone"]
            parcel["scans"].append({"time": f"{moment:%Y-%m-%d %H:%M:%S}", "state": state, "context": context})
            parcel["scans"].sort(key=lambda each: str(each["time"]))
            self._world.state.put("parcel", tracking_no, parcel)
        return parcel

    def _query(self, call: Call) -> Doc:
        form = {name: values[0] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
        keys = self._world.credentials
        kind = call.headers.get("Content-Type", "").split(";")[0].strip().lower()
        posted = call.path == "/poll/query.do" and call.method == "POST" and kind == "application/x-www-form-urlencoded"
        if not posted or not {"customer", "sign", "param"} <= set(form) or form["customer"] != keys.kuaidi100_customer:
            raise _Refused("400", "提交的数据不完整，或者贵公司没授权")
        signed = (form["param"] + keys.kuaidi100_key + keys.kuaidi100_customer).encode()
        if form["sign"] != hashlib.md5(signed, usedforsecurity=False).hexdigest().upper():
            raise _Refused("503", "验证签名失败")
        try:
            asked = parse_json_object(form["param"].encode())
        except ValueError:
            raise _Refused("501", "服务器错误") from None
        return self._found({name: str(value) for name, value in asked.items()})

    def _found(self, asked: Mapping[str, str]) -> Doc:
        com, number = asked.get("com", ""), asked.get("num", "")
        parcel = self._world.state.get("parcel", number)
        if not 6 <= len(number) <= 32:
            raise _Refused("400", "提交的数据不完整，或者贵公司没授权")
        if com not in _COMPANIES and (parcel is None or parcel["com"] != com):
            raise _Refused("400", "找不到对应公司")
        phone, known = _last_digits(asked.get("phone", "")), parcel["phone"] if parcel else ""
        if com in _ASK_PHONE and (not phone or phone != (known or phone)):
            raise _Refused("408", "快递公司参数异常：验证码错误")
        if parcel is None or parcel["com"] != com:
            raise _Refused("500", "查询无结果，请隔段时间再查")
        return _shown(number, parcel, asked)


def _last_digits(phone: object) -> str:
    digits = re.sub(r"\D", "", str(phone))
    return digits[-4:] if len(digits) >= 4 else ""


def _shown(number: str, parcel: Doc, asked: Mapping[str, str]) -> Doc:
    detail, data = asked.get("resultv2", ""), []
    for scan in parcel["scans"]:
        row = {"time": scan["time"], "context": scan["context"], "ftime": scan["time"]}
        if detail:
            row["status"] = STATES[scan["state"] if detail in ("4", "8") else _coarse(scan["state"])]
        if detail in ("4", "8"):
            row["statusCode"] = scan["state"]
        data.append(row)
    state = parcel["scans"][-1]["state"]
    signed = _coarse(state) == "3"
    return {
        "message": "ok",
        "nu": number,
        "ischeck": "1" if signed else "0",
        "condition": "F00" if signed else "00",
        "com": parcel["com"],
        "status": "200",
        "state": state if detail in ("4", "8") else _coarse(state),
        "data": data if asked.get("order") == "asc" else data[::-1],
    }


def _coarse(state: str) -> str:
    """301 is a way of 3, 1002 a way of 0."""
    if len(state) < 3:
        return state
    return "0" if len(state) == 4 else state[0]


def _refusal(code: str, message: str) -> Answer:
    return json_answer({"result": False, "returnCode": code, "message": message}, code=code)

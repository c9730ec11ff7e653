"""Subscribe messages: one consent is one message, and every field keeps the limits of its kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.wechat.crypto import random_text
from sandbox.wechat.http import Answer, Call, Routes
from sandbox.wechat.miniprogram import ok, read_json
from sandbox.wechat.people import People
from sandbox.wechat.state import Doc
from sandbox.wechat.tokens import ApiError
from sandbox.wechat.world import World, rfc3339

_CLOCK = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
_DAY = r"(\d{4}年\d{1,2}月(\d{1,2}日)?|\d{1,2}月\d{1,2}日|\d{4}[-/.]\d{1,2}[-/.]\d{1,2})"
_SIGN = r"[^\w\s\u4e00-\u9fff]"
LIMITS: Mapping[str, re.Pattern[str]] = {
    "thing": re.compile(r"[^\n\r\t]{1,20}"),
    "number": re.compile(r"(?=.{1,32}$)\d+(\.\d+)?"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(rf"{_SIGN}{{1,5}}"),
    "character_string": re.compile(r"[!-~]{1,32}"),
    "time": re.compile(rf"({_DAY} ?)?{_CLOCK}"),
    "date": re.compile(rf"{_DAY}( ?{_CLOCK})?"),
    "amount": re.compile(r"[^\w\s]?\d{1,10}(\.\d+)?元?"),
    "phone_number": re.compile(r"[\d+\-() ]{1,17}"),
    "car_number": re.compile(r"[\u4e00-\u9fff0-9A-Za-z][0-9A-Za-z]{1,6}[\u4e00-\u9fff0-9A-Za-z]"),
    "name": re.compile(r"(?=.*[\u4e00-\u9fff])[\u4e00-\u9fffA-Za-z·]{1,10}|[A-Za-z .·'\-]{1,20}"),
    "phrase": re.compile(r"[\u4e00-\u9fff]{1,5}"),
    "enum": re.compile(r".{1,64}"),
}
_SPANS = ("time", "date")
_KEY = re.compile(r"([a-z_]+?)(\d+)")
_STATES, _LANGUAGES = ("developer", "trial", "formal"), ("zh_CN", "en_US", "zh_HK", "zh_TW")


class Messages:
    def __init__(self, world: World, people: People) -> None:
        self._world = world
        self._people = people
        self.routes = Routes(("POST", "/cgi-bin/message/subscribe/send", self._send))

    def grant(self, openid: str, template_id: str, count: int) -> int:
        """The shopper allowed `count` more messages of this template, as wx.requestSubscribeMessage records it.

        Returns how many are allowed now. ValueError for an unknown openid or a count below 1.
        """
        if self._people.active_since(openid) is None or count < 1:
            raise ValueError("openid should be known to WeChat, count at least 1")
        with self._world.state.transaction():
            total = self.allowed(openid, template_id) + count
            self._world.state.put("consent", f"{openid}|{template_id}", {"count": total})
        return total

    def allowed(self, openid: str, template_id: str) -> int:
        return int((self._world.state.get("consent", f"{openid}|{template_id}") or {"count": 0})["count"])

    def sent(self) -> list[Doc]:
        return self._world.state.every("message")

    def _send(self, call: Call) -> Answer:
        body = read_json(call)
        openid, template_id = str(body.get("touser")), body.get("template_id")
        if self._people.active_since(openid) is None:
            raise ApiError(40003, "invalid openid")
        known = self._world.settings.templates
        if not isinstance(template_id, str) or not template_id or (known and template_id not in known):
            raise ApiError(40037, "invalid template_id")
        if not isinstance(body.get("page", ""), str) or body.get("page", "").startswith("/"):
            raise ApiError(41030, "invalid page")
        wrong_state = body.get("miniprogram_state", "formal") not in _STATES
        if wrong_state or body.get("lang", "zh_CN") not in _LANGUAGES:
            raise ApiError(47003, "argument invalid! miniprogram_state or lang")
        data = check_data(body.get("data"), known.get(template_id))
        self._spend(openid, template_id)
        return self._keep(openid, template_id, body, data)

    def _spend(self, openid: str, template_id: str) -> None:
        with self._world.state.transaction():
            left = self.allowed(openid, template_id)
            if left < 1:
                raise ApiError(43101, "user refuse to accept the msg")
            self._world.state.put("consent", f"{openid}|{template_id}", {"count": left - 1})

    def _keep(self, openid: str, template_id: str, body: Mapping[str, Any], data: Mapping[str, str]) -> Answer:
        msgid = int("3" + random_text(18, "0123456789"))
        message = {
            "msgid": msgid,
            "time": rfc3339(self._world.now()),
            "touser": openid,
            "template_id": template_id,
            "page": body.get("page", ""),
            "miniprogram_state": body.get("miniprogram_state", "formal"),
            "data": data,
        }
        self._world.state.put("message", str(msgid), message)
        return ok(msgid=msgid)


def check_data(data: object, keys: object = None) -> dict[str, str]:
    """The message's values by key. ApiError 47003 for a missing, empty, unknown or ill-formed one."""
    if not isinstance(data, dict) or not data:
        raise ApiError(47003, "argument invalid! data should be object")
    if isinstance(keys, (list, tuple)) and set(keys) != set(data):
        wrong = sorted(set(keys) ^ set(data))
        raise ApiError(47003, f"argument invalid! data.{wrong[0]}.value is empty")
    return {key: _checked(key, item) for key, item in data.items()}


def _checked(key: str, item: object) -> str:
    value = item.get("value") if isinstance(item, dict) and set(item) == {"value"} else None
    kind = _KEY.fullmatch(key)
    if not isinstance(value, str) or not value or not kind or kind[1] not in LIMITS:
        raise ApiError(47003, f"argument invalid! data.{key}.value is empty")
    parts = value.split("~") if kind[1] in _SPANS else [value]
    if len(parts) > 2 or not all(LIMITS[kind[1]].fullmatch(part) for part in parts):
        raise ApiError(47003, f"argument invalid! data.{key}.value invalid")
    return value

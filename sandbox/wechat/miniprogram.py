"""The host api.weixin.qq.com: login, tokens, phone numbers, content checks, mini-program codes.

Errors are `{"errcode", "errmsg"}` with HTTP 200. Text that contains 违规 is judged risky, 疑似 review.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sandbox.wechat.faults import Fault
from sandbox.wechat.http import Answer, Call, Routes, json_answer, parse_json_object
from sandbox.wechat.jobs import Jobs
from sandbox.wechat.people import CodeRefused, People
from sandbox.wechat.picture import code_picture
from sandbox.wechat.push import Push
from sandbox.wechat.tokens import ApiError, Tokens
from sandbox.wechat.world import World

_WITHOUT_TOKEN = ("/sns/jscode2session", "/cgi-bin/stable_token")
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]+")
_ACTIVE_SECONDS = 7200
_MEDIA_DELAY = timedelta(seconds=1)


class MiniSide:
    """Method, token and errors are the same for all calls of this host."""

    def __init__(self, tokens: Tokens, routes: Sequence[Routes]) -> None:
        self._tokens = tokens
        self._routes = routes

    def work(self, call: Call) -> Answer:
        try:
            return self._dispatch(call)
        except ApiError as error:
            return _error_answer(error.errcode, error.errmsg)

    def _dispatch(self, call: Call) -> Answer:
        for routes in self._routes:
            handlers, params = routes.find(call)
            if not handlers:
                continue
            if call.method not in handlers:
                wanted = "GET" if "GET" in handlers else "POST"
                raise ApiError(43001 if wanted == "GET" else 43002, f"require {wanted} method")
            if call.path not in _WITHOUT_TOKEN:
                self._tokens.check(call.query.get("access_token"))
            return handlers[call.method](call.with_params(params))
        return Answer(404, b"<html><body>404 Not Found</body></html>", "text/html")

    def refuse(self, fault: Fault) -> Answer:
        if fault["do"] == "errcode":
            return _error_answer(fault["errcode"], fault["errmsg"])
        return Answer(fault["status"], b"<html><body>error</body></html>", "text/html", code=str(fault["status"]))

    def finish(self, call: Call, answer: Answer, faults: Mapping[str, Fault]) -> None:
        """Nothing is signed on this side."""


def _error_answer(errcode: int, errmsg: str) -> Answer:
    rid = f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
    return json_answer({"errcode": errcode, "errmsg": f"{errmsg} rid: {rid}"}, code=str(errcode))


def ok(**more: object) -> Answer:
    return json_answer({"errcode": 0, "errmsg": "ok", **more})


def read_json(call: Call) -> dict[str, Any]:
    """ApiError 44002 for an empty body, 47001 for one that is no JSON object."""
    if not call.body:
        raise ApiError(44002, "empty post data")
    try:
        return parse_json_object(call.body)
    except ValueError:
        raise ApiError(47001, "data format error") from None


class MiniProgram:
    def __init__(self, world: World, people: People, tokens: Tokens, push: Push, jobs: Jobs) -> None:
        self._world = world
        self._people = people
        self._tokens = tokens
        self._push = push
        self._jobs = jobs
        jobs.handle("media", self._tell_media)
        self.routes = Routes(
            ("GET", "/sns/jscode2session", self._code_to_session),
            ("POST", "/cgi-bin/stable_token", self._stable_token),
            ("POST", "/wxa/business/getuserphonenumber", self._phone_number),
            ("POST", "/wxa/msg_sec_check", self._check_text),
            ("POST", "/wxa/media_check_async", self._check_media),
            ("POST", "/wxa/getwxacodeunlimit", self._code_picture),
        )

    def _check_app(self, values: Mapping[str, Any]) -> None:
        keys = self._world.credentials
        if not values.get("appid"):
            raise ApiError(41002, "appid missing")
        if not values.get("secret"):
            raise ApiError(41004, "appsecret missing")
        if values["appid"] != keys.appid:
            raise ApiError(40013, "invalid appid")
        if values["secret"] != keys.secret:
            raise ApiError(40125, "invalid appsecret")

    def _code_to_session(self, call: Call) -> Answer:
        self._check_app(call.query)
        if call.query.get("grant_type") != "authorization_code":
            raise ApiError(40002, "invalid grant_type")
        if not call.query.get("js_code"):
            raise ApiError(41008, "missing code")
        try:
            name, openid = self._people.log_in(call.query["js_code"])
        except CodeRefused as refused:
            raise _code_error(refused) from None
        session_key = base64.b64encode(secrets.token_bytes(16)).decode()
        answer = json_answer({"session_key": session_key, "openid": openid, "unionid": self._people.unionid(name)})
        answer.content_type = "text/plain"
        return answer

    def _stable_token(self, call: Call) -> Answer:
        body = read_json(call)
        self._check_app(body)
        if body.get("grant_type") != "client_credential":
            raise ApiError(40002, "invalid grant_type")
        force = body.get("force_refresh", False)
        if not isinstance(force, bool):
            raise ApiError(47001, "data format error")
        token, seconds = self._tokens.stable(force)
        return json_answer({"access_token": token, "expires_in": seconds})

    def _phone_number(self, call: Call) -> Answer:
        body = read_json(call)
        if not isinstance(body.get("code"), str):
            raise ApiError(40029, "code 无效")
        try:
            phone, owner = self._people.phone_of(body["code"])
        except CodeRefused as refused:
            raise _code_error(refused) from None
        if owner and body.get("openid", owner) != owner:
            raise ApiError(40003, "invalid openid")
        watermark = {"timestamp": self._world.timestamp(), "appid": self._world.credentials.appid}
        info = {"phoneNumber": phone, "purePhoneNumber": phone, "countryCode": "86", "watermark": watermark}
        return ok(phone_info=info)

    def _check_visit(self, body: Mapping[str, Any]) -> None:
        """What both content checks demand: version 2, a scene, and somebody who was here within two hours."""
        if body.get("version") != 2:
            raise ApiError(40097, "invalid args: version")
        if body.get("scene") not in (1, 2, 3, 4):
            raise ApiError(40129, "invalid scene")
        active = self._people.active_since(str(body.get("openid")))
        if active is None:
            raise ApiError(40003, "invalid openid")
        if self._world.timestamp() >= active + _ACTIVE_SECONDS:
            raise ApiError(61010, "code is expired")

    def _check_text(self, call: Call) -> Answer:
        body = read_json(call)
        content = body.get("content")
        if not isinstance(content, str) or not content:
            raise ApiError(47001, "data format error")
        self._check_visit(body)
        if len(content) > 2500:
            raise ApiError(40097, "invalid args: content")
        texts = (str(body.get(name, "")) for name in ("content", "title", "nickname", "signature"))
        return ok(**_verdict("".join(texts)))

    def _check_media(self, call: Call) -> Answer:
        body = read_json(call)
        self._check_visit(body)
        if body.get("media_type") not in (1, 2):
            raise ApiError(40004, "invalid media type")
        if not re.match(r"https?://", str(body.get("media_url"))):
            raise ApiError(40097, "invalid args: media_url")
        trace_id = _trace_id()
        self._world.state.put("media", trace_id, {"media_url": body["media_url"]})
        if self._push.address():
            self._jobs.schedule("media", trace_id, self._world.now() + _MEDIA_DELAY)
        return ok(trace_id=trace_id)

    def _tell_media(self, trace_id: str) -> None:
        media = self._world.state.get("media", trace_id) or {"media_url": ""}
        event = {
            "MsgType": "event",
            "Event": "wxa_media_check",
            "appid": self._world.credentials.appid,
            "version": 2,
            "errcode": 0,
            "errmsg": "ok",
            **_verdict(media["media_url"]),
            "trace_id": trace_id,
        }
        self._push.tell(event)

    def _code_picture(self, call: Call) -> Answer:
        body = read_json(call)
        scene, page, width = body.get("scene"), body.get("page", ""), body.get("width", 430)
        if not isinstance(scene, str) or not 1 <= len(scene) <= 32:
            raise ApiError(40169, "invalid length for scene, or the data is not json string")
        if not _SCENE.fullmatch(scene):
            raise ApiError(40129, "invalid scene")
        pages = self._world.settings.pages
        missing = bool(page and pages) and body.get("check_path", True) and page not in pages
        if not isinstance(page, str) or page.startswith("/") or "?" in page or missing:
            raise ApiError(41030, "invalid page")
        if not isinstance(width, int) or not 280 <= width <= 1280:
            raise ApiError(40097, "invalid args: width")
        if body.get("env_version", "release") not in ("release", "trial", "develop"):
            raise ApiError(40097, "invalid args: env_version")
        seed = hashlib.sha512(f"{self._world.credentials.appid}|{page}|{scene}".encode()).digest()
        return Answer(200, code_picture(seed, width), "image/png")


def _code_error(refused: CodeRefused) -> ApiError:
    return ApiError(40163, "code been used") if refused.used else ApiError(40029, "invalid code")


def _trace_id() -> str:
    return f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


def _verdict(text: str) -> dict[str, Any]:
    suggest, label = "pass", 100
    if "违规" in text:
        suggest, label = "risky", 20006
    elif "疑似" in text:
        suggest, label = "review", 21000
    detail = [{"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}]
    return {"result": {"suggest": suggest, "label": label}, "detail": detail, "trace_id": _trace_id()}

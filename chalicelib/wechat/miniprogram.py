"""The mini-program side of the platform: who a shopper is, what may be said to them, what they may say.

Logging in is on the hot path and needs no access token, so it goes over urllib3 alone; the rest goes through
wechatpy, which is loaded at its first use.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import urllib3

from ..kernel.clock import Clock
from ..kernel.errors import ShopError
from .errors import (
    LoginCodeInvalid,
    MessageRefused,
    NoConsent,
    PhoneCodeInvalid,
    RiskyUser,
    WeChatBusy,
    WeChatMisconfigured,
    WeChatRateLimited,
)
from .tokens import AccessTokens, StoredToken, TokenStore

if TYPE_CHECKING:
    from .wechatpy_client import ApiClient

TIMEOUT: Final = urllib3.Timeout(connect=2, read=5)

Errcodes = Mapping[int, type[ShopError]]

# 40001, 40014, 42001: a token that was refused again after it was replaced once, which the next call may mend.
_EVERYWHERE: Errcodes = {
    -1: WeChatBusy,
    40001: WeChatBusy,
    40014: WeChatBusy,
    42001: WeChatBusy,
    45009: WeChatRateLimited,
    45011: WeChatRateLimited,
    40226: RiskyUser,
}
_NO_CODES: Errcodes = {}
_LOGIN: Errcodes = {40029: LoginCodeInvalid, 40163: LoginCodeInvalid}
_PHONE: Errcodes = {
    40029: PhoneCodeInvalid,
    40163: PhoneCodeInvalid,
    40003: PhoneCodeInvalid,  # another shopper's code
}
_MESSAGE: Errcodes = {
    43101: NoConsent,
    43108: WeChatBusy,  # another message to the same shopper at the same moment
    40003: MessageRefused,
    43107: MessageRefused,
    45168: MessageRefused,
    47003: MessageRefused,
}
_MESSAGE_STATE = {"release": "formal", "trial": "trial", "develop": "developer"}
_NOT_SEEN_LATELY: Final = 61010


@dataclass(frozen=True)
class MiniProgramSettings:
    """`version` is what codes and messages open; of the released one alone the platform checks that pages exist."""

    appid: str
    secret: str = field(repr=False)
    base_url: str = "https://api.weixin.qq.com"
    version: Literal["release", "trial", "develop"] = "release"


@dataclass(frozen=True)
class WeChatSession:
    """Who logged in. The session_key is dropped: nothing here needs it, and it must never leave the server."""

    openid: str
    unionid: str | None


class Verdict(StrEnum):
    PASS = "pass"
    REVIEW = "review"
    RISKY = "risky"


class MiniProgram:
    """Raises the errors of errors.py, and what the token store raises. No secret, token or number stands in them."""

    def __init__(self, settings: MiniProgramSettings, tokens: TokenStore, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._http = urllib3.PoolManager(maxsize=10, timeout=TIMEOUT)
        self._tokens = AccessTokens(self._fetch_token, tokens, clock)
        # The platform wants secrets and tokens in URLs, which urllib3 logs when somebody turns debugging on.
        logging.getLogger("urllib3.connectionpool").addFilter(_holds_no_secret)

    @property
    def appid(self) -> str:
        return self._settings.appid

    def code_to_session(self, code: str) -> WeChatSession:
        """Raises LoginCodeInvalid, RiskyUser, WeChatRateLimited, WeChatBusy, WeChatMisconfigured."""
        query = {
            "appid": self._settings.appid,
            "secret": self._settings.secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        answer = self._ask("GET", "/sns/jscode2session", _LOGIN, fields=query)
        return WeChatSession(_text(answer, "openid"), _text(answer, "unionid", required=False) or None)

    def phone_number(self, code: str, openid: str) -> str:
        """With the country's prefix if it is not Chinese. The platform checks that the code is this shopper's.

        Raises PhoneCodeInvalid, RiskyUser, WeChatRateLimited, WeChatBusy, WeChatMisconfigured.
        """
        answer = self.post("wxa/business/getuserphonenumber", {"code": code, "openid": openid}, _PHONE)
        info = answer.get("phone_info")
        if not isinstance(info, dict):
            raise WeChatBusy(uncertain=True)
        return _text(info, "phoneNumber")

    def send_subscribe_message(self, openid: str, template_id: str, page: str, data: Mapping[str, str]) -> None:
        """Spends one consent. `data`: field of the template -> text, within the platform's limits (thing 20, ...).

        Raises NoConsent (nothing left to spend) and MessageRefused: final. WeChatBusy, WeChatRateLimited: later; if
        it is `uncertain`, the message may have gone out. WeChatMisconfigured: alarm.
        """
        message = {
            "touser": openid,
            "template_id": template_id,
            "page": page,
            "data": {name: {"value": value} for name, value in data.items()},
            "miniprogram_state": _MESSAGE_STATE[self._settings.version],
            "lang": "zh_CN",
        }
        self.post("cgi-bin/message/subscribe/send", message, _MESSAGE)

    def check_text(self, openid: str, content: str, scene: Literal[1, 2, 3, 4]) -> Verdict:
        """`content` up to 2500 characters; scene: 1 profile, 2 comment, 3 forum, 4 social log.

        REVIEW if the shopper was not active in the last 2 hours, since the platform then declines to judge.
        """
        question = {"version": 2, "scene": scene, "openid": openid, "content": content}
        try:
            answer = self.post("wxa/msg_sec_check", question)
        except WeChatMisconfigured as error:
            if error.details.get("errcode") != _NOT_SEEN_LATELY:
                raise
            return Verdict.REVIEW
        result = answer.get("result")
        if not isinstance(result, dict):
            raise WeChatBusy(uncertain=True)
        try:
            return Verdict(result.get("suggest", ""))
        except ValueError:
            raise WeChatBusy(uncertain=True) from None

    def check_image(self, openid: str, url: str, scene: Literal[1, 2, 3, 4]) -> str:
        """Starts a check of a public image. Returns the trace_id of the verdict, pushed within 30 minutes."""
        question = {"media_url": url, "media_type": 2, "version": 2, "scene": scene, "openid": openid}
        return _text(self.post("wxa/media_check_async", question), "trace_id")

    def mini_program_code(self, scene: str, page: str, width: int) -> bytes:
        """An image that opens `page`; any number of them. `scene` up to 32 of digits, letters and
        ``!#$&'()*+,/:;=?@-._~``; `width` 280-1280 pixels.
        """
        version = self._settings.version
        wanted = {
            "scene": scene,
            "page": page.lstrip("/"),
            "width": width,
            "env_version": version,
            "check_path": version == "release",
        }
        answer = self._send("wxa/getwxacodeunlimit", wanted, {})
        if not getattr(answer, "headers", {}).get("Content-Type", "").startswith("image/"):
            raise WeChatBusy(uncertain=True)
        return bytes(answer.content)

    def post(self, path: str, payload: Mapping[str, Any], errcodes: Errcodes = _NO_CODES) -> dict[str, Any]:
        """Any call with the shared access token. Raises what `errcodes` says, else as every call here; the errcode is
        in the error's `details`, unless no usable answer came.
        """
        answer = self._send(path, payload, errcodes)
        if not isinstance(answer, dict) or "errcode" not in answer:
            raise WeChatBusy(uncertain=True)
        return answer

    def _fetch_token(self, force: bool) -> StoredToken:
        wanted = {
            "grant_type": "client_credential",
            "appid": self._settings.appid,
            "secret": self._settings.secret,
            "force_refresh": force,
        }
        asked_at = self._clock()
        answer = self._ask("POST", "/cgi-bin/stable_token", {}, json=wanted)
        seconds = answer.get("expires_in")
        if type(seconds) is not int or not 0 < seconds <= 86400:
            raise WeChatBusy(uncertain=True)
        return StoredToken(_text(answer, "access_token"), asked_at + timedelta(seconds=seconds))

    def _ask(self, method: str, path: str, errcodes: Errcodes, **sent: Any) -> dict[str, Any]:
        """A call without access token."""
        try:
            answer = self._http.request(method, self._settings.base_url + path, retries=False, **sent)
            content = json.loads(answer.data) if answer.status == 200 else None
        except (urllib3.exceptions.HTTPError, ValueError):
            content = None
        if not isinstance(content, dict):
            # Raised outside the handler: what urllib3 raises names the URL, and the secret is in it.
            raise WeChatBusy(uncertain=True)
        if content.get("errcode", 0) != 0:
            raise _refusal(content["errcode"], errcodes)
        return content

    def _send(self, path: str, payload: Mapping[str, Any], errcodes: Errcodes) -> Any:
        """The JSON object that wechatpy read, or its response if it is none (an image)."""
        from requests import RequestException
        from wechatpy.exceptions import WeChatClientException

        failure: int | None = None
        try:
            return self._api.post(path, data=dict(payload))
        except WeChatClientException as error:
            failure = error.errcode
        except (RequestException, ValueError):
            pass
        # Raised outside the handlers: wechatpy's and requests' errors carry the URL with the token.
        if failure is None:
            raise WeChatBusy(uncertain=True)
        raise _refusal(failure, errcodes)

    @cached_property
    def _api(self) -> "ApiClient":
        from .wechatpy_client import ApiClient

        return ApiClient(self._settings.appid, self._settings.base_url, self._tokens)


def _refusal(errcode: object, errcodes: Errcodes) -> ShopError:
    if not isinstance(errcode, int):
        return WeChatBusy(uncertain=True)
    kind = errcodes.get(errcode) or _EVERYWHERE.get(errcode, WeChatMisconfigured)
    return kind(errcode=errcode)


def _text(answer: Mapping[str, Any], name: str, *, required: bool = True) -> str:
    value = answer.get(name) or ""
    if not isinstance(value, str) or (required and not value):
        raise WeChatBusy(uncertain=True)
    return value


def _holds_no_secret(record: logging.LogRecord) -> bool:
    line = record.getMessage()
    return "access_token=" not in line and "secret=" not in line

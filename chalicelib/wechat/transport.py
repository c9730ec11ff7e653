"""Signed HTTP to WeChat Pay: what every call of API V3 has in common, whatever it is about.

A call that meets a dead connection, a time-out, 5xx or 429 is repeated once, with the same bytes signed anew, and then
left to the caller. A 2xx answer counts only if WeChat Pay signed it. Error answers may come unsigned, so they are
protected by TLS alone: they can say that a call failed and why, never that money moved.
"""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import urllib3

from ..kernel.clock import Clock
from .errors import PayError, PayMisconfigured, PayRefused, PayUnreachable, PayUnverified, plain_code
from .keys import PlatformKeys
from .pay_types import Fields, Malformed
from .signing import BadSignature, MerchantKey

TIMEOUT: Final = urllib3.Timeout(connect=2, read=6)

_BUSY = frozenset({"SYSTEMERROR", "BANKERROR", "FREQUENCYLIMITED", "FREQUENCYLIMITEXCEED", "RATELIMITEXCEED"})
_OURS = frozenset({"PARAMERROR", "INVALIDREQUEST", "SIGNERROR", "NOAUTH", "MCHNOTEXISTS"})

T = TypeVar("T")


class Transport:
    """One merchant's way to WeChat Pay. `fallback_url` takes the repetition of a failed call.

    Raises PayError for whatever WeChat Pay or the network does, ValueError if a configured key is none.
    """

    def __init__(
        self,
        merchant: MerchantKey,
        platform: PlatformKeys,
        base_url: str,
        fallback_url: str | None,
        clock: Clock,
        http: urllib3.PoolManager | None,
        pause: Callable[[float], None],
    ) -> None:
        self._merchant = merchant
        self._platform = platform
        self._base_urls = base_url, fallback_url or base_url
        self._clock = clock
        self._http = http or urllib3.PoolManager(maxsize=10, timeout=TIMEOUT)
        self._pause = pause

    def call(
        self, method: str, target: str, payload: Mapping[str, Any] | None = None, key_id: str | None = None
    ) -> Fields:
        """The verified answer; `target` is path and query. An answer without body is empty.

        `key_id` names the key that secrets in the payload are encrypted with.
        """
        return self.read(self.send(method, target, payload, key_id))

    def send(
        self, method: str, target: str, payload: Mapping[str, Any] | None = None, key_id: str | None = None
    ) -> urllib3.BaseHTTPResponse:
        """A 2xx answer that nothing has proved yet."""
        body = b"" if payload is None else as_json(payload)
        try:
            return self._once(method, self._base_urls[0] + target, target, body, key_id)
        except PayUnreachable:
            self._pause(random.uniform(0.1, 0.4))
        return self._once(method, self._base_urls[1] + target, target, body, key_id)

    def read(self, answer: urllib3.BaseHTTPResponse, keys: PlatformKeys | None = None) -> Fields:
        """What the answer says, once one of the keys, the merchant's unless given, has proved it."""
        request_id = answer.headers.get("Request-ID", "")
        try:
            (keys or self._platform).verify(answer.headers, answer.data, self._clock())
            return Fields.parse(answer.data) if answer.data else Fields({})
        except BadSignature as error:
            raise PayUnverified("UNVERIFIED", status=answer.status, request_id=request_id, hint=error.reason) from error
        except Malformed as error:
            raise PayUnverified("MALFORMED", status=answer.status, request_id=request_id) from error

    def stream(self, url: str) -> urllib3.BaseHTTPResponse:
        """A download from where a verified answer said: unsigned, unread, for the caller to close. One attempt."""
        try:
            target = urllib3.util.parse_url(url).request_uri  # as it will be sent, since that is what must be signed
        except urllib3.exceptions.LocationParseError as error:
            raise PayUnverified("MALFORMED", status=200, hint="download_url") from error
        return self._once("GET", url, target, b"", whole=False)

    def _once(
        self, method: str, url: str, target: str, body: bytes, key_id: str | None = None, *, whole: bool = True
    ) -> urllib3.BaseHTTPResponse:
        """A 2xx answer; with `whole` read and unpacked, otherwise not even read."""
        headers = {
            "Authorization": self._merchant.authorization(method, target, body, self._clock()),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "jishi",
        }
        if named := key_id or self._platform.preferred:
            headers["Wechatpay-Serial"] = named
        try:
            # A signature is good for one request: no repetition and no redirection below this line.
            answer = self._http.request(
                method,
                url,
                body=body or None,
                headers=headers,
                retries=False,
                preload_content=whole,
                decode_content=whole,
            )
            if 200 <= answer.status < 300:
                return answer
            raise _failure(answer.status, answer.headers.get("Request-ID", ""), answer.data)
        except urllib3.exceptions.HTTPError as error:
            raise PayUnreachable("UNREACHABLE", hint=type(error).__name__) from error


def as_json(payload: Mapping[str, Any]) -> bytes:
    """The bytes that are signed and sent."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def understood(read: Callable[[], T]) -> T:
    """What is read from a verified answer. PayUnverified if the answer makes no sense."""
    try:
        return read()
    except Malformed as error:
        raise PayUnverified("MALFORMED", status=200, hint=str(error)) from error


def must_be_same(answered: str, asked: str) -> None:
    """A signature does not say to which question an answer belongs; the number in it does. Raises PayUnverified."""
    if answered != asked:
        raise PayUnverified("UNVERIFIED", status=200, hint="answer to another question")


def _failure(status: int, request_id: str, body: bytes) -> PayError:
    """What a non-2xx answer means. Nothing proves who gave it; one without a code of WeChat Pay's says nothing."""
    try:
        fields = Fields.parse(body)
        code, hint = fields.text("code"), fields.text("message", "")
    except Malformed:
        code, hint = f"HTTP_{status}", ""
    plain = plain_code(code)
    kind: type[PayError] = PayRefused
    if status >= 500 or status == 429 or plain in _BUSY or plain.startswith("HTTP"):
        kind = PayUnreachable
    elif status == 401 or plain in _OURS or plain.endswith("NOTMATCH"):
        kind = PayMisconfigured
    return kind(_printable(code), status=status, request_id=request_id, hint=_printable(hint))


def _printable(text: str) -> str:
    """Fit for a log: anybody may have written it."""
    return "".join(character for character in text[:200] if character.isprintable())

"""Messages that the platform pushes to the shop, in plain and in secure mode, as JSON or XML.

With an EncodingAESKey in the settings only encrypted messages count: the signature of a plain one covers token, time
and nonce, not the message, so whoever sees one plain request could put other words under it for five minutes.
"""

import hashlib
import hmac
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from ..kernel.clock import Clock
from .errors import PushRefused

REPLY: Final = "success"
"""What the platform wants to hear within 5 seconds; otherwise it sends the message again, up to three times."""

_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class PushSettings:
    """As in the platform's console. Without a token the endpoint refuses everything; without a key it is in plain
    mode.
    """

    appid: str
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)


class MessagePush:
    """`freshness`: how far a message's time may be from ours, either way. The platform documents none; without one, a
    message once seen could be replayed for ever.
    """

    def __init__(self, settings: PushSettings, clock: Clock, freshness: timedelta = timedelta(minutes=5)) -> None:
        self._settings = settings
        self._clock = clock
        self._freshness = freshness

    def verify_url(self, query: Mapping[str, str]) -> str:
        """The echostr to answer when the platform checks the endpoint (GET). Raises PushRefused."""
        timestamp, nonce = self._fresh(query)
        self._check(query.get("signature", ""), timestamp, nonce)
        return query.get("echostr", "")

    def read(self, query: Mapping[str, str], raw_body: bytes) -> dict[str, Any]:
        """The message; of XML, all values are text. Raises PushRefused if it is forged, stale or senseless."""
        timestamp, nonce = self._fresh(query)
        if not self._settings.encoding_aes_key:
            self._check(query.get("signature", ""), timestamp, nonce)
            return _parse(raw_body)
        encrypted = _parse(raw_body).get("Encrypt")
        if not isinstance(encrypted, str):
            raise PushRefused("not encrypted")
        signature = query.get("msg_signature", "")
        self._check(signature, timestamp, nonce, encrypted)
        return _parse(self._decrypt(encrypted, signature, timestamp, nonce))

    def _fresh(self, query: Mapping[str, str]) -> tuple[str, str]:
        if not self._settings.token:
            raise PushRefused("disabled")
        timestamp = query.get("timestamp", "")
        if not _SECONDS.fullmatch(timestamp):
            raise PushRefused("unsigned")
        if abs(self._clock().timestamp() - int(timestamp)) > self._freshness.total_seconds():
            raise PushRefused("stale")
        return timestamp, query.get("nonce", "")

    def _check(self, signature: str, *signed: str) -> None:
        parts = sorted(part.encode(errors="replace") for part in (self._settings.token, *signed))
        expected = hashlib.sha1(b"".join(parts)).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
            raise PushRefused("bad signature")

    def _decrypt(self, encrypted: str, signature: str, timestamp: str, nonce: str) -> bytes:
        from wechatpy.crypto import WeChatCrypto
        from wechatpy.exceptions import WeChatException

        crypto = WeChatCrypto(self._settings.token, self._settings.encoding_aes_key, self._settings.appid)
        try:
            message: str = crypto.decrypt_message({"Encrypt": encrypted}, signature, timestamp, nonce)
        except (WeChatException, ValueError, IndexError, struct.error) as error:
            raise PushRefused("undecryptable") from error
        return message.encode()


def _parse(raw: bytes) -> dict[str, Any]:
    """By its first character, since the platform's Content-Type says text for either form."""
    try:
        text = raw.decode().strip()
        message = json.loads(text) if text.startswith("{") else _parse_xml(text)
    except (ValueError, RecursionError) as error:
        raise PushRefused("malformed") from error
    if not isinstance(message, dict):
        raise PushRefused("malformed")
    return message


def _parse_xml(text: str) -> Any:
    from xml.parsers.expat import ExpatError

    import xmltodict

    try:
        return xmltodict.parse(text, disable_entities=True).get("xml")
    except ExpatError as error:
        raise ValueError from error

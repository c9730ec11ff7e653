"""Message push: events that the platform sends to the shop's own endpoint, in plain or in secure mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sandbox.wechat import crypto
from sandbox.wechat.callbacks import Result, post
from sandbox.wechat.http import json_bytes
from sandbox.wechat.world import World


class Push:
    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, event: Mapping[str, Any], url: str, mode: str = "secure", form: str = "json") -> tuple[Result, str]:
        """POST the event; the shop's status and answer. What the event lacks of its frame is filled in.

        `mode` is plain or secure, `form` json or xml. ValueError for anything else.
        """
        if mode not in ("plain", "secure") or form not in ("json", "xml"):
            raise ValueError("mode is plain or secure, form is json or xml")
        keys = self._world.credentials
        frame = {"ToUserName": keys.original_id, "FromUserName": "o" + "0" * 27, "CreateTime": self._world.timestamp()}
        message = _write({**frame, "MsgType": "event", **event}, form)
        query = self._query()
        if mode == "secure":
            encrypted = crypto.encrypt_push(keys.encoding_aes_key, keys.appid, message)
            stamp = (keys.push_token, query["timestamp"], query["nonce"])
            query |= {"encrypt_type": "aes", "msg_signature": crypto.push_signature(*stamp, encrypted)}
            message = _write({"ToUserName": keys.original_id, "Encrypt": encrypted}, form)
        headers = {"Content-Type": "application/json" if form == "json" else "text/xml", "User-Agent": "Mozilla/4.0"}
        status, answer = post(_with_query(url, query), headers, message, self._world.settings.callback_timeout)
        return status, answer.decode("utf-8", "replace")

    def verify(self, url: str) -> tuple[Result, bool]:
        """The check that the platform makes when a push address is saved: does the shop echo the text?"""
        echo = crypto.random_text(19, "0123456789")
        query = self._query() | {"echostr": echo}
        status, answer = post(_with_query(url, query), {"User-Agent": "Mozilla/4.0"}, b"", 5, method="GET")
        return status, answer == echo.encode()

    def _query(self) -> dict[str, str]:
        timestamp, nonce = str(self._world.timestamp()), crypto.random_text(9, "123456789")
        signature = crypto.push_signature(self._world.credentials.push_token, timestamp, nonce)
        return {"signature": signature, "timestamp": timestamp, "nonce": nonce}


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _write(message: Mapping[str, Any], form: str) -> bytes:
    return json_bytes(message) if form == "json" else f"<xml>{_xml(message)}</xml>".encode()


def _xml(value: object) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(part)}</{name}>" for name, part in value.items())
    if isinstance(value, list):
        return "".join(f"<item>{_xml(part)}</item>" for part in value)
    return str(value) if isinstance(value, int) else "<![CDATA[" + str(value).replace("]]>", "]]]]><![CDATA[>") + "]]>"

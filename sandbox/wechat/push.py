"""Message push: events that the platform sends to the shop's own endpoint, in plain or in secure mode.

What it sends of its own accord is sent again, three times, unless the shop says `success` or nothing within 5 seconds.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from sandbox.wechat import crypto
from sandbox.wechat.callbacks import Result, post
from sandbox.wechat.faults import OF_PUSHES
from sandbox.wechat.http import json_bytes
from sandbox.wechat.jobs import Jobs
from sandbox.wechat.state import Doc
from sandbox.wechat.world import World

_RETRIES, _RETRY_SECONDS = 3, 5


class Push:
    def __init__(self, world: World, jobs: Jobs) -> None:
        self._world = world
        self._jobs = jobs
        self._locks: dict[str, threading.Lock] = {}
        jobs.handle("push", self._attempt_due)

    def address(self) -> str:
        """Where events of the platform's own accord go: the last address that was verified, or the setting."""
        verified = self._world.state.get("push_address", "verified")
        return str(verified["url"]) if verified else self._world.settings.push_url

    def tell(self, event: Mapping[str, Any]) -> None:
        """Send an event soon. Nothing happens without an address."""
        if self.address():
            self._jobs.schedule("push", self.keep(event), self._world.now())

    def keep(self, event: Mapping[str, Any], url: str = "") -> str:
        """Keep an event to be sent and return its id. The caller is to `attempt` it; the schedule does otherwise."""
        id = str(uuid.uuid4())
        pushed = {"id": id, "time": self._world.timestamp(), "url": url or self.address(), "event": dict(event)}
        self._world.state.put("pushed", id, pushed | {"results": [], "delivered": False})
        patience = timedelta(seconds=self._world.settings.callback_timeout)
        self._jobs.schedule("push", id, self._world.now() + patience)
        return id

    def attempt(self, id: str) -> list[Result]:
        """Send it as the faults that hit say, and plan the next time unless the shop took it."""
        with self._locks.setdefault(id, threading.Lock()):
            return self._attempt(id)

    def _attempt_due(self, id: str) -> None:
        """An attempt that was under way when this one came due has planned anew."""
        with self._locks.setdefault(id, threading.Lock()):
            if self._jobs.is_due("push", id):
                self._attempt(id)

    def _attempt(self, id: str) -> list[Result]:
        pushed = self._get(id)
        faults = self._world.faults.take(f"push:{pushed['event']['Event']}", OF_PUSHES)
        if "delay" in faults:
            self._jobs.schedule("push", id, self._world.now() + timedelta(seconds=faults["delay"]["seconds"]))
            return ["delayed"]
        if "drop" in faults or "lose" in faults:
            results: list[Result] = ["dropped"]
        else:
            count = faults["duplicate"]["count"] if "duplicate" in faults else 1
            mode = self._world.settings.push_mode
            answers = [self.send(pushed["event"], pushed["url"], mode) for _ in range(count)]
            results = [status for status, _ in answers]
            pushed["delivered"] = any(status == 200 and text in ("", "success") for status, text in answers)
        pushed["results"].append(results)
        self._world.state.put("pushed", id, pushed)
        if pushed["delivered"] or "lose" in faults or len(pushed["results"]) > _RETRIES:
            self._jobs.cancel("push", id)
        else:
            seconds = _RETRY_SECONDS * self._world.settings.callback_retry_scale
            self._jobs.schedule("push", id, self._world.now() + timedelta(seconds=seconds))
        return results

    def _get(self, id: str) -> Doc:
        pushed = self._world.state.get("pushed", id)
        if pushed is None:
            raise KeyError(id)
        return pushed

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
        """The check that the platform makes when a push address is saved: does the shop echo the text? If so, it is."""
        echo = crypto.random_text(19, "0123456789")
        query = self._query() | {"echostr": echo}
        status, answer = post(_with_query(url, query), {"User-Agent": "Mozilla/4.0"}, b"", 5, method="GET")
        if answer == echo.encode():
            self._world.state.put("push_address", "verified", {"url": url})
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

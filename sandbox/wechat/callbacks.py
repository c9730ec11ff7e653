"""Callbacks to the shop: encrypted, signed, sent, and sent again until it says 2xx or the schedule ends."""

from __future__ import annotations

import copy
import http.client
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sandbox.wechat import crypto
from sandbox.wechat.faults import OF_CALLBACKS, Fault
from sandbox.wechat.http import json_bytes
from sandbox.wechat.jobs import Jobs
from sandbox.wechat.signing import Signer
from sandbox.wechat.state import Doc
from sandbox.wechat.world import World, rfc3339

RETRY_SECONDS = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
"""Official waits between attempts: 15 retries over 24 hours and 4 minutes, then nothing."""

_UNSENT: Doc = {"attempts": 0, "results": [], "delivered": False, "lost": False}
Message = tuple[dict[str, str], bytes]
Result = int | str
"""The shop's HTTP status; or why there is none: unreachable, dropped, delayed."""


class Callbacks:
    def __init__(self, world: World, signer: Signer, jobs: Jobs) -> None:
        self._world = world
        self._signer = signer
        self._jobs = jobs
        self._locks: dict[str, threading.Lock] = {}
        jobs.handle("callback", self._attempt_due)

    def make(self, event_type: str, original_type: str, summary: str, url: str, plaintext: Doc) -> str:
        """Keep a callback and return its id. The caller is to `attempt` it; the schedule does if the caller cannot."""
        id = "EV-" + str(uuid.uuid4())
        envelope = {
            "id": id,
            "create_time": rfc3339(self._world.now()),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": summary,
        }
        callback = {"envelope": envelope, "original_type": original_type, "plaintext": plaintext, "url": url}
        self._world.state.put("callback", id, callback | _UNSENT)
        patience = timedelta(seconds=self._world.settings.callback_timeout)
        self._jobs.schedule("callback", id, self._retry_at(0) + patience)
        return id

    def attempt(self, id: str) -> list[Result]:
        """Send once, as the faults that hit say; retry later unless the shop said 2xx. One result a message sent."""
        with self._lock(id):
            return self._attempt(id)

    def _attempt_due(self, id: str) -> None:
        """An attempt that was under way when this one came due has planned anew."""
        with self._lock(id):
            if self._jobs.is_due("callback", id):
                self._attempt(id)

    def _attempt(self, id: str) -> list[Result]:
        callback = self._get(id)
        if callback["delivered"] or callback["lost"]:
            return []
        faults = self._world.faults.take(f"callback:{callback['envelope']['event_type']}", OF_CALLBACKS)
        if "delay" in faults:
            self._jobs.schedule("callback", id, self._world.now() + timedelta(seconds=faults["delay"]["seconds"]))
            return ["delayed"]
        results: list[Result] = ["dropped"] if "drop" in faults or "lose" in faults else self.send(id, faults)
        with self._world.state.transaction():
            callback = self._get(id)
            callback["attempts"] += 1
            callback["lost"] = "lose" in faults or callback["attempts"] > len(RETRY_SECONDS)
            self._world.state.put("callback", id, callback)
            if callback["delivered"] or callback["lost"]:
                self._jobs.cancel("callback", id)
            else:
                self._jobs.schedule("callback", id, self._retry_at(callback["attempts"] - 1))
        return results

    def send(self, id: str, faults: Mapping[str, Fault]) -> list[Result]:
        """Send now, whatever the schedule says; used by tests to repeat, overtake and forge."""
        callback = self._get(id)
        results: list[Result] = []
        if "signtest" in faults:
            results.append(self._post(callback["url"], *self._message(callback, faults)))
        genuine = {name: fault for name, fault in faults.items() if name != "signtest"}
        count = faults["duplicate"]["count"] if "duplicate" in faults else 1
        messages = [self._message(callback, genuine) for _ in range(count)]
        answers = self._post_together(callback["url"], messages)
        self._record(id, results + answers, list(faults), delivered=any(map(_fine, answers)), last=messages[-1])
        return results + answers

    def replay(self, id: str) -> list[Result]:
        """Send the very bytes and headers of the last message again, as somebody who had recorded them would.

        ValueError if there was none.
        """
        callback = self._get(id)
        if "last" not in callback:
            raise ValueError("nothing was sent yet")
        headers, body = callback["last"]
        results = [self._post(callback["url"], headers, body.encode())]
        self._record(id, results, ["replay"], delivered=False, last=(headers, body.encode()))
        return results

    def _message(self, callback: Doc, faults: Mapping[str, Fault]) -> Message:
        plaintext = _altered(callback["plaintext"], faults.get("alter", {}).get("set", {}))
        key = crypto.random_text(32) if "wrong_apiv3_key" in faults else self._world.credentials.apiv3_key
        resource = {"original_type": callback["original_type"]}
        resource |= crypto.seal(key, json_bytes(plaintext), callback["original_type"])
        body = json_bytes(callback["envelope"] | {"resource": resource})
        headers = {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "Mozilla/4.0"}
        headers |= {"Request-ID": f"08{uuid.uuid4().hex.upper()}-0"} | self._signer.headers(body, None, faults)
        return headers, body + b" " if "tamper" in faults else body

    def _post_together(self, url: str, messages: list[Message]) -> list[Result]:
        if len(messages) == 1:
            return [self._post(url, *messages[0])]
        results: list[Result] = []
        start = threading.Barrier(len(messages))

        def post(headers: dict[str, str], body: bytes) -> None:
            start.wait()
            results.append(self._post(url, headers, body))

        threads = [threading.Thread(target=post, args=message) for message in messages]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> Result:
        return post(url, headers, body, self._world.settings.callback_timeout)[0]

    def _record(self, id: str, results: list[Result], faults: list[str], delivered: bool, last: Message) -> None:
        now = rfc3339(self._world.now())
        with self._world.state.transaction():
            callback = self._get(id)
            callback["results"] += [{"time": now, "result": result, "faults": faults} for result in results]
            callback["delivered"] = callback["delivered"] or delivered
            callback["last"] = (last[0], last[1].decode())
            self._world.state.put("callback", id, callback)

    def _lock(self, id: str) -> threading.Lock:
        return self._locks.setdefault(id, threading.Lock())

    def _get(self, id: str) -> Doc:
        callback = self._world.state.get("callback", id)
        if callback is None:
            raise KeyError(id)
        return callback

    def _retry_at(self, retry: int) -> datetime:
        return self._world.now() + timedelta(seconds=RETRY_SECONDS[retry] * self._world.settings.callback_retry_scale)


def _fine(result: Result) -> bool:
    return isinstance(result, int) and 200 <= result < 300


def _altered(plaintext: Doc, changes: Mapping[str, Any]) -> Doc:
    """A copy with the values at these dotted names changed, or left out where the new value is null."""
    changed = copy.deepcopy(plaintext)
    for name, value in changes.items():
        *parents, last = name.split(".")
        place = changed
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return changed


def post(url: str, headers: dict[str, str], body: bytes, timeout: float, method: str = "POST") -> tuple[Result, bytes]:
    """Ask the shop without following redirects. The status and the first bytes of the answer, or "unreachable"."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=timeout)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(10_000)
    except (OSError, http.client.HTTPException):
        return "unreachable", b""
    finally:
        connection.close()

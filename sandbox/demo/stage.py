"""The running stack as the demo sees it: the shop's API, the sandbox WeChat, the clock that both share."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from datetime import time as time_of_day
from typing import Any, TypeVar

import urllib3

from sandbox.local.place import Place

PATIENCE = 20.0
BEIJING = timezone(timedelta(hours=8))
MORNING = time_of_day(10, 5)
Seen = TypeVar("Seen")


class NotAsPromised(Exception):
    """Says what was expected and what came."""


class NotRunning(Exception):
    """No answer came from this address."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any
    """Decoded JSON; None if the answer was empty."""


@dataclass
class Stage:
    """`run` makes the names of this run's shoppers unlike those of any other run."""

    place: Place
    run: str
    checks: int = 0
    chapters: int = 0
    _http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=4, timeout=30, retries=False)
    )

    def shop(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        return self._ask(method, self.place.api + path, body, headers)

    def wechat(self, method: str, path: str, body: Any = None) -> Any:
        """The control API of the sandbox WeChat: what people do on their phones, and what WeChat saw."""
        answer = self._ask(method, f"{self.place.wechat}/_sandbox/{path}", as_json(body), {})
        self.expect(f"the sandbox WeChat's answer to {method} {path}", 200, answer.status, answer.body)
        return answer.body

    def platform(self, path: str, body: Any) -> Any:
        """An API of the mini-program's platform, asked as the merchant asks it."""
        merchant = self.place.credentials()
        account = {"grant_type": "client_credential", "appid": merchant.appid, "secret": merchant.secret}
        token = self._ask("POST", f"{self.place.wechat}/cgi-bin/stable_token", as_json(account), {}).body
        answer = self._ask(
            "POST", f"{self.place.wechat}{path}?access_token={token['access_token']}", as_json(body), {}
        ).body
        self.expect(f"errcode of {path}", 0, answer["errcode"], answer)
        return answer

    def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        try:
            got = self._http.request(method, url, body=body, headers={"Content-Type": "application/json", **headers})
        except urllib3.exceptions.HTTPError as error:
            raise NotRunning(f"{url} ({type(error).__name__})") from error
        return Answer(got.status, got.headers, json.loads(got.data) if got.data else None)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.wechat("GET", "clock")["now"])

    def let_pass(self, **amount: int) -> None:
        """Move the clock of the whole stack forward: `let_pass(minutes=16)`."""
        ((unit, count),) = amount.items()
        self._advance(timedelta(**amount))
        self.tell(f"⏱ {count} {unit} pass.")

    def let_the_night_pass(self) -> date:
        """Until the next morning, 10:05 in Beijing. The day that is over."""
        now = self.now().astimezone(BEIJING)
        morning = datetime.combine(now.date() + timedelta(days=1), MORNING, BEIJING)
        self._advance(morning - now)
        self.tell("⏱ The next morning, 10:05 in Beijing.")
        return now.date()

    def _advance(self, by: timedelta) -> None:
        self.wechat("POST", "clock", {"advance_seconds": by.total_seconds()})

    def title(self, text: str) -> None:
        self.chapters += 1
        line = f"{self.chapters:2d}  {text}"
        bold = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        print(f"\n\033[1m{line}\033[0m" if bold else f"\n{line}", flush=True)

    def tell(self, text: str) -> None:
        print(f"    {text}", flush=True)

    def expect(self, what: str, expected: object, came: object, about: object = None) -> None:
        """NotAsPromised unless both are equal; `about` is shown with it."""
        self.checks += 1
        if came != expected:
            more = f"\n    about     {about}" if about is not None else ""
            raise NotAsPromised(f"{what}\n    expected  {expected}\n    came      {came}{more}")

    def wait_until(self, what: str, look: Callable[[], Seen], good: Callable[[Seen], object]) -> Seen:
        """What `look` sees as soon as it is good. NotAsPromised if it is not within PATIENCE seconds."""
        deadline = time.monotonic() + PATIENCE
        while not good(seen := look()):
            if time.monotonic() > deadline:
                raise NotAsPromised(f"{what}\n    expected  within {PATIENCE:.0f} s\n    came      {seen}")
            time.sleep(0.1)
        self.checks += 1
        return seen


def as_json(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body, ensure_ascii=False).encode()


def yuan(fen: int) -> str:
    return f"¥{fen // 100}.{fen % 100:02d}"


def beijing(moment: str) -> str:
    """A time of the shop's answers as a shopper reads it."""
    return f"{datetime.fromisoformat(moment).astimezone(BEIJING):%m-%d %H:%M:%S}"

"""A shopper who never stops asking: was there a moment at which the shop did not answer?"""

from __future__ import annotations

import threading
import time
from types import TracebackType

import urllib3

PAUSE = 0.1


class Prober:
    """Asks `url` again and again while it is open; `asked` how often, `unanswered` what was no 200."""

    def __init__(self, url: str) -> None:
        self.asked = 0
        self.unanswered: list[str] = []
        self.slowest = 0.0
        self._url = url
        self._http = urllib3.PoolManager(timeout=30, retries=False)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Prober:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(PAUSE):
            self.ask_once()

    def ask_once(self) -> None:
        begun = time.monotonic()
        try:
            answer = self._http.request("GET", self._url)
        except urllib3.exceptions.HTTPError as error:
            self.unanswered.append(f"{type(error).__name__}: {error}")
        else:
            if answer.status != 200:
                self.unanswered.append(f"{answer.status} {answer.data[:200]!r}")
        self.asked += 1
        self.slowest = max(self.slowest, time.monotonic() - begun)

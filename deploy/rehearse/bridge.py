"""EventBridge at the sandbox's clock: the emulator's own knows only the system's, and the demo moves days in minutes.

Each schedule is invoked through its live alias with EventBridge's event, as soon as the sandbox's clock says so.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.kernel.clock import Clock
from deploy.stage import LIVE
from sandbox.local.worker import schedule_event

POLL = 0.2
AT_ONCE = 4


@dataclass
class Bridge:
    """`rates` by function name in the account. A run that is refused since the last one still works comes again."""

    lambdas: Any
    clock: Clock
    rates: dict[str, timedelta]
    runs: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    still: threading.Lock = field(default_factory=threading.Lock)
    """Whoever has it may move the clock: no schedule is under way, as no clock of the cloud jumps under a run."""
    _due: dict[str, datetime] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self.begin()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def run_all(self) -> None:
        """Every schedule once, whatever the clock says."""
        self._run(list(self.rates))

    def begin(self) -> None:
        """Count the rates from now."""
        self._due = {name: self.clock() + rate for name, rate in self.rates.items()}

    def run_due(self) -> None:
        with self.still:
            now = self.clock()
            due = [name for name, at in self._due.items() if at <= now]
            self._due |= {name: now + self.rates[name] for name in due}
            self._run(due)

    def _follow(self) -> None:
        while not self._stop.wait(POLL):
            self.run_due()

    def _run(self, names: list[str]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._invoke, names))

    def _invoke(self, name: str) -> None:
        event = json.dumps(schedule_event(self.clock())).encode()
        try:
            answer = self.lambdas.invoke(FunctionName=f"{name}:{LIVE}", Payload=event, LogType="Tail")
        except self.lambdas.exceptions.TooManyRequestsException:
            self._due[name] = self.clock()
            return
        self.runs[name] += 1
        if "FunctionError" in answer:
            log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
            self.failures.append(f"{name}: {answer['Payload'].read().decode()[:500]}\n{log}")

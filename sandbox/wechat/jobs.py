"""Work due later by the sandbox's clock: refunds that end, callbacks that are tried again. It survives restarts."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sandbox.wechat.state import Doc
from sandbox.wechat.world import World

_LOOK_EVERY = 0.1
_log = logging.getLogger("sandbox.wechat")


class Jobs:
    """Each job names a handler and one id. It is forgotten after its handler returned: run at least once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._handlers: dict[str, Callable[[str], object]] = {}
        self._wake = threading.Event()
        self._busy: set[str] = set()
        self._stopped = False
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="sandbox-job")
        self._thread = threading.Thread(target=self._loop, name="sandbox-jobs", daemon=True)

    def handle(self, name: str, handler: Callable[[str], object]) -> None:
        self._handlers[name] = handler

    def schedule(self, name: str, id: str, due: datetime) -> None:
        """Planned anew while its handler runs, it runs again: the plan tells one from the other at the same moment."""
        job = {"name": name, "id": id, "due": due.timestamp(), "plan": uuid.uuid4().hex}
        self._world.state.put("job", f"{name}:{id}", job)
        self.wake()

    def cancel(self, name: str, id: str) -> None:
        self._world.state.remove("job", f"{name}:{id}")

    def is_due(self, name: str, id: str) -> bool:
        job = self._world.state.get("job", f"{name}:{id}")
        return job is not None and bool(job["due"] <= self._world.now().timestamp())

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _loop(self) -> None:
        while True:
            self._wake.clear()
            if self._stopped:
                return
            waiting = self._start_due()
            self._wake.wait(_LOOK_EVERY if waiting else None)

    def _start_due(self) -> bool:
        """Hand what is due to the pool; say whether anything is left to look after."""
        jobs = self._world.state.every("job")
        now = self._world.now().timestamp()
        for job in jobs:
            key = f"{job['name']}:{job['id']}"
            if job["due"] <= now and key not in self._busy:
                self._busy.add(key)
                self._pool.submit(self._run, key, job)
        return bool(jobs)

    def _run(self, key: str, job: Doc) -> None:
        try:
            self._handlers[job["name"]](job["id"])
        except Exception:
            _log.exception("job %s failed", key)
        finally:
            with self._world.state.transaction():
                if self._world.state.get("job", key) == job:
                    self._world.state.remove("job", key)
            self._busy.discard(key)
            self.wake()

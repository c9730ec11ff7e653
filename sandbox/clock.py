"""One clock for every process of the local stack, which a developer can move forward."""

from __future__ import annotations

import fcntl
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

FURTHEST = 10 * 366 * 86400.0


class SandboxClock:
    """System time plus an offset in seconds, kept in a small file. A missing file means no offset.

    The file is read again whenever it changed, so a process sees another one's `advance` at its next look.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._stamp: tuple[int, int, int] | None = None
        self._offset = 0.0

    def __call__(self) -> datetime:
        """The stack's time, aware, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset())

    def offset(self) -> float:
        """How many seconds the stack is ahead of the system."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._offset = None, 0.0
            return 0.0
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self._stamp:
            self._stamp, self._offset = stamp, float(self._path.read_text() or 0)
        return self._offset

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward by `seconds` and return the new time. ValueError if it would go back.

        Advances of several processes add up.
        """
        if not 0 <= seconds <= FURTHEST - self.offset():
            raise ValueError("the clock only goes forward, and ten years at most")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{self._path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._replace(self.offset() + seconds)
        return self()

    def _replace(self, offset: float) -> None:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        with os.fdopen(handle, "w") as file:
            file.write(repr(offset))
        os.replace(name, self._path)

"""Children of the local stack: each with a log of its own, none of them reached by the terminal's Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from sandbox.local.place import Trouble

START_OVER = "If an earlier version or a crash left the data so, start over: make reset && make run"


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self, seconds: float) -> bool:
        """Asks it to end and waits; True if it ended in good order, so that its data are saved."""
        if not self.ended:
            self.process.terminate()
        try:
            return self.process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False

    def obituary(self) -> str:
        """How it ended, and the end of its log."""
        code = self.process.returncode
        how = "did not answer" if code is None else f"ended with status {code}"
        if code is not None and code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        lines = self.log.read_text(errors="replace").splitlines()[-12:] or ["(nothing)"]
        return f"{self.name} {how}. Its last words ({self.log}):\n" + "\n".join(f"    {line[:300]}" for line in lines)


def start(name: str, logs: Path, arguments: list[str], environment: dict[str, str], lock: int) -> Child:
    """`arguments`: a module and what it is given. The child holds the folder's `lock` too, as long as it lives."""
    logs.mkdir(parents=True, exist_ok=True)
    path = logs / f"{name}.log"
    with path.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.local.guard", str(os.getpid()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            pass_fds=(lock,),
        )
    return Child(name, process, path)


def must_be_free(port: int, what: str, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Trouble(
                f"Port {port}, for {what}, cannot be had ({error.strerror}).\n"
                f"Stop the program that has it, or choose another port: {variable}={port + 100} make run"
            ) from error


def wait_until_ready(child: Child, url: str, seconds: float = 60, advice: str = START_OVER) -> None:
    """Until it answers HTTP with anything but a failure of its own. Raises Trouble with its last words and `advice`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not child.ended:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as answer:
            if answer.code < 500:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise Trouble(f"{child.obituary()}\n{advice}".rstrip())

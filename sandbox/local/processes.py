"""Children of the local stack: each with a log of its own, none of them reached by the terminal's Ctrl-C."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path


class Trouble(Exception):
    """Says what is wrong and what to do about it."""


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self, seconds: float) -> bool:
        """Asks it to end and waits; True if it ended by itself, so that its data are saved."""
        if not self.ended:
            self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line[:300]}" for line in lines[-12:])


def start(name: str, logs: Path, arguments: list[str], environment: dict[str, str]) -> Child:
    logs.mkdir(parents=True, exist_ok=True)
    path = logs / f"{name}.log"
    with path.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    return Child(name, process, path)


def must_be_free(port: int, what: str, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Trouble(
                f"Port {port}, for {what}, is taken by another program.\n"
                f"Stop that program, or choose another port: {variable}={port + 100} make run"
            ) from error


def wait_until_ready(child: Child, url: str, seconds: float = 60) -> None:
    """Until it answers HTTP at all."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if child.ended:
            raise Trouble(f"{child.name} ended at once. Its last words ({child.log}):\n{child.last_words()}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise Trouble(
        f"{child.name} did not answer within {seconds:.0f} s. Its last words ({child.log}):\n{child.last_words()}"
    )

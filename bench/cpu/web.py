"""The same turns over HTTP, on connections that are kept; what is measured is the server's process."""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Callable
from pathlib import Path

from bench.gateway import Act, Answer, Request


class Web:
    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")
        self._kept = threading.local()

    def ready(self, request: Request) -> Act:
        headers = {"Content-Type": "application/json", **request.headers}
        body = None if request.body is None else request.body.encode()

        def act() -> Answer:
            if not hasattr(self._kept, "connection"):
                self._kept.connection = http.client.HTTPConnection(self._host, timeout=60)
            connection: http.client.HTTPConnection = self._kept.connection
            connection.request(request.method, request.path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())

        return act


def clock_of(pid: int) -> Callable[[], float]:
    """A clock that shows the CPU seconds of a process, to a hundredth. https://man7.org/linux/man-pages/man5/proc.5.html"""
    path, ticks = Path(f"/proc/{pid}/stat"), os.sysconf("SC_CLK_TCK")

    def read() -> float:
        fields = path.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    return read

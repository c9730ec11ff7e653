"""The shop's own domain on this machine: hands every request to its API in the emulator, and counts the answers.

In the cloud a custom domain name does this. Here it is also what lets the sandbox WeChat call the shop back at an
address that is known before there is an API.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}
"""Headers that speak of one connection only: RFC 9110, 7.6.1."""


class Front(ThreadingHTTPServer):
    """`api` is empty until there is one to hand requests to."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, emulator_port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.api = ""
        self.answers: Counter[int] = Counter()
        self.emulator_port = emulator_port
        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", emulator_port, maxsize=32, timeout=60, retries=False)

    @property
    def requests(self) -> int:
        return self.answers.total()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Front

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Host"] = f"{self.server.api}.execute-api.localhost:{self.server.emulator_port}"
        try:
            got = self.server.pool.urlopen(self.command, f"/api{self.path}", body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            return self._answer(502, [], f"{type(error).__name__}: {error}".encode())
        return self._answer(got.status, list(got.headers.items()), got.data)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.server.answers[status] += 1
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = _forward

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the functions' own logs have a line for each request."""


@contextmanager
def serving(port: int, emulator_port: int) -> Iterator[Front]:
    front = Front(port, emulator_port)
    thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.shutdown()
        front.server_close()
        thread.join()

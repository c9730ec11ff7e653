"""Requests, answers, routes, and the threaded server that carries them."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from werkzeug.datastructures import Headers
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request

_IDLE_SECONDS = 75
_PIECE = 64 * 1024


class ConnectionDropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass(frozen=True)
class Call:
    """One request as it came: `target` is path and query exactly as sent, which is what signatures cover."""

    method: str
    path: str
    target: str
    query: Mapping[str, str]
    headers: Headers
    body: bytes
    base_url: str
    params: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def from_environ(environ: WSGIEnvironment) -> Call:
        request = Request(environ)
        target = environ.get("REQUEST_URI") or environ.get("RAW_URI") or request.full_path.rstrip("?")
        return Call(
            method=request.method,
            path=request.path,
            target=target,
            query=request.args.to_dict(),
            headers=Headers(request.headers),
            body=request.get_data(),
            base_url=request.host_url.rstrip("/"),
        )

    def with_params(self, params: Mapping[str, str]) -> Call:
        return replace(self, params=params)


@dataclass
class Answer:
    """`file`, where there is one, is sent instead of the body, piece by piece. After `cut_after` bytes the connection
    closes. `code` is what the list of calls shows: an error code of the platform, or empty.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    code: str = ""
    signed: bool = True
    file: Path | None = None
    cut_after: int | None = None

    @property
    def length(self) -> int:
        return self.file.stat().st_size if self.file else len(self.body)

    def pieces(self) -> Iterator[bytes]:
        """The content. Raises ConnectionDropped where it is to be cut."""
        left = self.length if self.cut_after is None else self.cut_after
        with self.file.open("rb") if self.file else io.BytesIO(self.body) as content:
            while left > 0 and (piece := content.read(min(left, _PIECE))):
                yield piece
                left -= len(piece)
        if self.cut_after is not None and self.cut_after < self.length:
            raise ConnectionDropped


def json_bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(value: object, status: int = 200, code: str = "") -> Answer:
    return Answer(status, json_bytes(value), code=code)


def parse_json_object(body: bytes) -> dict[str, Any]:
    """ValueError unless the body is one JSON object in UTF-8 without NaN and Infinity."""
    value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


Handler = Callable[[Call], Answer]


class Routes:
    """Which handler serves which method and path. `{name}` in a path takes one segment."""

    def __init__(self, *routes: tuple[str, str, Handler]) -> None:
        self._routes = [(method, _pattern(path), handler) for method, path, handler in routes]

    def find(self, call: Call) -> tuple[dict[str, Handler], dict[str, str]]:
        """The handlers of the call's path by method (none: no such path), and the path's parameters."""
        found: dict[str, Handler] = {}
        params: dict[str, str] = {}
        for method, pattern, handler in self._routes:
            if match := pattern.fullmatch(call.path):
                found[method], params = handler, match.groupdict()
        return found, params


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"{(\w+)}", path)
    return re.compile("".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts)))


class _Handler(WSGIRequestHandler):
    """Keeps connections alive, which werkzeug's own handler does not, and sends without Nagle's delay."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        stream = environ["wsgi.input"]
        chunked = environ.get("wsgi.input_terminated")
        body = stream.read() if chunked else stream.read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            parts, status, headers = run_wsgi_app(self.server.app, environ)
            self._send(status, headers, parts)
        except ConnectionDropped:
            self.close_connection = True

    def _send(self, status: str, headers: Headers, parts: Iterable[bytes]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for key, value in headers:
            self.send_header(key, value)
        self.end_headers()
        for part in parts if self.command != "HEAD" else ():
            self.wfile.write(part)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The sandbox keeps its own list of calls, without secrets."""


def serve(app: WSGIApplication, host: str, port: int) -> BaseWSGIServer:
    """A threaded server, bound but not yet serving. OSError if the port is taken."""
    return make_server(host, port, app, threaded=True, request_handler=_Handler)


@contextmanager
def running(app: WSGIApplication, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in the background while the block runs; yields the base URL. Port 0 takes a free one."""
    server = serve(app, host, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

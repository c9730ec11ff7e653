"""HTTP/1.1 to one address: requests sent in one piece over connections that are kept, answers read with few calls.

http.client sends head and body apart and reads headers as if they were mail, which takes longer than all of the rest.
"""

import os
import select
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from ..kernel.clock import system_clock

CONNECT_SECONDS, READ_SECONDS = 2, 5
MOST_KEPT = 64
SURELY_OPEN, MOST_IDLE = timedelta(milliseconds=500), timedelta(minutes=5)
"""A NAT gateway forgets a connection after 350 idle seconds and tells nobody before it is used again.
https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html#nat-gateway-troubleshooting-timeout
"""
MOST_HEAD = 2**16


@dataclass(frozen=True)
class Answer:
    """As much of botocore's AWSResponse as those look at who are given one. Names of headers are in lower case."""

    status_code: int
    headers: dict[str, str]
    content: bytes


class Wire:
    """The connections to `url`. Threads may share it: a connection serves one request at a time, and is kept only if
    its answer was read to the end.

    `send` and `receive` raise what botocore's HTTP client raises: EndpointConnectionError, ConnectTimeoutError,
    SSLError, ReadTimeoutError, ConnectionClosedError.
    """

    def __init__(self, url: str, ca_file: str) -> None:
        parts = urlsplit(url)
        self._url, self._host = url, parts.hostname or ""
        self._path = parts.path or "/"
        self._tls = _tls(ca_file) if parts.scheme == "https" else None
        standard = 443 if self._tls else 80
        self._port = parts.port or standard
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.host = host if self._port == standard else f"{host}:{self._port}"
        self._idle: list[tuple[socket.socket, datetime]] = []
        os.register_at_fork(after_in_child=self._idle.clear)  # a parent and its child would read each other's answers

    def send(self, headers: Mapping[str, str], body: bytes) -> socket.socket:
        """Send a POST with these headers, `Host` among them. Over what is returned its answer can be received."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {self._path} HTTP/1.1\r\nAccept-Encoding: identity\r\n{lines}"
        connection, sent = self._kept() or self._connected(), False
        try:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            sent = True
            return connection
        except (OSError, ValueError) as error:
            raise self._known(error) from error
        finally:
            if not sent:
                connection.close()

    def receive(self, connection: socket.socket) -> Answer:
        whole = False
        try:
            answer, whole = _answer(connection)
            return answer
        except (OSError, ValueError) as error:
            raise self._known(error) from error
        finally:
            if whole and len(self._idle) < MOST_KEPT:
                self._idle.append((connection, system_clock()))
            else:
                connection.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[0].close()

    def _kept(self) -> socket.socket | None:
        """An idle connection that is still open. What can be read before anything was asked is its end.

        By the clock on the wall, since the other one may stand still while a function is frozen.
        """
        while self._idle:
            try:
                connection, since = self._idle.pop()
            except IndexError:  # another thread took it
                return None
            idle = abs(system_clock() - since)
            if idle < SURELY_OPEN or (idle < MOST_IDLE and not _readable(connection)):
                return connection
            connection.close()
        return None

    def _connected(self) -> socket.socket:
        try:
            connection = socket.create_connection((self._host, self._port), CONNECT_SECONDS)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from error
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_hostname=self._host)
        except OSError as error:
            connection.close()
            raise self._known(error) from error
        connection.settimeout(READ_SECONDS)
        return connection

    def _known(self, error: Exception) -> Exception:
        """What botocore raises where its HTTP client fails thus."""
        if isinstance(error, TimeoutError):
            return ReadTimeoutError(endpoint_url=self._url, error=error)  # type: ignore[no-any-return]
        if isinstance(error, ssl.SSLError):
            return SSLError(endpoint_url=self._url, error=error)  # type: ignore[no-any-return]
        return ConnectionClosedError(endpoint_url=self._url, error=error)  # type: ignore[no-any-return]


def _readable(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _tls(ca_file: str) -> ssl.SSLContext:
    """Certificates and names are checked."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Inbox:
    """What came in over a connection and is not taken yet."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.held = bytearray()

    def more(self) -> bool:
        """Wait for more. False at the end of the connection."""
        got = self._connection.recv(2**16)
        self.held += got
        return bool(got)

    def take(self, size: int) -> bytes:
        while len(self.held) < size:
            if not self.more():
                raise ConnectionError("the connection ended within an answer")
        taken = bytes(self.held[:size])
        del self.held[:size]
        return taken

    def until(self, end: bytes) -> str:
        """What stands before `end`, which is taken too."""
        while (at := self.held.find(end)) < 0:
            if len(self.held) > MOST_HEAD:
                raise ValueError("an answer without end of its head")
            if not self.more():
                raise ConnectionError("the connection ended before an answer")
        return self.take(at + len(end))[:at].decode("latin-1")


def _answer(connection: socket.socket) -> tuple[Answer, bool]:
    """The next answer, and whether another one can follow on this connection. Raises ValueError if it is no HTTP."""
    inbox, status = _Inbox(connection), 100
    while status < 200:  # what says "100 Continue" comes before the answer
        first, *lines = inbox.until(b"\r\n\r\n").split("\r\n")
        version, code, *_ = first.split(" ", 2)
        if not version.startswith("HTTP/1."):
            raise ValueError("an answer that is no HTTP/1")
        status = int(code)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    lasts = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    if headers.get("transfer-encoding", "").lower() == "chunked":
        content = _chunks(inbox)
    elif "content-length" in headers:
        content = inbox.take(_size(headers["content-length"], 10))
    else:
        lasts = False
        while inbox.more():
            pass
        content = bytes(inbox.held)
    return Answer(status, headers, content), lasts and not inbox.held


def _chunks(inbox: _Inbox) -> bytes:
    parts: list[bytes] = []
    while size := _size(inbox.until(b"\r\n").partition(";")[0].strip(), 16):
        parts.append(inbox.take(size))
        inbox.take(2)
    while inbox.until(b"\r\n"):  # headers that come after the body
        pass
    return b"".join(parts)


def _size(digits: str, base: int) -> int:
    size = int(digits, base)
    if size < 0:
        raise ValueError("an answer of less than no bytes")
    return size

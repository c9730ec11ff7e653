"""A DynamoDB that does as it is told: each request gets the next step of a script, the last one for good."""

import json
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO


@dataclass(frozen=True)
class Step:
    """Bytes to send, or None for silence; then the connection is closed or not."""

    sent: bytes | None
    closes: bool = False


def reply(status: int, body: bytes, *headers: str, closes: bool = False) -> Step:
    lines = [f"HTTP/1.1 {status} Some", "x-amzn-RequestId: R1", f"Content-Length: {len(body)}", *headers, "", ""]
    return Step("\r\n".join(lines).encode() + body, closes)


def success(body: object) -> Step:
    text = json.dumps(body).encode()
    return reply(200, text, f"x-amz-crc32: {zlib.crc32(text)}")


def refusal(code: str, status: int = 400, **more: object) -> Step:
    told = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "库存 is tight", **more}
    return reply(status, json.dumps(told).encode())


def echo(body: bytes) -> Step:
    """The key that was asked for, as the item."""
    return success({"Item": json.loads(body).get("Key")})


@dataclass
class Scripted:
    """`heard`: head and body of every request; `gone`: a client has closed its connection. Without steps each request
    is answered by `echo`.
    """

    steps: list[Step] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def script(self, *steps: Step) -> None:
        self.steps, self.heard = list(steps), []

    def hang_up(self) -> None:
        """Close every connection, as a server does with those that are idle."""
        for connection in self.connections:
            connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as incoming:
            while head := _head(incoming):
                body = incoming.read(int(head["content-length"]))
                self.heard.append((head, body))
                step = self._next(body)
                if step.sent is not None:
                    connection.sendall(step.sent)
                if step.closes:
                    connection.shutdown(socket.SHUT_RDWR)
                    return
            self.gone.set()

    def _next(self, body: bytes) -> Step:
        if not self.steps:
            return echo(body)
        return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]


def _head(incoming: BinaryIO) -> dict[str, str]:
    """Headers by their names in lower case, the first line under `""`; nothing at the end of the connection."""
    lines: list[str] = []
    while (line := incoming.readline().decode().strip()) or not lines:
        if not line:
            return {}
        lines.append(line)
    pairs = (each.partition(": ") for each in lines[1:])
    return {"": lines[0], **{name.lower(): value for name, _, value in pairs}}


@contextmanager
def scripted(tls: ssl.SSLContext | None = None, family: socket.AddressFamily = socket.AF_INET) -> Iterator[Scripted]:
    """A server on a free port of this machine, with TLS if it has a context."""
    server = Scripted()
    with socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family) as listener:
        port = listener.getsockname()[1]
        host = "[::1]" if family == socket.AF_INET6 else "localhost" if tls else "127.0.0.1"
        server.url = f"{'https' if tls else 'http'}://{host}:{port}"
        threading.Thread(target=_accept, args=(server, listener, tls), daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        for connection in server.connections:
            connection.close()


def _accept(server: Scripted, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection = listener.accept()[0]
        except OSError:
            return
        server.connections.append(connection)
        threading.Thread(target=_greet, args=(server, connection, tls), daemon=True).start()


def _greet(server: Scripted, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
    try:
        server.serve(tls.wrap_socket(connection, server_side=True) if tls else connection)
    except OSError:
        connection.close()

"""`python -m bench.cpu.canned FILE`: answers recorded requests as DynamoDB did, and does nothing else.

FILE holds [[operation, request body, answer body], ...]. The first line it prints is its address. It ends with its
standard input.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zlib import crc32


def canonical(operation: str, body: str | bytes) -> str:
    """The same for all spellings of a request."""
    return f"{operation} {json.dumps(json.loads(body), sort_keys=True)}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answers: dict[str, bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        answer = self.answers.get(canonical(operation, body))
        head = "HTTP/1.1 404 Not Found\r\n" if answer is None else "HTTP/1.1 200 OK\r\n"
        answer = b"{}" if answer is None else answer
        head += f"Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(answer)}\r\n"
        head += f"x-amzn-RequestId: {'0' * 32}\r\nx-amz-crc32: {crc32(answer)}\r\n\r\n"
        self.wfile.write(head.encode() + answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128


def main() -> None:
    recorded = json.loads(Path(sys.argv[1]).read_text())
    Handler.answers = {canonical(operation, asked): answer.encode() for operation, asked, answer in recorded}
    server = Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()

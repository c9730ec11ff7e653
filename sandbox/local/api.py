"""The HTTP function on this machine: Chalice's own local gateway behind a threaded server.

`chalice local` would do, but for three things: it leaves Nagle's algorithm on, which makes each request of a kept-alive
connection wait 44 ms; it accepts five waiting connections; and the shop needs the sandbox's clock.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

from chalice.config import Config
from chalice.local import ChaliceRequestHandler, CustomLocalChalice, LocalChalice, LocalDevServer, ThreadedHTTPServer

from app import app
from chalicelib.settings import from_environment
from chalicelib.shop import build, use
from sandbox.clock import SandboxClock
from sandbox.local.place import Place


class Handler(ChaliceRequestHandler):
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the shop's own log has a line for each request."""


class Server(ThreadedHTTPServer):
    request_queue_size = 512


def main() -> None:
    place = Place.here()
    use(build(from_environment(), clock=SandboxClock(place.clock_file)))
    server = serve(place.api_port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.server.serve_forever()


def serve(port: int) -> LocalDevServer:
    """The server, bound to `port` (0: any free one); whoever calls runs it."""
    for_threads()
    config = Config.create(chalice_stage="dev", config_from_disk={"version": "2.0", "app_name": "jishi"})
    return LocalDevServer(app, config, "127.0.0.1", port, handler_cls=Handler, server_cls=Server)


def for_threads() -> None:
    """From now on the app keeps a current request for each thread, and not one for the process, as in Lambda, where
    requests come one by one. Once is enough, and more do no harm.
    """
    if not isinstance(app, LocalChalice):
        CustomLocalChalice.__bases__ = (LocalChalice, type(app))
        app.__class__ = CustomLocalChalice  # type: ignore[assignment]  # as Chalice's own `local` does


if __name__ == "__main__":
    main()

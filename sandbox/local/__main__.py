"""`make run`: everything that the shop needs on this machine, started, watched and stopped together."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

from sandbox.local.place import Place
from sandbox.local.processes import Child, Trouble, must_be_free, start, wait_until_ready

STOP_SECONDS = 60


def main() -> int:
    place = Place.here()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    children: list[Child] = []
    try:
        with only_one(place):
            begun = time.monotonic()
            run(place, children, stop)
            if not stop.is_set():
                print(banner(place, time.monotonic() - begun), flush=True)
                watch(children, stop)
    except Trouble as trouble:
        print(f"\nThe shop cannot run.\n{trouble}", file=sys.stderr)
        return 1
    finally:
        finish(children)
    return 0


@contextlib.contextmanager
def only_one(place: Place) -> Iterator[None]:
    """Two stacks over one folder would ruin each other's data."""
    place.folder.mkdir(parents=True, exist_ok=True)
    with (place.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Trouble(f"It runs already, over {place.folder}. Stop that one with Ctrl-C first.") from error
        yield


def run(place: Place, children: list[Child], stop: threading.Event) -> None:
    must_be_free(place.api_port, "the shop's API", "JISHI_API_PORT")
    must_be_free(place.engine_port, "the data engine", "JISHI_ENGINE_PORT")
    must_be_free(place.wechat_port, "the sandbox WeChat", "JISHI_WECHAT_PORT")
    print("Starting the data engine ...", flush=True)
    engine = start("engine", place.logs, ["-m", "ministack"], engine_environment(place))
    children.append(engine)
    wait_until_ready(engine, f"{place.engine}/_localstack/health")
    os.environ.update(place.environment())
    prepare(place)
    if stop.is_set():
        return
    print("Starting the sandbox WeChat and the API ...", flush=True)
    wechat = ["-m", "sandbox.wechat", "--port", str(place.wechat_port)]
    wechat += ["--state-dir", str(place.folder / "wechat"), "--clock-file", str(place.clock_file)]
    children.append(start("wechat", place.logs, wechat, {}))
    wait_until_ready(children[-1], f"{place.wechat}/_sandbox/")
    children.append(start("api", place.logs, ["-m", "sandbox.local.api"], place.environment()))
    wait_until_ready(children[-1], f"{place.api}/categories")
    children.append(start("worker", place.logs, ["-m", "sandbox.local.worker"], place.environment()))


def engine_environment(place: Place) -> dict[str, str]:
    folder = place.folder / "engine"
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(place.engine_port),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }


def prepare(place: Place) -> None:
    """Tables and the demo shop, as far as they are not there yet."""
    from sandbox.local import seed

    try:
        seed.prepare(place)
    except Trouble:
        raise
    except Exception as error:
        raise Trouble(
            f"The data under {place.folder} cannot be used ({type(error).__name__}: {error}).\n"
            "If an earlier version or a crash left them so, start over: make reset && make run"
        ) from error


def watch(children: list[Child], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        for child in children:
            if child.ended:
                raise Trouble(f"{child.name} ended unexpectedly. Its last words ({child.log}):\n{child.last_words()}")


def finish(children: list[Child]) -> None:
    """In the reverse order, the engine last, since it saves its data when it is asked to end."""
    if not children:
        return
    print("\nStopping, and saving the data ...", flush=True)
    for child in reversed(children):
        if not child.stop(STOP_SECONDS) and child.name == "engine":
            print("The engine had to be killed; what changed since the start is lost.", file=sys.stderr)
    print("Stopped.", flush=True)


def banner(place: Place, seconds: float) -> str:
    return f"""
Jishi is open (started in {seconds:.0f} s).

  API              {place.api}        try: curl {place.api}/products?limit=3
  sandbox WeChat   {place.wechat}/_sandbox/    the shopper's phone, as an HTTP API
  data engine      {place.engine}        DynamoDB, tables jishi-local-*
  logs             {place.logs}
  contract         miniprogram-api.yaml

  make demo (in another terminal) plays a day in its life.  Ctrl-C stops everything and saves the data.
"""


if __name__ == "__main__":
    sys.exit(main())

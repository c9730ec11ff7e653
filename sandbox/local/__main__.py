"""`make run`: everything that the shop needs on this machine, started, watched and stopped together."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator

from chalicelib.settings import SettingsError, from_environment
from sandbox.clock import SandboxClock
from sandbox.local.place import OWNER, VARIABLES, Place, Trouble
from sandbox.local.processes import START_OVER, Child, must_be_free, start, wait_until_ready

STOP_SECONDS = 60


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    try:
        place = Place.here()
        with only_one(place) as lock:
            Stack(place, lock).run(stop)
    except Trouble as trouble:
        print(f"\nThe shop cannot run.\n{trouble}", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def only_one(place: Place) -> Iterator[int]:
    """Two stacks over one folder would ruin each other's data. Yields the lock, which the children hold too."""
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        lock = (place.folder / "lock").open("w")
    except OSError as error:
        raise Trouble(f"The folder for its data cannot be used: {error}. Name another: JISHI_LOCAL=…") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Trouble(
                f"It runs already, over {place.folder}. Stop that one with Ctrl-C in its terminal, and wait a moment.\n"
                "For a second shop beside it, name another folder and other ports: " + "=… ".join(VARIABLES) + "=…"
            ) from error
        yield lock.fileno()


class Stack:
    def __init__(self, place: Place, lock: int) -> None:
        self._place = place
        self._lock = lock
        self._children: list[Child] = []

    def run(self, stop: threading.Event) -> None:
        """Until `stop`, or until something fails, which raises Trouble. Everything is stopped and saved then."""
        begun = time.monotonic()
        try:
            for step in (self._check, self._engine, self._prepare, self._wechat, self._shop):
                if stop.is_set():
                    return
                step()
            print(banner(self._place, time.monotonic() - begun), flush=True)
            while not stop.wait(0.5):
                self._watch()
        finally:
            self._finish()

    def _check(self) -> None:
        place = self._place
        must_be_free(place.api_port, "the shop's API", "JISHI_API_PORT")
        must_be_free(place.engine_port, "the data engine", "JISHI_ENGINE_PORT")
        must_be_free(place.wechat_port, "the sandbox WeChat", "JISHI_WECHAT_PORT")
        with usable(place):
            os.environ.update(place.environment())
            from_environment()
            SandboxClock(place.clock_file)()
            place.engine_folder.mkdir(exist_ok=True)
            for saved in place.engine_folder.glob("*.json"):
                json.loads(saved.read_bytes())  # the engine would pass over a broken file, and then write over it

    def _engine(self) -> None:
        print("Starting the data engine ...", flush=True)
        environment = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._place.engine_port),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._place.engine_folder),
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }
        engine = self._start("engine", ["ministack"], environment)
        wait_until_ready(engine, f"{self._place.engine}/_localstack/health")

    def _prepare(self) -> None:
        """Tables and the demo shop, as far as they are not there yet."""
        from sandbox.local import seed

        with usable(self._place):
            seed.prepare(self._place)

    def _wechat(self) -> None:
        print("Starting the sandbox WeChat and the API ...", flush=True)
        place = self._place
        arguments = ["sandbox.wechat", "--port", str(place.wechat_port), "--state-dir", str(place.folder / "wechat")]
        wechat = self._start("wechat", [*arguments, "--clock-file", str(place.clock_file)])
        wait_until_ready(wechat, f"{place.wechat}/_sandbox/")

    def _shop(self) -> None:
        api = self._start("api", ["sandbox.local.api"])
        wait_until_ready(api, f"{self._place.api}/categories")
        self._start("worker", ["sandbox.local.worker"])
        self._save_push_address()

    def _save_push_address(self) -> None:
        """As a merchant does it once in the console: from then on WeChat tells the shop what happens there."""
        body = json.dumps({"url": f"{self._place.api}/wechat/push"}).encode()
        try:
            with urllib.request.urlopen(f"{self._place.wechat}/_sandbox/push/verify", body, timeout=30) as answer:
                echoed = json.load(answer)["echoed"]
        except OSError:
            echoed = False
        if not echoed:
            raise Trouble(f"The shop's push address could not be saved. The logs say more: {self._place.logs}")

    def _start(self, name: str, arguments: list[str], environment: dict[str, str] | None = None) -> Child:
        child = start(name, self._place.logs, arguments, environment or {}, self._lock)
        self._children.append(child)
        return child

    def _watch(self) -> None:
        for child in self._children:
            if child.ended:
                raise Trouble(f"{child.obituary()}\nThe rest is stopped too; make run starts all of it again.")

    def _finish(self) -> None:
        """In the reverse order, the engine last, since it saves its data when it is asked to end."""
        if not self._children:
            return
        print("\nStopping, and saving the data ...", flush=True)
        for child in reversed(self._children):
            if not child.stop(STOP_SECONDS) and child.name == "engine":
                print("The engine could not save: what changed since the start is lost.", file=sys.stderr)
        print("Stopped.", flush=True)


@contextlib.contextmanager
def usable(place: Place) -> Iterator[None]:
    """Whatever goes wrong over a setting, or over the data of an earlier run, becomes Trouble that says what to do."""
    try:
        yield
    except SettingsError as error:
        raise Trouble(
            f"Its settings: {error}.\nCorrect what this terminal's environment sets of them, or unset it "
            f"(docs/settings.md); the rest comes from {place.folder}."
        ) from error
    except Exception as error:
        raise Trouble(
            f"The data under {place.folder} cannot be used ({type(error).__name__}: {error}).\n{START_OVER}"
        ) from error


def banner(place: Place, seconds: float) -> str:
    moved = "".join(f"{name}={os.environ[name]} " for name in VARIABLES if name in os.environ)
    return f"""
Jishi is open (started in {seconds:.0f} s).

  API              {place.api}        try: curl {place.api}/products?limit=3
  sandbox WeChat   {place.wechat}/_sandbox/    the shopper's phone, as an HTTP API
  data engine      {place.engine}        DynamoDB, tables jishi-local-*
  logs             {place.logs}
  contract         miniprogram-api.yaml
  the owner        logs in with the code demo-{OWNER}, and appoints staff: PUT /staff/people/{{member_id}}

  {moved}make demo (in another terminal) plays a day in its life.  Ctrl-C stops everything and saves the data.
"""


if __name__ == "__main__":
    sys.exit(main())

"""The rehearsal's own parts, as far as they can be tried without rehearsing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import urllib3

from deploy.rehearse import closure, emulator, front, project, releases
from deploy.rehearse.bridge import Bridge
from deploy.rehearse.prober import Prober
from deploy.rehearse.project import Project
from deploy.stage import CONFIG, LIVE
from sandbox.clock import SandboxClock

FUNCTION = (
    "import sys, time, datetime; print(*sys.path, sep='|'); print(time.time() - datetime.datetime.now().timestamp())"
)
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


def as_a_process_of_the_emulator(tmp_path: Path, **environment: str) -> tuple[list[str], float]:
    """Its path, and by how many seconds its clock is ahead."""
    (tmp_path / "site").mkdir()
    search = os.pathsep.join((str(emulator.RUNTIME), str(tmp_path / "site")))
    given = {"PYTHONPATH": search, "REHEARSAL_CLOCK": str(tmp_path / "clock"), **environment}
    done = subprocess.run([sys.executable, "-c", FUNCTION], env=given, capture_output=True, text=True, check=True)
    path, ahead = done.stdout.splitlines()
    return path.split("|"), float(ahead)


def test_a_function_sees_no_package_but_its_own_and_tells_the_sandboxs_time(tmp_path: Path) -> None:
    SandboxClock(tmp_path / "clock").advance(3600)
    path, ahead = as_a_process_of_the_emulator(tmp_path, AWS_LAMBDA_FUNCTION_NAME="jishi-rehearsal-api")
    assert not [each for each in path if "site-packages" in each or str(tmp_path) in each or "rehearse" in each]
    assert ahead == pytest.approx(3600, abs=60)


def test_the_emulator_itself_keeps_its_packages_and_the_systems_time(tmp_path: Path) -> None:
    SandboxClock(tmp_path / "clock").advance(3600)
    path, ahead = as_a_process_of_the_emulator(tmp_path)
    assert str(tmp_path / "site") in path
    assert ahead == pytest.approx(0, abs=60)


def test_the_emulator_gets_what_it_needs_and_nothing_of_the_shops(tmp_path: Path) -> None:
    closure.link(tmp_path)
    assert {"ministack", "botocore", "samtranslator", "hypercorn"} <= {each.name for each in tmp_path.iterdir()}
    assert not {"chalice", "pynamodb", "msgspec", "wechatpy"} & {each.name for each in tmp_path.iterdir()}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project.copy(tmp_path_factory.mktemp("rehearsal") / "project")


def test_the_copy_has_one_stage_that_may_be_thrown_away(copied: Project) -> None:
    copied.set({"JISHI_PUBLIC_URL": "http://127.0.0.1:1"})
    assert list(json.loads((copied.root / CONFIG).read_text())["stages"]) == [project.STAGE]
    assert (copied.stage.options.keep, copied.stage.region) == (False, project.REGION)
    assert copied.stage.environment["JISHI_PUBLIC_URL"] == "http://127.0.0.1:1"


@pytest.mark.parametrize("change", [releases.HARMLESS, releases.BROKEN, releases.TOO_LONG, releases.OTHER_KEY])
def test_each_rehearsed_change_still_finds_what_it_changes(copied: Project, change: tuple[str, str, str]) -> None:
    file = copied.root / change[0]
    before = file.read_text()
    with copied.changed(*change):
        assert file.read_text() == before.replace(change[1], change[2]) != before
    assert file.read_text() == before


def test_a_change_that_finds_nothing_says_so(copied: Project) -> None:
    with (
        pytest.raises(LookupError, match=r"app\.py holds 'no such words' 0 times"),
        copied.changed("app.py", "no such words", "others"),
    ):
        pass


class Lambdas:
    """Answers as it is told, and keeps what it was asked."""

    class exceptions:
        class TooManyRequestsException(Exception):
            pass

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.error = ""
        self.busy = False

    def invoke(self, FunctionName: str, Payload: bytes, **_: Any) -> dict[str, Any]:
        if self.busy:
            raise self.exceptions.TooManyRequestsException
        self.asked.append((FunctionName, json.loads(Payload)))
        failed = {"FunctionError": "Unhandled", "LogResult": "bGFzdCB3b3Jkcw=="} if self.error else {}
        return {"Payload": BytesIO(self.error.encode()), **failed}


@pytest.fixture
def bridge() -> Bridge:
    clock = [NOON]
    made = Bridge(Lambdas(), lambda: clock[0], {"often": timedelta(minutes=1), "seldom": timedelta(hours=1)})
    made.clock_hand = clock  # type: ignore[attr-defined]
    return made


def names(bridge: Bridge) -> list[str]:
    return sorted(name for name, _ in bridge.lambdas.asked)


def test_a_schedule_is_invoked_when_the_sandboxs_clock_says_so(bridge: Bridge) -> None:
    bridge.begin()
    bridge.run_due()
    assert names(bridge) == []
    bridge.clock_hand[0] += timedelta(minutes=2)  # type: ignore[attr-defined]
    bridge.run_due()
    bridge.run_due()
    assert names(bridge) == [f"often:{LIVE}"]
    bridge.clock_hand[0] += timedelta(hours=2)  # type: ignore[attr-defined]
    bridge.run_due()
    assert names(bridge) == [f"often:{LIVE}", f"often:{LIVE}", f"seldom:{LIVE}"]
    assert bridge.lambdas.asked[0][1]["detail-type"] == "Scheduled Event"


def test_a_schedule_that_still_runs_is_tried_again_at_once(bridge: Bridge) -> None:
    bridge.begin()
    bridge.clock_hand[0] += timedelta(minutes=2)  # type: ignore[attr-defined]
    bridge.lambdas.busy = True
    bridge.run_due()
    bridge.lambdas.busy = False
    bridge.run_due()
    assert (names(bridge), bridge.runs["often"], bridge.failures) == ([f"often:{LIVE}"], 1, [])


def test_a_schedule_that_fails_is_told_of_with_its_last_words(bridge: Bridge) -> None:
    bridge.lambdas.error = '{"errorMessage": "no"}'
    bridge.run_all()
    assert len(bridge.failures) == 2
    assert bridge.failures[0].endswith("last words")


class _Api(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = json.dumps({"host": self.headers["Host"], "path": self.path, "body": body.decode()}).encode()
        self.send_response(201)
        self.send_header("X-Of-The-Api", "yes")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        self.send_error(503)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[front.Front]:
    api = HTTPServer(("127.0.0.1", 0), _Api)
    threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    with front.serving(0, api.server_port) as made:
        made.api = "a1"
        yield made
    api.shutdown()
    api.server_close()


def test_the_front_hands_a_request_to_its_api_and_the_answer_back(shop: front.Front) -> None:
    url = f"http://127.0.0.1:{shop.server_port}/orders?limit=1"
    answer = urllib3.request("POST", url, body="{}", retries=False)
    assert (answer.status, answer.headers["X-Of-The-Api"]) == (201, "yes")
    host = f"a1.execute-api.localhost:{shop.emulator_port}"
    assert answer.json() == {"host": host, "path": "/api/orders?limit=1", "body": "{}"}
    assert dict(shop.answers) == {201: 1}


def test_the_prober_notes_every_answer_but_200(shop: front.Front) -> None:
    prober = Prober(f"http://127.0.0.1:{shop.server_port}/categories")
    prober.ask_once()
    assert (prober.asked, len(prober.unanswered)) == (1, 1)
    assert prober.unanswered[0].startswith("503 ")

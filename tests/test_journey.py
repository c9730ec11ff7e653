"""`make run` and `make demo` as a stranger meets them: the real stack in its own processes, on free ports."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[1]
ADDRESS = {
    "name": "张三", "phone": "13800138000", "province": "广东省", "city": "深圳市", "district": "南山区",
    "detail": "科技园1号",
}  # fmt: skip


class LocalShop:
    """`make run` over a folder. Each gets ports of its own, unless `environment` says otherwise."""

    def __init__(self, folder: Path, **environment: str) -> None:
        api, engine, wechat = free_ports(3)
        self.api = f"http://127.0.0.1:{api}"
        self.environment = {
            **os.environ,
            "JISHI_LOCAL": str(folder),
            "JISHI_API_PORT": str(api),
            "JISHI_ENGINE_PORT": str(engine),
            "JISHI_WECHAT_PORT": str(wechat),
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self._log = folder.with_suffix(f".{api}.log")
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.local"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def opened(self) -> "LocalShop":
        wait_until(lambda: "Jishi is open" in self.said or self.process.poll() is not None)
        assert "Jishi is open" in self.said, self.said
        return self

    def ended(self) -> tuple[int, str]:
        """Exit status and everything that it said."""
        return self.process.wait(90), self.said

    def interrupted(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def children(self) -> dict[str, int]:
        """Process ids of the four, by name."""
        wait_until(lambda: len(self._children()) == 4)
        return self._children()

    def _children(self) -> dict[str, int]:
        listing = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        )
        rows = [line.split(None, 2) for line in listing.stdout.splitlines()]
        mine = [(int(pid), arguments) for pid, parent, arguments in rows if int(parent) == self.process.pid]
        parts = {"ministack": "engine", "sandbox.wechat": "wechat", "local.api": "api", "local.worker": "worker"}
        return {name: pid for part, name in parts.items() for pid, arguments in mine if part in arguments}

    def demo(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sandbox.demo"]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = requests.request(method, self.api + path, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def log_in(self, name: str) -> dict[str, str]:
        token = self.ask("POST", "/login", {"code": f"demo-{name}"})["token"]
        return {"Authorization": f"Bearer {token}"}


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def wait_until(holds: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a shop that was started, sold something and was stopped; and the order's id."""
    folder = tmp_path_factory.mktemp("made") / "local"
    shop = LocalShop(folder).opened()
    alice = shop.log_in("alice")
    address_id = shop.ask("POST", "/addresses", ADDRESS, **alice)["address_id"]
    wish = {"lines": [{"sku_id": "soap-01", "quantity": 1}], "address_id": address_id}
    order_id = shop.ask("POST", "/orders", wish, **alice, **{"Idempotency-Key": "alice-order"})["order_id"]
    status, said = shop.interrupted()
    assert status == 0, said
    assert said.endswith("Stopped.\n")
    return folder, order_id


@pytest.fixture
def folder(saved: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of that shop's folder, to be used or broken."""
    return Path(shutil.copytree(saved[0], tmp_path / "local"))


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[LocalShop]:
    shop = LocalShop(folder)
    try:
        yield shop.opened()
    finally:
        shop.process.terminate()
        shop.process.wait(90)


@pytest.fixture
def shop(folder: Path) -> Iterator[LocalShop]:
    """That shop, open again."""
    with opened(folder) as running:
        yield running


@pytest.fixture(scope="module")
def common_shop(saved: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalShop]:
    """The same, for tests that need not be alone with it."""
    folder = tmp_path_factory.mktemp("common") / "local"
    with opened(Path(shutil.copytree(saved[0], folder))) as running:
        yield running


def test_the_demo_finds_everything_as_promised_twice_over(common_shop: LocalShop) -> None:
    for _ in range(2):
        played = common_shop.demo()
        assert played.returncode == 0, played.stdout + played.stderr
        assert "all as promised" in played.stdout


def test_the_shop_has_an_owner_whom_the_banner_names(common_shop: LocalShop) -> None:
    assert "demo-owner" in common_shop.said
    assert common_shop.ask("GET", "/me", **common_shop.log_in("owner"))["roles"] == ["OWNER"]
    assert common_shop.ask("GET", "/me", **common_shop.log_in("carol"))["roles"] == []


def test_an_order_outlives_the_stack(common_shop: LocalShop, saved: tuple[Path, str]) -> None:
    alice = common_shop.log_in("alice")
    assert [order["order_id"] for order in common_shop.ask("GET", "/orders", **alice)["items"]] == [saved[1]]
    assert common_shop.ask("GET", f"/orders/{saved[1]}", **alice)["delivery"]["detail"] == ADDRESS["detail"]


def test_a_second_stack_over_the_same_folder_or_ports_is_refused(common_shop: LocalShop, tmp_path: Path) -> None:
    status, said = LocalShop(Path(common_shop.environment["JISHI_LOCAL"])).ended()
    assert status == 1
    assert "It runs already" in said
    assert "Ctrl-C" in said
    for variable in ("JISHI_API_PORT", "JISHI_ENGINE_PORT", "JISHI_WECHAT_PORT"):
        taken = common_shop.environment[variable]
        status, said = LocalShop(tmp_path / "other", **{variable: taken}).ended()
        assert status == 1
        assert f"Port {taken}," in said
        assert f"{variable}={int(taken) + 100} make run" in said
    assert common_shop.ask("GET", "/categories")["items"]


def test_a_process_that_dies_ends_the_stack_with_the_reason_and_the_data_saved(
    shop: LocalShop, folder: Path, saved: tuple[Path, str]
) -> None:
    shop.log_in("bob")
    os.kill(shop.children()["worker"], signal.SIGKILL)
    status, said = shop.ended()
    assert status == 1
    assert "worker was ended by SIGKILL" in said
    assert "make run starts all of it again" in said
    kept = (folder / "engine" / "dynamodb.json").stat().st_size
    assert kept > (saved[0] / "engine" / "dynamodb.json").stat().st_size


def test_an_engine_that_dies_is_told_with_what_it_costs(shop: LocalShop) -> None:
    os.kill(shop.children()["engine"], signal.SIGKILL)
    status, said = shop.ended()
    assert status == 1
    assert "engine was ended by SIGKILL" in said
    assert "what changed since the start is lost" in said


def test_a_stack_that_is_killed_outright_leaves_nothing_behind_and_still_saves(shop: LocalShop, folder: Path) -> None:
    state = folder / "engine" / "dynamodb.json"
    before, children = state.stat().st_mtime_ns, shop.children()
    shop.process.kill()
    shop.process.wait()
    wait_until(lambda: not any(map(alive, children.values())))
    assert state.stat().st_mtime_ns > before


def broken_engine(folder: Path) -> None:
    (folder / "engine" / "dynamodb.json").write_text("garbage")


def missing_table(folder: Path) -> None:
    path = folder / "engine" / "dynamodb.json"
    state = json.loads(path.read_text())
    tables = state["payload"]["tables"]["data"]
    (stock,) = [name for name in tables if name.endswith("jishi-local-stock'")]
    del tables[stock]
    path.write_text(json.dumps(state))


def broken_wechat(folder: Path) -> None:
    for path in (folder / "wechat").glob("state.sqlite3*"):
        path.write_bytes(b"garbage" * 1000)


def broken_clock(folder: Path) -> None:
    (folder / "clock").write_text("garbage")


@pytest.mark.parametrize("breaks", [broken_engine, missing_table, broken_wechat, broken_clock])
def test_data_that_cannot_be_used_name_the_way_to_start_over(folder: Path, breaks: Callable[[Path], None]) -> None:
    breaks(folder)
    status, said = LocalShop(folder).ended()
    assert status == 1
    assert "make reset && make run" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("port", ["99999", "0", "eighty"])
def test_a_port_that_is_none_is_named(tmp_path: Path, port: str) -> None:
    status, said = LocalShop(tmp_path / "local", JISHI_API_PORT=port).ended()
    assert status == 1
    assert "JISHI_API_PORT must be a port number" in said


def test_a_wrong_setting_is_named_and_no_data_need_go_for_it(tmp_path: Path) -> None:
    status, said = LocalShop(tmp_path / "local", JISHI_DYNAMODB_CLIENT="xyz").ended()
    assert status == 1
    assert "JISHI_DYNAMODB_CLIENT" in said
    assert "make reset" not in said
    assert "Traceback" not in said


def test_the_demo_without_a_shop_says_how_to_open_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.demo"]
    nowhere = {"JISHI_API_PORT": "1", "JISHI_ENGINE_PORT": "2", "JISHI_WECHAT_PORT": "3"}
    played = subprocess.run(command, cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True, text=True)
    assert played.returncode == 1
    assert "make run" in played.stderr
    assert "Traceback" not in played.stderr

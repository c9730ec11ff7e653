"""Puts the rehearsal's world up, and takes it down whatever happens in between."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from chalicelib.settings import secret_names
from deploy.cloud import Cloud
from deploy.rehearse import emulator, front, project
from deploy.rehearse.bridge import Bridge
from deploy.rehearse.world import World
from deploy.template.functions import functions
from sandbox.clock import SandboxClock
from sandbox.local import processes
from sandbox.local.place import Place

OWN = {f"JISHI_{kind}_{what}" for kind in ("SESSION", "DATA") for what in ("KEYS", "KEY_CURRENT")}
"""Made by `make secret`."""
PLACED = {"JISHI_DYNAMODB_URL", "JISHI_TABLE_PREFIX"}
"""Settings of a laptop's shop only."""
NOBODY = "/nonexistent"


@contextmanager
def opened(home: Path) -> Iterator[World]:
    """Everything runs but the shop itself. Raises Trouble."""
    place = Place(home / "local", *_free_ports(3))
    _be_the_deployer(home, place.engine_port)
    settings = {name: value for name, value in place.environment().items() if name.startswith("JISHI_")}
    settings = {name: value for name, value in settings.items() if name not in OWN | PLACED}
    copy = project.copy(home / "project")
    copy.set({name: value for name, value in settings.items() if name not in secret_names()})
    with ExitStack() as stack:
        aws = emulator.start(home, place.engine_port, project.REGION, place.clock_file)
        stack.callback(aws.stop)
        lock = stack.enter_context((home / "lock").open("w"))
        wechat = processes.start("wechat", home / "logs", _wechat(place), {}, lock.fileno())
        stack.callback(wechat.stop, 20)
        processes.wait_until_ready(wechat, f"{place.wechat}/_sandbox/", advice="")
        shop = stack.enter_context(front.serving(place.api_port, place.engine_port))
        cloud = Cloud(copy.stage)
        rates = {
            copy.stage.function(each.name): timedelta(seconds=each.period) for each in functions() if each.schedule
        }
        bridge = Bridge(cloud.client("lambda"), SandboxClock(place.clock_file), rates)
        stack.callback(bridge.stop)
        yield World(home, place, copy, aws, shop, bridge, cloud, settings)


def _be_the_deployer(home: Path, port: int) -> None:
    """Of the emulator and of nothing else: no account of the developer's can be meant from here on."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "JISHI_"))]:
        del os.environ[name]
    os.environ.update(emulator.credentials(port, project.REGION))
    os.environ["TMPDIR"] = str(home / "tmp")
    os.environ |= {"AWS_CONFIG_FILE": NOBODY, "AWS_SHARED_CREDENTIALS_FILE": NOBODY}


def _wechat(place: Place) -> list[str]:
    state, clock = str(place.folder / "wechat"), str(place.clock_file)
    return ["sandbox.wechat", "--port", str(place.wechat_port), "--state-dir", state, "--clock-file", clock]


def _free_ports(count: int) -> list[int]:
    """Different ones: all are held until each is known."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]

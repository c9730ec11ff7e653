"""Programs for fresh processes, which see the unpacked bundle and the standard library, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REGION = "cn-north-1"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
FLOOR = f"""
import ssl
import chalice.app, pynamodb.models
from botocore.httpsession import get_cert_path
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pynamodb.connection import Connection
Connection(region={REGION!r}).client
ssl.create_default_context(cafile=get_cert_path(True))
"""
"""Botocore's client loads whom it trusts when it connects first. It is counted here, as the shop's own client does it
when it is made."""
CLIENT = f"""
from chalicelib.storage.table import bind, dynamodb
bind("", {REGION!r})
dynamodb()
"""
TIMED = """
import sys
from time import perf_counter, process_time
sys.path.insert(0, sys.argv[1])
cpu, wall = process_time(), perf_counter()
{program}
cpu, wall = process_time() - cpu, perf_counter() - wall
own = sum(name.partition(".")[0] in ("app", "chalicelib", "functions") for name in sys.modules)
import json
print(json.dumps({{"cpu": cpu * 1000, "wall": wall * 1000, "modules": len(sys.modules), "own": own}}))
"""
REQUESTS = """
import json, sys
from time import process_time
sys.path.insert(0, sys.argv[1])
events = json.load(sys.stdin)
begun = process_time()
from app import app
times = [begun, process_time()]
for event in events:
    answer = app(event, None)
    times.append(process_time())
    assert answer["statusCode"] < 300, answer
print()
print(json.dumps([(later - earlier) * 1000 for earlier, later in zip(times, times[1:])]))
"""


@dataclass(frozen=True)
class Start:
    """CPU time (user and system) and wall time in ms, from the first import to the first client, ready to connect."""

    cpu: float
    wall: float
    modules: int
    own: int
    """How many of the modules are the shop's."""


def programs(bundle: Path) -> dict[str, str]:
    """What is imported, by name; each makes the first client."""
    files = sorted(file.stem for file in (bundle / "functions").glob("*.py") if file.stem != "__init__")
    return {
        "floor": FLOOR,
        "app": f"import app\n{CLIENT}",
        **{f"functions.{file}": f"import functions.{file}\n{CLIENT}" for file in files},
    }


def start(bundle: Path, program: str) -> Start:
    return Start(**json.loads(_run(bundle, TIMED.format(program=program))))


def requests(
    bundle: Path, environment: Mapping[str, str], events: Sequence[Mapping[str, Any]]
) -> tuple[float, ...]:  # fmt: skip
    """CPU ms of importing the app, then of answering each of these events of API Gateway."""
    return tuple(json.loads(_run(bundle, REQUESTS, environment, json.dumps(events)).splitlines()[-1]))


def self_times(bundle: Path, program: str) -> dict[str, float]:
    """By module, the ms that importing it took without what it imports itself, by Python's own account."""
    command = _command("import sys; sys.path.insert(0, sys.argv[1])\n" + program, bundle, "-X", "importtime")
    done = subprocess.run(command, cwd="/", env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=60)
    rows = (line.removeprefix("import time:").split("|") for line in done.stderr.splitlines() if "|" in line)
    return {name.strip(): int(own) / 1000 for own, _, name in rows if own.strip().isdigit()}


def _run(bundle: Path, code: str, environment: Mapping[str, str] | None = None, given: str = "") -> str:
    done = subprocess.run(
        _command(code, bundle), cwd="/", env={**ENVIRONMENT, **(environment or {})}, input=given, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{done.stderr}\n{done.stdout}")
    return done.stdout


def _command(code: str, bundle: Path, *options: str) -> list[str]:
    return [sys.executable, "-I", "-S", *options, "-c", code, str(bundle)]

"""The AWS of the rehearsal: an emulator that enforces IAM and runs every function in a process of its own.

It runs on the bare interpreter with its own packages only, and hands its functions not even those: a bundle that misses
something fails here as it would in the cloud.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.rehearse import closure
from sandbox.local import guard
from sandbox.local.place import Trouble
from sandbox.local.processes import Child, wait_until_ready

ACCOUNT = "000000000000"
ROOT_KEY = "rehearsal-deployer"
"""The emulator lets whoever signs with it do everything: the deployer's key, which no function gets."""
RUNTIME = Path(__file__).parent / "runtime"


@dataclass
class Emulator:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """With its function processes, which are of its process group."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


def credentials(port: int, region: str) -> dict[str, str]:
    """The environment of a deployer on this machine: what every client of botocore reads."""
    return {
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def start(home: Path, port: int, region: str, clock_file: Path) -> Emulator:
    """Ready to be asked. Raises Trouble with the end of its log if it does not start."""
    for folder in ("site", "tmp", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    closure.link(home / "site")
    log = home / "logs" / "emulator.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys._base_executable, "-P", str(guard.__file__), str(os.getpid()), "ministack"],  # type: ignore[attr-defined]
            cwd=home / "tmp",
            env=_environment(home, port, region, clock_file),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    emulator = Emulator(port, process, log)
    try:
        wait_until_ready(Child("the emulator", process, log), f"{emulator.address}/_localstack/health", advice="")
    except Trouble:
        emulator.stop()
        raise
    return emulator


def _environment(home: Path, port: int, region: str, clock_file: Path) -> dict[str, str]:
    root = credentials(port, region)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home / "tmp"),
        "TMPDIR": str(home / "tmp"),
        "PYTHONPATH": os.pathsep.join((str(RUNTIME), str(home / "site"))),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "REHEARSAL_CLOCK": str(clock_file),
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": root["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": root["AWS_SECRET_ACCESS_KEY"],
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": region,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "S3_DATA_DIR": str(home / "tmp" / "s3"),
        "STATE_DIR": str(home / "tmp" / "state"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "INFO",
    }

"""`make rehearse`: the whole course. Leaves nothing behind but, when something is not as promised, the logs."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from deploy.rehearse import journey, releases, report
from deploy.rehearse.opening import opened
from deploy.rehearse.world import World
from deploy.stage import ROOT
from sandbox.local.place import Trouble

LOGS = ROOT / ".local" / "rehearsal"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MEMORY, ROOM = Path("/dev/shm"), 6_000_000_000
ACTS: tuple[Callable[[World], None], ...] = (
    releases.first,
    journey.furnish,
    journey.schedules,
    journey.push_address,
    journey.demo,
    journey.nothing_failed,
    journey.bundle,
    journey.no_secrets,
    journey.roles,
    journey.poison,
    releases.second,
    releases.back,
    releases.broken,
    releases.alarmed,
    releases.not_applied,
    releases.undoable,
    releases.rotated,
    journey.started_by_the_emulator,
)


def main() -> int:
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    home = Path(tempfile.mkdtemp(prefix="jishi-rehearsal-", dir=_scratch()))
    try:
        return rehearse(home)
    except KeyboardInterrupt:
        print("\nStopped, and taken down.", file=sys.stderr)
        return 130
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)


def rehearse(home: Path) -> int:
    print("An AWS, a WeChat and a project for the rehearsal ...", flush=True)
    with opened(home) as world:
        try:
            for act in ACTS:
                world.say(act.__doc__ or "")
                act(world)
        except Exception as error:  # whatever it is: the logs say more, and all is to be taken down
            report.failure(world, error)
        else:
            report.table(world)
            return 0
    shutil.rmtree(LOGS, ignore_errors=True)
    shutil.copytree(home / "logs", LOGS)
    print(f"\nAll logs: {LOGS}", file=sys.stderr)
    return 1


def _scratch() -> Path | None:
    """Each function process unpacks the bundle: memory takes that faster than a disk, where there is enough of it."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if roomy else None


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Once: what is taken down then is not to be interrupted again."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

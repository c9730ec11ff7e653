"""What the interpreter runs first in the emulator and in every function process that it starts.

A function process sees the standard library and its bundle, nothing of the emulator's own packages, and tells the
sandbox's time, as sandbox/clock.py does: `time.time` is ahead by the seconds in the file REHEARSAL_CLOCK. Requests to
the emulator are signed by `datetime.now`, which stays the system's.
"""

import os
import sys
import time
from collections.abc import Callable


def only_the_bundle() -> None:
    """The emulator puts the bundle into the path afterwards."""
    own = os.environ["PYTHONPATH"].split(os.pathsep)
    sys.path[:] = [path for path in sys.path if path not in own and "site-packages" not in path]


def ahead(clock: Callable[[], float], file: str) -> Callable[[], float]:
    """`clock` and the seconds in the file; a file that is not there means none. Read again whenever it changed."""
    stamp, seconds = 0, 0.0

    def shifted() -> float:
        nonlocal stamp, seconds
        try:
            changed = os.stat(file).st_mtime_ns
            if changed != stamp:
                with open(file) as text:
                    stamp, seconds = changed, float(text.read())
        except FileNotFoundError:
            pass
        return clock() + seconds

    return shifted


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    only_the_bundle()
    time.time = ahead(time.time, os.environ["REHEARSAL_CLOCK"])

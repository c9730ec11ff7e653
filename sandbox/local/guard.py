"""`python -m sandbox.local.guard PARENT MODULE ARGUMENT…` runs a module and ends it properly when its parent is gone.

A terminal that is closed or a parent that is killed leaves nothing behind: the module gets the SIGTERM that it would
have got from the parent, so the engine saves its data and every port is free again.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

LOOK_EVERY = 0.5


def main() -> None:
    parent, module = int(sys.argv[1]), sys.argv[2]
    del sys.argv[1:3]
    threading.Thread(target=follow, args=(parent,), daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()

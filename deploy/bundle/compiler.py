"""A process of its own: compiles every .py below the folder that it starts in. Imports nothing of the project.

Marshalled bytecode says which of its strings are interned. A string of one Latin letter is one object for the whole
process, so that a file which uses `é` as a name marks the files after it. Each is therefore compiled in a fork of one
process that has compiled none.
"""

import os
import py_compile
import sys
from pathlib import Path

TASK = "/var/task"
"""Where Lambda unpacks the zip: tracebacks name it."""


def compile_all(paths: list[str]) -> int:
    """Compile to `__pycache__` beside each. Returns 0, or 1 with the failures on stderr."""
    return max([_in_a_fork(path) for path in paths], default=0)


def _in_a_fork(path: str) -> int:
    child = os.fork()
    if child:
        return abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    try:
        _compile(path)
    except BaseException as error:  # the child must not go on with the parent's work
        print(f"{path}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def _compile(path: str) -> None:
    py_compile.compile(
        path,
        dfile=f"{TASK}/{path}",
        doraise=True,
        optimize=0,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


if __name__ == "__main__":
    sys.exit(compile_all(sorted(path.as_posix() for path in Path().rglob("*.py"))))

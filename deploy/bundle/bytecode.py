"""Bytecode for a tree of Python files, as Lambda will find it under /var/task, which is read-only there.

Without it every cold start compiles all it imports. It carries the source's hash and says "do not check"
(https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation), so times of files do not matter.
"""

import subprocess
import sys
from pathlib import Path

from deploy.bundle import compiler
from deploy.bundle.errors import BundleError


def precompile(tree: Path) -> None:
    """Write `__pycache__` beside every .py of the tree. Raises BundleError, naming the file that is no Python."""
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-B", "-W", "ignore", compiler.__file__],
        cwd=tree,
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BundleError(f"The bundle does not compile:\n{done.stderr.strip() or f'status {done.returncode}'}")

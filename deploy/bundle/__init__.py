"""The zip that Lambda runs: locked wheels and the shop, trimmed, precompiled, the same bits each time.

wheels.py     the locked distributions for an architecture, downloaded once and held against their hashes
project.py    Chalice's packager, on a copy of the project with these wheels
trim.py       what of them runs, and what botocore reads, cut down to the services in use
bytecode.py   bytecode that Lambda need not check; compiler.py is the process that writes it
archive.py    the zip, with nothing in it of when or where it was made
check.py      refuses what Lambda would: another machine, another Python, too many bytes
errors.py     BundleError, which all of them raise
"""

import tempfile
from pathlib import Path

from deploy.bundle import archive, bytecode, trim


def finish(source: Path, target: Path) -> str:
    """Make of Chalice's zip `source` the zip that Lambda runs. Returns its SHA-256 in hexadecimal.

    The same files give the same bits, wherever and whenever it is done, with one build of Python: its zlib
    compresses, its compiler writes the bytecode. Raises BundleError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jishi-bundle-") as folder:
        tree = Path(folder)
        trim.unpack(source, tree)
        bytecode.precompile(tree)
        return archive.write(tree, target)

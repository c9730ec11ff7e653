"""A zip that holds names and contents, and nothing of when, where and by whom it was made."""

import hashlib
import os
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can name."""
UNIX = 3
MODE = 0o100644
"""Lambda's user is not the owner and must be able to read: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html"""


def write(tree: Path, target: Path) -> str:
    """Zip the tree. `target` is there when it is whole, or not at all. Returns its SHA-256 in hexadecimal."""
    paths = sorted((path.relative_to(tree).as_posix(), path) for path in tree.rglob("*") if path.is_file())
    part = target.with_name(f"{target.name}.{os.getpid()}")
    with ZipFile(part, "w", ZIP_DEFLATED) as archive:
        for name, path in paths:
            info = ZipInfo(name, EPOCH)
            info.create_system = UNIX
            info.external_attr = MODE << 16
            archive.writestr(info, path.read_bytes(), ZIP_DEFLATED, 9)
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    part.replace(target)
    return digest

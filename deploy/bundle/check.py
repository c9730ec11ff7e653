"""What Lambda would refuse, or take and then fail to run."""

import struct
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from deploy.bundle.errors import BundleError

MACHINES = {"x86_64": 62, "arm64": 183}
"""e_machine in the ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html"""
MEGABYTE = 1024 * 1024
PACKED, UNPACKED = 50 * MEGABYTE, 250 * MEGABYTE
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


@dataclass(frozen=True)
class Size:
    """In bytes."""

    packed: int
    unpacked: int


def check(bundle: Path, architecture: str) -> None:
    """Raises BundleError: an extension for another machine or Python, or too many bytes."""
    with ZipFile(bundle) as archive:
        for name in archive.namelist():
            if name.endswith(".so"):
                with archive.open(name) as file:
                    _machine(name, file.read(20), architecture)
                _python(name)
    within(bundle.stat().st_size, sum(each.unpacked for each in sizes(bundle).values()))


def _machine(name: str, header: bytes, architecture: str) -> None:
    if header[:6] != b"\x7fELF\x02\x01":
        raise BundleError(f"{name} is not for Linux on 64 bits, so Lambda cannot load it.")
    (machine,) = struct.unpack_from("<H", header, 18)
    if machine != MACHINES[architecture]:
        known = {number: each for each, number in MACHINES.items()}
        raise BundleError(
            f"{name} is for {known.get(machine, f'machine {machine}')}, and the stage for {architecture}."
        )


def _python(name: str) -> None:
    ours = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    tag = Path(name).name.split(".")[1]
    if tag.startswith("cpython-") and not tag.startswith(f"{ours}-"):
        raise BundleError(f"{name} is for another Python than {ours}, which packs and names the runtime.")


def within(packed: int, unpacked: int) -> None:
    """Raises BundleError beyond Lambda's limits."""
    for what, size, limit in (("packed", packed, PACKED), ("unpacked", unpacked, UNPACKED)):
        if size > limit:
            raise BundleError(
                f"The bundle is {size / MEGABYTE:.1f} MB {what}, and Lambda takes {limit // MEGABYTE}. "
                "See in the table what is large; deploy/bundle/trim.py says what is dropped."
            )


def sizes(bundle: Path) -> dict[str, Size]:
    """By top-level package, the largest first. The directory of the zip itself is in none."""
    found: defaultdict[str, Size] = defaultdict(lambda: Size(0, 0))
    with ZipFile(bundle) as archive:
        for info in archive.infolist():
            top = info.filename.partition("/")[0]
            before = found[top]
            found[top] = Size(before.packed + info.compress_size, before.unpacked + info.file_size)
    return dict(sorted(found.items(), key=lambda each: (-each[1].unpacked, each[0])))

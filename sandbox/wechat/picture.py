"""A PNG that looks like a code. It differs for every page and scene, and cannot be scanned."""

from __future__ import annotations

import itertools
import struct
import zlib

_MODULES = 23


def code_picture(seed: bytes, width: int) -> bytes:
    """A square greyscale PNG, `width` pixels wide, with a pattern that follows from the seed (64 bytes)."""
    bits = "".join(f"{byte:08b}" for byte in seed * 2)
    edges = [width * module // _MODULES for module in range(_MODULES + 1)]
    sizes = [after - before for before, after in itertools.pairwise(edges)]
    rows = []
    for module, height in enumerate(sizes):
        row = bits[module * _MODULES :] + bits
        line = b"".join((b"\0" if bit == "1" else b"\xff") * size for bit, size in zip(row, sizes, strict=False))
        rows.append((b"\0" + line) * height)
    header = struct.pack(">IIBBBBB", width, width, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

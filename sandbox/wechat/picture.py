"""A PNG that looks like a code. It differs for every page and scene, and cannot be scanned."""

from __future__ import annotations

import struct
import zlib

_MODULES = 23


def code_picture(seed: bytes, width: int) -> bytes:
    """A square greyscale PNG, `width` pixels wide, with a pattern that follows from the seed (64 bytes)."""
    bits = "".join(f"{byte:08b}" for byte in seed * 2)
    cell = width // _MODULES
    rows = []
    for y in range(width):
        row = min(y // cell, _MODULES - 1)
        modules = (bits[(row * _MODULES + min(x // cell, _MODULES - 1)) % len(bits)] for x in range(width))
        rows.append(b"\0" + bytes(0 if module == "1" else 255 for module in modules))
    header = struct.pack(">IIBBBBB", width, width, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

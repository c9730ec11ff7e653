"""The alarms that the shop names in its log, read from its source."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def raised() -> set[str]:
    files = [path for folder in ("chalicelib", "functions") for path in (ROOT / folder).rglob("*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    return set(re.findall(r'alarm="(\w+)"', code)) | {"paid_late", "paid_twice"}  # settle.py says one or the other

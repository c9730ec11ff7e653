"""A copy of the project with one stage, `rehearsal`, that releases may change and break."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.stage import CONFIG, ROOT, Stage, read

STAGE = "rehearsal"
REGION = "ap-southeast-1"
"""The emulator knows the partition `aws` only."""
PARTS = ("app.py", "chalicelib", "functions", "deploy", "tools", "vendor", "requirements.txt", ".chalice")
OPTIONS = {"keep": False, "canary_minutes": 1, "firewall": False}
NOT_COPIED = shutil.ignore_patterns("__pycache__", "deployments", "deployed")


@dataclass(frozen=True)
class Project:
    root: Path

    @property
    def stage(self) -> Stage:
        return read(STAGE, self.root)

    def set(self, environment: Mapping[str, str], **options: Any) -> None:
        """Make the stage anew with these plain settings."""
        config = json.loads((ROOT / CONFIG).read_text(encoding="utf-8"))
        model = next(iter(config["stages"].values()))
        config["stages"] = {
            STAGE: {
                **{name: value for name, value in model.items() if name != "deploy"},
                "environment_variables": {**environment, "JISHI_STAGE": STAGE, "JISHI_REGION": REGION},
                "deploy": {**OPTIONS, **options},
            }
        }
        (self.root / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")

    @contextmanager
    def changed(self, path: str, old: str, new: str) -> Iterator[None]:
        """For as long as it is open, `new` stands in the file where `old` stands, which must be there once."""
        file = self.root / path
        before = file.read_text(encoding="utf-8")
        if before.count(old) != 1:
            raise LookupError(f"{path} holds {old!r} {before.count(old)} times, not once: mend the rehearsal")
        file.write_text(before.replace(old, new), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")


def copy(folder: Path) -> Project:
    """Into `folder`, which is made."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, symlinks=True, ignore=NOT_COPIED)
        else:
            shutil.copy2(source, folder / part)
    wheels = ROOT / CONFIG.parent / "deployments"
    wheels.mkdir(exist_ok=True)
    (folder / CONFIG.parent / "deployments").symlink_to(wheels)  # fetched once, for all copies
    return Project(folder)

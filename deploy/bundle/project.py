"""Chalice's packager, run on a copy of the project made of links, so that the user's own is only read."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from deploy.bundle.errors import BundleError
from deploy.stage import CONFIG, Stage


def lay(stage: Stage, root: Path, site: Path, project: Path) -> None:
    """Make the copy: the shop of `root`, the distributions of `site` among its vendored files, its own config.

    There is no requirements.txt in it: nothing is left for Chalice to download.
    """
    (project / "vendor").mkdir(parents=True)
    (project / CONFIG).parent.mkdir()
    for name in ("app.py", "chalicelib"):
        _link(root / name, project / name)
    for vendored in (*(root / "vendor").iterdir(), *site.iterdir()):
        _link(vendored, project / "vendor" / vendored.name)
    for file in (root / CONFIG).parent.glob("*.json"):
        _link(file, project / CONFIG.parent / file.name)
    config = json.loads((root / CONFIG).read_text(encoding="utf-8"))
    config["stages"][stage.name]["lambda_architecture"] = stage.options.architecture
    (project / CONFIG).unlink()
    (project / CONFIG).write_text(json.dumps(config), encoding="utf-8")


def _link(there: Path, here: Path) -> None:
    here.symlink_to(there.resolve(), target_is_directory=there.is_dir())


def package(stage: Stage, project: Path, extras: dict[str, Any], out: Path) -> dict[str, Any]:
    """Chalice's template, merged with `extras`; its zip is `out`/deployment.zip. Raises BundleError.

    Neither credentials, a profile nor the developer's settings get there: the same project gives the same template.
    """
    merged = project / "extras.json"
    merged.write_text(json.dumps(extras), encoding="utf-8")
    command = [sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())"]
    command += ["package", "--stage", stage.name, "--merge-template", str(merged), str(out)]
    environment = {
        "AWS_DEFAULT_REGION": stage.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise BundleError(f"Chalice could not package the shop:\n{done.stderr.strip() or done.stdout.strip()}")
    template: dict[str, Any] = json.loads((out / "sam.json").read_text(encoding="utf-8"))
    return template

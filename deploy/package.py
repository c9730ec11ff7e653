"""`make package STAGE=dev`: the CloudFormation template of a stage and the zip that its functions run.

Needs no account and no credentials. The network is needed once for each lock and architecture, to get the wheels.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

from deploy import bundle, lint, template
from deploy.bundle import check, project, wheels
from deploy.bundle.check import Size
from deploy.bundle.errors import BundleError
from deploy.stage import CONFIG, ROOT, Stage, StageError, read

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
CACHE = ROOT / CONFIG.parent / "deployments"
"""Of the wheels. It may be deleted at any time."""


@dataclass(frozen=True)
class Package:
    template: dict[str, Any]
    template_path: Path
    bundle: Path
    sha256: str
    """Of the bundle, in hexadecimal."""


def make(stage: Stage, root: Path, out: Path) -> Package:
    """Package the project in `root` into `out`. Raises BundleError."""
    architecture = stage.options.architecture
    print(f"Packaging stage {stage.name} for {RUNTIME} on {architecture} ...", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    zipped, path = out / "bundle.zip", out / "template.json"
    site = wheels.site_packages(root / "requirements.txt", architecture, CACHE)
    with tempfile.TemporaryDirectory(prefix="jishi-package-") as folder:
        copy, built = Path(folder) / "project", Path(folder) / "built"
        project.lay(stage, root, site, copy)
        sam = project.package(stage, copy, template.extras(stage), built)
        runs_here(sam)
        print("Trimming and compiling the bundle ...", flush=True)
        sha256 = bundle.finish(built / "deployment.zip", zipped)
    check.check(zipped, architecture)
    finished = template.finish(sam, stage, sha256)
    path.write_text(json.dumps(finished, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Package(finished, path, zipped, sha256)


def runs_here(sam: dict[str, Any]) -> None:
    """Raises BundleError if Lambda does not have the Python that compiled: Chalice takes its nearest then."""
    runtimes = {
        each["Properties"].get("Runtime", RUNTIME) for each in sam["Resources"].values() if "Properties" in each
    }
    if runtimes != {RUNTIME}:
        raise BundleError(
            f"Lambda has no {RUNTIME}, only {', '.join(sorted(runtimes))}. PYTHON=python3.13 make package"
        )


def table(sizes: dict[str, Size], rows: int = 12) -> Iterator[str]:
    """The largest packages, the rest in one line, and the sum."""
    listed = list(sizes.items())
    rest = [size for _, size in listed[rows:]]
    yield f"{'':<22}{'zip':>10}{'unpacked':>12}"
    for name, size in (*listed[:rows], (f"{len(rest)} others", _sum(rest)), ("in all", _sum(sizes.values()))):
        yield f"{name.partition('.')[0]:<22}{size.packed / 1e6:>7.2f} MB{size.unpacked / 1e6:>9.2f} MB"


def _sum(sizes: Iterable[Size]) -> Size:
    return reduce(lambda one, other: Size(one.packed + other.packed, one.unpacked + other.unpacked), sizes, Size(0, 0))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.package", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--arch", choices=check.MACHINES, help="instead of the stage's architecture")
    parser.add_argument("--out", type=Path, help="folder for bundle.zip and template.json: packaged/<stage>")
    parser.add_argument("--lint", action="store_true", help="check the template with cfn-lint")
    given = parser.parse_args()
    try:
        stage = read(given.stage)
        if given.arch:
            stage = replace(stage, options=replace(stage.options, architecture=given.arch))
        made = make(stage, ROOT, given.out or ROOT / "packaged" / stage.name)
        if given.lint:
            lint.lint(made.template, stage.region)
    except (BundleError, StageError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    print(*table(check.sizes(made.bundle)), sep="\n")
    bundled, path = os.path.relpath(made.bundle), os.path.relpath(made.template_path)
    print(f"{bundled}  sha256 {made.sha256}\n{path}  {len(made.template['Resources'])} resources")


if __name__ == "__main__":
    main()

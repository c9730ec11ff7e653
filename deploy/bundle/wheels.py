"""The locked distributions for Lambda's machine, whatever machine packs.

Chalice would download them too, but holds those for another machine against no hash, builds what has no wheel from
its source, leaves out what it cannot get, and takes a half-written zip for a finished one the next time.
"""

import hashlib
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

from deploy.bundle.errors import BundleError

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's name of an architecture -> the machine that wheels name."""
GLIBC = 26 if sys.version_info < (3, 12) else 34
"""Minor version of Lambda's C library, Amazon Linux 2 or 2023:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""
EXTENSIONS = (".so", ".pyd")


def site_packages(requirements: Path, architecture: str, cache: Path) -> Path:
    """The folder of all that is locked, downloaded unless `cache` has it. Raises BundleError.

    A folder is in the cache under its name when it is complete, or not at all.
    """
    key = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    site = cache / f"wheels-{key}-{sys.implementation.cache_tag}-{architecture}"
    if site.is_dir():
        return site
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="part-") as folder:
        fresh = Path(folder) / "site"
        _install(requirements, architecture, fresh)
        compiled_as_here(fresh)
        try:
            fresh.rename(site)
        except OSError:
            if not site.is_dir():  # by another process, in the meantime
                raise
    return site


def _install(requirements: Path, architecture: str, target: Path) -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile", "--target", str(target)]
    command += ["--implementation", "cp", "--python-version", python, "--abi", f"cp{python.replace('.', '')}"]
    for platform in platforms(MACHINES[architecture]):
        command += ["--platform", platform]
    done = subprocess.run([*command, "-r", str(requirements)], capture_output=True, text=True, env=_environment())
    if done.returncode:
        raise BundleError(
            f"{requirements.name} has no complete set of wheels for Python {python} on {architecture}, "
            f"or they could not be downloaded:\n{done.stderr.strip()}"
        )


def _environment() -> dict[str, str]:
    """Ours, without a pip setting that would put wheels somewhere else."""
    return {name: value for name, value in os.environ.items() if name not in ("PIP_TARGET", "PIP_PREFIX", "PIP_USER")}


def platforms(machine: str) -> list[str]:
    """Tags of the wheels that run there. pip takes each as it stands, without the older ones that it implies."""
    return [*(f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 16, -1)), f"manylinux2014_{machine}"]


def compiled_as_here(site: Path) -> None:
    """Raises BundleError for a distribution that is compiled on this machine and not in the folder.

    Some come as a slow version in plain Python as well, which pip takes when the compiled one is not for Lambda.
    """
    for there in importlib.metadata.distributions(path=[str(site)]):
        try:
            here = importlib.metadata.distribution(there.name)
        except PackageNotFoundError:
            raise BundleError(f"{there.name} is locked and not installed here: make clean, then again.") from None
        missing = extensions(here) - extensions(there)
        if missing:
            raise BundleError(
                f"{there.name} {there.version} has no compiled {', '.join(sorted(missing))} for Lambda, and has it "
                "for this machine. Lock a version of it that has such a wheel, or choose the other architecture."
            )


def extensions(distribution: Distribution) -> set[str]:
    """Compiled modules as paths without the tags of machine and Python: `msgspec/_core`."""
    files = [file for file in distribution.files or [] if file.suffix in EXTENSIONS]
    return {file.with_name(file.name.partition(".")[0]).as_posix() for file in files}

"""Where the bundle's files come from: locked wheels out of a folder, no network; and Chalice's own packager."""

import hashlib
import json
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy.bundle import project, wheels
from deploy.bundle.errors import BundleError
from deploy.package import runs_here
from deploy.stage import CONFIG, ROOT, Options, Stage

STAGE = Stage("dev", "cn-north-1", {}, Options(architecture="arm64"))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


def wheel(shelf: Path, name: str, version: str, tag: str, files: dict[str, bytes]) -> str:
    """Put a wheel on the shelf; returns its line in a lock."""
    info = f"{name}-{version}.dist-info"
    meta = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    record = "".join(f"{each},,\n" for each in (*files, *meta, f"{info}/RECORD")).encode()
    path = shelf / f"{name}-{version}-{tag}.whl"
    with ZipFile(path, "w") as archive:
        for each, data in {**files, **meta, f"{info}/RECORD": record}.items():
            archive.writestr(each, data)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def locked(tmp_path: Path, line: str) -> Path:
    (tmp_path / "requirements.txt").write_text(line)
    return tmp_path / "requirements.txt"


def test_wheels_for_the_other_machine_are_got_once(shelf: Path, tmp_path: Path) -> None:
    """A second time neither pip nor the shelf is asked. What an interrupted download left behind counts for nothing."""
    (tmp_path / "cache" / "part-broken" / "site").mkdir(parents=True)
    core = f"msgspec/_core.{sys.implementation.cache_tag}-aarch64-linux-gnu.so"
    wheel(shelf, "msgspec", "9", "cp311-abi3-manylinux_2_17_x86_64", {"msgspec/_core.abi3.so": b"x86_64"})
    line = wheel(shelf, "msgspec", "9", "cp311-abi3-manylinux_2_17_aarch64", {core: b"arm"})
    site = wheels.site_packages(locked(tmp_path, line), "arm64", tmp_path / "cache")
    assert (site / core).read_bytes() == b"arm"
    for each in shelf.iterdir():
        each.unlink()
    assert wheels.site_packages(tmp_path / "requirements.txt", "arm64", tmp_path / "cache") == site


@pytest.mark.parametrize(
    ("tag", "files", "why"),
    [
        ("cp311-abi3-manylinux_2_99_aarch64", {"msgspec/_core.so": b""}, r"no complete set of wheels .* on arm64"),
        ("py3-none-any", {"msgspec/__init__.py": b""}, r"msgspec 9 has no compiled msgspec/_core for Lambda"),
    ],
    ids=["a newer C library", "plain Python where we run it compiled"],
)
def test_a_missing_wheel_is_an_error_and_leaves_nothing_in_the_cache(
    shelf: Path, tmp_path: Path, tag: str, files: dict[str, bytes], why: str
) -> None:
    lock = locked(tmp_path, wheel(shelf, "msgspec", "9", tag, files))
    with pytest.raises(BundleError, match=why):
        wheels.site_packages(lock, "arm64", tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(("hashed", "why"), [(True, "DO NOT MATCH"), (False, "Hashes are required")])
def test_a_wheel_that_is_not_the_locked_one_is_refused(shelf: Path, tmp_path: Path, hashed: bool, why: str) -> None:
    """Chalice would take it: it holds no wheel for another machine against a hash."""
    tag = "cp311-abi3-manylinux_2_17_aarch64"
    line = wheel(shelf, "msgspec", "9", tag, {"msgspec/_core.so": b"ours"})
    wheel(shelf, "msgspec", "9", tag, {"msgspec/_core.so": b"another's"})
    lock = locked(tmp_path, line if hashed else "msgspec==9\n")
    with pytest.raises(BundleError, match=why):
        wheels.site_packages(lock, "arm64", tmp_path / "cache")


def test_chalice_packages_a_copy_for_the_stages_machine_and_the_project_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a profile that does not exist in the environment: nothing of it gets there."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    before = {path: path.read_bytes() for path in (ROOT / CONFIG).parent.glob("*.json")}
    (tmp_path / "site" / "msgspec").mkdir(parents=True)
    (tmp_path / "site" / "msgspec" / "__init__.py").touch()
    project.lay(STAGE, ROOT, tmp_path / "site", tmp_path / "project")
    sam = project.package(STAGE, tmp_path / "project", {"Description": "merged"}, tmp_path / "out")
    api = sam["Resources"]["APIHandler"]["Properties"]
    assert (api["Architectures"], sam["Description"]) == (["arm64"], "merged")
    runs_here(sam)
    with ZipFile(tmp_path / "out" / "deployment.zip") as archive:
        names = set(archive.namelist())
    assert {"app.py", "chalice/app.py", "chalicelib/shop.py", "functions/orders.py", "msgspec/__init__.py"} <= names
    assert {path: path.read_bytes() for path in (ROOT / CONFIG).parent.glob("*.json")} == before


def test_what_chalice_says_reaches_whoever_packages(tmp_path: Path) -> None:
    (tmp_path / "root" / ".chalice").mkdir(parents=True)
    (tmp_path / "root" / "vendor").mkdir()
    (tmp_path / "root" / "chalicelib").mkdir()
    (tmp_path / "root" / "app.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "root" / CONFIG).write_text(json.dumps({"version": "2.0", "app_name": "a", "stages": {"dev": {}}}))
    (tmp_path / "site").mkdir()
    project.lay(STAGE, tmp_path / "root", tmp_path / "site", tmp_path / "project")
    with pytest.raises(BundleError, match="nowhere_to_be_found"):
        project.package(STAGE, tmp_path / "project", {}, tmp_path / "out")


def test_a_python_that_lambda_does_not_have_is_refused() -> None:
    """Chalice names its nearest, whose bytecode and wheels are others."""
    with pytest.raises(BundleError, match=r"only python3\.99"):
        runs_here({"Resources": {"A": {"Properties": {"Runtime": "python3.99"}}}})

"""What goes to Lambda: the zip as Chalice's own packager lays it out, imported as Lambda imports it.

The clean processes see the zip's files, the standard library and the locked distributions, and nothing else: no
environment variable, no network, no development package.
"""

import ast
import fnmatch
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest
from chalice.deploy.packager import LambdaDeploymentPackager
from chalice.utils import OSUtils
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app import app

ROOT = Path(__file__).parents[1]
FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").glob("*.py") if path.stem != "__init__")
LOCKS = ("requirements.txt", "requirements-dev.txt")
SOURCES = [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py")), *sorted((ROOT / "functions").rglob("*.py"))]

CLEAN = """
import importlib, json, sys, time

sys.path[:0] = sys.argv[2:]

def offline(event, _):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        raise RuntimeError(f"network at import: {event}")

sys.addaudithook(offline)
begun = time.perf_counter()
module = importlib.import_module(sys.argv[1])
seconds = time.perf_counter() - begun

EVENT = "version account region detail detail-type source time id resources".split()  # of a schedule

def refusal(handler):
    try:
        handler(dict.fromkeys(EVENT, {}) | {"Records": []}, None)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

handlers = {name: refusal(it) for name, it in vars(module).items() if type(it).__name__ == "EventSourceHandler"}
print(json.dumps({"seconds": seconds, "handlers": handlers, "app_py": "app" in sys.modules}))
"""


class Packager(LambdaDeploymentPackager):
    """Chalice's own, without the download of dependencies and outside of the project's folder."""

    def __init__(self, zip_path: Path) -> None:
        nothing: Any = SimpleNamespace(build_site_packages=lambda abi, requirements, site_packages_dir: None)
        silent: Any = SimpleNamespace(write=lambda text: None)
        super().__init__(OSUtils(), nothing, silent)
        self._zip_path = zip_path

    def deployment_package_filename(self, project_dir: str, python_version: str) -> str:
        return str(self._zip_path)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked zip."""
    home = tmp_path_factory.mktemp("lambda")
    made = Packager(home / "package.zip").create_deployment_package(str(ROOT), "python3.11")
    with ZipFile(made) as archive:
        archive.extractall(home / "task")
    return home / "task"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked distributions and no other."""
    home = tmp_path_factory.mktemp("site")
    for name in locked():
        files = importlib.metadata.distribution(name).files or []
        for top in {Path(file).parts[0] for file in files} - {"..", "__pycache__"}:
            (home / top).symlink_to(Path(str(importlib.metadata.distribution(name).locate_file(top))))
    return home


def clean_import(module: str, packed: Path, site: Path) -> Any:
    """Import in a process that holds only the package, and call each handler there."""
    command = [sys.executable, "-I", "-S", "-c", CLEAN, module, str(packed), str(site)]
    done = subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def locked() -> list[str]:
    """Names in requirements.txt that are wanted on this interpreter."""
    lines = re.findall(r"^([a-z0-9][^\\\n]*?) *\\$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    return [name.name for name in map(Requirement, lines) if wanted(name)]


def wanted(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def asked_for() -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.in").read_text().splitlines()]
    return [Requirement(line) for line in lines if line]


def third_party_imports() -> set[str]:
    """Top-level names that the packed code imports, at any depth of its functions."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(str(node.module).partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"app", "chalicelib", "functions"}


def test_the_zip_holds_the_shop_and_nothing_of_its_workshop(packed: Path) -> None:
    assert {path.name for path in packed.iterdir()} == {"app.py", "chalice", "chalicelib", "functions"}
    for folder in ("chalicelib", "functions"):
        source = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
        inside = {path.relative_to(packed) for path in (packed / folder).rglob("*") if path.is_file()}
        assert no_bytecode(inside) == no_bytecode(source)
    assert {path.suffix for path in no_bytecode(packed.rglob("*")) if path.is_file()} == {".py", ".json"}


def no_bytecode(paths: Any) -> set[Path]:
    return {path for path in paths if "__pycache__" not in path.parts}


def test_the_http_function_is_imported_from_the_zip(
    packed: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = clean_import("app", packed, site)
    with capsys.disabled():
        print(f"\n  importing app from the package: {found['seconds'] * 1000:.0f} ms")


@pytest.mark.parametrize("file", FUNCTIONS)
def test_every_handler_is_imported_from_the_zip_without_app_py(
    packed: Path, site: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And called: it gets as far as the settings, which are missing there."""
    found = clean_import(f"functions.{file}", packed, site)
    assert not found["app_py"]
    assert set(found["handlers"]) == public_functions(file)
    for handler, refusal in found["handlers"].items():
        assert refusal.startswith("SettingsError: settings missing"), (handler, refusal)
    with capsys.disabled():
        print(f"\n  importing functions.{file} from the package: {found['seconds'] * 1000:.0f} ms")


def test_lambda_is_told_of_every_handler_under_the_name_that_it_imports() -> None:
    told = {source.handler_string for source in app.event_sources}
    assert told == {f"functions.{file}.{name}" for file in FUNCTIONS for name in public_functions(file)}


def public_functions(file: str) -> set[str]:
    body = ast.parse((ROOT / "functions" / f"{file}.py").read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}


def test_what_is_imported_is_asked_for_and_what_is_asked_for_is_imported() -> None:
    """An import that works only since another package happens to bring it breaks when that one changes."""
    known = importlib.metadata.packages_distributions()
    imported = {canonicalize_name(name) for top in third_party_imports() for name in known[top]}
    assert imported - {"chalice"} == {canonicalize_name(requirement.name) for requirement in asked_for()}


def test_the_lock_holds_what_is_asked_for_with_what_that_needs_and_nothing_else() -> None:
    assert sorted(locked()) == sorted(closure(asked_for()))


def closure(requirements: list[Requirement]) -> set[str]:
    found: set[str] = set()
    waiting = [(requirement, extra) for requirement in requirements for extra in ("", *requirement.extras)]
    while waiting:
        requirement, extra = waiting.pop()
        found.add(canonicalize_name(requirement.name))
        waiting += list(needs(requirement.name, extra))
    return found


def needs(name: str, extra: str) -> Iterator[tuple[Requirement, str]]:
    for text in importlib.metadata.requires(name) or []:
        requirement = Requirement(text)
        if wanted(requirement, extra) and (not extra or not wanted(requirement)):
            yield from ((requirement, each) for each in ("", *requirement.extras))


def test_development_runs_on_the_versions_that_lambda_gets() -> None:
    lambdas, ours = (set(re.findall(r"^\S+==\S+", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS)
    assert lambdas < ours


@pytest.mark.parametrize("stage", json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"])
def test_a_stage_may_do_what_the_storage_does_to_its_own_tables_and_no_more(stage: str) -> None:
    """A Scan or a created table is refused by the cloud too, and so is another stage's table."""
    settings = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"][stage]
    statements = json.loads((ROOT / ".chalice" / settings["iam_policy_file"]).read_text())["Statement"]
    table = f"arn:aws-cn:dynamodb:cn-north-1:1:table/{settings['environment_variables']['JISHI_TABLE_PREFIX']}orders"
    item = {"BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"}
    records = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
    assert allowed(statements, table) == item | {"ListStreams"}
    assert "Query" in allowed(statements, f"{table}/index/due")
    assert records <= allowed(statements, f"{table}/stream/2026")
    assert allowed(statements, table.replace("table/", "table/other-")) == {"ListStreams"}
    assert all("*" not in action for one in statements for action in as_list(one["Action"]))


def allowed(statements: list[Any], resource: str) -> set[str]:
    """DynamoDB actions on this resource."""
    found = set()
    for one in statements:
        if one["Effect"] == "Allow" and any(fnmatch.fnmatchcase(resource, each) for each in as_list(one["Resource"])):
            found |= {action for action in as_list(one["Action"]) if action.startswith("dynamodb:")}
    return {action.removeprefix("dynamodb:") for action in found}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

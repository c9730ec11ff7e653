"""What goes to Lambda: the zip as Chalice lays it out and deploy/bundle trims it, imported as Lambda imports it.

The clean processes see the bundle's files and the standard library, and nothing else: no environment variable, no
network, no development package. tests/deploy/test_bundle.py and test_wheels.py hold the rest of the packaging.
"""

import ast
import fnmatch
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pynamodb.constants
import pytest
from botocore.loaders import Loader
from botocore.session import Session
from chalice.deploy.packager import LambdaDeploymentPackager
from chalice.utils import OSUtils

from app import app
from deploy.bundle import trim
from tests.test_requirements import locked

ROOT = Path(__file__).parents[1]
FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").glob("*.py") if path.stem != "__init__")
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

app_py = "app" in sys.modules
kinds = ("EventSourceHandler", "LambdaFunction")
handlers = {name: refusal(it) for name, it in vars(module).items() if type(it).__name__ in kinds}
print(json.dumps({"seconds": seconds, "handlers": handlers, "app_py": app_py}))
"""

EVERY_IMPORT = """
import ast, importlib, json, sys
from pathlib import Path

sys.path[:0] = sys.argv[1:]
tree, failed = Path(sys.argv[1]), []

def load(*names):
    try:
        loaded = importlib.import_module(names[0])
        if len(names) > 1 and not hasattr(loaded, names[1]):
            importlib.import_module(".".join(names))
    except Exception as error:
        failed.append(f"{'.'.join(names)}: {type(error).__name__}: {error}")

paths = [tree / "app.py", *(path for top in ("chalicelib", "functions") for path in sorted((tree / top).rglob("*.py")))]
for path in paths:
    module = ".".join(path.relative_to(tree).with_suffix("").parts).removesuffix(".__init__")
    load(module)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                load(alias.name)
        elif isinstance(node, ast.ImportFrom):
            package = module if path.stem == "__init__" else module.rpartition(".")[0]
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                load(base, alias.name)

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

AESGCM(bytes(32)).encrypt(bytes(12), b"text", None)
rsa.generate_private_key(65537, 2048).sign(b"text", padding.PKCS1v15(), hashes.SHA256())
foreign = [it.__file__ for it in sys.modules.values() if "site-packages" in str(getattr(it, "__file__", ""))]
print(json.dumps({"files": len(paths), "failed": failed, "foreign": foreign}))
"""

NEVER_REACHED = {
    "aws_lambda_powertools.event_handler.openapi.compat": "by the Logger, for a pydantic model, and there is none",
    "dateutil.zoneinfo": "by tz.gettz, where the system has no time zones",
    "urllib3.contrib.emscripten": "in a browser",
}
"""What kept files of distributions name although it is dropped, and when they would come to it."""


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
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chalice's zip with the locked distributions, as they are installed here."""
    made = Packager(tmp_path_factory.mktemp("whole") / "package.zip").create_deployment_package(str(ROOT), "python3.11")
    with ZipFile(made, "a", ZIP_STORED) as archive:
        for name in locked():
            for file in importlib.metadata.distribution(name).files or []:
                if ".." not in file.parts:
                    archive.write(str(file.locate()), file.as_posix())
    return Path(made)


@pytest.fixture(scope="module")
def packed(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked bundle, without its bytecode."""
    tree = tmp_path_factory.mktemp("task")
    trim.unpack(whole, tree)
    return tree


def clean(*arguments: str) -> Any:
    """What this program prints in a process that holds only the bundle."""
    command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", *arguments]
    done = subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_zip_holds_the_shop_and_nothing_of_its_workshop(packed: Path) -> None:
    tops = {Path(file).parts[0] for name in locked() for file in importlib.metadata.distribution(name).files or []}
    assert {path.name for path in packed.iterdir()} - tops == {"app.py", "chalice", "chalicelib", "functions"}
    for folder in ("chalicelib", "functions"):
        source = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
        inside = {path.relative_to(packed) for path in (packed / folder).rglob("*") if path.is_file()}
        assert no_bytecode(inside) == no_bytecode(source)
        assert {path.suffix for path in no_bytecode(inside)} <= {".py", ".json"}


def no_bytecode(paths: Any) -> set[Path]:
    return {path for path in paths if "__pycache__" not in path.parts}


def test_all_that_the_shop_imports_anywhere_is_in_the_bundle(packed: Path) -> None:
    """At any depth of its functions, under TYPE_CHECKING too; and what is imported works, compiled halves included."""
    found = clean(EVERY_IMPORT, str(packed))
    assert found["files"] == len(SOURCES)
    assert (found["failed"], found["foreign"]) == ([], [])


def test_nothing_that_is_kept_imports_what_is_dropped(whole: Path) -> None:
    with ZipFile(whole) as archive:
        modules = {module_of(name): name for name in archive.namelist() if name.endswith((".py", ".so"))}
        dropped = {module for module, name in modules.items() if not trim.keeps(name)}
        kept = {name: archive.read(name) for name in modules.values() if name.endswith(".py") and trim.keeps(name)}
    named = {name: sorted(set(imports(name, source)) & dropped) for name, source in kept.items()}
    assert {module for each in named.values() for module in each} == set(NEVER_REACHED), {
        name: each for name, each in named.items() if each
    }


def module_of(name: str) -> str:
    return name.partition(".")[0].removesuffix("/__init__").replace("/", ".")


def imports(name: str, source: bytes) -> Iterator[str]:
    """Full names of what is imported, at any depth, when the program runs."""
    package = module_of(name) if name.endswith("/__init__.py") else module_of(name).rpartition(".")[0]
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
        elif isinstance(node, ast.stmt | ast.Module | ast.ExceptHandler | ast.match_case):
            waiting += ast.iter_child_nodes(node)


def test_every_rule_about_a_distribution_still_finds_it(whole: Path) -> None:
    names = ZipFile(whole).namelist()
    rules = [rule for rule in (*trim.DROPPED, *trim.KEPT) if "*" not in rule.partition("/")[0] and rule != "bin/*"]
    assert [rule for rule in rules if not fnmatch.filter(names, rule)] == []


def test_the_services_in_the_bundle_are_those_that_the_shop_makes_clients_of() -> None:
    made = {name for path in SOURCES for name in re.findall(r'create_client\(\s*"(.+?)"', path.read_text())}
    assert made | {pynamodb.constants.SERVICE_NAME} == set(trim.SERVICES)


@pytest.mark.parametrize("service", trim.SERVICES)
def test_a_client_of_the_bundle_is_the_client_of_all_of_botocore(service: str, packed: Path) -> None:
    assert client_of(service, str(packed / "botocore" / "data")) == client_of(service, Loader.BUILTIN_DATA_PATH)


def client_of(service: str, data: str) -> Any:
    """Where its calls go in regions of every kind, its operations, shapes and errors."""
    session = Session()
    session.register_component("data_loader", Loader([data], include_default_search_paths=False))
    found = []
    for region in ("cn-north-1", "cn-northwest-1", "us-east-1", "us-gov-west-1", "mars-north-9"):
        client = session.create_client(service, region, aws_access_key_id="a", aws_secret_access_key="b")
        rules = client._ruleset_resolver is not None
        found.append((client.meta.endpoint_url, client.meta.partition, client._request_signer.signing_name, rules))
    model = client.meta.service_model
    return found, model.operation_names, model.shape_names, dir(client.exceptions)


def test_the_http_function_is_imported_from_the_zip(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = clean(CLEAN, "app", str(packed))
    with capsys.disabled():
        print(f"\n  importing app from the package: {found['seconds'] * 1000:.0f} ms")


@pytest.mark.parametrize("file", FUNCTIONS)
def test_every_handler_is_imported_from_the_zip_without_app_py(
    packed: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And called: it gets as far as the settings, which are missing there."""
    found = clean(CLEAN, f"functions.{file}", str(packed))
    assert not found["app_py"]
    assert set(found["handlers"]) == public_functions(file)
    for handler, refusal in found["handlers"].items():
        assert refusal.startswith("SettingsError: settings missing"), (handler, refusal)
    with capsys.disabled():
        print(f"\n  importing functions.{file} from the package: {found['seconds'] * 1000:.0f} ms")


def test_lambda_is_told_of_every_handler_under_the_name_that_it_imports() -> None:
    told = {each.handler_string for sources in (app.event_sources, app.pure_lambda_functions) for each in sources}
    assert told == {f"functions.{file}.{name}" for file in FUNCTIONS for name in public_functions(file)}


def public_functions(file: str) -> set[str]:
    body = ast.parse((ROOT / "functions" / f"{file}.py").read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}

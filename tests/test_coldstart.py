"""What a start may import. Times are measured by `make bench-coldstart`; what is counted here is the same anywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").glob("*.py") if path.stem != "__init__")
FOR_FEW_REQUESTS = {"wechatpy", "requests", "xmltodict", "jwt", "cryptography", "boto3", "ulid"}
LOADED = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"


def loaded(program: str, **environment: str) -> set[str]:
    """The modules of a fresh process after this program."""
    names = ("JISHI_", "AWS_", "PYTHON", "COV")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    done = subprocess.run(
        [sys.executable, "-c", program + LOADED], cwd=ROOT, env={**clean, **environment}, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] in ("app", "chalicelib", "functions")}


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    ("program", "most"),
    [
        ("import app", 36 + len(FUNCTIONS)),
        ("\n".join(f"import functions.{file}" for file in FUNCTIONS), 24 + len(FUNCTIONS)),
    ],
    ids=["app", "functions"],
)
def test_a_start_imports_no_domain_and_nothing_that_only_some_requests_need(program: str, most: int) -> None:
    modules = loaded(program)
    assert not packages(modules) & FOR_FEW_REQUESTS
    assert len(own(modules)) <= most, f"more than {most}: {sorted(own(modules))}"
    assert not [name for name in own(modules) if name.endswith((".service", ".store", ".api", ".rules"))]


def test_a_list_of_products_needs_the_catalog_and_no_other_domain() -> None:
    modules = loaded(
        "from app import app\nfrom chalicelib.parts import Shop\n"
        "app.routes['/products']['GET']\nShop(settings=None, clock=None).catalog"
    )
    assert not packages(modules) & FOR_FEW_REQUESTS
    domains = {name.rpartition(".")[0] for name in own(modules) if name.endswith((".service", ".api", ".rules"))}
    assert domains == {"chalicelib.catalog"}


def test_a_function_makes_its_client_while_it_starts_and_a_laptop_does_not() -> None:
    program = (
        "import functions.orders\nfrom chalicelib.storage import table\nassert (table._connection is not None) is {}"
    )
    shop = {"JISHI_REGION": "cn-north-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    made = "\nassert table.dynamodb()._ordinary is None"
    modules = loaded(program.format(True) + made, AWS_LAMBDA_FUNCTION_NAME="jishi-dev-close-unpaid", **shop)
    assert not packages(modules) & FOR_FEW_REQUESTS
    loaded(program.format(False), **shop)


def test_a_process_that_starts_ahead_of_traffic_imports_all_and_outlives_settings_that_are_missing() -> None:
    modules = loaded("import app", AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency")
    files = (ROOT / "chalicelib").rglob("api.py")
    assert {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files} <= modules

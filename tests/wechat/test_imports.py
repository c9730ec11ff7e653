"""What a cold start pays for, and what the adapters may know."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "chalicelib" / "wechat"
OUTSIDE = {"cryptography", "urllib3", "wechatpy", "requests", "xmltodict"}


def loaded_by(module: str) -> set[str]:
    code = f"import sys; import {module}; print('\\n'.join(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parents[1], capture_output=True, check=True)
    return set(found.stdout.decode().split())


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("chalicelib.wechat", {"cryptography", "urllib3", "wechatpy", "requests"}),
        ("chalicelib.wechat.pay", {"wechatpy", "requests", "xmltodict", "cryptography.x509"}),
        ("chalicelib.wechat.bills", {"wechatpy", "requests", "xmltodict", "cryptography.x509"}),
        ("chalicelib.wechat.miniprogram", {"wechatpy", "requests", "xmltodict", "cryptography"}),
        ("chalicelib.wechat.shipping", {"wechatpy", "requests", "xmltodict", "cryptography"}),
        ("chalicelib.wechat.push", {"wechatpy", "requests", "xmltodict", "cryptography", "urllib3"}),
    ],
)
def test_importing_an_adapter_loads_nothing_that_its_hot_path_can_do_without(module: str, spared: set[str]) -> None:
    assert not loaded_by(module) & spared


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_the_adapters_know_no_domain(path: Path) -> None:
    allowed = OUTSIDE | set(sys.stdlib_module_names)
    if path.name == "store.py":
        allowed |= {"pynamodb", "storage"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= allowed
        if isinstance(node, ast.ImportFrom):
            top = (node.module or "").split(".")[0]
            assert top in allowed or node.level == 1 or (node.level == 2 and top == "kernel"), ast.unparse(node)

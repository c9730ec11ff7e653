"""What the shop asks for, what it imports, and what is locked for Lambda: the same."""

import ast
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt")
SOURCES = [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py")), *sorted((ROOT / "functions").rglob("*.py"))]


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

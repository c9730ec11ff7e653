"""The house stays as it was drawn: who may import whom, and what no file may do. Read from the source, never imported.

Imports under TYPE_CHECKING count for nothing: they are gone when the program runs.
"""

import ast
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("app.py", "chalicelib/**/*.py", "functions/**/*.py", "sandbox/**/*.py", "tools/**/*.py")
    for path in ROOT.glob(pattern)
)
SHOP = [file for file in FILES if file.startswith(("app.py", "chalicelib", "functions"))]

LINE = (
    {"kernel"},
    {"log", "vault"},
    {"settings"},
    {"storage"},
    {"wechat"},
    {"web"},
    {"identity", "addresses", "catalog", "stock", "messaging", "campaigns", "pickup"},
    {"coupons", "points", "campaigns.groupbuy", "campaigns.bargain"},
    {"pricing", "campaigns.kinds"},
    {"cart"},
    {"orders"},
    {"payments"},
    {"fulfilment"},
    {"aftersales", "campaigns.service", "reconciliation"},
    {"effects", "events"},
    {"outside"},
    {"parts"},
    {"shop"},
    {"functions"},
    {"app"},
)
"""Each knows only what stands before it; those on one step do not know each other."""

DOORS = {
    "kernel": ("*",),
    "storage": ("*",),
    "log": ("*",),
    "vault": ("*",),
    "web": ("__init__",),
    # Each adapter loads only what it needs itself, and cold starts pay for imports, so each is a door.
    "wechat": ("bills", "errors", "miniprogram", "pay", "pay_types", "push", "shipping"),
    # The kinds import these two, so the package itself can import neither them nor what stands above them.
    "campaigns": ("base", "store"),
    "campaigns.kinds": ("kinds",),
    "campaigns.service": ("service",),
}
OPEN = ("__init__", "rules", "progress", "parts", "shop")
"""What others may name of a room. Of a domain: its `__init__`, and its `rules`, the words in which it is spoken of."""

THIRD_PARTY = {
    "aws_lambda_powertools": ("*/log.py",),
    "botocore": ("*/storage/*", "*/vault.py"),
    "chalice": ("*/web/*", "*/api.py", "functions/*"),
    "cryptography": ("*/wechat/*", "*/storage/cipher.py"),
    "jwt": ("*/identity/service.py",),
    "msgspec": (
        "*/log.py",
        "*/web/*",
        "*/api.py",
        "*/asking.py",
        "*/shapes.py",
        "*/storage/*",
        "*/store.py",
        "*/rows.py",
        "*/settings.py",
    ),
    "pynamodb": ("*/storage/*", "*/store.py", "*/rows.py"),
    "requests": ("*/wechat/*",),
    "urllib3": ("*/wechat/*", "*/fulfilment/kuaidi100.py"),
    "wechatpy": ("*/wechat/*",),
    "xmltodict": ("*/wechat/*",),
}
"""Where each package may be named, so that DynamoDB, HTTP and WeChat each stay behind their own wall."""

PURE = ("rules.py", "terms.py", "entry.py", "progress.py")
WORLD = {
    "asyncio", "http", "io", "logging", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3",
    "subprocess", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
"""Parts of the standard library through which the outside world comes in."""

LOGGED = {
    "about", "alarm", "by", "case_id", "cause", "code", "coupon_id", "delivery", "error", "fields", "group_id",
    "heard_by", "kind", "member_id", "ms", "notification_id", "order_id", "reason", "refund_no", "request_id",
    "route", "state", "status", "trade_state", "tries", "wechat_code", "wechat_request",
}  # fmt: skip
"""Ids, codes, counts and states. Before a key is added here: can it ever hold a secret, a name, a phone, an address?"""


@dataclass(frozen=True)
class Import:
    """`target` is a file of this repository, or the name of a package outside."""

    file: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.target}"


@cache
def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def nodes(files: Iterable[str]) -> Iterator[tuple[str, ast.AST]]:
    return ((file, node) for file in files for node in ast.walk(tree(file)))


@cache
def imports(file: str) -> tuple[Import, ...]:
    skipped = {id(inner) for node in ast.walk(tree(file)) if type_checking(node) for inner in ast.walk(node)}
    found = []
    for node in ast.walk(tree(file)):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [Import(file, node.lineno, target(alias.name)) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = Path(file).parts[: len(Path(file).parts) - node.level] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else ())))
            found += [Import(file, node.lineno, target(module, alias.name)) for alias in node.names]
    return tuple(dict.fromkeys(found))


def type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def target(module: str, name: str = "") -> str:
    base = module.replace(".", "/")
    for file in (f"{base}/{name}.py", f"{base}.py", f"{base}/__init__.py"):
        if (ROOT / file).is_file():
            return file
    return module.partition(".")[0]


def unit(file: str) -> str:
    """The place in the line: `chalicelib/cart/store.py` is `cart`; campaigns take several places."""
    parts = Path(file).with_suffix("").parts
    if parts[0] != "chalicelib":
        return parts[0]
    name = ".".join(parts[1:3])
    return name if any(name in step for step in LINE) else parts[1]


def room(file: str) -> str:
    return Path(file).stem


def inside(files: Iterable[str]) -> Iterator[Import]:
    """Imports of the shop's own files."""
    return (found for file in files for found in imports(file) if found.target in SHOP)


def step(file: str) -> int:
    return next(n for n, units in enumerate(LINE) if unit(file) in units)


def test_every_file_of_the_shop_has_its_place_in_the_line() -> None:
    placed = {name for units in LINE for name in units}
    assert {unit(file) for file in SHOP if file != "chalicelib/__init__.py"} == placed


def test_imports_go_down_the_line_only() -> None:
    up = [i for i in inside(SHOP) if unit(i.file) != unit(i.target) and step(i.target) >= step(i.file)]
    assert not up, "\n".join(map(str, up))


def test_no_files_import_each_other_in_a_circle() -> None:
    TopologicalSorter({file: {i.target for i in imports(file)} for file in FILES}).prepare()


def test_domains_are_entered_through_their_doors() -> None:
    """The composition root and app.py put rooms together and may name any. Routes share shapes of answers."""
    round_about = [
        i
        for i in inside(file for file in SHOP if unit(file) not in ("outside", "parts", "shop", "app"))
        if unit(i.file) != unit(i.target)
        and not any(fnmatch(room(i.target), door) for door in DOORS.get(unit(i.target), OPEN))
        and not {room(i.file), room(i.target)} <= {"api", "shapes"}
    ]
    assert not round_about, "\n".join(map(str, round_about))


def test_only_routes_know_http() -> None:
    known = {i.file for i in inside(SHOP) if unit(i.target) == "web" and unit(i.file) != "web"}
    assert {Path(file).name for file in known} <= {"api.py", "asking.py", "shapes.py", "app.py"}


def test_each_package_is_named_only_where_it_belongs() -> None:
    used = [i for file in SHOP for i in imports(file) if not i.target.endswith(".py")]
    outside = [i for i in used if i.target not in sys.stdlib_module_names]
    strayed = [i for i in outside if not any(fnmatch(i.file, place) for place in THIRD_PARTY.get(i.target, ()))]
    assert not strayed, "\n".join(map(str, strayed))
    assert {i.target for i in outside} == set(THIRD_PARTY), "a place for a package that nobody uses"


def test_rules_and_all_that_they_import_are_pure() -> None:
    """The standard library without the world, the kernel, pure files of the same domain, rules and progress of domains
    below: so that every rule can be read, tested and believed without anything around it.
    """
    waiting = [file for file in SHOP if Path(file).name in PURE]
    assert waiting
    seen: set[str] = set()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for found in imports(file):
            name = found.target
            if name.endswith(".py"):
                assert unit(name) in (unit(file), "kernel") or room(name) in ("rules", "progress"), found
                waiting.append(name)
            else:
                allowed = name in sys.stdlib_module_names and name not in WORLD
                assert allowed or file in ("chalicelib/kernel/ids.py", "chalicelib/kernel/clock.py"), found


def test_only_settings_read_the_environment() -> None:
    reading = {"environ", "environb", "getenv"}
    readers = {f for f, node in nodes(SHOP) if dotted(node).rpartition(".")[2] in reading}
    assert readers == {"chalicelib/settings.py"}


def test_only_the_clock_asks_the_system_for_the_time() -> None:
    asking = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
    askers = {f for f, node in nodes(SHOP) if dotted(node) in asking}
    assert askers == {"chalicelib/kernel/clock.py"}


def test_nothing_scans_a_table_and_nothing_prints() -> None:
    scans = [
        at(f, n) for f, n in nodes(SHOP) if isinstance(n, ast.Attribute) and n.attr in ("scan", "rate_limited_scan")
    ]
    prints = [at(f, n) for f, n in nodes(SHOP) if isinstance(n, ast.Call) and dotted(n.func) == "print"]
    assert not scans + prints


def test_money_cannot_become_a_float() -> None:
    """No true division, no conversion, no field of that kind; literals only in files that hold no money."""
    divisions = [
        at(f, n) for f, n in nodes(SHOP) if isinstance(n, ast.BinOp | ast.AugAssign) and isinstance(n.op, ast.Div)
    ]
    made = [at(f, n) for f, n in nodes(SHOP) if isinstance(n, ast.Call) and dotted(n.func) in ("float", "Decimal")]
    fields = [at(f, n) for f, n in nodes(SHOP) if isinstance(n, ast.AnnAssign) and "float" in ast.unparse(n.annotation)]
    literals = {f for f, n in nodes(SHOP) if isinstance(n, ast.Constant) and isinstance(n.value, float)}
    assert not divisions + made + fields
    # Pauses between tries, in seconds.
    pausing = {"storage/reads.py", "storage/writes.py", "wechat/transport.py", "campaigns/bargain/service.py"}
    assert literals <= {f"chalicelib/{file}" for file in pausing}


def test_logs_hold_only_what_was_weighed_and_no_key_that_logging_owns() -> None:
    """`logging` refuses some keys at run time, in the middle of the trouble that was to be logged. The message is fixed
    text, so that nothing of a request gets into it.
    """
    reserved = {*vars(logging.makeLogRecord({})), "message", "asctime", "location", "level", "timestamp", "service"}
    assert not LOGGED & reserved
    calls = [(f, n) for f, n in nodes(SHOP) if isinstance(n, ast.Call) and dotted(n.func).startswith("logger.")]
    assert calls
    for file, call in calls:
        assert {key.arg for key in call.keywords} <= LOGGED, at(file, call)
        assert all(isinstance(text, ast.Constant) for text in call.args), at(file, call)


def test_what_is_packed_knows_nothing_of_the_workshop() -> None:
    workshop = {"sandbox", "tests", "tools", "bench"}
    assert not [i for file in SHOP for i in imports(file) if Path(i.target).parts[0] in workshop]


@pytest.mark.parametrize("part", ["wechat", "demo"])
def test_the_sandbox_wechat_and_the_demo_share_no_code_with_the_shop(part: str) -> None:
    """A mistake on both sides would cancel itself out."""
    files = [file for file in FILES if file.startswith(f"sandbox/{part}/")]
    assert files
    foreign = {"app.py", "chalicelib", "functions", "tests", "tools"}
    shared = [i for file in files for i in imports(file) if Path(i.target).parts[0] in foreign]
    assert not shared, "\n".join(map(str, shared))


def test_files_and_functions_stay_short_enough_to_be_read() -> None:
    lengths = {file: len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert not {file: length for file, length in lengths.items() if length >= 300}
    functions = [(f, n) for f, n in nodes(FILES) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert not [at(f, n) for f, n in functions if (n.end_lineno or 0) - n.lineno + 1 >= 45]


def test_every_file_says_what_it_is_for() -> None:
    assert not [file for file in FILES if not ast.get_docstring(tree(file))]


def dotted(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


def at(file: str, node: ast.AST) -> str:
    return f"{file}:{getattr(node, 'lineno', '?')} {ast.unparse(node)[:60]}"

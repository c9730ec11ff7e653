"""The zip that Lambda runs, made of small trees: no network, no download."""

import gzip
import importlib.util
import json
import marshal
import struct
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import pytest

from deploy import bundle
from deploy.bundle import bytecode, check, trim
from deploy.bundle.errors import BundleError
from deploy.package import table

SHOP = {
    "app.py": b"import chalicelib.shop\n",
    "chalicelib/__init__.py": b"",
    "chalicelib/shop.py": b'def price(fen: int) -> int:\n    """In fen."""\n    assert fen >= 0\n    return fen\n',
    "chalicelib/regions.json": b'{"a": 1}',
}
PYTHON = f"cpython-{sys.version_info.major}{sys.version_info.minor}"


def zipped(path: Path, files: dict[str, bytes], at: float = 0, mode: int = 0o644) -> Path:
    with ZipFile(path, "w") as archive:
        for name, data in files.items():
            info = ZipInfo(name, time.gmtime(1_500_000_000 + at)[:6])
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return path


def compiled(tree: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    for name, data in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    bytecode.precompile(tree)
    return {path.name.partition(".")[0]: path.read_bytes() for path in tree.rglob("*.pyc")}


def test_the_same_files_make_the_same_bits_wherever_and_whenever(tmp_path: Path) -> None:
    one = zipped(tmp_path / "one.zip", SHOP)
    other = zipped(tmp_path / "other.zip", dict(reversed(SHOP.items())), at=1e8, mode=0o755)
    first, second = tmp_path / "first" / "bundle.zip", tmp_path / "a" / "longer" / "way" / "bundle.zip"
    assert bundle.finish(one, first) == bundle.finish(other, second)
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in first.parent.iterdir()] == ["bundle.zip"]


def test_the_zip_says_nothing_of_who_made_it_and_all_may_read_it(tmp_path: Path) -> None:
    bundle.finish(zipped(tmp_path / "in.zip", SHOP, mode=0o600), tmp_path / "out.zip")
    with ZipFile(tmp_path / "out.zip") as archive:
        infos = archive.infolist()
    assert [info.filename for info in infos] == sorted(info.filename for info in infos)
    assert {(info.date_time, info.external_attr >> 16, info.create_system) for info in infos} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644, 3)
    }


def test_bytecode_is_believed_unchecked_and_names_the_folder_of_lambda(tmp_path: Path) -> None:
    pyc = compiled(tmp_path, SHOP)["shop"]
    source = SHOP["chalicelib/shop.py"]
    assert pyc[:4] == importlib.util.MAGIC_NUMBER
    assert struct.unpack("<I", pyc[4:8]) == (0b01,)  # by hash, unchecked
    assert pyc[8:16] == importlib.util.source_hash(source)
    assert b"/var/task/chalicelib/shop.py" in pyc
    assert str(tmp_path).encode() not in pyc


def test_bytecode_keeps_assertions_and_docstrings(tmp_path: Path) -> None:
    shop: dict[str, Any] = {}
    exec(marshal.loads(compiled(tmp_path, SHOP)["shop"][16:]), shop)
    assert shop["price"].__doc__ == "In fen."
    with pytest.raises(AssertionError):
        shop["price"](-1)


def test_bytecode_does_not_depend_on_the_files_before(tmp_path: Path) -> None:
    later = {"later.py": 'letter = "é"\n'.encode()}
    alone = compiled(tmp_path / "alone", later)["later"]
    assert compiled(tmp_path / "beside", {"before.py": "é = 1\n".encode(), **later})["later"] == alone


def test_a_file_that_is_no_python_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"shop/broken\.py"):
        compiled(tmp_path, {"shop/broken.py": b"def ("})


@pytest.mark.parametrize(
    "path",
    [
        "msgspec/__init__.pyi",
        "chalicelib/__pycache__/shop.cpython-311.pyc",
        "msgspec/py.typed",
        "requests-2.0.dist-info/METADATA",
        "jmespath-1.1.0.data/scripts/jp.py",
        "bin/jp.py",
        "chalicelib/.shop.py.swp",
        "aws_lambda_powertools/event_handler/api_gateway.py",
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "botocore/data/dynamodb/2012-08-10/examples-1.json",
        "cffi/api.py",
    ],
)
def test_what_does_not_run_is_dropped(path: str) -> None:
    assert not trim.keeps(path)


@pytest.mark.parametrize(
    "path",
    [
        "app.py",
        "chalicelib/addresses/regions.json",
        "a_new_dependency/words.txt",
        "botocore/data/partitions.json",
        "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
        "certifi/cacert.pem",
        "_cffi_backend.cpython-311-x86_64-linux-gnu.so",
    ],
)
def test_what_runs_or_might_is_kept(path: str) -> None:
    assert trim.keeps(path)


def test_a_model_loses_its_texts_and_no_member_that_is_called_so() -> None:
    model = {"documentation": "<p>", "shapes": {"A": {"members": {"documentation": {"shape": "B"}}, "enum": ["a"]}}}
    name = "botocore/data/dynamodb/2012-08-10/service-2.json"
    found = dict(trim.slim([(f"{name}.gz", gzip.compress(json.dumps(model).encode()))]))
    assert json.loads(found[name]) == {"shapes": model["shapes"]}


def test_endpoints_are_those_of_the_services_in_use() -> None:
    services = {"dynamodb": {"endpoints": {"cn-north-1": {}}}, "s3": {"endpoints": {}}}
    full = {"version": 3, "partitions": [{"partition": "aws-cn", "dnsSuffix": "x", "services": services}]}
    ((_, data),) = trim.slim([(trim.ENDPOINTS, json.dumps(full).encode())])
    (partition,) = json.loads(data)["partitions"]
    assert partition == {"partition": "aws-cn", "dnsSuffix": "x", "services": {"dynamodb": services["dynamodb"]}}


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01".ljust(18, b"\0") + struct.pack("<H", machine)


@pytest.mark.parametrize(
    ("name", "data", "refused"),
    [
        (f"a/_core.{PYTHON}-aarch64-linux-gnu.so", elf(183), None),
        ("a/_rust.abi3.so", elf(183), None),
        ("a/plain.so", elf(183), None),
        ("a/_rust.abi3.so", elf(62), "is for x86_64, and the stage for arm64"),
        ("a/_rust.abi3.so", elf(8), "is for machine 8"),
        ("a/_rust.abi3.so", b"\xcf\xfa\xed\xfe", "not for Linux"),
        ("a/_core.cpython-39-aarch64-linux-gnu.so", elf(183), "another Python than"),
    ],
    ids=["this Python", "any Python", "untagged", "the other", "a third", "no ELF", "an older Python"],
)
def test_an_extension_is_for_the_machine_and_the_python(
    name: str, data: bytes, refused: str | None, tmp_path: Path
) -> None:
    made = zipped(tmp_path / "bundle.zip", {name: data})
    with pytest.raises(BundleError, match=refused) if refused else nullcontext():
        check.check(made, "arm64")


def test_lambdas_limits_are_told_before_lambda_tells_them() -> None:
    check.within(50 * 2**20, 250 * 2**20)
    with pytest.raises(BundleError, match=r"50\.0 MB packed, and Lambda takes 50"):
        check.within(50 * 2**20 + 1, 0)
    with pytest.raises(BundleError, match=r"300\.0 MB unpacked, and Lambda takes 250"):
        check.within(0, 300 * 2**20)


def test_the_table_adds_up(tmp_path: Path) -> None:
    names = {f"p{number:02}/a.py": b"x" * 10**6 * number for number in range(1, 16)}
    lines = list(table(check.sizes(zipped(tmp_path / "bundle.zip", names))))
    assert lines[1].split() == ["p15", "15.00", "MB", "15.00", "MB"]
    assert lines[-2].split() == ["3", "others", "6.00", "MB", "6.00", "MB"]
    assert lines[-1].split() == ["in", "all", "120.00", "MB", "120.00", "MB"]

"""What of the packaged files runs. Everything that no rule drops is kept, so that a new dependency comes whole.

tests/test_package.py holds the rules against the locked distributions: nothing kept imports what is dropped.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zipfile import ZipFile

SERVICES = ("dynamodb", "secretsmanager")
"""What the shop calls through botocore. The model of any other service is not in the bundle."""

DROPPED = (
    "*__pycache__/*",  # of the machine that packs, as are hidden files
    "*/.*",
    "*.pyi",
    "*/py.typed",
    "*.dist-info/*",
    "*.data/*",
    "bin/*",
    "aws_lambda_powertools/event_handler/*",
    "aws_lambda_powertools/utilities/*",
    "botocore/data/*/*",
    "cffi/*",  # cryptography needs its compiled half alone, _cffi_backend
    "dateutil/zoneinfo/*",
    "pycparser/*",
    "urllib3/contrib/emscripten/*",
    "wechatpy/enterprise/*",
)
"""Patterns of paths; `*` goes over slashes."""

KEPT = (
    "aws_lambda_powertools/utilities/__init__.py",
    "aws_lambda_powertools/utilities/jmespath_utils/*.py",  # read by the Logger
    *(f"botocore/data/{service}/*/{file}.*" for service in SERVICES for file in ("service-2", "endpoint-rule-set-1")),
)
"""Exceptions from DROPPED."""

ENDPOINTS = "botocore/data/endpoints.json"


def keeps(path: str) -> bool:
    return any(fnmatchcase(path, each) for each in KEPT) or not any(fnmatchcase(path, each) for each in DROPPED)


def unpack(source: Path, tree: Path) -> None:
    """Write what is kept of the zip into the folder."""
    with ZipFile(source) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        for name, data in slim((name, archive.read(name)) for name in sorted(set(names)) if keeps(name)):
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def slim(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Cut botocore's data down to what a client of SERVICES reads: reading all of it costs a cold start 50 ms."""
    for name, data in files:
        if name == ENDPOINTS:
            yield name, _json(_endpoints(json.loads(data)))
        elif name.startswith("botocore/data/"):
            text = gzip.decompress(data) if name.endswith(".gz") else data
            yield name.removesuffix(".gz"), _json(_undocumented(json.loads(text)))
        else:
            yield name, data


def _endpoints(data: Mapping[str, Any]) -> dict[str, Any]:
    partitions = [
        {**each, "services": {name: each["services"][name] for name in SERVICES if name in each["services"]}}
        for each in data["partitions"]
    ]
    return {**data, "partitions": partitions}


def _undocumented(value: Any) -> Any:
    """Without texts for people. A member of a shape that has such a name is an object, not a text, and stays."""
    if isinstance(value, dict):
        return {
            name: _undocumented(each)
            for name, each in value.items()
            if not (name in ("documentation", "documentationUrl") and isinstance(each, str))
        }
    if isinstance(value, list):
        return [_undocumented(each) for each in value]
    return value


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

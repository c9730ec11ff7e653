"""The engine of the tests inside this process, so that every request to it can be counted, struck and played again.

botocore is left as it is: it signs, sends, reads answers and tries again as ever. What would go over its socket is
handed to the engine's own code here, one request at a time, and the answers are its answers.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from chalicelib.storage.table import Row, bind, dynamodb
from chalicelib.storage.tables import create_all, tables

ADDRESS = "https://engine.faults"
PREFIX = "faults-"
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"})


@dataclass(frozen=True)
class Request:
    """One request as botocore sends it. `attempt` counts botocore's own repetitions, from 1."""

    operation: str
    tables: tuple[str, ...]
    body: bytes
    attempt: int

    @property
    def writes(self) -> bool:
        return self.operation in WRITES

    def __str__(self) -> str:
        return f"{self.operation} {','.join(self.tables)}"


Answer = tuple[int, dict[str, str], bytes]
Carrier = Callable[[Request, Callable[[], Answer]], Answer]


class Engine:
    """`carry(request, do)` stands between botocore and the engine: it answers with `do()`, or does not."""

    def __init__(self) -> None:
        from ministack.services import dynamodb as service

        self._service = service
        self.carry: Carrier = lambda request, do: do()

    @contextmanager
    def running(self) -> Iterator[None]:
        """All rows point here until the block ends."""
        bind(PREFIX, "cn-north-1", ADDRESS)
        events = dynamodb().meta.events
        events.register("before-send.dynamodb", self._send, unique_id="faults")
        try:
            yield
        finally:
            events.unregister("before-send.dynamodb", unique_id="faults")

    def make_tables(self) -> None:
        """Fresh and empty, whatever stood here before."""
        for key in [key for key in self._service._tables if key.startswith(PREFIX)]:
            del self._service._tables[key]
        create_all()
        self._service._ttl_settings.clear()  # rows are forgotten by the day's clock there, not by the test's

    def snapshot(self) -> dict[str, Any]:
        return {name: copy.deepcopy(self._table(name)) for name in self._names()}

    def restore(self, snapshot: dict[str, Any]) -> None:
        for name, table in snapshot.items():
            self._service._tables[name] = copy.deepcopy(table)

    def items(self, bare_name: str) -> list[dict[str, Any]]:
        """Every item of a table, as DynamoDB writes them."""
        held = self._table(PREFIX + bare_name)["items"]
        return [item for group in held.values() for item in group.values()]

    def rows(self, kind: type[Row]) -> list[Any]:
        """The rows of one kind, none of the other kinds that share its table."""
        found = []
        for item in self.items(kind.bare_name):
            row = kind.from_raw_data(item)
            if isinstance(row, kind):
                found.append(row)
        return found

    def _names(self) -> list[str]:
        return [kind.Meta.table_name for kind in tables().values()]

    def _table(self, name: str) -> Any:
        return self._service._tables[name]

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        status, headers, body = self.carry(read(request), lambda: self._work(request))
        return AWSResponse(request.url, status, _Headers(headers), _Raw(body))

    def _work(self, request: Any) -> Answer:
        names = {name.lower(): _text(value) for name, value in request.headers.items()}
        work = self._service.handle_request("POST", "/", names, _bytes(request.body), {})
        try:
            work.send(None)
        except StopIteration as done:
            status, headers, body = done.value
            return status, headers, _bytes(body)
        raise RuntimeError("the engine waits for something")


def read(request: Any) -> Request:
    import json

    operation = _text(request.headers["X-Amz-Target"]).rpartition(".")[2]
    sent = json.loads(_bytes(request.body) or b"{}")
    if "TransactItems" in sent:
        named = [next(iter(item.values()))["TableName"] for item in sent["TransactItems"]]
    elif "RequestItems" in sent:
        named = list(sent["RequestItems"])
    else:
        named = [sent["TableName"]] if "TableName" in sent else []
    tried = _text(request.headers.get("amz-sdk-request", b"attempt=1"))
    attempt = int(tried.partition("attempt=")[2].partition(";")[0] or 1)
    names = dict.fromkeys(name.removeprefix(PREFIX) for name in named)
    return Request(operation, tuple(names), _bytes(request.body), attempt)


def refused(code: str, message: str = "injected") -> Answer:
    """An error as DynamoDB answers it."""
    body = f'{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"{message}"}}'.encode()
    return 400, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "injected"}, body


def answer_lost() -> ReadTimeoutError:
    """What botocore meets when the answer never comes; it then tries again by itself."""
    return ReadTimeoutError(endpoint_url=ADDRESS)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


class _Headers(dict[str, str]):
    """Read by any spelling, as botocore does."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, otherwise: Any = None) -> Any:
        return super().get(name.lower(), otherwise)


class _Raw(io.BytesIO):
    def stream(self, size: int = 2**16, decode_content: bool = False) -> Iterator[bytes]:
        yield self.read()

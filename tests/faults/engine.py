"""The engine of the tests inside this process, so that every request to it can be counted, struck and played again.

Where something is to happen to a request, the client is left as it is: it signs, reads answers and tries again as ever,
each request that it sends together with others for itself. What would go over its socket is handed to the engine's own
code here, and the answers are the engine's.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from chalicelib.storage.table import Row, bind, dynamodb
from chalicelib.storage.tables import create_all, tables

ADDRESS = "https://engine.faults"
PREFIX = "faults-"
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"})
WORK = WRITES | {"GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"}


@dataclass(frozen=True)
class Request:
    """One request and what it holds. `attempt` counts botocore's own repetitions, from 1."""

    operation: str
    sent: Mapping[str, Any]
    attempt: int = 1

    @property
    def writes(self) -> bool:
        return self.operation in WRITES

    @cached_property
    def tables(self) -> tuple[str, ...]:
        if "TransactItems" in self.sent:
            named = [next(iter(item.values()))["TableName"] for item in self.sent["TransactItems"]]
        else:
            named = list(self.sent.get("RequestItems", ())) or [self.sent["TableName"]]
        return tuple(dict.fromkeys(name.removeprefix(PREFIX) for name in named))

    @property
    def job(self) -> str | None:
        """The shard of a job, if this asks what is due of it."""
        if self.sent.get("IndexName") != "due":
            return None
        return next(str(value["S"]) for value in self.sent["ExpressionAttributeValues"].values() if "S" in value)

    def __str__(self) -> str:
        return f"{self.operation} {','.join(self.tables)}"


Answer = tuple[int, dict[str, str], bytes]
DONE = SimpleNamespace(status_code=200, headers={}, content=b"")
NOTHING: Answer = (200, {}, b'{"Items":[],"Count":0,"ScannedCount":0}')
Carrier = Callable[[Request, Callable[[], Answer]], Answer]


class Engine:
    """`carry(request, do)` stands between the shop and the engine: it answers with `do()`, or does not.

    A request that `quiet` calls uneventful takes a short way past signing and parsing, most of what a request costs.
    """

    def __init__(self) -> None:
        from ministack.services import dynamodb as service

        self._service = service
        self._carried = False
        self.carry: Carrier = lambda request, do: do()
        self.quiet: Callable[[Request], bool] = lambda request: False

    @contextmanager
    def running(self) -> Iterator[None]:
        """All rows point here until the block ends."""
        bind(PREFIX, "cn-north-1", ADDRESS)
        events, copying = dynamodb().meta.events, self._service.copy
        events.register("before-call.dynamodb", self._shorten, unique_id="faults-short")
        events.register("before-send.dynamodb", self._send, unique_id="faults")
        self._service.copy = SimpleNamespace(deepcopy=_copied, copy=copying.copy)  # it copies at each step
        try:
            yield
        finally:
            self._service.copy = copying
            events.unregister("before-send.dynamodb", unique_id="faults")
            events.unregister("before-call.dynamodb", unique_id="faults-short")

    def make_tables(self) -> None:
        """Fresh and empty, whatever stood here before."""
        for key in [key for key in self._service._tables if key.startswith(PREFIX)]:
            del self._service._tables[key]
        create_all()
        self._service._ttl_settings.clear()  # rows are forgotten by the day's clock there, not by the test's

    def snapshot(self) -> bytes:
        return pickle.dumps({name: self._table(name) for name in self._names()})

    def restore(self, snapshot: bytes) -> None:
        for name, table in pickle.loads(snapshot).items():
            self._service._tables[name] = table

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

    def _shorten(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        """The answer by the short way if the request is sure to succeed uneventfully; None sends it as it is."""
        if model.name not in WORK:
            return None
        request = Request(model.name, json.loads(params["body"]))
        if not self.quiet(request):
            return None
        status, _, body = self.carry(request, lambda: NOTHING if self._idle(request) else self._work(request))
        if status == 200:
            return DONE, {**json.loads(body), "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}
        # A refusal, which changed nothing: once more the whole way, since the client knows how refusals look.
        self._carried = True
        return None

    def _idle(self, request: Request) -> bool:
        """Whether nothing waits for the job that is asked for: most of what schedules ask, and quickly answered."""
        shard = request.job
        waiting = (item["due_shard"]["S"] for item in self.items(request.tables[0]) if "due_shard" in item)
        return shard is not None and shard not in waiting

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        read = _read(request)
        carried, self._carried = self._carried, False
        carry: Carrier = (lambda _, do: do()) if carried or read.operation not in WORK else self.carry
        status, headers, body = carry(read, lambda: self._work(read))
        return AWSResponse(request.url, status, _Headers(headers), _Raw(body))

    def _work(self, request: Request) -> Answer:
        sent = json.dumps(request.sent).encode()
        work = self._service.handle_request("POST", "/", {"x-amz-target": f"D.{request.operation}"}, sent, {})
        try:
            work.send(None)
        except StopIteration as done:
            status, headers, body = done.value
            return status, headers, body if isinstance(body, bytes) else body.encode()
        raise RuntimeError("the engine waits for something")


def _read(request: Any) -> Request:
    """What botocore is about to send."""
    operation = _text(request.headers["X-Amz-Target"]).rpartition(".")[2]
    tried = _text(request.headers.get("amz-sdk-request", b"attempt=1"))
    attempt = int(tried.partition("attempt=")[2].partition(";")[0] or 1)
    return Request(operation, json.loads(request.body or b"{}"), attempt)


def refused(code: str, message: str = "injected") -> Answer:
    """An error as DynamoDB answers it."""
    body = f'{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"{message}"}}'.encode()
    return 400, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "injected"}, body


def answer_lost() -> ReadTimeoutError:
    """What botocore meets when the answer never comes; it then tries again by itself."""
    return ReadTimeoutError(endpoint_url=ADDRESS)


def _copied(value: Any) -> Any:
    """As copy.deepcopy does it for what items are made of."""
    if type(value) is dict:
        return {name: _copied(each) for name, each in value.items()}
    if type(value) is list:
        return [_copied(each) for each in value]
    return value if type(value) in (str, int, float, bool, type(None)) else copy.deepcopy(value)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _Headers(dict[str, str]):
    """Read by any spelling, as botocore does."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, otherwise: Any = None) -> Any:
        return super().get(name.lower(), otherwise)


class _Raw(io.BytesIO):
    def stream(self, size: int = 2**16, decode_content: bool = False) -> Iterator[bytes]:
        yield self.read()

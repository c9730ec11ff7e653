"""TransactionConflict, which DynamoDB answers to whoever comes to an item that is in a transaction, and no local engine
does: put in between the shop's client and the engine, for all threads of this process.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse

from bench.sale.watch import TRANSACTION, WRITES
from chalicelib.storage.table import dynamodb
from chalicelib.storage.tables import tables
from chalicelib.storage.writes import key_attributes

Key = tuple[str, ...]


class Conflicts:
    """A transaction holds its items for `seconds`, and as long as the engine takes. `met`: requests that were refused
    because another transaction held an item of theirs; `held`: transactions that were let through.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._names = {
            kind.Meta.table_name: [each.attr_name for each in key_attributes(kind)] for kind in tables().values()
        }
        self._lock, self._thread = threading.Lock(), threading.local()
        self._holding: set[Key] = set()
        self.met = self.held = 0

    @contextmanager
    def injected(self) -> Iterator[Conflicts]:
        events = dynamodb().meta.events
        events.register_last("before-send.dynamodb", self._before)
        for event in ("needs-retry.dynamodb", "after-call.dynamodb"):  # a success is told by the latter alone
            events.register_first(event, self._after)
        try:
            yield self
        finally:
            events.unregister("before-send.dynamodb", self._before)
            for event in ("needs-retry.dynamodb", "after-call.dynamodb"):
                events.unregister(event, self._after)

    def _before(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        if operation not in WRITES:
            return None
        keys = self._keys(operation, json.loads(request.body))
        with self._lock:
            taken = [key in self._holding for key in keys]
            if any(taken):
                self.met += 1
                return _conflict(request.url, operation, taken)
            if operation != TRANSACTION:
                return None
            self._holding.update(keys)
            self.held += 1
        self._thread.keys = keys
        time.sleep(self._seconds)
        return None

    def _after(self, **_: Any) -> None:
        """An answer came, or none will."""
        keys, self._thread.keys = getattr(self._thread, "keys", ()), ()
        with self._lock:
            self._holding.difference_update(keys)

    def _keys(self, operation: str, asked: Any) -> list[Key]:
        if operation == TRANSACTION:
            return [self._key(*each.values()) for each in asked["TransactItems"]]
        return [self._key(asked)]

    def _key(self, asked: Mapping[str, Any]) -> Key:
        table, given = asked["TableName"], asked.get("Key") or asked["Item"]
        return (table, *(next(iter(given[name].values())) for name in self._names[table]))


def _conflict(url: str, operation: str, taken: list[bool]) -> AWSResponse:
    answer: dict[str, Any] = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException"}
    if operation == TRANSACTION:
        reasons = [{"Code": "TransactionConflict" if each else "None"} for each in taken]
        answer = {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "CancellationReasons": reasons,
        }
    body = json.dumps({**answer, "message": "Transaction is ongoing for the item"}).encode()
    return AWSResponse(url, 400, {"x-amzn-requestid": "conflict"}, _Raw(body))


class _Raw(io.BytesIO):
    def stream(self, amount: int = 2**16, decode_content: bool = False) -> Iterator[bytes]:
        yield self.read()

"""What each request to the shop wrote, seen at the events of its client to DynamoDB."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib.storage.table import dynamodb

TRANSACTION = "TransactWriteItems"
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", TRANSACTION})


@dataclass
class Seen:
    """`writes`: when requests that write for the order went out, refused ones too. `paced`: when those did that only
    count how often a member asks. `sold_at`: when a transaction was answered with success. Times of time.monotonic,
    which processes share.
    """

    writes: list[float] = field(default_factory=list)
    paced: list[float] = field(default_factory=list)
    sold_at: float | None = None

    @property
    def all_writes(self) -> list[float]:
        return [*self.writes, *self.paced]


class Watch:
    """Threads are told apart; each does one request to the shop at a time."""

    def __init__(self) -> None:
        self._thread = threading.local()

    @contextmanager
    def looking(self) -> Iterator[None]:
        events = dynamodb().meta.events
        events.register_first("before-send.dynamodb", self._sent)
        events.register("after-call.dynamodb", self._answered)
        try:
            yield
        finally:
            events.unregister("before-send.dynamodb", self._sent)
            events.unregister("after-call.dynamodb", self._answered)

    def begin(self) -> Seen:
        """What this thread does from now on."""
        self._thread.seen = Seen()
        return self._thread.seen  # type: ignore[no-any-return]

    def _sent(self, request: Any, event_name: str, **_: Any) -> None:
        operation, seen = event_name.rpartition(".")[2], getattr(self._thread, "seen", None)
        if seen is None or operation not in WRITES:
            return
        of_members = operation != TRANSACTION and json.loads(request.body)["TableName"].endswith("members")
        (seen.paced if of_members else seen.writes).append(time.monotonic())

    def _answered(self, http_response: Any, model: Any, **_: Any) -> None:
        seen = getattr(self._thread, "seen", None)
        if seen is not None and model.name == TRANSACTION and http_response.status_code == 200:
            seen.sold_at = time.monotonic()

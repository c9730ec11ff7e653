"""What the engine can do at most: one order's own requests, with other ids, sent by a client that does nothing else.

They are not signed anew, since the engine looks at the form of a signature only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench.sale.processes import Processes, told
from bench.sale.watch import TRANSACTION
from chalicelib.kernel.clock import system_clock
from chalicelib.kernel.ids import new_id
from chalicelib.storage.table import dynamodb

THREADS = 8


@dataclass(frozen=True)
class Sent:
    """A request as it went to the engine."""

    operation: str
    headers: dict[str, str]
    body: str


def recorded(act: Callable[[], object]) -> list[Sent]:
    """The requests to DynamoDB that this makes."""
    found: list[Sent] = []

    def note(request: Any, event_name: str, **_: Any) -> None:
        headers = {name: _text(value) for name, value in request.headers.items()}
        found.append(Sent(event_name.rpartition(".")[2], headers, _text(request.body)))

    events = dynamodb().meta.events
    events.register("before-send.dynamodb", note)
    try:
        act()
    finally:
        events.unregister("before-send.dynamodb", note)
    return found


def rate(processes: Processes, engine: str, requests: Sequence[Sent], times: int) -> float:
    """How often a second the engine answers all of these requests, one after another, to as many clients as it likes.
    Raises RuntimeError if it refuses one.
    """
    work = partial(_push, engine=engine, requests=tuple(requests))
    spans = processes.share(work, [times // processes.count] * processes.count, times)
    began, ended = min(began for began, _ in spans), max(ended for _, ended in spans)
    return round(times / (ended - began), 1)


def _push(times: int, engine: str, requests: Sequence[Sent]) -> list[tuple[float, float]]:
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(partial(_some, engine=engine, requests=requests), [times // THREADS] * THREADS))
    return [(began, time.monotonic())]


def _some(times: int, engine: str, requests: Sequence[Sent]) -> None:
    place = urlsplit(engine)
    connection = HTTPConnection(place.hostname or "", place.port)
    known = _ids(next(each for each in requests if each.operation == TRANSACTION))
    for _ in range(times):
        for each in requests:
            body = each.body
            if each.operation == TRANSACTION:
                for was, new in zip(known, (new_id(system_clock()), f"order:{uuid4()}", str(uuid4())), strict=True):
                    body = body.replace(was, new)
            headers = {**each.headers, "Content-Length": str(len(body.encode()))}
            connection.request("POST", "/", body.encode(), headers)
            answer = connection.getresponse()
            if (content := answer.read()) and answer.status != 200:
                raise RuntimeError(f"the engine refuses {each.operation}: {content.decode()[:300]}")
        told()
    connection.close()


def _ids(transaction: Sent) -> tuple[str, str, str]:
    """What is different in each order: its id, the claim of its key, the token of its transaction."""
    asked = json.loads(transaction.body)
    items = [each["Put"]["Item"] for each in asked["TransactItems"] if "Put" in each]
    order_id = next(item["order_id"]["S"] for item in items if "order_id" in item)
    claim = next(item["claim"]["S"] for item in items if "claim" in item)
    return order_id, claim, asked["ClientRequestToken"]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value

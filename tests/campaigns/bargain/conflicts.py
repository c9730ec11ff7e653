"""TransactionConflict, which DynamoDB knows and no engine at hand: one transaction at a time, others turned away."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse

from chalicelib.storage.table import dynamodb

CANCELLED = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]",
    "CancellationReasons": [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}],
}


class Body:
    def stream(self) -> Iterator[bytes]:
        yield json.dumps(CANCELLED).encode()


@contextmanager
def turning_away() -> Iterator[list[str]]:
    """While it lasts, transactions that meet are turned away and listed."""
    turned_away: list[str] = []
    one_at_a_time = threading.Lock()
    thread = threading.local()

    def before(request: Any, **_: Any) -> AWSResponse | None:
        if one_at_a_time.acquire(blocking=False):
            thread.goes_on = True
            return None
        turned_away.append(request.url)
        return AWSResponse(request.url, 400, {"content-type": "application/x-amz-json-1.0"}, Body())

    def after(**_: Any) -> None:
        if getattr(thread, "goes_on", False):
            thread.goes_on = False
            one_at_a_time.release()

    events = dynamodb().meta.events
    events.register("before-send.dynamodb.TransactWriteItems", before)
    events.register("after-call.dynamodb.TransactWriteItems", after)
    try:
        yield turned_away
    finally:
        events.unregister("before-send.dynamodb.TransactWriteItems", before)
        events.unregister("after-call.dynamodb.TransactWriteItems", after)

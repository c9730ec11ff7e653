"""What the cloud does beside HTTP: schedules at their rates, and the streams of tables.

Both call the very handlers that Lambda would, with events of the same form. The engine keeps a stream as long as it
runs: what happened just before the stack went down is found by the schedules, as in the cloud after an outage.
"""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import boto3

from app import app
from chalicelib.kernel.clock import Clock
from chalicelib.log import logger
from chalicelib.settings import from_environment
from chalicelib.shop import build, use
from sandbox.clock import SandboxClock
from sandbox.local.place import Place

Handler = Callable[[dict[str, Any], Any], Any]
POLL = 0.2
UNITS = {"minute": 60, "minutes": 60, "hour": 3600, "hours": 3600, "day": 86400, "days": 86400}
TRIES = 5
STOP_SECONDS = 5


def schedules() -> Iterator[tuple[str, timedelta, Handler]]:
    """Name, rate and handler of every schedule that the app declares."""
    for source in app.event_sources:
        expression = getattr(source, "schedule_expression", None)
        if expression is None:
            continue
        found = re.fullmatch(r"rate\((\d+) (\w+)\)", expression.to_string())
        assert found, f"{source.name} has a schedule that is no rate"
        yield source.name, timedelta(seconds=int(found[1]) * UNITS[found[2]]), handler_of(source.handler_string)


def streams() -> Iterator[tuple[str, Handler]]:
    """Table, less its prefix, and handler of every stream that the app declares."""
    for source in app.event_sources:
        if arn := getattr(source, "stream_arn", None):
            yield arn.split("/")[1], handler_of(source.handler_string)


def handler_of(handler_string: str) -> Handler:
    module, _, name = handler_string.rpartition(".")
    handler: Handler = getattr(import_module(module), name)
    return handler


def schedule_event(now: datetime) -> dict[str, Any]:
    """The event of an EventBridge rule."""
    return {
        "version": "0",
        "id": f"local-{now.timestamp()}",
        "account": "000000000000",
        "region": "cn-north-1",
        "time": now.isoformat(),
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "detail": {},
        "resources": [],
    }


def run_schedule(name: str, rate: timedelta, handler: Handler, clock: Clock, stop: threading.Event) -> None:
    """At its rate by the sandbox's clock: moving that clock forward makes it due at once."""
    due = clock()
    while not stop.wait(POLL):
        now = clock()
        if now < due:
            continue
        due = now + rate
        try:
            handler(schedule_event(now), None)
        except Exception:
            logger.exception("schedule failed", schedule=name)


def follow_stream(table: str, endpoint: str, handler: Handler, stop: threading.Event) -> None:
    """Batches of records to the handler; a batch that fails comes again a few times, then is left to the schedules.

    From the stream's beginning, since the API may have been faster to start; and again from there when the place in it
    is lost, as it is after 15 minutes of a laptop's sleep: effects may be repeated.
    """
    streams = boto3.client("dynamodbstreams", endpoint_url=endpoint)
    engine = boto3.client("dynamodb", endpoint_url=endpoint)
    iterator = None
    while not stop.wait(POLL):
        try:
            if iterator is None:
                iterator = _beginning(streams, engine.describe_table(TableName=table)["Table"]["LatestStreamArn"])
            answer = streams.get_records(ShardIterator=iterator, Limit=100)
            if answer["Records"]:
                _deliver(handler, answer["Records"], stop)
            iterator = answer.get("NextShardIterator")
        except Exception:
            logger.exception("stream could not be read")
            iterator = None
            stop.wait(1)


def _beginning(streams: Any, arn: str) -> str:
    """The engine's streams have one shard each."""
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    begin = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    return str(streams.get_shard_iterator(**begin)["ShardIterator"])


def _deliver(handler: Handler, records: list[dict[str, Any]], stop: threading.Event) -> None:
    event = {"Records": [_as_lambda_gets_it(record) for record in records]}
    for attempt in range(TRIES):
        try:
            handler(event, None)
            return
        except Exception:
            logger.exception("stream batch failed", attempt=attempt)
            stop.wait(0.2 * 2**attempt)


def _as_lambda_gets_it(record: dict[str, Any]) -> dict[str, Any]:
    """boto3 turns the creation time into a datetime; Lambda's event has seconds. It also names its source."""
    change = {**record["dynamodb"]}
    change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
    return {**record, "dynamodb": change, "eventSourceARN": "local"}


def main() -> None:
    place = Place.here()
    clock, settings = SandboxClock(place.clock_file), from_environment()
    use(build(settings, clock=clock))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [
        threading.Thread(target=run_schedule, args=(*schedule, clock, stop), daemon=True) for schedule in schedules()
    ]
    for table, handler in streams():
        following = (settings.table_prefix + table, place.engine, handler, stop)
        threads.append(threading.Thread(target=follow_stream, args=following, daemon=True))
    for thread in threads:
        thread.start()
    stop.wait()
    # A handler that still waits for an engine that is gone is left: each can be cut short and begun again.
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))


if __name__ == "__main__":
    main()

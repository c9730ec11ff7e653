"""What goes on beside the shoppers: streams, schedules, WeChat. Shuffled, doubled and dropped by the seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from app import app
from chalicelib.storage.due import DueRow
from chalicelib.storage.table import Row
from sandbox.local.worker import handler_of, schedule_event, schedules
from tests.faults.engine import PREFIX
from tests.faults.people import Fault
from tests.faults.world import World

Handler = Callable[[dict[str, Any], Any], Any]
TICK = timedelta(minutes=1)
MOST_TICKS = 400
MOST_PATIENCE = 20
STREAM_TRIES = 5


class Stuck(Fault):
    """Something is due and nothing moves it."""


@cache
def jobs() -> tuple[tuple[str, timedelta, Handler], ...]:
    """Every schedule that the app declares."""
    return tuple(schedules())


@cache
def stream_handlers() -> dict[str, tuple[Handler, ...]]:
    """By table: every handler that follows a stream."""
    found: dict[str, tuple[Handler, ...]] = {}
    for source in app.event_sources:
        if arn := getattr(source, "stream_arn", None):
            table = arn.partition(":table/")[2].partition("/")[0]
            found[table] = (*found.get(table, ()), handler_of(source.handler_string))
    return found


def run_schedules(world: World) -> None:
    """Each whose time has come, in any order; one that fails is called again when its time comes again."""
    every = list(jobs())
    if not world.orderly:
        world.chance.shuffle(every)
    for name, rate, handler in every:
        if world.clock() < world.ran.get(name, world.clock() - rate) + rate or world.asleep.search(name):
            continue
        world.ran[name] = world.clock()
        event = schedule_event(world.clock())

        def work(handler: Handler = handler, event: dict[str, Any] = event) -> None:
            handler(event, None)

        try:
            world.in_shop(f"schedule {name}", work)
        except Exception as error:
            world.tell(f"schedule {name} failed: {error!r}")


def deliver_streams(world: World) -> None:
    """What was committed, in batches that may come late, twice or never; a batch that fails comes again."""
    pending, world.streamed = world.streamed, []
    if not world.orderly:
        world.chance.shuffle(pending)
    while pending:
        size = 20 if world.orderly else world.chance.randint(1, 4)
        batch, pending = pending[:size], pending[size:]
        fate = 1.0 if world.orderly else world.chance.random()
        if fate < 0.15:
            world.tell(f"lost {len(batch)} stream records")
            continue
        for table in {table for table, _ in batch}:
            records = [_record(world, table, keys) for name, keys in batch if name == table]
            for handler in stream_handlers().get(table, ()) * (2 if fate < 0.35 else 1):
                _deliver(world, handler, {"Records": records})


def _deliver(world: World, handler: Handler, event: dict[str, Any]) -> None:
    for _ in range(STREAM_TRIES):
        try:
            if world.in_shop("a stream batch", lambda: handler(event, None)):
                return
        except Exception as error:
            world.tell(f"stream batch failed: {error!r}")


def _record(world: World, table: str, keys: dict[str, Any]) -> dict[str, Any]:
    """As Lambda gets it, with the item as it is by now."""
    held = [item for item in world.stage.engine.items(table) if all(item[name] == keys[name] for name in keys)]
    change = {"Keys": keys, "ApproximateCreationDateTime": world.clock().timestamp(), "SequenceNumber": "1"}
    change |= {"SizeBytes": 1, "StreamViewType": "NEW_IMAGE"} | ({"NewImage": held[0]} if held else {})
    name = {"eventID": "1", "eventName": "MODIFY", "awsRegion": "cn-north-1", "eventSource": "aws:dynamodb"}
    source = f"arn:aws-cn:dynamodb:cn-north-1:0:table/{PREFIX}{table}/stream/1"
    return {**name, "eventSourceARN": source, "dynamodb": change}


def hear_again(world: World) -> None:
    """A callback that was sent before, in the same bytes."""
    path, headers, body = world.heard[-1]
    world.http("POST", path, headers, body)


def meanwhile(world: World) -> None:
    """Between two requests of the shoppers."""
    if world.orderly:
        deliver_streams(world)
        return
    if world.chance.random() < 0.5:
        deliver_streams(world)
    if world.chance.random() < 0.3:
        run_schedules(world)
    if world.chance.random() < 0.2:
        wechat_works(world)
    world.clock.forward(seconds=world.chance.randint(0, 20))


def wechat_works(world: World) -> None:
    """What is due at WeChat: refunds that end, callbacks that are sent again."""
    for job in world.wechat._state.every("job"):
        if job["due"] <= world.clock().timestamp():
            world.wechat._jobs._run(f"{job['name']}:{job['id']}", job)


def settle(world: World, **horizon: float) -> None:
    """Let everything go on until nothing is due within the horizon (26 hours). Raises Stuck."""
    until = world.clock() + timedelta(**(horizon or {"hours": 26}))
    patience, before = 0, frozenset[Any]()
    for _ in range(MOST_TICKS):
        wechat_works(world)
        run_schedules(world)
        deliver_streams(world)
        if world.streamed:
            continue
        late = frozenset(row for row in waiting(world) if row[0] <= world.clock().timestamp())
        patience = patience + 1 if late & before else 0
        if patience > MOST_PATIENCE:
            raise Stuck(f"due and never done: {sorted(late & before)}")
        before = late
        coming = min([at for at, *_ in waiting(world)] + _wechat_waits(world) + world.mornings(), default=None)
        if coming is None or coming > until.timestamp():
            return
        world.clock.now = max(world.clock() + (TICK if late else timedelta(0)), datetime.fromtimestamp(coming, UTC))
    raise Stuck(f"still busy after {MOST_TICKS} ticks: {sorted(waiting(world))[:5]}")


def waiting(world: World) -> Iterator[tuple[float, str, str, str]]:
    """When, table, job and key of every row that waits for something."""
    for kind in {kind.bare_name: kind for kind in Row.kinds if issubclass(kind, DueRow)}.values():
        for item in world.stage.engine.items(kind.bare_name):
            if "due_shard" in item:
                key = "/".join(str(item[name].get("S")) for name in (kind._hash_keyname, kind._range_keyname) if name)
                yield float(item["due_at"]["N"]), kind.bare_name, item["due_shard"]["S"].partition("#")[0], key


def _wechat_waits(world: World) -> list[float]:
    return [job["due"] for job in world.wechat._state.every("job")]

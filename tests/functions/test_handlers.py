"""Schedules and streams as Lambda calls them: with an event and a context, and no HTTP app."""

from contextlib import AbstractContextManager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from chalice.app import EventSourceHandler

import functions
from chalicelib.storage.due import at_pace
from functions import orders, release, streams
from sandbox.local.worker import schedule_event, schedules
from tests.shop import Stack

MODULES = [import_module(f"functions.{found.name}") for found in iter_modules(functions.__path__)]
JOBS = [
    found
    for module in MODULES
    for found in vars(module).values()
    if isinstance(found, EventSourceHandler) and found not in (streams.on_order_change, release.check_release)
]


def record(member_id: str, order_id: str) -> dict[str, Any]:
    return {
        "eventID": "1", "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "x",
        "eventSourceARN": "arn:aws-cn:dynamodb:cn-north-1:0:table/orders/stream/1",
        "dynamodb": {
            "Keys": {"member_id": {"S": member_id}, "order_id": {"S": order_id}}, "SequenceNumber": "1", "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE", "ApproximateCreationDateTime": 1795312345.0,
        },
    }  # fmt: skip


def test_each_job_runs_on_an_empty_shop_and_finds_nothing(stack: Stack) -> None:
    assert [job(schedule_event(stack.clock()), None) for job in JOBS] == [0] * len(JOBS)


def test_the_app_declares_every_schedule_that_there_is() -> None:
    assert {handler for _, _, handler in schedules()} == set(JOBS)


def test_the_closing_job_closes_what_is_overdue(stack: Stack) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.clock.forward(minutes=15)
    assert orders.close_unpaid(schedule_event(stack.clock()), None) == 1
    assert alice.get(f"/orders/{order_id}")["state"] == "CLOSED"


class Context:
    """Lambda's, with so much time left."""

    def __init__(self, milliseconds: int) -> None:
        self.get_remaining_time_in_millis = lambda: milliseconds


def test_a_job_works_on_as_much_at_once_as_is_set_and_begins_nothing_in_the_last_fifth_of_its_time(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces: list[tuple[int, int | None]] = []

    def noted(workers: int, milliseconds: int | None) -> AbstractContextManager[None]:
        paces.append((workers, milliseconds))
        return at_pace(workers, milliseconds)

    monkeypatch.setattr(functions, "at_pace", noted)
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    stack.clock.forward(minutes=15)
    event = schedule_event(stack.clock())
    assert orders.close_unpaid(event, Context(0)) == 0
    assert alice.get(f"/orders/{order_id}")["state"] == "AWAITING_PAYMENT"
    assert orders.close_unpaid(event, Context(50_000)) == 1
    workers = stack.shop.settings.sweep_workers
    assert paces == [(workers, 0), (workers, 40_000)]


def test_the_stream_starts_effects_once_per_order_of_a_batch(stack: Stack) -> None:
    alice = stack.shopper("alice")
    placed = [alice.buy(("tea-01", 1))["order_id"] for _ in range(2)]
    batch = {"Records": [record(alice.member_id, order_id) for order_id in placed * 2]}
    streams.on_order_change(batch, None)
    streams.on_order_change(batch, None)
    assert stack.shop.catalog.product("tea").sales == 2


def test_one_broken_record_leaves_the_others_unharmed_and_the_batch_comes_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = stack.shopper("alice")
    placed = [alice.buy(("tea-01", 1))["order_id"] for _ in range(3)]
    genuine = type(stack.shop.effects).run

    def stumbling(self: Any, member_id: str, order_id: str, now: Any) -> None:
        if order_id == placed[0]:
            raise RuntimeError("broken record")
        genuine(self, member_id, order_id, now)

    batch = {"Records": [record(alice.member_id, order_id) for order_id in placed]}
    with monkeypatch.context() as patch:
        patch.setattr(type(stack.shop.effects), "run", stumbling)
        with pytest.raises(RuntimeError):
            streams.on_order_change(batch, None)
    assert stack.shop.catalog.product("tea").sales == 2
    streams.on_order_change(batch, None)
    assert stack.shop.catalog.product("tea").sales == 3

"""How often each use case asks DynamoDB. The activity itself is read by its own store and not counted here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.campaigns.base import Choice
from chalicelib.storage.table import dynamodb
from chalicelib.storage.writes import commit
from tests.campaigns.asking import claimed, quoted

from .world import NOW, SKU, Person, World


@contextmanager
def counted() -> Iterator[list[str]]:
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    events = dynamodb().meta.events
    events.register("before-call.dynamodb", note)
    try:
        yield asked
    finally:
        events.unregister("before-call.dynamodb", note)


READ, TRANSACTION, QUERY = "BatchGetItem", "TransactWriteItems", "Query"


@pytest.mark.parametrize(
    ("use_case", "requests"),
    [
        (lambda world, it, order: world.bargain.launch("a1", Person("new"), NOW), [READ, TRANSACTION]),
        (lambda world, it, order: world.bargain.cut(world.young, Person("h"), NOW), [READ, TRANSACTION]),
        (lambda world, it, order: world.bargain.show(it), [QUERY]),
        (lambda world, it, order: world.bargain.launches("leader", None, 20), [QUERY, READ]),
        (lambda world, it, order: quoted(world.bargain, Choice("bargain", "a1", it), "leader", SKU, 1, NOW), [READ]),
        (lambda world, it, order: claimed(world.bargain, order, NOW), [READ]),
        (lambda world, it, order: world.bargain.releases(order, NOW, paid=False), [READ]),
        (lambda world, it, order: world.bargain.on_paid(order, NOW), ["DeleteItem"]),
        (lambda world, it, order: world.bargain.expire(it, NOW), ["UpdateItem"]),
        (lambda world, it, order: world.bargain.settled(it, NOW), []),
        (lambda world, it, order: world.bargain.card(world.activities.known["a1"], NOW), []),
        (lambda world, it, order: commit(*claimed(world.bargain, order, NOW)), [READ, TRANSACTION]),
    ],
    ids=[
        "launch",
        "cut",
        "show",
        "launches",
        "quote",
        "claims",
        "releases",
        "on_paid",
        "expire",
        "settled",
        "card",
        "order",
    ],
)
def test_a_use_case_costs_these_requests_and_no_more(
    world: World, use_case: Callable[[Any, str, Any], object], requests: list[str]
) -> None:
    launch_id = world.reached()
    order = world.intent(launch_id)
    world.young = world.launched("young")  # type: ignore[attr-defined]
    with counted() as asked:
        use_case(world, launch_id, order)
    assert asked == requests

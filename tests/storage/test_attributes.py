"""Many attributes changed at once: the same request as of pynamodb's own actions."""

from typing import Any

import pytest
from pynamodb.expressions.update import Action, Update

from chalicelib.orders.rows import OrderRow
from chalicelib.orders.rules import Progress
from chalicelib.storage.attributes import becoming

NEW = {
    "state": "PAID",
    "held": False,
    "paid_at": 1700000000,
    "progress": {"tea-01": Progress(sent=2)},
    "timeline": ["a"],
}


def request(*actions: Action) -> tuple[str | None, dict[str, str], dict[str, Any]]:
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    return Update(*actions).serialize(names, values), names, values


@pytest.mark.parametrize("gone", [(), ("trade_no", "cases")])
@pytest.mark.parametrize("new", [NEW, {}])
def test_what_rows_become_is_asked_as_pynamodb_asks(new: dict[str, Any], gone: tuple[str, ...]) -> None:
    before = OrderRow.timeline.set(OrderRow.timeline.append(["b"])), OrderRow.attempt.set(2)
    removed = [getattr(OrderRow, name).remove() for name in gone]
    one_by_one = [getattr(OrderRow, name).set(value) for name, value in new.items()]
    at_once = becoming(OrderRow, {**new, **dict.fromkeys(gone)})
    assert request(*before, *at_once) == request(*before, *removed, *one_by_one)
    assert len(at_once) == len(gone) + bool(new)

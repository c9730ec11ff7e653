"""A harness that finds nothing is probably not looking: shops with one thing wrong, each of which it must find."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.effects import service as effects
from chalicelib.fulfilment.uploading import Uploading
from chalicelib.kernel.errors import Conflict
from chalicelib.payments.refund import Refunding
from chalicelib.payments.rows import RefundRow
from chalicelib.storage import writes
from chalicelib.storage.due import clear_due
from chalicelib.storage.once import claim
from chalicelib.storage.writes import Write
from sandbox.wechat import Credentials
from tests.faults.playing import points
from tests.faults.staging import staged
from tests.faults.strikes import Mode
from tests.faults.usecases import furnish
from tests.faults.world import Stage

SEEDS = range(6)
transaction = writes._transaction
Wrong = AbstractContextManager[Any]


@pytest.fixture(scope="module")
def stage(credentials: Credentials) -> Iterator[Stage]:
    with staged(credentials, furnish) as stage:
        yield stage


def one_after_the_other() -> Wrong:
    """No transactions: what belongs together is written one by one."""
    return patch.object(writes, "_transaction", lambda each: all(map(transaction, ([write] for write in each))))


def without_the_condition(*tables: str) -> Callable[[], Wrong]:
    """Read, then write, whatever has changed since."""

    def blind(each: Sequence[Write]) -> Sequence[Write]:
        return [
            replace(write, condition=None) if write.row.bare_name in tables and write.kind != "check" else write
            for write in each
        ]

    return lambda: patch.object(writes, "_transaction", lambda each: transaction(blind(each)))


def never_due(store: str) -> Callable[[], Wrong]:
    """Rows are written as waiting for nothing."""
    return lambda: patch(f"chalicelib.{store}.wait_for", lambda *_: {})


def always_the_first_time() -> Wrong:
    """Each run of the effects claims something else, and so counts again."""
    numbers = itertools.count()
    return patch.object(effects, "claim", lambda name, *more: claim(f"{name}{next(numbers)}", *more))


def marked_before_sent() -> Wrong:
    """The write before the call, and nothing that would look again."""
    advance = Refunding.advance

    def wrong(self: Refunding, number: str, now: datetime) -> None:
        under_way = RefundRow.state.set("PROCESSING")
        pending = RefundRow.state == "PENDING"
        with suppress(Conflict):
            writes.commit(writes.update(RefundRow(number), under_way, *clear_due(RefundRow), condition=pending))
        advance(self, number, now)

    return patch.object(Refunding, "advance", wrong)


def untold() -> Wrong:
    return patch.object(Uploading, "_send", lambda *_: None)


MUTANTS: dict[str, tuple[Callable[[], Wrong], str, Mode]] = {
    "no transactions": (one_after_the_other, "a_purchase_with_a_coupon", Mode.BEFORE),
    "no transactions, in a team": (one_after_the_other, "a_team_that_fails", Mode.AFTER),
    "orders are written blindly": (without_the_condition("orders", "payments"), "a_payment_in_the_middle", Mode.RACE),
    "keys are written blindly": (without_the_condition("claims"), "a_purchase", Mode.AFTER),
    "coupons are written blindly": (without_the_condition("coupons"), "a_coupon_for_two_orders", Mode.RACE),
    "unpaid orders wait for nothing": (never_due("orders.store"), "an_unpaid_order", Mode.BEFORE),
    "refunds wait for nothing": (never_due("payments.store"), "a_refund_that_wechat_closes_twice", Mode.BEFORE),
    "points are written blindly": (without_the_condition("points"), "points_for_two_orders", Mode.RACE),
    "refunds are written down before they are sent": (marked_before_sent, "a_late_payment", Mode.AFTER),
    "wechat is not told": (untold, "an_order_is_sent", Mode.BEFORE),
    "stock is written blindly": (without_the_condition("stock"), "the_last_unit", Mode.RACE),
    "stock is spread piece by piece": (one_after_the_other, "a_sku_is_gathered", Mode.BEFORE),
    "coupons wait for nothing": (never_due("coupons.store"), "messages_are_agreed_to", Mode.BEFORE),
    "effects are counted each time": (always_the_first_time, "a_purchase", Mode.AFTER),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_shop_with_this_wrong_is_found_out(stage: Stage, mutant: str) -> None:
    wrong, name, mode = MUTANTS[mutant]
    with wrong():
        found = any(played.wrong for seed in SEEDS for _, played in points(stage, name, seed, [mode]))
    assert found, f"{mutant}: nothing was found"

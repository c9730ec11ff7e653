"""A harness that finds nothing is probably not looking: shops with one thing wrong, each of which it must find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.storage import writes
from chalicelib.storage.writes import Write
from sandbox.wechat import Credentials
from tests.faults.playing import points
from tests.faults.strikes import Mode
from tests.faults.usecases import furnish
from tests.faults.world import Stage, staged

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


def counted_twice() -> Wrong:
    """Numbers are added to by plain calls, which botocore repeats when their answer is lost."""
    return patch.object(writes, "_adds", lambda write: False)


def always_the_first_time() -> Wrong:
    return patch("chalicelib.effects.service.first_time", lambda *_: True)


MUTANTS: dict[str, tuple[Callable[[], Wrong], str, Mode]] = {
    "no transactions": (one_after_the_other, "a_purchase_with_a_coupon", Mode.BEFORE),
    "no transactions, in a team": (one_after_the_other, "a_team_that_fails", Mode.AFTER),
    "orders are written blindly": (without_the_condition("orders", "payments"), "a_payment_in_the_middle", Mode.RACE),
    "keys are written blindly": (without_the_condition("claims"), "a_purchase", Mode.AFTER),
    "coupons are written blindly": (without_the_condition("coupons"), "a_coupon_for_two_orders", Mode.RACE),
    "unpaid orders wait for nothing": (never_due("orders.store"), "an_unpaid_order", Mode.BEFORE),
    "refunds wait for nothing": (never_due("payments.store"), "a_late_payment", Mode.BEFORE),
    "stock is written blindly": (without_the_condition("stock"), "the_last_unit", Mode.RACE),
    "coupons wait for nothing": (never_due("coupons.store"), "messages_are_agreed_to", Mode.BEFORE),
    "counts are repeated": (counted_twice, "a_purchase", Mode.REPEATED),
    "effects are counted each time": (always_the_first_time, "a_purchase", Mode.AFTER),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_shop_with_this_wrong_is_found_out(stage: Stage, mutant: str) -> None:
    wrong, name, mode = MUTANTS[mutant]
    with wrong():
        found = any(played.wrong for seed in SEEDS for _, played in points(stage, name, seed, [mode]))
    assert found, f"{mutant}: nothing was found"

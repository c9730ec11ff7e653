"""Shoppers, staff, WeChat and the clock do as they like, and the shop is what a small model of it says.

The suite plays the same runs each time; `make model` plays others, long ones, and prints their seed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from random import SystemRandom
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import get_state_machine_test

from chalicelib.aftersales import change
from chalicelib.campaigns.service import Campaigns
from chalicelib.orders import Orders
from chalicelib.payments import store
from chalicelib.payments.close import Closing
from chalicelib.payments.rows import PaymentRow
from sandbox.wechat import Credentials
from tests.faults.staging import staged
from tests.faults.world import Stage
from tests.model.machine import Machine
from tests.model.shop import furnish

SEED = int(os.environ.get("JISHI_MODEL_SEED", "1")) or SystemRandom().randrange(10**9)
PHASES = [Phase.generate] if "JISHI_MODEL_QUICK" in os.environ else [Phase.generate, Phase.shrink]
RUNS, STEPS = int(os.environ.get("JISHI_MODEL_RUNS", "20")), int(os.environ.get("JISHI_MODEL_STEPS", "30"))


@pytest.fixture(scope="module")
def stage(credentials: Credentials) -> Iterator[Stage]:
    with staged(credentials, furnish) as stage:
        yield stage


def play(stage: Stage, number: int, runs: int, *phases: Phase) -> None:
    class Played(Machine):
        pass

    Played.stage = stage
    how = settings(
        max_examples=runs, stateful_step_count=STEPS, deadline=None, database=None, phases=phases,
        suppress_health_check=list(HealthCheck), print_blob=False, report_multiple_bugs=False,
    )  # fmt: skip
    seed(number)(get_state_machine_test(Played, settings=how))()


def test_whatever_people_wechat_and_time_do_the_shop_is_as_the_model_says(stage: Stage) -> None:
    print(f"{RUNS} runs of {STEPS} steps; again: JISHI_MODEL_SEED={SEED} make model")
    play(stage, SEED, RUNS, *PHASES)


Wrong = AbstractContextManager[object]


def released_twice() -> Wrong:
    """Stock of what comes back is counted twice."""
    genuine = Orders.puts_back
    return patch.object(Orders, "puts_back", lambda self, pieces: genuine(self, {s: 2 * n for s, n in pieces.items()}))


def coupon_forgotten() -> Wrong:
    """An order that ends without a sale keeps its coupon."""
    genuine = Orders.lets_go
    return patch.object(
        Orders,
        "lets_go",
        lambda self, order, now, *, paid: genuine(self, replace(order, coupon_id=None), now, paid=paid),
    )


def refund_uncounted() -> Wrong:
    """The payment does not count what goes back."""
    return patch.object(store, "_counted", lambda refund: [PaymentRow.refund_nos.add({refund.out_refund_no})])


def late_money_kept() -> Wrong:
    """What is paid after closing is only noted."""
    return patch.object(Campaigns, "paid_late", lambda self, order, now: None)


def claims_without_end() -> Wrong:
    """After-sale cases may claim the same pieces again."""
    return patch.object(change, "with_claim", lambda order, claim: order.progress)


def closed_unasked() -> Wrong:
    """Unpaid orders are closed without asking WeChat."""
    return patch.object(Closing, "_paid_at_wechat", lambda self, order, now: False)


MUTANTS = [released_twice, coupon_forgotten, refund_uncounted, late_money_kept, claims_without_end, closed_unasked]
FEW = MUTANTS if "JISHI_MODEL_SEED" in os.environ else MUTANTS[:3]  # the suite has no time for all of them


@pytest.mark.parametrize("mutant", FEW, ids=lambda mutant: mutant.__name__)
def test_a_shop_with_this_wrong_is_found_out(stage: Stage, mutant: Callable[[], Wrong]) -> None:
    with mutant(), pytest.raises((AssertionError, BaseExceptionGroup)):
        play(stage, SEED, RUNS, Phase.generate)

"""Shoppers, staff, WeChat and the clock do as they like, and the shop is what a small model of it says.

The suite plays the same runs each time; `make model` plays others, long ones, and prints their seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import SystemRandom

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import get_state_machine_test

from sandbox.wechat import Credentials
from tests.faults.world import Stage, staged
from tests.model.machine import Machine
from tests.model.shop import furnish

SEED = os.environ.get("JISHI_MODEL_SEED", "1")
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
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    seed(number)(get_state_machine_test(Played, settings=how))()


def test_whatever_people_wechat_and_time_do_the_shop_is_as_the_model_says(stage: Stage) -> None:
    number = SystemRandom().randrange(10**9) if SEED == "random" else int(SEED)
    print(f"JISHI_MODEL_SEED={number} make model: {RUNS} runs of {STEPS} steps")
    play(stage, number, RUNS, Phase.generate)

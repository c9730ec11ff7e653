"""20: the process is stopped at any step of any use case, and everything goes on: same end state, nothing twice.

Here each step is struck once, the ways of striking taking turns; `make faults` plays every way at every step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sandbox.wechat import Credentials
from tests.faults.playing import Case, play, points
from tests.faults.staging import staged
from tests.faults.strikes import Mode
from tests.faults.usecases import USE_CASES, furnish
from tests.faults.world import Stage

SEED = int(os.environ.get("JISHI_FAULT_SEED", "1"))
STRIKES = [mode for mode in Mode if mode is not Mode.RACE]
DISORDERLY = range(1, 3)


@pytest.fixture(scope="module")
def stage(credentials: Credentials) -> Iterator[Stage]:
    with staged(credentials, furnish) as stage:
        yield stage


@pytest.mark.parametrize("name", USE_CASES)
def test_20_a_strike_at_any_step_changes_nothing_in_the_end(stage: Stage, name: str) -> None:
    reports = [played.report(case) for case, played in points(stage, name, SEED, STRIKES) if played.wrong]
    assert not reports, f"{len(reports)} strikes:\n" + "\n\n".join(reports[:3])


@pytest.mark.parametrize("name", USE_CASES)
def test_others_may_do_their_work_in_the_middle_of_any_step(stage: Stage, name: str) -> None:
    races = points(stage, name, SEED, [Mode.RACE], every=30)
    reports = [played.report(case) for case, played in races if played.wrong]
    assert not reports, f"{len(reports)} races:\n" + "\n\n".join(reports[:3])


@pytest.mark.parametrize("name", USE_CASES)
def test_callbacks_and_streams_may_come_late_twice_in_any_order_or_never(stage: Stage, name: str) -> None:
    lives = [(case := Case(name, 0, Mode.BEFORE, seed), play(stage, case)) for seed in DISORDERLY]
    reports = [played.report(case) for case, played in lives if played.wrong]
    assert not reports, "\n\n".join(reports[:3])

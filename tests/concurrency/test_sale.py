"""A flash sale with true threads at a true engine: 200 buyers, 50 at a time, of 100 pieces."""

from collections.abc import Sequence

import pytest

from bench.sale import scene, verdict
from bench.sale.__main__ import ordered
from bench.sale.conflicts import Conflicts
from bench.sale.crowd import Crowd, Outcome
from chalicelib.shop import Shop, build, use
from sandbox.wechat import Credentials

BUYERS, AT_ONCE, PIECES = 200, 50, 100
COUNTERS = 16


@pytest.fixture
def shop(tables: str, engine: str, credentials: Credentials) -> Shop:
    shop = build(scene.settings_of(credentials, tables, engine))
    use(shop)
    scene.furnish(shop)
    return shop


@pytest.mark.parametrize("counters", [0, COUNTERS])
def test_exactly_what_is_there_is_sold_and_losers_cost_no_write(shop: Shop, counters: int) -> None:
    sku_id = scene.offer(shop, "rush", PIECES, counters)

    outcomes = Crowd().buy(scene.admit(shop, BUYERS), sku_id, AT_ONCE)

    assert broken(sku_id, PIECES, outcomes) == []


@pytest.mark.parametrize("counters", [0, COUNTERS])
def test_nobody_is_told_to_come_again_where_transactions_that_meet_are_refused(shop: Shop, counters: int) -> None:
    """As DynamoDB refuses them, which no local engine does by itself."""
    sku_id = scene.offer(shop, "rush", PIECES // 2, counters)

    with Conflicts(0.002).injected() as conflicts:
        outcomes = Crowd().buy(scene.admit(shop, BUYERS // 2), sku_id, AT_ONCE)

    assert broken(sku_id, PIECES // 2, outcomes) == []
    assert conflicts.met > 0


def broken(sku_id: str, pieces: int, outcomes: Sequence[Outcome]) -> list[str]:
    return verdict.broken(verdict.figures(outcomes, pieces, scene.left(sku_id), ordered()[sku_id]))

"""The model of a hot SKU: formulas and simulation must tell the same, and know the limits that they are made of."""

import pytest

from bench.model import formulas, simulation
from bench.model.limits import BUSY, CALM, HOLD, PARTITION_WRITE, PAUSES
from bench.model.needs import needed
from bench.model.order import Order
from bench.model.simulation import World
from chalicelib.storage import writes

ORDER = Order({"orders": 7, "stock": 4}, {("catalog", "tea"): 0.5, ("pricing", "RULES"): 1})


def most(counters: int, hold: float = HOLD) -> float:
    return formulas.most_transactions(counters, hold, BUSY)


@pytest.mark.parametrize("counters", [1, 4, 16])
@pytest.mark.parametrize("load", [0.3, 1])
def test_simulated_orders_meet_as_often_as_the_formula_says(counters: int, load: float) -> None:
    rate = load * most(counters)
    run = simulation.open_loop(World(counters, HOLD), rate, seconds=max(30, 3000 / rate))
    held = rate / counters * HOLD
    assert run.rate == pytest.approx(rate, rel=0.05)
    assert run.conflict_share == pytest.approx(formulas.conflict_share(held, HOLD), abs=0.03)
    assert run.units_per_order == pytest.approx(formulas.units_per_order(held, HOLD), rel=0.08)


@pytest.mark.parametrize("counters", [1, 3, 9])
def test_clients_that_wait_for_each_other_sell_as_the_formula_says(counters: int) -> None:
    world = World(counters, 0.05)
    run = simulation.closed_loop(world, clients=8, seconds=60)
    assert run.rate == pytest.approx(formulas.closed_rate(8, counters, 0.05, world.look), rel=0.1)


def test_one_client_alone_meets_nobody() -> None:
    run = simulation.closed_loop(World(1, hold=0.08, look=0.02), clients=1, seconds=10)
    assert (run.conflicts, run.busy) == (0, 0)
    assert run.rate == pytest.approx(10, rel=0.02)
    assert formulas.closed_rate(1, 1, 0.08, 0.02) == pytest.approx(10)


def test_the_same_seed_tells_the_same() -> None:
    world = World(2, HOLD)
    assert simulation.open_loop(world, 50, 5) == simulation.open_loop(world, 50, 5)
    assert simulation.open_loop(world, 50, 5) != simulation.open_loop(world, 50, 5, seed=2)


def test_a_counter_takes_no_more_units_than_its_partition_has() -> None:
    run = simulation.open_loop(World(1, hold=0.0, units=100), rate=80, seconds=30)
    assert run.rate == pytest.approx(50, rel=0.1)  # of 100 units, two a transaction
    assert run.throttled > 0
    assert most(1, hold=1e-9) == pytest.approx(PARTITION_WRITE / 2, rel=0.01)


def test_more_than_a_sku_bears_ends_in_busy_and_less_does_not() -> None:
    assert simulation.open_loop(World(1, HOLD), 2 * most(1), seconds=30).busy > 0
    assert simulation.open_loop(World(1, HOLD), 0.5 * most(1), seconds=30).busy == 0


def test_an_order_pauses_as_long_as_the_shop_does(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def uniform(low: float, high: float) -> float:
        asked.append(high)
        return 0.0

    monkeypatch.setattr("chalicelib.storage.writes.random.uniform", uniform)
    for tried in range(len(PAUSES)):
        writes.pause(tried)
    assert asked == list(PAUSES)


def test_the_shop_finds_a_head_hot_where_every_tenth_order_meets_another() -> None:
    from chalicelib.stock.rules import HOT_PER_MINUTE

    assert formulas.calm_transactions(1, HOLD, CALM) * 60 == pytest.approx(HOT_PER_MINUTE)


def test_plain_updates_never_conflict_and_cost_half() -> None:
    assert formulas.most_updates(10) == 10 * PARTITION_WRITE


def test_needs_follow_the_rate_and_the_share_of_refused_attempts() -> None:
    many = needed(58, ORDER, one_sku=False)
    assert [table["units"] for table in many["tables"]] == [58 * 7, 58 * 4]
    assert "counters" not in many
    hot = needed(10_000, ORDER, one_sku=True)
    assert hot["counters"] == 2000
    attempts = formulas.attempts(CALM, HOLD)
    assert {table["table"]: table["above_quota"] for table in hot["tables"]} == {"orders": True, "stock": True}
    assert hot["tables"][0]["units"] == pytest.approx(10_000 * 7 * attempts, abs=1)
    assert hot["shared_reads"] == ["catalog tea", "pricing RULES"]
    assert hot["keep_seconds"] == pytest.approx(hot["concurrency"] / 3000, abs=0.01)
    assert needed(5000, ORDER, one_sku=True)["shared_reads"] == ["pricing RULES"]
    assert needed(50, ORDER, one_sku=True)["keep_seconds"] == 0
    assert (hot["above_http"], needed(10_001, ORDER, one_sku=True)["above_http"]) == (False, True)

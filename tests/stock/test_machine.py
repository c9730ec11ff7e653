"""Buyers and movers of pieces act on what they saw a while ago, in any order: nothing is lost, made or hidden."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from random import Random
from typing import ClassVar
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, get_state_machine_test, initialize, invariant, precondition, rule

from chalicelib.stock import Level, SoldOut, Stock, StockStore, rules, service, spreading
from chalicelib.stock.rules import HEAD, Moved, evened, poured
from chalicelib.stock.store import StockRow
from chalicelib.storage.reads import fetch
from chalicelib.storage.writes import Write, commit
from tests.faults.engine import Engine
from tests.shop import TestClock

SKU = "tee-01"
PIECES, COUNTERS, ANY = st.integers(1, 9), st.sampled_from([2, 2, 3, 6, 0]), st.integers(0, 10**6)
RUNS, STEPS, SEED = 16, 40, 1
REMEMBERED = 3
SMALL = [(rules, "HOT_PER_MINUTE", 3), (spreading, "POUR", 2), (spreading, "WORTH_POURING", 1),
         (spreading, "MARK", 10**6), (service, "SAMPLE", 2), (service, "SPARE", 2)]  # fmt: skip
"""So that all of it happens with few pieces and few counters, and only the rules mark what is drained."""


class Machine(RuleBasedStateMachine):
    engine: ClassVar[Engine]
    empty: ClassVar[bytes]

    def __init__(self) -> None:
        super().__init__()
        self.engine.restore(self.empty)
        self.clock = TestClock()
        self.store, self.total = StockStore(), 0
        self.held: list[int] = []
        self.heads: list[Level] = []
        self.seen: list[Level] = []

    @initialize(n=PIECES, chance=ANY)
    def opens(self, n: int, chance: int) -> None:
        self.stock = Stock(self.store, self.clock, Random(chance))
        self.adds(n)

    @rule(n=PIECES)
    def adds(self, n: int) -> None:
        self.stock.add(SKU, n)
        self.total += n

    @precondition(lambda self: self.held)
    @rule(at=ANY)
    def releases(self, at: int) -> None:
        n = self.held.pop(at % len(self.held))
        commit(self.stock.release(SKU, n))
        self.total += n

    @rule()
    def looks_at_the_head(self) -> None:
        (levels,) = fetch(self.store.levels([SKU], consistent=True))
        self.heads = [*self.heads, levels[SKU]][-REMEMBERED:]

    @rule()
    def looks_at_everything(self) -> None:
        self.looks_at_the_head()
        self.looks_into_all_counters(0)

    @precondition(lambda self: self.heads)
    @rule(at=ANY)
    def looks_into_all_counters(self, at: int) -> None:
        level = self.heads[-1 - at % len(self.heads)]
        wanted = {SKU: level.hidden} if level.hidden else {}
        (levels,) = fetch(self.store.closer({SKU: level}, wanted, consistent=True))
        self.seen = [*self.seen, levels[SKU]][-REMEMBERED:]

    @rule(n=PIECES)
    def buys_unseen(self, n: int) -> None:
        self.buys(n, None)

    @rule(n=PIECES)
    def buys_what_is_seen(self, n: int) -> None:
        levels = self.stock.closer(fetch(self.stock.reads_levels([SKU]))[0], {SKU: n})
        assert (levels[SKU].available >= n) == (self.total >= n)
        self.buys(n, levels[SKU])

    @precondition(lambda self: self.seen)
    @rule(n=PIECES, at=ANY)
    def buys_what_was_seen(self, n: int, at: int) -> None:
        self.buys(n, self.seen[at % len(self.seen)])

    @precondition(lambda self: self.total)
    @rule(leaves=st.integers(0, 2))
    def buys_nearly_all(self, leaves: int) -> None:
        for _ in range(self.total - leaves):
            self.buys(1, self.stock.closer(fetch(self.stock.reads_levels([SKU]))[0])[SKU])

    def buys(self, n: int, level: Level | None) -> None:
        """Sold, if there are so many, and refused only if not: nobody else does anything meanwhile."""
        enough = self.total >= n
        try:
            self.stock.take({SKU: n}, commit, {SKU: level} if level else None)
        except SoldOut:
            assert not enough, f"{n} of {self.total} pieces were refused: {self.stock.whole(SKU)}"
        else:
            assert enough, f"{n} pieces were sold of {self.total}"
            self.total -= n
            self.held = [*self.held, n][-20:]

    @rule(counters=COUNTERS)
    def spreads(self, counters: int) -> None:
        assert self.stock.spread(SKU, counters).counters == counters

    @rule(n=PIECES, counters=COUNTERS)
    def restocks_and_spreads(self, n: int, counters: int) -> None:
        self.adds(n * 4)
        self.spreads(counters)

    @precondition(lambda self: self.seen)
    @rule(at=ANY)
    def pours_what_was_seen(self, at: int) -> None:
        level = self.seen[at % len(self.seen)]
        if level.whole:
            counters = level.counters or 3
            self.moves(*self.store.move(level, counters, poured(level, counters)))

    @precondition(lambda self: self.seen)
    @rule(at=ANY, counters=st.sampled_from([0, 2, 3, 8]))
    def evens_out_what_was_seen(self, at: int, counters: int) -> None:
        level = self.seen[at % len(self.seen)]
        if level.whole and level.counters != counters:
            self.moves(*self.store.move(level, counters, evened(level, counters)))

    @precondition(lambda self: self.seen)
    @rule(at=ANY)
    def marks_what_was_seen(self, at: int) -> None:
        level = self.seen[at % len(self.seen)]
        if level.hidden and not any(level.seen.values()):
            self.moves(self.store.drained(level))

    def moves(self, *writes: Write) -> None:
        with suppress(Moved):
            commit(*writes)

    @rule()
    def a_minute_goes_by(self) -> None:
        self.clock.forward(seconds=60)

    @invariant()
    def all_pieces_are_there_and_can_be_found(self) -> None:
        rows = self.engine.rows(StockRow)
        held = {int(row.counter): int(row.available) for row in rows}
        for head in (row for row in rows if row.counter == HEAD):
            spread = {counter: n for counter, n in held.items() if counter != HEAD and n}
            assert not (head.drained and spread), f"marked as drained: {spread}"
            assert all(counter <= (head.counters or 0) for counter in spread), f"beyond {head.counters}: {spread}"
        assert sum(held.values()) == self.total
        assert all(n >= 0 for n in held.values())


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine()
    with engine.running():
        engine.make_tables()
        yield engine


def test_no_piece_is_lost_made_or_hidden(engine: Engine) -> None:
    class Prepared(Machine):
        pass

    Prepared.engine, Prepared.empty = engine, engine.snapshot()
    how = settings(
        max_examples=RUNS, stateful_step_count=STEPS, deadline=None, database=None, print_blob=False,
        phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    with ExitStack() as small:
        for where, name, value in SMALL:
            small.enter_context(patch.object(where, name, value))
        seed(SEED)(get_state_machine_test(Prepared, settings=how))()

"""Orders on one SKU, one by one: a simulation of discrete events, the same for the same seed."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.model.limits import PARTITION_WRITE, PAUSES, TRANSACTION
from chalicelib.stock.service import ROUNDS, TRIES

Pick = Callable[[random.Random, int, bool], int]


@dataclass(frozen=True)
class World:
    """Times in seconds. `hold`: of a transaction, on its counter and of its client's time. `look`: what an order takes
    before its first attempt; after each TRIES refusals it looks again, and picks anew by `pick(chance, counters,
    first)`. `units` a second of each counter.
    """

    counters: int
    hold: float
    look: float = 0.015
    units: float = PARTITION_WRITE
    pick: Pick = lambda chance, counters, first: chance.randrange(counters)


@dataclass
class Run:
    """What came of it. `attempts` are those that were refused too."""

    seconds: float
    sold: int = 0
    busy: int = 0
    attempts: int = 0
    conflicts: int = 0
    throttled: int = 0

    @property
    def rate(self) -> float:
        return self.sold / self.seconds

    @property
    def conflict_share(self) -> float:
        return self.conflicts / max(1, self.attempts)

    @property
    def units_per_order(self) -> float:
        return (self.attempts - self.throttled) * TRANSACTION / max(1, self.sold)


@dataclass
class _Counter:
    free_at: float = 0.0
    units: float = 0.0
    filled_at: float = 0.0


@dataclass
class _Simulation:
    world: World
    run: Run
    chance: random.Random
    ended: Callable[[float], None] = lambda moment: None
    events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    number: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.counters = [_Counter(units=self.world.units) for _ in range(self.world.counters)]

    def at(self, moment: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (moment, next(self.number), act))

    def go(self) -> Run:
        while self.events and self.events[0][0] < self.run.seconds:
            moment, _, act = heapq.heappop(self.events)
            act(moment)
        return self.run

    def order(self, moment: float) -> None:
        self.look(moment + self.world.look, 0)

    def look(self, moment: float, tried: int) -> None:
        counter = self.world.pick(self.chance, self.world.counters, tried == 0)
        self.at(moment, lambda now: self.attempt(now, counter, tried))

    def attempt(self, now: float, number: int, tried: int) -> None:
        counter, world = self.counters[number], self.world
        counter.units = min(world.units, counter.units + (now - counter.filled_at) * world.units)
        counter.filled_at = now
        self.run.attempts += 1
        if counter.units < TRANSACTION:
            self.run.throttled += 1
            return self.refused(now, number, tried)
        counter.units -= TRANSACTION
        if counter.free_at > now:
            self.run.conflicts += 1
            return self.refused(now, number, tried)
        counter.free_at = now + world.hold
        return self.at(now + world.hold, self.sold)

    def sold(self, now: float) -> None:
        self.run.sold += 1
        self.ended(now)

    def refused(self, now: float, number: int, tried: int) -> None:
        moment, tried = now + self.chance.uniform(0, PAUSES[tried]), tried + 1
        if tried == TRIES * ROUNDS:
            self.run.busy += 1
            return self.at(moment, self.ended)
        if tried % TRIES:
            return self.at(moment, lambda then: self.attempt(then, number, tried))
        return self.look(moment + self.world.look, tried)


def open_loop(world: World, rate: float, seconds: float, seed: int = 1) -> Run:
    """Orders come by chance, so many a second, whatever became of those before."""
    simulation = _Simulation(world, Run(seconds), random.Random(seed))
    moment = 0.0
    while (moment := moment + simulation.chance.expovariate(rate)) < seconds:
        simulation.at(moment, simulation.order)
    return simulation.go()


def closed_loop(world: World, clients: int, seconds: float, seed: int = 1) -> Run:
    """So many clients, each of which begins its next order when its last has ended."""
    simulation = _Simulation(world, Run(seconds), random.Random(seed))
    simulation.ended = simulation.order
    for _ in range(clients):
        simulation.at(simulation.chance.uniform(0, world.look), simulation.order)
    return simulation.go()

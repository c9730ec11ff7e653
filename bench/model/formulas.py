"""Orders a second on one SKU whose pieces stand in several items ("counters"), each taken as likely as another. Pure.

A counter that sells x pieces a second, each by a transaction that holds it for h seconds, is held for a share x·h of
the time, and as many of those meet another who come to it by chance (as calls meet on one telephone line: Erlang).
Who was refused and tries the same counter again soon may also meet the same transaction again: after a pause of up to b
seconds with a likelihood of h / 2b, or 1 - b / 2h if b is shorter than h, since a hold that is met lasts for another
h / 2 on average.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate
from operator import mul

from bench.model.limits import PARTITION_READ, PARTITION_WRITE, PAUSES, TRANSACTION
from chalicelib.stock.service import ROUNDS, TRIES


def refusals(load: float, hold: float) -> list[float]:
    """How likely each of an order's attempts is refused, once those before it were. `load`: share of the time that its
    counter is held.
    """
    return [
        load if tried % TRIES == 0 else _same(hold, longest) + (1 - _same(hold, longest)) * load
        for tried, longest in enumerate((0.0, *PAUSES))
    ][: TRIES * ROUNDS]


def attempts(load: float, hold: float) -> float:
    """Of each order, on average."""
    tried_again: list[float] = list(accumulate(refusals(load, hold), mul))[:-1]
    return 1 + sum(tried_again)


def busy_share(load: float, hold: float) -> float:
    """Orders of which every attempt is refused."""
    return math.prod(refusals(load, hold))


def conflict_share(load: float, hold: float) -> float:
    """Attempts that are refused."""
    return 1 - (1 - busy_share(load, hold)) / attempts(load, hold)


def units_per_order(load: float, hold: float) -> float:
    """Write units of stock for each order: refused attempts cost as much as those that succeed."""
    return TRANSACTION * attempts(load, hold)


def most_transactions(counters: int, hold: float, busy: float) -> float:
    """Orders a second such that no more than this share of them end in "busy", and no counter takes more units than a
    partition has.
    """

    def bears(rate: float) -> bool:
        load = rate * hold
        return busy_share(load, hold) <= busy and rate * units_per_order(load, hold) <= PARTITION_WRITE

    return counters * _most(bears, PARTITION_WRITE / TRANSACTION)


def calm_transactions(counters: int, hold: float, meeting: float) -> float:
    """Orders a second of which no more than this share meets another at its first attempt."""
    return min(counters * meeting / hold, most_transactions(counters, hold, busy=1))


def most_updates(counters: int) -> float:
    """Orders a second if pieces were taken by plain conditional updates, which wait for each other and never conflict;
    each counter in a partition of its own, which a table has once it is warm.
    """
    return counters * float(PARTITION_WRITE)


def most_reads(units: float) -> float:
    """Orders a second of which each reads one item, or items of one partition, for so many units."""
    return PARTITION_READ / units


def keep_seconds(processes: int, units: float) -> float:
    """How long each process must keep what it read at the least, so that one partition bears their reading it again."""
    return processes * units / PARTITION_READ


def closed_rate(clients: int, counters: int, hold: float, look: float) -> float:
    """Orders a second of so many clients, each of which begins its next order when the last is placed: it looks for
    `look` seconds, also after each TRIES refusals, and tries. It meets the others, not itself.
    """

    def time_is_enough(rate: float) -> bool:
        load = min(1.0, rate / counters * hold * (clients - 1) / clients)
        refused = accumulate(refusals(load, hold), mul)
        again = (look if tried % TRIES == 0 else 0 for tried in range(1, TRIES * ROUNDS + 1))
        waits = (longest / 2 + more for longest, more in zip(PAUSES, again, strict=True))
        waited: float = sum(share * wait for share, wait in zip(refused, waits, strict=True))
        return rate * (look + hold + waited) <= clients

    return _most(time_is_enough, min(clients / (look + hold), counters / hold))


def _same(hold: float, longest: float) -> float:
    """How likely a transaction that was met is met again after a pause of up to `longest` seconds."""
    if not hold:
        return 0.0
    return hold / (2 * longest) if longest >= hold else 1 - longest / (2 * hold)


def _most(holds: Callable[[float], bool], high: float) -> float:
    """The highest rate for which this holds, of those up to `high`."""
    low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low

"""What must be true of the shop and of WeChat's books once nothing is due any more, whatever happened before.

Each check yields sentences about what is broken.
"""

from collections.abc import Callable, Iterator

from tests.faults.invariants.books import Books
from tests.faults.invariants.goods import at_any_moment, counters, coupons, pickups, sales, shipping, units
from tests.faults.invariants.groups import bargains, teams
from tests.faults.invariants.money import cases, money, payments_agree, points
from tests.faults.invariants.orders import keys, messages, orders_rest, somebody_comes, timelines
from tests.faults.world import World

CHECKS: tuple[Callable[[Books], Iterator[str]], ...] = (
    units, counters, money, payments_agree, points, coupons, cases, teams, bargains, shipping, pickups, sales,
    orders_rest, timelines, keys, messages, at_any_moment, somebody_comes,
)  # fmt: skip


def broken(world: World) -> list[str]:
    """What does not hold; empty if all is well."""
    books = Books(world)
    return [f"{check.__name__}: {sentence}" for check in CHECKS for sentence in check(books)]


__all__ = ["CHECKS", "broken"]

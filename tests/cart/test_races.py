"""Many changes to one cart at the same moment: each counts, and no limit is passed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest

from chalicelib.cart import Cart, CartFull, CartStore, TooManyPieces
from chalicelib.cart.rules import Contents
from chalicelib.kernel.errors import ShopError

from .fakes import NOON, SHOPPER, FakeClock, Offers, Shelf

THREADS = 50


def at_once(work: Callable[[int], object]) -> list[object]:
    """What each of the threads got, or the refusal that it met."""
    start = Barrier(THREADS)

    def run(n: int) -> object:
        start.wait()
        try:
            return work(n)
        except ShopError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


@pytest.mark.parametrize("rival", ["a-01", "b-01"])
def test_adding_at_the_same_time_adds_up_also_into_a_cart_that_is_new(cart: Cart, rival: str) -> None:
    answers = at_once(lambda n: cart.add(SHOPPER, "a-01" if n % 2 else rival, 1))
    assert not [answer for answer in answers if isinstance(answer, ShopError)]
    assert sum(line.quantity for line in cart.show(SHOPPER).lines) == THREADS
    assert {line.sku_id for line in cart.show(SHOPPER).lines} == {"a-01", rival}


def test_a_line_never_exceeds_its_pieces(tables: str) -> None:
    store = CartStore()
    seen = store.add(SHOPPER, store.get(SHOPPER), "a-01", 979, 1000, NOON)
    answers = at_once(lambda n: store.add(SHOPPER, seen, "a-01", 1, 1000, NOON))
    assert sum(isinstance(answer, TooManyPieces) for answer in answers) == THREADS - 20
    assert store.get(SHOPPER).lines["a-01"].quantity == 999


def test_a_cart_never_exceeds_its_lines(tables: str) -> None:
    store = CartStore()
    seen = store.get(SHOPPER)
    for n in range(90):
        seen = store.add(SHOPPER, seen, f"old{n}-01", 1, 1000, NOON)
    answers = at_once(lambda n: store.add(SHOPPER, seen, f"new{n}-01", 1, 1000, NOON))
    assert sum(isinstance(answer, CartFull) for answer in answers) == THREADS - 10
    assert len(store.get(SHOPPER).lines) == 100


def test_removing_and_adding_at_the_same_time_never_fails(cart: Cart, shelf: Shelf) -> None:
    def work(n: int) -> object:
        if n % 5 == 0:
            return cart.clear(SHOPPER)
        if n % 5 == 1:
            return cart.remove(SHOPPER, ["a-01"])
        if n % 5 == 2:
            return cart.select_all(SHOPPER, selected=bool(n % 2))
        return cart.add(SHOPPER, "a-01" if n % 2 else "b-01", 1)

    assert not [answer for answer in at_once(work) if isinstance(answer, ShopError)]
    before = {line.sku_id: line.quantity for line in cart.show(SHOPPER).lines}
    after = {line.sku_id: line.quantity for line in cart.add(SHOPPER, "a-01", 1).lines}
    assert after == {**before, "a-01": before.get("a-01", 0) + 1}


class Interloper(CartStore):
    """Another device puts something in between the reading and the writing."""

    def add(self, member_id: str, seen: Contents, sku_id: str, quantity: int, price: int, now: datetime) -> Contents:
        super().add(member_id, seen, "b-01", 2, price, now)
        return super().add(member_id, seen, sku_id, quantity, price, now)


def test_what_another_device_put_in_meanwhile_is_shown_as_it_is(
    tables: str, shelf: Shelf, offers: Offers, clock: FakeClock
) -> None:
    view = Cart(Interloper(), shelf, shelf, offers, offers, offers, clock).add(SHOPPER, "a-01", 1)
    assert {(line.sku_id, line.quantity, line.changes) for line in view.lines} == {("a-01", 1, ()), ("b-01", 2, ())}
    assert view.pieces == 3

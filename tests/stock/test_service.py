import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from chalicelib.stock import SoldOut, Stock, StockStore
from chalicelib.storage.writes import StorageBusy, Write, commit, outrun


@pytest.fixture
def stock(tables: str) -> Stock:
    return Stock(StockStore())


def at_once(buyers: int, buy: Callable[[int], None]) -> int:
    """How many of so many buyers at the same moment were served; the others were told SOLD_OUT."""
    start = Barrier(buyers)

    def one(n: int) -> bool:
        start.wait()
        try:
            buy(n)
        except SoldOut:
            return False
        return True

    with ThreadPoolExecutor(buyers) as pool:
        return sum(pool.map(one, range(buyers)))


def test_what_was_never_stocked_has_none(stock: Stock) -> None:
    assert stock.levels(["tee-01"]) == {"tee-01": 0}
    with pytest.raises(SoldOut):
        stock.take({"tee-01": 1}, commit)


def test_pieces_that_arrive_add_up(stock: Stock) -> None:
    stock.add("tee-01", 3)
    stock.add("tee-01", 4)
    assert stock.levels(["tee-01", "tee-02", "tee-01"]) == {"tee-01": 7, "tee-02": 0}


def test_the_last_pieces_can_be_taken_and_no_more(stock: Stock) -> None:
    stock.add("tee-01", 2)
    with pytest.raises(SoldOut) as refused:
        stock.take({"tee-01": 3}, commit)
    assert refused.value.details == {"sku_id": "tee-01"}
    stock.take({"tee-01": 2}, commit)
    assert stock.levels(["tee-01"]) == {"tee-01": 0}


def test_released_pieces_can_be_sold_again(stock: Stock) -> None:
    stock.add("tee-01", 1)
    stock.take({"tee-01": 1}, commit)
    commit(stock.release("tee-01", 1))
    stock.take({"tee-01": 1}, commit)


def test_a_release_cannot_hold_up_the_closing_of_an_order(stock: Stock) -> None:
    commit(stock.release("unknown-01", 2))
    assert stock.levels(["unknown-01"]) == {"unknown-01": 2}


@pytest.mark.parametrize("n", [0, -5])
def test_nothing_is_reserved_released_or_added_backwards(stock: Stock, n: int) -> None:
    for move in (stock.release, stock.add, lambda sku_id, n: stock.take({sku_id: n}, commit)):
        with pytest.raises(ValueError, match="at least one piece"):
            move("tee-01", n)


def test_an_order_takes_all_of_its_skus_or_none(stock: Stock) -> None:
    stock.add("tee-01", 5)
    stock.add("tee-02", 1)
    with pytest.raises(SoldOut) as refused:
        stock.take({"tee-01": 2, "tee-02": 2}, commit)
    assert refused.value.details == {"sku_id": "tee-02"}
    assert stock.levels(["tee-01", "tee-02"]) == {"tee-01": 5, "tee-02": 1}


@pytest.mark.parametrize("round_", range(3))
def test_of_sixty_buyers_of_thirty_pieces_exactly_thirty_are_served(stock: Stock, round_: int) -> None:
    stock.add("tee-01", 30)
    assert at_once(60, lambda n: stock.take({"tee-01": 1}, commit)) == 30
    assert stock.levels(["tee-01"]) == {"tee-01": 0}


def test_sixty_buyers_of_the_last_piece_leave_it_to_one(stock: Stock) -> None:
    stock.add("tee-01", 1)
    assert at_once(60, lambda n: stock.take({"tee-01": 1}, commit)) == 1
    assert stock.levels(["tee-01"]) == {"tee-01": 0}


def test_a_piece_that_is_too_few_for_everybody_stays(stock: Stock) -> None:
    stock.add("tee-01", 31)
    assert at_once(60, lambda n: stock.take({"tee-01": 2}, commit)) == 15
    assert stock.levels(["tee-01"]) == {"tee-01": 1}


def test_orders_of_two_skus_in_either_order_neither_block_nor_oversell(stock: Stock) -> None:
    stock.add("tee-01", 20)
    stock.add("tee-02", 25)

    def buy(n: int) -> None:
        skus = ("tee-01", "tee-02")
        stock.take(dict.fromkeys(skus if n % 2 else reversed(skus), 1), commit)

    assert at_once(50, buy) == 20
    assert stock.levels(["tee-01", "tee-02"]) == {"tee-01": 0, "tee-02": 5}


def test_orders_that_come_and_go_lose_and_make_no_piece(stock: Stock) -> None:
    stock.add("tee-01", 10)
    wanted = [random.Random(n).randint(1, 3) for n in range(50)]

    def buy_and_cancel(n: int) -> None:
        try:
            stock.take({"tee-01": wanted[n]}, commit)
        except StorageBusy:
            return  # found pieces again and again that others had taken by then
        commit(stock.release("tee-01", wanted[n]))

    assert at_once(50, buy_and_cancel) >= 1
    assert stock.levels(["tee-01"]) == {"tee-01": 10}


def test_who_was_outrun_is_told_so_at_once_and_not_tried_again_in_vain(stock: Stock) -> None:
    tried: list[range] = []

    def write(*_: Write, attempts: range = range(1)) -> None:
        tried.append(attempts)
        raise outrun()

    stock.add("tee-01", 1)
    with pytest.raises(StorageBusy):
        stock.take({"tee-01": 1}, write)
    assert len(tried) == 1

import pytest

from chalicelib.cart import Cart, CartStore

from .fakes import FakeClock, Offers, Shelf


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    for name in "abc":
        shelf.put(f"{name}-01")
    return shelf


@pytest.fixture
def offers() -> Offers:
    return Offers()


@pytest.fixture
def cart(tables: str, shelf: Shelf, offers: Offers, clock: FakeClock) -> Cart:
    return Cart(CartStore(), shelf, shelf, offers, offers, offers, clock)

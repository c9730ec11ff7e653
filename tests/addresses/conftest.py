import pytest

from chalicelib.addresses import Addresses, AddressStore
from tests.identity.world import CIPHER, FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def addresses(tables: str, clock: FakeClock) -> Addresses:
    return Addresses(AddressStore(CIPHER), clock)

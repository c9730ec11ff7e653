import pytest

from chalicelib.identity import Identity
from tests.identity.world import FakeClock, FakePlatform, new_identity


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


@pytest.fixture
def identity(tables: str, clock: FakeClock, platform: FakePlatform) -> Identity:
    return new_identity(clock, platform)

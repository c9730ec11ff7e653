import pytest

from tests.coupons.world import World


@pytest.fixture
def world(tables: str) -> World:
    return World()

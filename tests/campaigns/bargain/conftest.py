import pytest

from .world import World


@pytest.fixture
def world(tables: str) -> World:
    return World(tables)

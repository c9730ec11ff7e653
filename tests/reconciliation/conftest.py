import pytest

from chalicelib.reconciliation import service
from chalicelib.reconciliation.rules import last_days

from .world import World


@pytest.fixture
def world(tables: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """A day whose neighbours are done: runs find this one alone."""
    world = World()
    monkeypatch.setattr(service, "last_days", lambda now: [world.day] if last_days(now) else [])
    return world

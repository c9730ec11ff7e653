"""Fixtures: a clock that stands still, and a peer that answers as it is told."""

from collections.abc import Iterator

import pytest

from .platform import FakeClock, Peer, listening


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def peer() -> Iterator[Peer]:
    with listening() as peer:
        yield peer

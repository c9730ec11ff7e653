from datetime import UTC, datetime

import pytest

from chalicelib.identity.rules import MemberNotFound
from chalicelib.points import Points, PointsStore

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ALICE, BOB = "M1", "M2"


class Known:
    def must_exist(self, member_id: str) -> None:
        if member_id not in (ALICE, BOB):
            raise MemberNotFound


@pytest.fixture
def points(tables: str) -> Points:
    return Points(PointsStore(), Known())

from datetime import UTC, datetime

import pytest

from chalicelib.identity.rules import MemberNotFound
from chalicelib.points import Points, PointsStore

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ALICE, BOB = "M1", "M2"


class Known:
    def get(self, member_id: str) -> str:
        if member_id not in (ALICE, BOB):
            raise MemberNotFound
        return member_id


@pytest.fixture
def points(tables: str) -> Points:
    return Points(PointsStore(), Known())

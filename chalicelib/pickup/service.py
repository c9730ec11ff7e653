"""Pickup points as staff keep them and shoppers choose them; codes as orders need them."""

import secrets
from datetime import datetime

from ..storage.reads import Read
from ..storage.writes import Write, commit
from .rules import CODE_DIGITS, MOST_POINTS, PickupCode, PickupPoint, TooManyPickupPoints
from .store import PickupStore


class Pickups:
    def __init__(self, store: PickupStore) -> None:
        self._store = store

    def points(self) -> list[PickupPoint]:
        """All, the closed ones too; by id."""
        return self._store.points()

    def put_point(self, point: PickupPoint) -> None:
        """New, or in place of the one with this id; orders keep the point as it was. Raises TooManyPickupPoints."""
        known = self._store.points()
        if len(known) >= MOST_POINTS and all(each.point_id != point.point_id for each in known):
            raise TooManyPickupPoints(limit=MOST_POINTS)
        commit(self._store.put_point(point))

    def reads(self, point_id: str) -> Read[PickupPoint]:
        """One that is open. Raises PickupPointNotFound."""
        return self._store.point(point_id)

    def draw(self) -> str:
        """A code for a new order: digits, which people can read to each other, and too many to guess."""
        return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"

    def issued(self, code: str, member_id: str, order_id: str) -> Write:
        """Joins the placing of the order. Refuses with StorageBusy if another order has this code."""
        return self._store.issued(PickupCode(code, member_id, order_id))

    def find(self, code: str) -> PickupCode:
        """Raises PickupCodeNotFound."""
        return self._store.code(code)

    def used(self, code: PickupCode, who: str, now: datetime) -> Write:
        """Joins the handing over. Refuses with PickupCodeUsed."""
        return self._store.used(code, who, now)

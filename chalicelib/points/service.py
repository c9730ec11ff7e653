"""Spending, giving back, earning and adjusting points. All but the last give writes that join another's transaction."""

from datetime import datetime
from typing import Protocol

from ..kernel.errors import Invalid
from ..kernel.paging import Page
from ..storage.reads import Read, Search, fetch
from ..storage.writes import Write, commit
from .rules import AdjustmentReused, Entry, MovedBefore, Movement
from .store import PointsStore


class Members(Protocol):
    def must_exist(self, member_id: str) -> None:
        """Raises MemberNotFound."""


class Points:
    """Each movement happens once for its cause; no points are no movement."""

    def __init__(self, store: PointsStore, members: Members) -> None:
        self._store = store
        self._members = members

    def balance(self, member_id: str) -> int:
        (balance,) = fetch(self.reads(member_id))
        return balance

    def reads(self, member_id: str) -> Read[int]:
        """`balance`, to be read together with other things."""
        return self._store.balance(member_id)

    def page(self, member_id: str, cursor: str | None, limit: int) -> Search[Page[Entry]]:
        """Movements, newest first. Raises BadCursor."""
        return self._store.page(member_id, cursor, limit)

    def spend(self, member_id: str, points: int, order_id: str, now: datetime) -> list[Write]:
        """Joins the placing of the order; refuses with NotEnoughPoints."""
        return self._moved(member_id, Entry(Movement.SPENT, order_id, -_counted(points), "下单抵扣", now))

    def give_back(self, member_id: str, points: int, cause_id: str, now: datetime) -> list[Write]:
        """Joins what undoes the spending: `cause_id` is the order for its closing or full refund, the after-sale case
        for a part. Refuses with MovedBefore a second time for one cause."""
        return self._moved(member_id, Entry(Movement.RETURNED, cause_id, _counted(points), "积分退还", now))

    def earn(self, member_id: str, points: int, order_id: str, now: datetime) -> list[Write]:
        """Joins the end of an order that earned. Refuses with MovedBefore a second time for one order."""
        return self._moved(member_id, Entry(Movement.EARNED, order_id, _counted(points), "购物赠送", now))

    def adjust(self, member_id: str, delta: int, why: str, who: str, key: str, now: datetime) -> int:
        """Points given, or taken with a negative `delta`, by the staff member `who`; the balance after it. A repetition
        with the same `key` changes nothing. The shopper reads `why`.

        Raises MemberNotFound, NotEnoughPoints, AdjustmentReused.
        """
        if not delta:
            raise Invalid(field="delta")
        self._members.must_exist(member_id)
        entry = Entry(Movement.ADJUSTED, f"{who}#{key}", delta, why, now, who)
        try:
            commit(*self._store.move(member_id, entry))
        except MovedBefore:
            known = self._store.find(member_id, entry.kind, entry.cause_id)
            if known is None or (known.points, known.why) != (delta, why):
                raise AdjustmentReused from None
        return self.balance(member_id)

    def _moved(self, member_id: str, entry: Entry) -> list[Write]:
        return self._store.move(member_id, entry) if entry.points else []


def _counted(points: int) -> int:
    if points < 0:
        raise ValueError("points are counted from zero")
    return points

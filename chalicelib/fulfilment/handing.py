"""Goods that are fetched: the shopper shows a code, staff look at the order, hand it over, and the code is used up."""

from dataclasses import replace
from datetime import datetime

from ..kernel.errors import Conflict
from ..kernel.trail import Actor
from ..orders import Order, Orders, OrderState
from ..orders.progress import to_send, with_sent
from ..orders.rules import moved, must_be_sendable
from ..pickup import PickupCode, PickupCodeUsed, Pickups
from ..storage.writes import StorageBusy, Write, commit
from .rules import CaseOpen, NothingToSend, Parcel, Way, parcel_id_of
from .sending import TRIES, Sending
from .store import ParcelStore


class Handing:
    def __init__(self, parcels: ParcelStore, orders: Orders, pickups: Pickups, sending: Sending) -> None:
        self._parcels = parcels
        self._orders = orders
        self._pickups = pickups
        self._sending = sending

    def look(self, code: str) -> tuple[Order, PickupCode]:
        """The order of a code, before anything is handed over. Raises PickupCodeNotFound."""
        found = self._pickups.find(code)
        return self._orders.get(found.member_id, found.order_id), found

    def hand_over(self, code: str, who: str, now: datetime) -> Order:
        """Everything that is left of the order goes over the counter, once: PAID -> COMPLETED.

        Raises PickupCodeNotFound, PickupCodeUsed, OrderStateRefused, OrderHeld, CaseOpen, NothingToSend, StorageBusy.
        """
        for _ in range(TRIES):
            order, _ = self.look(code)
            found = self._pickups.find(code)  # after the order, so that what another just handed over is told as such
            if found.used_at:
                raise PickupCodeUsed(used_at=found.used_at)
            after, writes = self._handed(order, who, now)
            try:
                commit(self._pickups.used(found, who, now), *writes)
            except Conflict:
                continue
            return after
        raise StorageBusy

    def _handed(self, order: Order, who: str, now: datetime) -> tuple[Order, list[Write]]:
        must_be_sendable(order)
        if any(order.cases.values()):
            raise CaseOpen
        pieces = to_send(order)
        if not pieces:
            raise NothingToSend
        parcel_id = parcel_id_of(order.order_id, "pickup")
        parcel = Parcel(order.order_id, parcel_id, order.member_id, Way.PICKUP, pieces, now, who=who)
        handed = replace(order, progress=with_sent(order, pieces), shipped_at=now, completed_at=now)
        after = moved(handed, now, Actor.STAFF, "已到店取货", to=OrderState.COMPLETED, who=who)
        writes = [self._parcels.sent(parcel), self._orders.store.becomes(order, after), *self._sending.tell(order, now)]
        return after, writes

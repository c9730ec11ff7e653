"""Goods leave the shop: parcel, order and what WeChat is to be told of it are written in one transaction."""

from collections.abc import Mapping
from datetime import datetime

from ..kernel.errors import Conflict
from ..kernel.paging import Page, decode_cursor
from ..kernel.trail import Actor
from ..orders import Order, Orders, OrderState
from ..orders.progress import advanced, to_send, with_sent
from ..orders.rules import Job, OrderStateRefused, moved, must_be_sendable
from ..storage.reads import Read, Search, fetch
from ..storage.writes import StorageBusy, Write, commit
from .carriers import CARRIERS
from .rules import (
    MOST_PARCELS,
    CarrierUnknown,
    Consignment,
    FetchedByShopper,
    LastParcel,
    NothingToSend,
    NumberCorrected,
    Parcel,
    ParcelNotFound,
    ParcelReused,
    TooManyParcels,
    TrackingNumberNeeded,
    TrackingNumberUsed,
    Way,
    parcel_id_of,
    same,
)
from .store import TOMORROW, ParcelStore, UploadStore

TRIES = 6


class Sending:
    def __init__(self, parcels: ParcelStore, uploads: UploadStore, orders: Orders) -> None:
        self._parcels = parcels
        self._uploads = uploads
        self._orders = orders

    def send(
        self, member_id: str, order_id: str, asked: Consignment, key: str, who: str, now: datetime
    ) -> tuple[Order, Parcel]:
        """The order after it, and its new parcel; for a repeated key the parcel that it made.

        Raises OrderNotFound, OrderStateRefused, OrderHeld, FetchedByShopper, CarrierUnknown, TrackingNumberNeeded,
        TrackingNumberUsed, NothingToSend, TooManySent, TooManyParcels, ParcelReused, StorageBusy.
        """
        _must_be_addressed(asked)
        parcel_id = parcel_id_of(order_id, key)
        now = now.replace(microsecond=0)  # as stored, so that a repetition is answered with the same
        for _ in range(TRIES):
            order = self._orders.get(member_id, order_id)
            parcels = self._parcels.of(order_id)  # after the order, so that all which left of it stands among them
            if known := _find(parcels, parcel_id):
                if not same(known, asked):
                    raise ParcelReused
                return order, known
            pieces = _sendable(order, parcels, asked)
            parcel = Parcel(
                order_id, parcel_id, member_id, asked.way, pieces, now, asked.carrier, asked.tracking_no, who
            )
            by = CARRIERS[asked.carrier].name if asked.carrier else "同城配送"
            why = f"商家已发货（{by}）" if pieces == to_send(order) else f"商家已发出部分商品（{by}）"
            periods, progress = self._orders.store.periods, with_sent(order, pieces)
            after = advanced(order, now, Actor.STAFF, why, periods, who=who, progress=progress)
            try:
                commit(self._parcels.sent(parcel), self._orders.store.becomes(order, after), *self.tell(order, now))
            except Conflict:
                continue
            return after, parcel
        raise StorageBusy

    def correct(
        self, member_id: str, order_id: str, parcel_id: str, carrier: str, tracking_no: str, who: str, now: datetime
    ) -> tuple[Order, Parcel]:
        """Another number for a parcel, as WeChat takes it once for an order. A repetition changes nothing.

        Raises OrderNotFound, ParcelNotFound, OrderStateRefused, NumberCorrected, CarrierUnknown, TrackingNumberNeeded,
        TrackingNumberUsed, StorageBusy.
        """
        _must_be_addressed(Consignment(Way.EXPRESS, carrier, tracking_no))
        for _ in range(TRIES):
            order, parcels = self.order(member_id, order_id)
            parcel = _find(parcels, parcel_id)
            if parcel is None or parcel.way is not Way.EXPRESS:
                raise ParcelNotFound
            if (parcel.carrier, parcel.tracking_no) == (carrier, tracking_no):
                return order, parcel
            if order.state not in (OrderState.PAID, OrderState.SHIPPED):
                raise OrderStateRefused(state=order.state)
            if any(each.corrected for each in parcels):
                raise NumberCorrected
            _must_be_new(parcels, tracking_no)
            after = moved(order, now, Actor.STAFF, "商家更正了物流单号", who=who)
            try:
                commit(
                    self._parcels.corrected(parcel, carrier, tracking_no, now),
                    self._orders.store.becomes(order, after),
                    *self.tell(order, now),
                )
            except Conflict:
                continue
            return after, next(each for each in self._parcels.of(order_id) if each.parcel_id == parcel_id)
        raise StorageBusy

    def tell(self, order: Order, now: datetime) -> list[Write]:
        """WeChat is to be told of what left the shop; nothing, if nothing was paid through it."""
        return [self._uploads.wanted(order.order_id, order.member_id, now)] if order.trade_no else []

    def to_send(self, pickup: bool, cursor: str | None, limit: int, now: datetime) -> Page[Order]:
        """Paid orders that wait to be sent, or fetched: by when they are to leave, or are alarmed for again. Raises
        BadCursor.
        """
        job, until = Job.PICKUP if pickup else Job.SHIP, now + self._orders.store.periods.ship + TOMORROW
        return self._orders.store.waiting(job, until, decode_cursor(cursor), limit)

    def order(self, member_id: str, order_id: str) -> tuple[Order, list[Parcel]]:
        """Raises OrderNotFound, also for another member's order."""
        return fetch(*self.reads(member_id, order_id))

    def reads(self, member_id: str, order_id: str) -> tuple[Read[Order], Search[list[Parcel]]]:
        """`order`, to be read together with other things."""
        return self._orders.reads(member_id, order_id), self._parcels.reads(order_id)


def _must_be_addressed(asked: Consignment) -> None:
    if asked.way is not Way.EXPRESS:
        if asked.carrier:
            raise TrackingNumberNeeded
        return
    if not (asked.carrier and asked.tracking_no):
        raise TrackingNumberNeeded
    if asked.carrier not in CARRIERS:
        raise CarrierUnknown(carriers=sorted(CARRIERS))


def _sendable(order: Order, parcels: list[Parcel], asked: Consignment) -> Mapping[str, int]:
    must_be_sendable(order)
    if order.pickup:
        raise FetchedByShopper
    if len(parcels) >= MOST_PARCELS:
        raise TooManyParcels
    _must_be_new(parcels, asked.tracking_no)
    pieces = asked.pieces or to_send(order)
    if not pieces:
        raise NothingToSend
    if len(parcels) == MOST_PARCELS - 1 and pieces != to_send(order):
        raise LastParcel
    return pieces


def _must_be_new(parcels: list[Parcel], tracking_no: str) -> None:
    if tracking_no and any(parcel.tracking_no == tracking_no for parcel in parcels):
        raise TrackingNumberUsed


def _find(parcels: list[Parcel], parcel_id: str) -> Parcel | None:
    return next((parcel for parcel in parcels if parcel.parcel_id == parcel_id), None)

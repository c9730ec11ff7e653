"""Where parcels are, asked of a carrier's books on a schedule; shoppers read what was found last."""

from datetime import datetime, timedelta
from typing import Protocol

from ..log import logger
from ..orders import Order, Orders, OrderState
from ..storage.due import sweep
from ..wechat import shipping as wechat
from .carriers import CARRIERS, Carrier
from .rows import ParcelRow
from .rules import (
    BETWEEN_LOOKS,
    TRACKED_FOR,
    Parcel,
    Tracked,
    Tracking,
    UploadNotFound,
    UploadState,
    Way,
)
from .store import ParcelStore, UploadStore

REMIND_AGAIN = timedelta(hours=1)


class TrackingFailed(Exception):
    """`code` is the service's own, or names what went wrong. `hopeless`: asking again changes nothing."""

    def __init__(self, code: str, *, hopeless: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.hopeless = hopeless


class Tracker(Protocol):
    def track(self, carrier: Carrier, tracking_no: str, phone: str) -> Tracked | None:
        """Where the parcel is; None if nobody has scanned it yet. `phone`: the receiver's, for carriers that ask for
        it. Raises TrackingFailed.
        """


class Following:
    """Without a tracker nothing is asked, and parcels show no scans."""

    def __init__(
        self,
        parcels: ParcelStore,
        uploads: UploadStore,
        orders: Orders,
        shipping: wechat.Shipping,
        tracker: Tracker | None,
    ) -> None:
        self._parcels = parcels
        self._uploads = uploads
        self._orders = orders
        self._shipping = shipping
        self._tracker = tracker

    def track_due(self, now: datetime) -> int:
        """Ask after the parcels whose time it is. Returns how many were dealt with."""
        return sweep(
            self._parcels.to_track(now), lambda row: self.track(row.order_id, row.parcel_id, now), now, _failed
        )

    def track(self, order_id: str, parcel_id: str, now: datetime) -> None:
        """Once; until it is signed for, or was under way for 30 days."""
        parcels = self._parcels.of(order_id)
        parcel = next(each for each in parcels if each.parcel_id == parcel_id)
        carrier = CARRIERS.get(parcel.carrier)
        if self._tracker is None or carrier is None or now >= parcel.sent_at + TRACKED_FOR:
            self._parcels.tracked(parcel, None, None)
            return
        order = self._orders.get(parcel.member_id, order_id)
        phone = order.delivery.phone if carrier.asks_phone and order.delivery else ""
        try:
            found = self._tracker.track(carrier, parcel.tracking_no, phone)
        except TrackingFailed as error:
            logger.warning("parcel not tracked", order_id=order_id, code=error.code)
            self._parcels.tracked(parcel, None, None if error.hopeless else now + BETWEEN_LOOKS)
            return
        if found and found.tracking in (Tracking.TROUBLE, Tracking.BACK) and found.tracking is not parcel.tracking:
            # Receipt counts as confirmed in time, whether or not the goods ever arrive.
            logger.error("parcel lost or on its way back", order_id=order_id, alarm="parcel_trouble")
        again_at: datetime | None = now + BETWEEN_LOOKS
        if found and found.tracking is Tracking.SIGNED:
            rest = [each for each in parcels if each != parcel and each.tracking is not Tracking.SIGNED]
            again_at = None if rest or self._reminded(order, parcels, found) else now + REMIND_AGAIN
        self._parcels.tracked(parcel, found, again_at)

    def _reminded(self, order: Order, parcels: list[Parcel], found: Tracked) -> bool:
        """The courier has delivered all: WeChat asks the shopper to confirm the receipt, once. True when that is over,
        whatever WeChat said of it.
        """
        if order.state is not OrderState.SHIPPED or any(parcel.way is not Way.EXPRESS for parcel in parcels):
            return True
        try:
            if self._uploads.get(order.order_id).state is UploadState.WAITING:
                return False
            self._shipping.remind_receive(order.trade_no or "", found.scans[0].at)
        except UploadNotFound:
            return True
        except wechat.ShippingRefused as refused:
            logger.warning("shopper not reminded of the receipt", order_id=order.order_id, wechat_code=refused.errcode)
            return refused.verdict is not wechat.Verdict.AGAIN
        return True


def _failed(row: ParcelRow, error: Exception) -> None:
    logger.error("tracking failed", order_id=row.order_id, error=type(error).__name__, alarm="tracking_failed")

"""Order shipping: WeChat is told of what left the shop, again and again until it accepts; what it will not accept is
for people.

Every upload names all parcels so far, so that one whose answer was lost is known to WeChat when it comes again.
"""

from datetime import datetime, timedelta

from ..log import logger
from ..orders import Order, Orders
from ..storage.due import sweep
from ..wechat import shipping as wechat
from .rows import UploadRow
from .rules import ALARMED_AFTER, Delivery, Upload, UploadNotFound, UploadState, Way, kept, titles, to_tell, wait_after
from .store import STUCK, UPLOAD, ParcelStore, UploadStore

LOOK_AGAIN = timedelta(hours=1)
"""At an order of which only a part has left: an after-sale case may end what is still to come."""
WRONG_STATE, ANOTHERS_PAYMENT = 10060004, 10060031
LOGISTICS = {
    Way.EXPRESS: wechat.Logistics.EXPRESS,
    Way.LOCAL: wechat.Logistics.LOCAL,
    Way.PICKUP: wechat.Logistics.PICKUP,
}


class Uploading:
    def __init__(self, parcels: ParcelStore, uploads: UploadStore, orders: Orders, shipping: wechat.Shipping) -> None:
        self._parcels = parcels
        self._uploads = uploads
        self._orders = orders
        self._shipping = shipping

    def upload_due(self, now: datetime) -> int:
        """Tell WeChat of all that is due. Returns how many orders were dealt with."""
        return self._sweep(UPLOAD, now)

    def retry_due(self, now: datetime) -> int:
        """Try again what people should have looked at by now, and call them again if that is in vain."""
        return self._sweep(STUCK, now)

    def upload(self, order_id: str, now: datetime) -> None:
        """One try for one order. Whatever becomes of it is written down, with the time of the next if one is needed."""
        upload = self._uploads.get(order_id)
        if upload.state is UploadState.DONE:
            return
        order = self._orders.get(upload.member_id, order_id)
        delivery = to_tell(order, self._parcels.of(order_id), upload.split)
        if kept(order) <= 0:
            self._uploads.told(upload, None, split=upload.split, again_at=None)
        elif delivery is None or (upload.told == upload.wanted and not delivery.complete):
            self._uploads.waits(upload, now + LOOK_AGAIN)
        else:
            self._tell(upload, order, delivery, now)

    def stuck(self, now: datetime, most: int) -> list[Upload]:
        """What people must look at: WeChat refused it for a reason that repetition does not mend."""
        return self._uploads.all_stuck(now, most)

    def retry(self, order_id: str, now: datetime) -> Upload:
        """Try again within a minute. Raises UploadNotFound."""
        if self._uploads.get(order_id).state is not UploadState.DONE:
            self._uploads.due_now(order_id, now)
        return self._uploads.get(order_id)

    def wanted_by_wechat(self, order_id: str, now: datetime) -> None:
        """WeChat reminds the shop of an order that it has not heard of."""
        try:
            self._uploads.due_now(order_id, now)
        except UploadNotFound:
            logger.error("order not sent in time", order_id=order_id, alarm="order_unsent")

    def _sweep(self, job: str, now: datetime) -> int:
        return sweep(self._uploads.to_upload(job, now), lambda row: self.upload(row.order_id, now), now, _failed)

    def _tell(self, upload: Upload, order: Order, delivery: Delivery, now: datetime) -> None:
        at = upload.time(now)
        again_at = None if delivery.complete else now + LOOK_AGAIN
        try:
            self._send(order, delivery, at)
        except wechat.ShippingRefused as refused:
            if refused.verdict is wechat.Verdict.AGAIN:
                self._try_later(upload, refused.errcode, now)
                return
            if refused.verdict is wechat.Verdict.STAFF and not self._refunded(order, refused):
                logger.error(
                    "shipping upload refused",
                    order_id=order.order_id,
                    wechat_code=refused.errcode,
                    alarm="shipping_stuck",
                )
                self._uploads.stuck(upload, refused.errcode, now)
                return
        self._uploads.told(upload, at, split=delivery.split, again_at=again_at)
        logger.info("shipping uploaded", order_id=order.order_id, tries=upload.tries)

    def _send(self, order: Order, delivery: Delivery, at: datetime) -> None:
        """As the shopper's payment; if somebody else paid by scanning the order's code, as theirs."""
        try:
            self._shipping.upload(as_upload(order, delivery, order.openid, at))
        except wechat.ShippingRefused as refused:
            if refused.errcode != ANOTHERS_PAYMENT:
                raise
            payer = self._shipping.payer(order.trade_no or "")
            if payer == order.openid:
                raise
            self._shipping.upload(as_upload(order, delivery, payer, at))

    def _refunded(self, order: Order, refused: wechat.ShippingRefused) -> bool:
        """Whether WeChat refuses because the order's money went back: then there is nothing to tell any more."""
        if refused.errcode != WRONG_STATE:
            return False
        try:
            return self._shipping.order_state(order.trade_no or "") == wechat.PlatformState.REFUNDED
        except wechat.ShippingRefused:
            return False

    def _try_later(self, upload: Upload, errcode: int | None, now: datetime) -> None:
        logger.warning("shipping not uploaded", order_id=upload.order_id, wechat_code=errcode, tries=upload.tries)
        if now - upload.since > ALARMED_AFTER:
            logger.error("shipping not uploaded for days", order_id=upload.order_id, alarm="shipping_late")
        self._uploads.waits(upload, now + wait_after(upload.tries), errcode)


def as_upload(order: Order, delivery: Delivery, openid: str, at: datetime) -> wechat.Upload:
    """The delivery in WeChat's words."""
    phone = order.delivery.phone if order.delivery else ""
    everything = {line.sku_id: line.quantity for line in order.lines}
    parcels = tuple(
        wechat.Parcel(
            titles(order, parcel.pieces if delivery.split else everything),
            parcel.tracking_no if delivery.way is Way.EXPRESS else "",
            parcel.carrier,
            phone,
        )
        for parcel in delivery.parcels
    )
    return wechat.Upload(
        out_trade_no=order.trade_no or "",
        openid=openid,
        logistics=LOGISTICS[delivery.way],
        parcels=parcels,
        at=at,
        split=delivery.split,
        all_delivered=delivery.complete,
    )


def _failed(row: UploadRow, error: Exception) -> None:
    logger.error("shipping job failed", order_id=row.order_id, error=type(error).__name__, alarm="shipping_failed")

"""What a parcel is, what may be sent, and what WeChat must be told of it. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..kernel.errors import Conflict, Invalid, NotFound, Refused
from ..orders.rules import Order, OrderState

MOST_PARCELS = 15
"""Of one order: more the platform does not take."""
MOST_SCANS = 20
TRACKED_FOR = timedelta(days=30)
BEFORE_FIRST_LOOK, BETWEEN_LOOKS = timedelta(hours=2), timedelta(hours=4)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
ALARMED_AFTER = timedelta(hours=48)
"""The platform wants every delivery reported within 48 hours of the payment."""


class ParcelNotFound(NotFound):
    code = "PARCEL_NOT_FOUND"
    message = "包裹不存在"


class UploadNotFound(NotFound):
    """Nothing of this order is to be reported to WeChat."""

    code = "UPLOAD_NOT_FOUND"
    message = "该订单没有需要上传的发货信息"


class CarrierUnknown(Invalid):
    """`details.carriers`: the codes that are known."""

    code = "CARRIER_UNKNOWN"
    message = "不支持的快递公司"


class TrackingNumberNeeded(Invalid):
    """An express parcel has a carrier and a tracking number; same-city delivery has no carrier."""

    code = "TRACKING_NUMBER_NEEDED"
    message = "请填写快递公司和快递单号"


class TrackingNumberUsed(Refused):
    """Another parcel of this order has the same number."""

    code = "TRACKING_NUMBER_USED"
    message = "该快递单号已用于本订单的其他包裹"


class ParcelReused(Refused):
    """The same Idempotency-Key came with another parcel."""

    code = "PARCEL_REUSED"
    message = "重复的请求标识对应了不同的包裹"


class ParcelExists(Conflict):
    """Never leaves the service: the same request came twice at once."""

    code = "PARCEL_EXISTS"


class ParcelChanged(Conflict):
    """Never leaves the service: the parcel was corrected or tracked meanwhile."""

    code = "PARCEL_CHANGED"


class NothingToSend(Refused):
    """Everything was sent, or is withheld by after-sale cases."""

    code = "NOTHING_TO_SEND"
    message = "没有待发货的商品"


class TooManyParcels(Refused):
    """WeChat takes 15 parcels of an order."""

    code = "TOO_MANY_PARCELS"
    message = "一个订单最多15个包裹"


class LastParcel(Refused):
    """The last parcel that WeChat takes must carry all that is left."""

    code = "LAST_PARCEL"
    message = "最后一个包裹须包含全部剩余商品"


class NumberCorrected(Refused):
    """The platform takes one correction of an order's delivery."""

    code = "NUMBER_CORRECTED"
    message = "物流信息只能更正一次"


class FetchedByShopper(Refused):
    """The shopper fetches these goods at a pickup point: verify the code."""

    code = "FETCHED_BY_SHOPPER"
    message = "自提订单请核销取货码"


class CaseOpen(Refused):
    """An after-sale case about these goods is to be decided before they are handed over."""

    code = "CASE_OPEN"
    message = "订单有进行中的售后，请先处理"


class Way(StrEnum):
    """EXPRESS: by a carrier. LOCAL: brought by the shop or a rider of the same city. PICKUP: fetched by the shopper."""

    EXPRESS = "EXPRESS"
    LOCAL = "LOCAL"
    PICKUP = "PICKUP"


class Tracking(StrEnum):
    """Where a parcel is. TROUBLE: lost, held or refused; BACK: on its way back to the shop."""

    UNKNOWN = "UNKNOWN"
    COLLECTED = "COLLECTED"
    UNDER_WAY = "UNDER_WAY"
    DELIVERING = "DELIVERING"
    SIGNED = "SIGNED"
    TROUBLE = "TROUBLE"
    BACK = "BACK"


@dataclass(frozen=True)
class Scan:
    """Somebody of the carrier scanned the parcel; `text` is the carrier's own, in Chinese."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Tracked:
    """What the carrier says of a parcel: the last scan in front."""

    tracking: Tracking
    scans: tuple[Scan, ...]


@dataclass(frozen=True)
class Consignment:
    """What staff send off. `pieces` by SKU; empty: all that is to be sent. `carrier` is WeChat's code of it."""

    way: Way
    carrier: str = ""
    tracking_no: str = ""
    pieces: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Parcel:
    """What left the shop together. `who` is the staff member's id, for the staff's eyes; `corrected`: its number was
    wrong at first.
    """

    order_id: str
    parcel_id: str
    member_id: str
    way: Way
    pieces: Mapping[str, int]
    sent_at: datetime
    carrier: str = ""
    tracking_no: str = ""
    who: str = ""
    corrected: bool = False
    tracking: Tracking = Tracking.UNKNOWN
    scans: tuple[Scan, ...] = ()


class UploadState(StrEnum):
    WAITING = "WAITING"
    DONE = "DONE"
    STAFF = "STAFF"


@dataclass(frozen=True)
class Upload:
    """How far WeChat was told of an order's delivery. `wanted` counts what there was to tell, `told` how much of it
    WeChat has, `since` is when the last of it came about. `last_at`: the last accepted upload, to the millisecond: each
    must be later than the one before. `split`: it was told in parts.
    """

    order_id: str
    member_id: str
    state: UploadState
    wanted: int
    told: int
    since: datetime
    tries: int = 0
    errcode: int | None = None
    last_at: datetime | None = None
    split: bool = False

    def time(self, now: datetime) -> datetime:
        """When to say that it is told: now, and later than last time."""
        return now if self.last_at is None else max(now, self.last_at + timedelta(milliseconds=1))


@dataclass(frozen=True)
class Delivery:
    """What WeChat is to be told: all parcels so far. `complete`: nothing comes after them."""

    way: Way
    split: bool
    complete: bool
    parcels: tuple[Parcel, ...]


def parcel_id_of(order_id: str, key: str) -> str:
    """The same for the same request, so that a repetition finds its parcel."""
    return hashlib.sha256(f"{order_id}:{key}".encode()).hexdigest()[:26].upper()


def same(parcel: Parcel, asked: Consignment) -> bool:
    """Whether a repeated request asks for what it asked for. The number may have been corrected since."""
    pieces_differ = asked.pieces and dict(asked.pieces) != dict(parcel.pieces)
    numbers = (parcel.carrier, parcel.tracking_no) == (asked.carrier, asked.tracking_no)
    return parcel.way is asked.way and (numbers or parcel.corrected) and not pieces_differ


def kept(order: Order) -> int:
    """Fen of an order's money that stay the shop's, by what is decided."""
    return 0 if order.refund_state else order.payable - order.refunded


def to_tell(order: Order, parcels: Sequence[Parcel], split_before: bool) -> Delivery | None:
    """What WeChat can be told now of an order that it was paid for; None while there is nothing.

    Only express deliveries are told in parts: anything else waits until all has left the shop, and is told as one.
    """
    complete = order.state is not OrderState.PAID
    if not parcels:
        return None
    express = [parcel for parcel in parcels if parcel.way is Way.EXPRESS]
    if len(express) == len(parcels):
        split = split_before or len(parcels) > 1 or not complete
        return Delivery(Way.EXPRESS, split, complete, tuple(express))
    if not complete:
        return None
    first = (express or parcels)[0]
    return Delivery(first.way, False, True, (first,))


def titles(order: Order, pieces: Mapping[str, int]) -> str:
    """What is in a parcel: `龙井茶×2；白瓷杯×1`."""
    return "；".join(f"{line.title}×{pieces[line.sku_id]}" for line in order.lines if line.sku_id in pieces)


def wait_after(tries: int) -> timedelta:
    """Before the next upload: a minute, doubling, at most an hour."""
    return min(FIRST_WAIT * (1 << min(tries, 10)), LONGEST_WAIT)

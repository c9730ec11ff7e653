"""Tables `parcels` (hash order_id, range parcel_id) and `shipping_uploads` (hash order_id), each with the due index."""

from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from ..kernel.clock import from_epoch
from ..storage.attributes import Packed
from ..storage.due import DueIndex, DueRow
from .rules import Parcel, Scan, Tracking, Upload, UploadState, Way


class ParcelRow(DueRow):
    class Meta:
        table_name = "parcels"

    seldom = True
    due = DueIndex()
    order_id = UnicodeAttribute(hash_key=True)
    parcel_id = UnicodeAttribute(range_key=True)
    member_id = UnicodeAttribute()
    way = UnicodeAttribute()
    carrier = UnicodeAttribute(default="")
    tracking_no = UnicodeAttribute(default="")
    pieces: Packed[dict[str, int]] = Packed(dict[str, int])
    sent_at = NumberAttribute()
    who = UnicodeAttribute()
    corrected = BooleanAttribute(default=False)
    tracking = UnicodeAttribute(default=Tracking.UNKNOWN)
    scans: Packed[tuple[Scan, ...]] = Packed(tuple[Scan, ...], null=True)


class UploadRow(DueRow):
    class Meta:
        table_name = "shipping_uploads"

    seldom = True
    due = DueIndex()
    order_id = UnicodeAttribute(hash_key=True)
    member_id = UnicodeAttribute()
    state = UnicodeAttribute()
    wanted = NumberAttribute()
    told = NumberAttribute(default=0)
    since = NumberAttribute()
    tries = NumberAttribute(default=0)
    errcode = NumberAttribute(null=True)
    last_ms = NumberAttribute(null=True)
    split = BooleanAttribute(default=False)


def parcel_of(row: Any) -> Parcel:
    return Parcel(
        order_id=row.order_id,
        parcel_id=row.parcel_id,
        member_id=row.member_id,
        way=Way(row.way),
        pieces=row.pieces,
        sent_at=from_epoch(row.sent_at),
        carrier=row.carrier,
        tracking_no=row.tracking_no,
        who=row.who,
        corrected=row.corrected,
        tracking=Tracking(row.tracking),
        scans=row.scans or (),
    )


def upload_of(row: UploadRow) -> Upload:
    return Upload(
        order_id=row.order_id,
        member_id=row.member_id,
        state=UploadState(row.state),
        wanted=int(row.wanted),
        told=int(row.told),
        since=from_epoch(row.since),
        tries=int(row.tries),
        errcode=None if row.errcode is None else int(row.errcode),
        last_at=None if row.last_ms is None else from_ms(int(row.last_ms)),
        split=row.split,
    )


def in_ms(moment: datetime) -> int:
    return (moment - from_epoch(0)) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    return from_epoch(0) + timedelta(milliseconds=milliseconds)

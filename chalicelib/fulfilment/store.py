"""Parcels and uploads as they are kept, and the writes that move them."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from ..kernel.clock import epoch
from ..storage.due import clear_due, due, first_due, set_due, wait_for
from ..storage.reads import Search, read, search
from ..storage.writes import Write, commit, put, update
from .rows import ParcelRow, UploadRow, in_ms, parcel_of, upload_of
from .rules import (
    BEFORE_FIRST_LOOK,
    MOST_PARCELS,
    Parcel,
    ParcelChanged,
    ParcelExists,
    Tracked,
    Tracking,
    Upload,
    UploadNotFound,
    UploadState,
    Way,
)

TRACK = "parcel-track"
UPLOAD, STUCK = "shipping-upload", "shipping-stuck"
TOMORROW = timedelta(days=1)


class ParcelStore:
    def of(self, order_id: str) -> list[Parcel]:
        return search(self.reads(order_id))

    def reads(self, order_id: str) -> Search[list[Parcel]]:
        """All of an order, in the order in which they left; consistent."""

        def made(rows: list[ParcelRow]) -> list[Parcel]:
            return sorted(map(parcel_of, rows), key=lambda parcel: (parcel.sent_at, parcel.parcel_id))

        return Search(ParcelRow, order_id, made, 2 * MOST_PARCELS, consistent=True)

    def sent(self, parcel: Parcel) -> Write:
        """A new parcel. Refuses with ParcelExists."""
        row = ParcelRow(
            parcel.order_id,
            parcel.parcel_id,
            member_id=parcel.member_id,
            way=parcel.way,
            carrier=parcel.carrier,
            tracking_no=parcel.tracking_no,
            pieces=dict(parcel.pieces),
            sent_at=epoch(parcel.sent_at),
            who=parcel.who,
            **(_tracked_from(parcel.sent_at, parcel.order_id) if parcel.way is Way.EXPRESS else {}),
        )
        return put(row, new=True, otherwise=ParcelExists())

    def corrected(self, parcel: Parcel, carrier: str, tracking_no: str, now: datetime) -> Write:
        """Another number, of which nothing is known yet. Refuses with ParcelChanged."""
        return update(
            ParcelRow(parcel.order_id, parcel.parcel_id),
            ParcelRow.carrier.set(carrier),
            ParcelRow.tracking_no.set(tracking_no),
            ParcelRow.corrected.set(True),
            ParcelRow.tracking.set(Tracking.UNKNOWN),
            ParcelRow.scans.remove(),
            *set_due(ParcelRow, TRACK, parcel.order_id, now + BEFORE_FIRST_LOOK),
            condition=_as_read(parcel),
            otherwise=ParcelChanged(),
        )

    def tracked(self, parcel: Parcel, found: Tracked | None, again_at: datetime | None) -> None:
        """What was found, if anything, and when to look again. Nothing, if its number was corrected meanwhile."""
        news = [ParcelRow.tracking.set(found.tracking), ParcelRow.scans.set(found.scans)] if found else []
        waits = set_due(ParcelRow, TRACK, parcel.order_id, again_at) if again_at else clear_due(ParcelRow)
        row = ParcelRow(parcel.order_id, parcel.parcel_id)
        with suppress(ParcelChanged):
            commit(update(row, *news, *waits, condition=_as_read(parcel), otherwise=ParcelChanged()))

    def to_track(self, now: datetime) -> Iterator[ParcelRow]:
        return due(ParcelRow, TRACK, now)


class UploadStore:
    def get(self, order_id: str) -> Upload:
        """Consistent. Raises UploadNotFound."""
        try:
            return upload_of(UploadRow.get(order_id, consistent_read=True))
        except UploadRow.DoesNotExist as error:
            raise UploadNotFound from error

    def wanted(self, order_id: str, member_id: str, now: datetime) -> Write:
        """There is more to tell; joins the transaction that makes it so. The row is made if there is none."""
        return update(
            UploadRow(order_id),
            UploadRow.member_id.set(member_id),
            UploadRow.state.set(UploadState.WAITING),
            UploadRow.wanted.add(1),
            UploadRow.since.set(epoch(now)),
            UploadRow.tries.set(0),
            *set_due(UploadRow, UPLOAD, order_id, now),
        )

    def told(self, upload: Upload, at: datetime | None, *, split: bool, again_at: datetime | None) -> None:
        """All that was wanted when it was read is told; `at` if WeChat took an upload. `again_at`: the rest follows."""
        news = [] if at is None else [UploadRow.last_ms.set(in_ms(at))]
        waits = set_due(UploadRow, UPLOAD, upload.order_id, again_at) if again_at else clear_due(UploadRow)
        self._write(
            upload,
            UploadRow.state.set(UploadState.WAITING if again_at else UploadState.DONE),
            UploadRow.told.set(upload.wanted),
            UploadRow.tries.set(0),
            UploadRow.errcode.remove(),
            UploadRow.split.set(split),
            *news,
            *waits,
        )

    def waits(self, upload: Upload, again_at: datetime, errcode: int | None = None) -> None:
        """Not told yet; tried again then."""
        code = UploadRow.errcode.remove() if errcode is None else UploadRow.errcode.set(errcode)
        again = set_due(UploadRow, UPLOAD, upload.order_id, again_at)
        state = UploadRow.state.set(UploadState.WAITING)
        self._write(upload, state, UploadRow.tries.set(upload.tries + 1), code, *again)

    def stuck(self, upload: Upload, errcode: int | None, now: datetime) -> None:
        """People must look; tried again tomorrow all the same."""
        code = UploadRow.errcode.remove() if errcode is None else UploadRow.errcode.set(errcode)
        again = set_due(UploadRow, STUCK, upload.order_id, now + TOMORROW)
        state = UploadRow.state.set(UploadState.STAFF)
        self._write(upload, state, UploadRow.tries.set(upload.tries + 1), code, *again)

    def due_now(self, order_id: str, now: datetime) -> None:
        """To be told, or asked after, at once. Raises UploadNotFound."""
        commit(
            update(
                UploadRow(order_id),
                UploadRow.state.set(UploadState.WAITING),
                *set_due(UploadRow, UPLOAD, order_id, now),
                condition=UploadRow.order_id.exists(),
                otherwise=UploadNotFound(),
            )
        )

    def to_upload(self, job: str, now: datetime) -> Iterator[UploadRow]:
        """Those whose time it is, of UPLOAD or of STUCK."""
        return due(UploadRow, job, now)

    def all_stuck(self, now: datetime, most: int) -> list[Upload]:
        """Those that people must look at, the longest waiting first."""
        keys = first_due(UploadRow, STUCK, now + 2 * TOMORROW, most)
        rows = read(*(UploadRow(row.order_id) for row in keys), consistent=True)
        return [upload_of(row) for row in rows if row is not None]

    def _write(self, upload: Upload, *actions: Any) -> None:
        """Nothing, if there is more to tell since it was read: then it is due already."""
        condition = (UploadRow.wanted == upload.wanted) & UploadRow.order_id.exists()
        with suppress(ParcelChanged):
            commit(update(UploadRow(upload.order_id), *actions, condition=condition, otherwise=ParcelChanged()))


def _tracked_from(sent_at: datetime, order_id: str) -> dict[str, Any]:
    return wait_for(ParcelRow, TRACK, order_id, sent_at + BEFORE_FIRST_LOOK)


def _as_read(parcel: Parcel) -> Any:
    return (ParcelRow.tracking_no == parcel.tracking_no) & (ParcelRow.carrier == parcel.carrier)

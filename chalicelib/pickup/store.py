"""Tables `pickup_points` (hash `shop`, always the same; range point_id) and `pickup_codes` (hash code)."""

from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from ..kernel.clock import epoch, from_epoch
from ..storage.reads import Read
from ..storage.table import Row
from ..storage.writes import Write, outrun, put, update
from .rules import MOST_POINTS, PickupCode, PickupCodeNotFound, PickupCodeUsed, PickupPoint, PickupPointNotFound

SHOP = "#"


class PointRow(Row):
    class Meta:
        table_name = "pickup_points"

    shop = UnicodeAttribute(hash_key=True)
    point_id = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()
    address = UnicodeAttribute()
    phone = UnicodeAttribute()
    hours = UnicodeAttribute()
    open = BooleanAttribute()


class CodeRow(Row):
    class Meta:
        table_name = "pickup_codes"

    code = UnicodeAttribute(hash_key=True)
    member_id = UnicodeAttribute()
    order_id = UnicodeAttribute()
    used_at = NumberAttribute(null=True)
    used_by = UnicodeAttribute(null=True)


class PickupStore:
    def points(self) -> list[PickupPoint]:
        """By id; consistent."""
        return [_point(row) for row in PointRow.query(SHOP, consistent_read=True, limit=MOST_POINTS)]

    def point(self, point_id: str) -> Read[PickupPoint]:
        """Raises PickupPointNotFound, also for a closed one."""

        def made(rows: list[Any]) -> PickupPoint:
            if rows[0] is None or not rows[0].open:
                raise PickupPointNotFound
            return _point(rows[0])

        return Read((PointRow(SHOP, point_id),), made)

    def put_point(self, point: PickupPoint) -> Write:
        return put(
            PointRow(
                SHOP,
                point.point_id,
                name=point.name,
                address=point.address,
                phone=point.phone,
                hours=point.hours,
                open=point.open,
            )
        )

    def code(self, code: str) -> PickupCode:
        """Consistent. Raises PickupCodeNotFound."""
        try:
            row = CodeRow.get(code, consistent_read=True)
        except CodeRow.DoesNotExist as error:
            raise PickupCodeNotFound from error
        used_at = None if row.used_at is None else from_epoch(row.used_at)
        return PickupCode(row.code, row.member_id, row.order_id, used_at, row.used_by or "")

    def issued(self, code: PickupCode) -> Write:
        """Refuses with StorageBusy if an order has this code: whoever repeats the request draws another."""
        row = CodeRow(code.code, member_id=code.member_id, order_id=code.order_id)
        return put(row, new=True, otherwise=outrun())

    def used(self, code: PickupCode, who: str, now: datetime) -> Write:
        """Once. Refuses with PickupCodeUsed."""
        return update(
            CodeRow(code.code),
            CodeRow.used_at.set(epoch(now)),
            CodeRow.used_by.set(who),
            condition=CodeRow.code.exists() & CodeRow.used_at.does_not_exist(),
            otherwise=PickupCodeUsed(used_at=now),
        )


def _point(row: PointRow) -> PickupPoint:
    return PickupPoint(row.point_id, row.name, row.address, row.phone, row.hours, row.open)

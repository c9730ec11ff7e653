"""Tables `coupon_templates`, `coupons` and `coupon_counts`."""

from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection, LocalSecondaryIndex

from ..kernel.clock import epoch, from_epoch
from ..storage.attributes import Packed
from ..storage.due import DueIndex, DueRow
from ..storage.table import Row
from .rules import Coupon, CouponState, CouponTemplate, Source, Terms


class Shelf(GlobalSecondaryIndex["TemplateRow"]):
    """What can be claimed. Keys only, so that claiming, which changes the template, does not write the index."""

    class Meta:
        index_name = "shelf"
        projection = KeysOnlyProjection()

    shelf = UnicodeAttribute(hash_key=True)
    template_id = UnicodeAttribute(range_key=True)


class TemplateRow(Row):
    class Meta:
        table_name = "coupon_templates"

    by_shelf = Shelf()
    template_id = UnicodeAttribute(hash_key=True)
    shelf = UnicodeAttribute(null=True)
    terms: Packed[Terms] = Packed(Terms)
    total = NumberAttribute()
    claimed = NumberAttribute(default=0)
    per_member = NumberAttribute()
    valid_days = NumberAttribute(null=True)
    valid_from = NumberAttribute(null=True)
    valid_until = NumberAttribute(null=True)
    source = UnicodeAttribute()
    on_shelf = BooleanAttribute()


class ByStanding(LocalSecondaryIndex["CouponRow"]):
    """A member's coupons in the order in which they are shown."""

    class Meta:
        index_name = "by_standing"
        projection = AllProjection()

    member_id = UnicodeAttribute(hash_key=True)
    standing = UnicodeAttribute(range_key=True)


class CouponRow(DueRow):
    """`standing` is `OPEN#<expires_at>#<coupon_id>` or `USED#<used_at>#<coupon_id>`. Expiring does not change it:
    unused and expired are the two sides of the present moment.

    `rest_*` say how the coupon stands and what it waits for while it is unused. Spending leaves them alone, so that
    giving it back needs no reading.
    """

    class Meta:
        table_name = "coupons"

    due = DueIndex()
    by_standing = ByStanding()
    member_id = UnicodeAttribute(hash_key=True)
    coupon_id = UnicodeAttribute(range_key=True)
    template_id = UnicodeAttribute()
    terms: Packed[Terms] = Packed(Terms)
    source = UnicodeAttribute()
    state = UnicodeAttribute()
    claimed_at = NumberAttribute()
    valid_from = NumberAttribute()
    expires_at = NumberAttribute()
    used_at = NumberAttribute(null=True)
    order_id = UnicodeAttribute(null=True)
    reminded_at = NumberAttribute(null=True)
    standing = UnicodeAttribute()
    rest_standing = UnicodeAttribute()
    rest_shard = UnicodeAttribute()
    rest_at = NumberAttribute()


class CountRow(Row):
    """How many coupons of a template a member has claimed."""

    class Meta:
        table_name = "coupon_counts"

    member_id = UnicodeAttribute(hash_key=True)
    template_id = UnicodeAttribute(range_key=True)
    claimed = NumberAttribute(default=0)


def template_of(row: TemplateRow) -> CouponTemplate:
    return CouponTemplate(
        template_id=row.template_id,
        terms=row.terms,
        total=int(row.total),
        per_member=int(row.per_member),
        valid_days=None if row.valid_days is None else int(row.valid_days),
        valid_from=_moment(row.valid_from),
        valid_until=_moment(row.valid_until),
        source=Source(row.source),
        on_shelf=row.on_shelf,
        claimed=int(row.claimed),
    )


def coupon_row(coupon: Coupon, **waits: Any) -> CouponRow:
    """A new coupon's row; `waits` as `wait_for` answers it."""
    standing = f"OPEN#{epoch(coupon.expires_at):011d}#{coupon.coupon_id}"
    return CouponRow(
        coupon.member_id,
        coupon.coupon_id,
        template_id=coupon.template_id,
        terms=coupon.terms,
        source=coupon.source,
        state=coupon.state,
        claimed_at=epoch(coupon.claimed_at),
        valid_from=epoch(coupon.valid_from),
        expires_at=epoch(coupon.expires_at),
        standing=standing,
        rest_standing=standing,
        rest_shard=waits["due_shard"],
        rest_at=waits["due_at"],
        **waits,
    )


def coupon_of(row: CouponRow) -> Coupon:
    return Coupon(
        coupon_id=row.coupon_id,
        member_id=row.member_id,
        template_id=row.template_id,
        terms=row.terms,
        source=Source(row.source),
        state=CouponState(row.state),
        claimed_at=from_epoch(row.claimed_at),
        valid_from=from_epoch(row.valid_from),
        expires_at=from_epoch(row.expires_at),
        used_at=_moment(row.used_at),
        order_id=row.order_id,
        reminded=row.reminded_at is not None,
    )


def seconds(moment: datetime | None) -> int | None:
    return None if moment is None else epoch(moment)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else from_epoch(seconds)

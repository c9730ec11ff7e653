"""Templates and coupons as they are kept: finding, claiming, spending, giving back, expiring."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ..kernel.clock import epoch
from ..kernel.errors import ShopError
from ..kernel.paging import BadCursor, Page, decode_cursor, page_of
from ..storage.due import clear_due, due, shard_of, sweep, wait_for
from ..storage.reads import Read, Search, read
from ..storage.writes import Write, commit, put, update
from .rows import CountRow, CouponRow, TemplateRow, coupon_of, coupon_row, seconds, template_of
from .rules import (
    ClaimableTemplate,
    Coupon,
    CouponLimit,
    CouponNotFound,
    CouponNotUsable,
    CouponsGone,
    CouponState,
    CouponTemplate,
    CouponTemplateNotFound,
    Source,
)

REMIND = "remind"
EXPIRE = "expire"
ON_SHELF = "CLAIM"


class CouponStore:
    def put_template(self, template: CouponTemplate) -> None:
        """Create a template or change its terms; what was claimed stays counted."""
        on_offer = template.on_shelf and template.source is Source.CLAIM
        wanted: list[tuple[Attribute[Any], Any]] = [
            (TemplateRow.shelf, ON_SHELF if on_offer else None),
            (TemplateRow.terms, template.terms),
            (TemplateRow.total, template.total),
            (TemplateRow.per_member, template.per_member),
            (TemplateRow.valid_days, template.valid_days),
            (TemplateRow.valid_from, seconds(template.valid_from)),
            (TemplateRow.valid_until, seconds(template.valid_until)),
            (TemplateRow.source, template.source),
            (TemplateRow.on_shelf, template.on_shelf),
        ]
        changes = [field.remove() if value is None else field.set(value) for field, value in wanted]
        # No condition: the first time makes the row.
        claimed = TemplateRow.claimed.set(TemplateRow.claimed | 0)
        commit(update(TemplateRow(template.template_id), claimed, *changes))

    def template(self, member_id: str, template_id: str) -> ClaimableTemplate:
        """Raises CouponTemplateNotFound."""
        (one,) = self._with_counts(member_id, [template_id]) or (None,)
        if one is None:
            raise CouponTemplateNotFound
        return one

    def on_shelf(self, member_id: str, limit: int) -> list[ClaimableTemplate]:
        """Newest first."""
        shelf = TemplateRow.by_shelf.query(ON_SHELF, limit=limit, scan_index_forward=False)
        return self._with_counts(member_id, [row.template_id for row in shelf])

    def _with_counts(self, member_id: str, template_ids: Sequence[str]) -> list[ClaimableTemplate]:
        """Those of the templates that exist, with what the member has claimed of each."""
        half = len(template_ids)
        rows = read(*map(TemplateRow, template_ids), *(CountRow(member_id, each) for each in template_ids))
        pairs = zip(rows[:half], rows[half:], strict=True)
        return [ClaimableTemplate(template_of(row), int(count.claimed) if count else 0) for row, count in pairs if row]

    def claim(self, coupon: Coupon, per_member: int, remind_at: datetime) -> None:
        """Write the coupon, counted against the template's total and the member's share, in one step.

        Raises CouponLimit or CouponsGone.
        """
        template, count = TemplateRow(coupon.template_id), CountRow(coupon.member_id, coupon.template_id)
        left = (TemplateRow.claimed < TemplateRow.total) & (TemplateRow.on_shelf == True)  # noqa: E712
        below = CountRow.claimed.does_not_exist() | (CountRow.claimed < per_member)
        commit(
            update(count, CountRow.claimed.add(1), condition=below, otherwise=CouponLimit(limit=per_member)),
            update(template, TemplateRow.claimed.add(1), condition=left, otherwise=CouponsGone()),
            put(coupon_row(coupon, **wait_for(CouponRow, REMIND, coupon.coupon_id, remind_at)), new=True),
        )

    def get(self, member_id: str, coupon_id: str) -> Read[Coupon]:
        """Raises CouponNotFound."""

        def made(rows: list[CouponRow | None]) -> Coupon:
            (row,) = rows
            if row is None:
                raise CouponNotFound
            return coupon_of(row)

        return Read([CouponRow(member_id, coupon_id)], made, consistent=True)

    def page(
        self, member_id: str, state: CouponState, now: datetime, cursor: str | None, limit: int
    ) -> Search[Page[Coupon]]:
        """Unused ones with the first to expire in front; used and expired ones with the latest in front. Consistent."""
        first, last = _range(state, now)
        forward = state is CouponState.UNUSED
        if after := decode_cursor(cursor):
            if not first[:5] <= after <= last:
                raise BadCursor
            first, last = (max(first, after + "!"), last) if forward else (first, _below(after))

        def made(rows: list[CouponRow]) -> Page[Coupon]:
            page = page_of(rows, limit, lambda row: row.standing)
            return Page([coupon_of(row) for row in page.rows], page.next_cursor)

        within = CouponRow.standing.between(first, max(first, last))
        return Search(CouponRow.by_standing, member_id, made, limit + 1, within, ascending=forward, consistent=True)

    def spend(self, member_id: str, coupon_id: str, order_id: str, now: datetime) -> Write:
        """Refuses with CouponNotUsable unless the coupon is this member's, unused and valid now."""
        usable = (
            (CouponRow.state == CouponState.UNUSED)
            & (CouponRow.valid_from <= epoch(now))
            & (CouponRow.expires_at > epoch(now))
        )
        return update(
            CouponRow(member_id, coupon_id),
            CouponRow.state.set(CouponState.USED),
            CouponRow.order_id.set(order_id),
            CouponRow.used_at.set(epoch(now)),
            CouponRow.standing.set(f"USED#{epoch(now):011d}#{coupon_id}"),
            *clear_due(CouponRow),
            condition=usable,
            otherwise=CouponNotUsable(coupon_id=coupon_id),
        )

    def give_back(self, member_id: str, coupon_id: str, order_id: str) -> Write:
        return update(
            CouponRow(member_id, coupon_id),
            CouponRow.state.set(CouponState.UNUSED),
            CouponRow.order_id.remove(),
            CouponRow.used_at.remove(),
            CouponRow.standing.set(CouponRow.rest_standing),
            CouponRow.due_shard.set(CouponRow.rest_shard),
            CouponRow.due_at.set(CouponRow.rest_at),
            condition=CouponRow.order_id == order_id,
        )

    def sweep(
        self, job: str, now: datetime, work: Callable[[str, str], object], failed: Callable[[str, Exception], None]
    ) -> int:
        """Do `work(member_id, coupon_id)` for each coupon that is due; failures go to `failed` with the coupon's id."""
        return sweep(
            due(CouponRow, job, now),
            lambda row: work(row.member_id, row.coupon_id),
            now,
            lambda row, error: failed(row.coupon_id, error),
        )

    def mark_reminded(self, member_id: str, coupon_id: str, now: datetime) -> Coupon | None:
        """The coupon, if it is unused and unexpired and this call is the one that marked it; None otherwise."""
        row = CouponRow(member_id, coupon_id)
        unmarked = CouponRow.reminded_at.does_not_exist() & (CouponRow.expires_at > epoch(now))
        changed = _changed(
            row,
            CouponRow.reminded_at.set(epoch(now)),
            *_wait(EXPIRE, coupon_id, CouponRow.expires_at),
            condition=(CouponRow.state == CouponState.UNUSED) & unmarked,
        )
        # An update leaves the whole row in `row`, as it is now stored.
        return coupon_of(row) if changed else None

    def remind_again(self, coupon: Coupon, at: datetime) -> None:
        """Take the mark away, unless the coupon was spent meanwhile."""
        marked = (CouponRow.state == CouponState.UNUSED) & CouponRow.reminded_at.exists()
        row = CouponRow(coupon.member_id, coupon.coupon_id)
        _changed(row, CouponRow.reminded_at.remove(), *_wait(REMIND, coupon.coupon_id, epoch(at)), condition=marked)

    def expire(self, member_id: str, coupon_id: str, now: datetime) -> bool:
        """Whether this call wrote down that the coupon expired: not if it was spent, or expired before."""
        overdue = (CouponRow.state == CouponState.UNUSED) & (CouponRow.expires_at <= epoch(now))
        row = CouponRow(member_id, coupon_id)
        return _changed(row, CouponRow.state.set(CouponState.EXPIRED), *clear_due(CouponRow), condition=overdue)


class _Changed(ShopError):
    """Never leaves this module: the row is not as it was found."""

    code = "COUPON_CHANGED"


def _changed(row: CouponRow, *actions: Action, condition: Condition) -> bool:
    try:
        commit(update(row, *actions, condition=condition, otherwise=_Changed()))
    except _Changed:
        return False
    return True


def _wait(job: str, coupon_id: str, at: Any) -> list[Action]:
    """Wait for `job`, now and whenever the coupon is given back. `at`: seconds, or an attribute that holds them."""
    shard = shard_of(CouponRow, job, coupon_id)
    return [
        CouponRow.due_shard.set(shard),
        CouponRow.due_at.set(at),
        CouponRow.rest_shard.set(shard),
        CouponRow.rest_at.set(at),
    ]


def _range(state: CouponState, now: datetime) -> tuple[str, str]:
    """First and last `standing` of a state, as seen now."""
    if state is CouponState.USED:
        return "USED#", "USED#~"
    if state is CouponState.UNUSED:
        return f"OPEN#{epoch(now) + 1:011d}", "OPEN#~"
    return "OPEN#", f"OPEN#{epoch(now):011d}#~"


def _below(standing: str) -> str:
    """What no smaller standing exceeds: ids have one length and no character above `~`."""
    return standing[:-1] + chr(ord(standing[-1]) - 1) + "~"

"""Claiming, holding, spending and expiring coupons."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from ..kernel.clock import Clock
from ..kernel.ids import new_id
from ..kernel.paging import Page
from ..messaging import Delivery, Message, coupon_expiring
from ..storage.reads import Read, Search, fetch, search
from ..storage.writes import Write
from .rules import (
    ClaimableTemplate,
    Coupon,
    CouponState,
    CouponTemplate,
    CouponTemplateNotFound,
    Source,
    check_template,
    claim_ended,
    new_coupon,
    reminder_at,
)
from .store import EXPIRE, REMIND, CouponStore

MOST_ON_SHELF = 40
MOST_USABLE = 100
REMIND_AGAIN = timedelta(minutes=5)

Failed = Callable[[str, Exception], None]
"""Told the coupon's id and what happened."""


class Messages(Protocol):
    def send(self, member_id: str, message: Message, once: str) -> Delivery: ...


class Coupons:
    def __init__(self, store: CouponStore, messaging: Messages, clock: Clock, remind_hours: int = 24) -> None:
        self._store = store
        self._messaging = messaging
        self._clock = clock
        self._remind_before = timedelta(hours=remind_hours)

    def put_template(self, template: CouponTemplate) -> None:
        """Create or change a template; coupons already claimed keep their terms. Raises CouponTemplateInvalid."""
        check_template(template)
        self._store.put_template(template)

    def claimable(self, member_id: str) -> list[ClaimableTemplate]:
        """What the shop offers for claiming, newest first, also what is gone or claimed by the member already."""
        now = self._clock()
        offered = self._store.on_shelf(member_id, MOST_ON_SHELF)
        return [one for one in offered if not claim_ended(one.template, now)]

    def claim(self, member_id: str, template_id: str) -> Coupon:
        """Raises CouponTemplateNotFound, CouponClaimEnded, CouponsGone, CouponLimit."""
        offered = self._store.template(member_id, template_id)
        if offered.template.source is not Source.CLAIM:
            raise CouponTemplateNotFound
        return self._hand_out(offered, member_id, Source.CLAIM)

    def grant(self, member_id: str, template_id: str) -> Coupon:
        """Hand a coupon to a member by the staff, within the template's numbers. Raises what `claim` raises."""
        return self._hand_out(self._store.template(member_id, template_id), member_id, Source.ADMIN)

    def mine(self, member_id: str, state: CouponState, cursor: str | None, limit: int) -> Search[Page[Coupon]]:
        """Raises BadCursor."""
        return self._store.page(member_id, state, self._clock(), cursor, limit)

    def usable(self, member_id: str, now: datetime) -> list[Coupon]:
        """What may be spent now, the first to expire in front; at most 100."""
        return search(self.reads_usable(member_id, now))

    def reads_usable(self, member_id: str, now: datetime) -> Search[list[Coupon]]:
        """`usable`, to be read together with other things."""
        unused = self._store.page(member_id, CouponState.UNUSED, now, None, MOST_USABLE)
        return unused.then(lambda page: [coupon for coupon in page.rows if coupon.usable(now)])

    def get(self, member_id: str, coupon_id: str) -> Coupon:
        """Raises CouponNotFound, also for another member's coupon."""
        (coupon,) = fetch(self.reads(member_id, coupon_id))
        return coupon

    def reads(self, member_id: str, coupon_id: str) -> Read[Coupon]:
        """`get`, to be read together with other things."""
        return self._store.get(member_id, coupon_id)

    def spend(self, member_id: str, coupon_id: str, order_id: str, now: datetime) -> Write:
        """Joins the placing of the order; refuses with CouponNotUsable."""
        return self._store.spend(member_id, coupon_id, order_id, now)

    def give_back(self, member_id: str, coupon_id: str, order_id: str, now: datetime) -> Write:
        """Joins the closing or full refund of the order that spent it. An expired one is given back too, and counts as
        expired."""
        return self._store.give_back(member_id, coupon_id, order_id)

    def remind_due(self, now: datetime, failed: Failed) -> int:
        """Remind of coupons that expire soon: each at most once, also when two runs meet. Returns how many it saw.

        A coupon is marked before its message is sent, so a process that dies in between costs the message. Only when
        the platform certainly did not send it, the mark is taken away and the reminder tried again a little later. One
        message is about one coupon.
        """

        def remind(member_id: str, coupon_id: str) -> None:
            coupon = self._store.mark_reminded(member_id, coupon_id, now)
            if coupon is None:
                self._store.expire(member_id, coupon_id, now)
                return
            message = coupon_expiring(coupon_id, coupon.terms.title, coupon.expires_at)
            if self._messaging.send(member_id, message, f"coupon_expiring:{coupon_id}") is Delivery.RETRY:
                self._store.remind_again(coupon, now + REMIND_AGAIN)

        return self._store.sweep(REMIND, now, remind, failed)

    def expire_due(self, now: datetime, failed: Failed) -> int:
        """Write down which coupons expired. Readers do not wait for it. Returns how many it saw."""
        return self._store.sweep(EXPIRE, now, lambda member, coupon: self._store.expire(member, coupon, now), failed)

    def _hand_out(self, offered: ClaimableTemplate, member_id: str, source: Source) -> Coupon:
        now = self._clock()
        # What can be seen to be over is refused without a write; the writes decide the rest.
        coupon = new_coupon(offered, member_id, new_id(now), source, now)
        self._store.claim(coupon, offered.template.per_member, reminder_at(coupon, self._remind_before))
        return coupon

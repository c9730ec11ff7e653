"""What a coupon is worth, when it counts, and why one is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..kernel.errors import Invalid, NotFound, Refused


class CouponKind(StrEnum):
    """AMOUNT takes `value` fen off the goods; PERCENT takes `value` percent off, at most `cap` fen; FREIGHT takes
    `value` fen off the freight."""

    AMOUNT = "AMOUNT"
    PERCENT = "PERCENT"
    FREIGHT = "FREIGHT"


class ScopeKind(StrEnum):
    ALL = "ALL"
    CATEGORY = "CATEGORY"
    PRODUCT = "PRODUCT"


class Source(StrEnum):
    """How a member comes by a coupon: by claiming it, or from the staff."""

    CLAIM = "CLAIM"
    ADMIN = "ADMIN"


class CouponState(StrEnum):
    UNUSED = "UNUSED"
    USED = "USED"
    EXPIRED = "EXPIRED"


TRANSITIONS: Mapping[CouponState, frozenset[CouponState]] = {
    CouponState.UNUSED: frozenset({CouponState.USED, CouponState.EXPIRED}),
    CouponState.USED: frozenset({CouponState.UNUSED}),
    CouponState.EXPIRED: frozenset(),
}


class CouponTemplateInvalid(Invalid):
    """`details.field` names what is wrong."""

    code = "COUPON_TEMPLATE_INVALID"
    message = "优惠券设置有误"


class CouponTemplateNotFound(NotFound):
    code = "COUPON_TEMPLATE_NOT_FOUND"
    message = "优惠券活动不存在"


class CouponClaimEnded(Refused):
    """Taken down, or what is claimed now would be expired already."""

    code = "COUPON_CLAIM_ENDED"
    message = "该优惠券已停止领取"


class CouponsGone(Refused):
    """All coupons of the template have been claimed."""

    code = "COUPONS_GONE"
    message = "优惠券已被领完"


class CouponLimit(Refused):
    """The member has claimed as many as one member may; `details.limit` says how many."""

    code = "COUPON_LIMIT"
    message = "您已领取过该优惠券"


class CouponNotFound(NotFound):
    code = "COUPON_NOT_FOUND"
    message = "优惠券不存在"


class CouponNotUsable(Refused):
    """Used, expired or not yet valid."""

    code = "COUPON_NOT_USABLE"
    message = "优惠券不可用，请重新选择"


@dataclass(frozen=True)
class Terms:
    """What a coupon gives. Money in fen. `threshold`: what the goods in scope must come to. `cap`: PERCENT only.

    `scope_ids`: category or product ids; empty for ALL.
    """

    kind: CouponKind
    title: str
    value: int
    threshold: int = 0
    cap: int | None = None
    scope_kind: ScopeKind = ScopeKind.ALL
    scope_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class CouponTemplate:
    """An offer of the shop: `total` coupons, at most `per_member` each.

    Coupons count from claiming for `valid_days` times 24 hours, or else from `valid_from` to before `valid_until`.
    """

    template_id: str
    terms: Terms
    total: int
    per_member: int = 1
    valid_days: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    source: Source = Source.CLAIM
    on_shelf: bool = True
    claimed: int = 0

    @property
    def gone(self) -> bool:
        return self.claimed >= self.total


@dataclass(frozen=True)
class Coupon:
    """`state` is as stored: ask `state_at`. `reminded`: the expiry reminder was sent or tried."""

    coupon_id: str
    member_id: str
    template_id: str
    terms: Terms
    source: Source
    state: CouponState
    claimed_at: datetime
    valid_from: datetime
    expires_at: datetime
    used_at: datetime | None = None
    order_id: str | None = None
    reminded: bool = False

    def state_at(self, now: datetime) -> CouponState:
        if self.state is CouponState.UNUSED and self.expires_at <= now:
            return CouponState.EXPIRED
        return self.state

    def usable(self, now: datetime) -> bool:
        return self.state is CouponState.UNUSED and self.valid_from <= now < self.expires_at

    def usable_at(self, now: datetime) -> "Coupon":
        """Itself. Raises CouponNotUsable."""
        if not self.usable(now):
            raise CouponNotUsable(coupon_id=self.coupon_id)
        return self


@dataclass(frozen=True)
class ClaimableTemplate:
    """A template as one member sees it."""

    template: CouponTemplate
    claimed_by_member: int

    @property
    def claimable(self) -> bool:
        return not self.template.gone and self.claimed_by_member < self.template.per_member


def check_template(template: CouponTemplate) -> None:
    """Raises CouponTemplateInvalid for what no coupon could be made of."""
    terms = template.terms
    wrong = [
        ("title", not terms.title.strip()),
        ("value", terms.value < 1 or (terms.kind is CouponKind.PERCENT and terms.value > 99)),
        ("cap", terms.cap is not None and (terms.cap < 1 or terms.kind is not CouponKind.PERCENT)),
        ("threshold", terms.threshold < 0),
        ("scope_ids", bool(terms.scope_ids) == (terms.scope_kind is ScopeKind.ALL)),
        ("total", template.total < 1),
        ("per_member", template.per_member < 1),
        ("valid_days", not _one_validity(template)),
    ]
    for field, is_wrong in wrong:
        if is_wrong:
            raise CouponTemplateInvalid(field=field)


def _one_validity(template: CouponTemplate) -> bool:
    if template.valid_days is not None:
        return template.valid_days >= 1 and template.valid_from is None and template.valid_until is None
    if template.valid_from is None or template.valid_until is None:
        return False
    return template.valid_from < template.valid_until


def validity(template: CouponTemplate, now: datetime) -> tuple[datetime, datetime]:
    """From when, and to before when, a coupon claimed now counts. Whole seconds, as stored."""
    if template.valid_days is not None:
        start = now.replace(microsecond=0)
        return start, start + timedelta(days=template.valid_days)
    assert template.valid_from is not None, "check_template lets no such template pass"
    assert template.valid_until is not None, "check_template lets no such template pass"
    return template.valid_from.replace(microsecond=0), template.valid_until.replace(microsecond=0)


def claim_ended(template: CouponTemplate, now: datetime) -> bool:
    return not template.on_shelf or validity(template, now)[1] <= now


def new_coupon(offered: ClaimableTemplate, member_id: str, coupon_id: str, source: Source, now: datetime) -> Coupon:
    """Raises CouponClaimEnded, CouponsGone or CouponLimit."""
    template = offered.template
    if claim_ended(template, now):
        raise CouponClaimEnded
    if offered.claimed_by_member >= template.per_member:
        raise CouponLimit(limit=template.per_member)
    if template.gone:
        raise CouponsGone
    valid_from, expires_at = validity(template, now)
    return Coupon(
        coupon_id=coupon_id,
        member_id=member_id,
        template_id=template.template_id,
        terms=template.terms,
        source=source,
        state=CouponState.UNUSED,
        claimed_at=now.replace(microsecond=0),
        valid_from=valid_from,
        expires_at=expires_at,
    )


def reminder_at(coupon: Coupon, before: timedelta) -> datetime:
    """When to remind of the coupon's end: some time before, but not before it was claimed and counts."""
    return max(coupon.expires_at - before, coupon.claimed_at, coupon.valid_from)

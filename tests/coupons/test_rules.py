from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.coupons.rules import (
    ClaimableTemplate,
    Coupon,
    CouponClaimEnded,
    CouponKind,
    CouponLimit,
    CouponNotUsable,
    CouponsGone,
    CouponState,
    CouponTemplate,
    CouponTemplateInvalid,
    ScopeKind,
    Source,
    check_template,
    claim_ended,
    new_coupon,
    reminder_at,
    validity,
)
from tests.coupons.world import TERMS, template
from tests.messaging.fakes import NOON

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def dated(start: datetime = NOON, end: datetime = NOON + DAY) -> CouponTemplate:
    return template(valid_days=None, valid_from=start, valid_until=end)


def coupon(offered: CouponTemplate | None = None, now: datetime = NOON) -> Coupon:
    return new_coupon(ClaimableTemplate(offered or template(), 0), "M1", "C1", Source.CLAIM, now)


def test_a_coupon_keeps_the_terms_of_its_template() -> None:
    made = coupon(template(template_id="T9"))
    assert (made.template_id, made.terms, made.state) == ("T9", TERMS, CouponState.UNUSED)


def test_days_count_from_claiming_in_whole_seconds() -> None:
    made = coupon(template(valid_days=7), NOON + timedelta(microseconds=999_999))
    assert (made.claimed_at, made.valid_from, made.expires_at) == (NOON, NOON, NOON + 7 * DAY)


def test_dates_hold_whenever_it_is_claimed() -> None:
    made = coupon(dated(NOON + DAY, NOON + 3 * DAY))
    assert (made.claimed_at, made.valid_from, made.expires_at) == (NOON, NOON + DAY, NOON + 3 * DAY)


def test_a_coupon_counts_from_its_first_second_until_before_its_last() -> None:
    made = coupon(dated(NOON + DAY, NOON + 2 * DAY))
    moments = [NOON + DAY - SECOND, NOON + DAY, NOON + 2 * DAY - SECOND, NOON + 2 * DAY]
    assert [made.usable(moment) for moment in moments] == [False, True, True, False]
    assert made.usable_at(NOON + DAY) is made
    with pytest.raises(CouponNotUsable):
        made.usable_at(NOON + 2 * DAY)


def test_an_unused_coupon_is_expired_by_time_alone_and_a_used_one_stays_used() -> None:
    made = coupon()
    end = made.expires_at
    assert [made.state_at(at) for at in (end - SECOND, end)] == [CouponState.UNUSED, CouponState.EXPIRED]
    assert replace(made, state=CouponState.USED).state_at(end) is CouponState.USED
    assert not replace(made, state=CouponState.USED).usable(NOON)


@pytest.mark.parametrize(
    ("offered", "refusal"),
    [
        (ClaimableTemplate(template(on_shelf=False), 0), CouponClaimEnded),
        (ClaimableTemplate(dated(NOON - DAY, NOON), 0), CouponClaimEnded),
        (ClaimableTemplate(template(total=5, claimed=5), 0), CouponsGone),
        (ClaimableTemplate(template(per_member=2), 2), CouponLimit),
        (ClaimableTemplate(template(total=5, claimed=5, per_member=1), 1), CouponLimit),
    ],
)
def test_what_is_over_gone_or_had_already_is_refused(offered: ClaimableTemplate, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        new_coupon(offered, "M1", "C1", Source.CLAIM, NOON)


def test_claiming_ends_when_a_coupon_claimed_now_would_be_expired() -> None:
    assert not claim_ended(dated(NOON - DAY, NOON + SECOND), NOON)
    assert claim_ended(dated(NOON - DAY, NOON), NOON)


def test_a_member_may_claim_what_is_neither_gone_nor_had_already() -> None:
    offers = [(4, 0), (5, 0), (4, 1)]
    claimable = [ClaimableTemplate(template(total=5, claimed=n, per_member=1), mine).claimable for n, mine in offers]
    assert claimable == [True, False, False]


@given(days=st.integers(1, 30), hours=st.integers(1, 72), starts_in=st.integers(-30, 30))
def test_the_reminder_comes_in_time_but_never_before_the_coupon_counts(days: int, hours: int, starts_in: int) -> None:
    start = NOON + starts_in * DAY
    offered = dated(start, max(start, NOON) + days * DAY)
    made = coupon(offered)
    at = reminder_at(made, timedelta(hours=hours))
    assert max(NOON, start) <= at < made.expires_at
    assert at in (made.expires_at - timedelta(hours=hours), NOON, start)


def test_a_coupon_claimed_on_its_last_day_is_reminded_of_at_once() -> None:
    assert reminder_at(coupon(dated(NOON - DAY, NOON + SECOND)), DAY) == NOON


@pytest.mark.parametrize(
    "sound",
    [
        template(),
        dated(),
        template(terms=replace(TERMS, kind=CouponKind.PERCENT, value=99, cap=5000)),
        template(terms=replace(TERMS, kind=CouponKind.PERCENT, value=1)),
        template(terms=replace(TERMS, kind=CouponKind.FREIGHT, threshold=0)),
        template(terms=replace(TERMS, scope_kind=ScopeKind.CATEGORY, scope_ids=("c1",))),
    ],
)
def test_sound_templates_are_taken(sound: CouponTemplate) -> None:
    check_template(sound)
    start, end = validity(sound, NOON)
    assert start < end


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("title", {"terms": replace(TERMS, title=" ")}),
        ("value", {"terms": replace(TERMS, value=0)}),
        ("value", {"terms": replace(TERMS, kind=CouponKind.PERCENT, value=100)}),
        ("cap", {"terms": replace(TERMS, cap=100)}),
        ("cap", {"terms": replace(TERMS, kind=CouponKind.PERCENT, value=10, cap=0)}),
        ("threshold", {"terms": replace(TERMS, threshold=-1)}),
        ("scope_ids", {"terms": replace(TERMS, scope_ids=("c1",))}),
        ("scope_ids", {"terms": replace(TERMS, scope_kind=ScopeKind.PRODUCT)}),
        ("total", {"total": 0}),
        ("per_member", {"per_member": 0}),
        ("valid_days", {"valid_days": 0}),
        ("valid_days", {"valid_days": None}),
        ("valid_days", {"valid_days": None, "valid_from": NOON}),
        ("valid_days", {"valid_days": None, "valid_until": NOON}),
        ("valid_days", {"valid_days": None, "valid_from": NOON, "valid_until": NOON}),
        ("valid_days", {"valid_from": NOON}),
        ("valid_days", {"valid_until": NOON}),
    ],
)
def test_templates_of_which_no_coupon_could_be_made_are_refused(field: str, changed: dict[str, Any]) -> None:
    with pytest.raises(CouponTemplateInvalid) as refused:
        check_template(template(**changed))
    assert refused.value.details == {"field": field}

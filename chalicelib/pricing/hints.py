"""What is missing for the next saving."""

from collections.abc import Sequence

from ..kernel.money import yuan
from .terms import CouponKind, CouponOffer, Hint, Line, Measure, Priced, Promotion, Tier


def promotion_hint(promotion: Promotion, amount: int, pieces: int, saved: int) -> list[Hint]:
    """For the nearest tier, if any, beyond `amount` fen or `pieces` that saves more than the `saved` fen of now."""
    reached = amount if promotion.measure is Measure.AMOUNT else pieces
    for tier in sorted(promotion.tiers, key=lambda tier: tier.reach):
        least = max(amount, tier.reach) if promotion.measure is Measure.AMOUNT else amount
        saves = tier.saves(least)
        if tier.reach > reached and saves > saved:
            missing = tier.reach - reached
            text = f"再买{_much(promotion.measure, missing)}{_reward(tier)}"
            return [Hint("PROMOTION", promotion.promotion_id, promotion.measure, missing, saves, text)]
    return []


def coupon_hints(lines: Sequence[Line], priced: Priced, coupons: Sequence[CouponOffer]) -> tuple[Hint, ...]:
    """For coupons whose threshold goods in their scope do not reach; nearest first. `priced` is without a coupon."""
    left = [line.subtotal - line.discount for line in priced.lines]
    found = []
    for coupon in coupons:
        covered = [i for i, line in enumerate(lines) if line.discountable and coupon.scope.covers(line)]
        missing = coupon.threshold - sum(left[i] for i in covered)
        if covered and missing > 0:
            text = f"再买{_much(Measure.AMOUNT, missing)}可用「{coupon.title}」"
            found.append(Hint("COUPON", coupon.coupon_id, Measure.AMOUNT, missing, _worth(coupon), text))
    return tuple(sorted(found, key=lambda hint: hint.missing))


def short_yuan(fen: int) -> str:
    """`20` for 2000 and `19.9` for 1990, as price tags say it."""
    text = yuan(fen)
    return text.rstrip("0").rstrip(".")


def _worth(coupon: CouponOffer) -> int:
    """Fen that the coupon takes off when its threshold is just reached."""
    if coupon.kind is CouponKind.PERCENT:
        off = coupon.threshold * coupon.value // 100
        return off if coupon.cap is None else min(coupon.cap, off)
    return coupon.value


def _much(measure: Measure, missing: int) -> str:
    return f"{short_yuan(missing)}元" if measure is Measure.AMOUNT else f"{missing}件"


def _reward(tier: Tier) -> str:
    if tier.off:
        return f"减{short_yuan(tier.off)}元"
    if tier.percent_off == 100:
        return "免单"
    tenths, hundredths = divmod(100 - tier.percent_off, 10)
    return f"打{tenths}.{hundredths}折" if hundredths else f"打{tenths}折"

"""The steps of a price, and the search for the cheapest way through them.

A step takes a draft and gives the drafts that it can become: with and without a promotion, with and without a coupon.
Of all ways through the steps the cheapest for the shopper counts, so that one more promotion or coupon never makes an
order dearer, even where it takes goods below the threshold of another. A new discount is a new step in STEPS.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..kernel.money import share
from .freight import Parcel
from .terms import CouponKind, CouponOffer, Line, Measure, Promotion, Scope, ScopeKind

# Narrow before wide: a promotion counts what the narrower ones have left.
SCOPES = (ScopeKind.PRODUCT, ScopeKind.CATEGORY, ScopeKind.ALL)

# Ways of combining promotions that are kept in mind: all there are of six promotions, the cheapest of more.
MOST_DRAFTS = 64


@dataclass(frozen=True)
class Basket:
    """All that is given. `parcels` is None as long as freight is not known."""

    lines: tuple[Line, ...]
    promotions: tuple[Promotion, ...]
    coupons: tuple[CouponOffer, ...]
    parcels: tuple[Parcel, ...] | None
    _covered: dict[Scope, tuple[int, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def covered(self, scope: Scope) -> tuple[int, ...]:
        """Positions of the lines in scope that take discounts."""
        covered = self._covered.get(scope)
        if covered is None:
            self._covered[scope] = covered = tuple(
                i for i, line in enumerate(self.lines) if line.discountable and scope.covers(line)
            )
        return covered

    @property
    def most_freight(self) -> int:
        return sum(parcel.fee for parcel in self.parcels or ())

    def pieces(self, covered: Iterable[int]) -> int:
        return sum(self.lines[i].quantity for i in covered)


@dataclass(frozen=True)
class Applied:
    """One discount that a draft took. `parts` are fen by position."""

    kind: str
    id: str
    title: str
    parts: Mapping[int, int]

    @classmethod
    def coupon(cls, coupon: CouponOffer, parts: Mapping[int, int]) -> "Applied":
        return cls("COUPON", coupon.coupon_id, coupon.title, parts)


@dataclass(frozen=True)
class Draft:
    """One way to price the basket, so far: `goods` and `freight` are fen still payable, by position.

    `busy` are the lines that take part in a promotion of the kind of scope at hand.
    """

    goods: tuple[int, ...]
    freight: tuple[int, ...]
    applied: tuple[Applied, ...] = ()
    coupon: CouponOffer | None = None
    busy: frozenset[int] = frozenset()

    @property
    def payable(self) -> int:
        return sum(self.goods) + sum(self.freight)


Step = Callable[[Basket, Draft], Iterable[Draft]]


def full_reduction(basket: Basket, draft: Draft) -> list[Draft]:
    """Promotions (满减 / 满件折), narrow scopes first; of those of one kind of scope, a line takes part in one."""
    drafts = [draft]
    for kind in SCOPES:
        drafts = [replace(each, busy=frozenset()) if each.busy else each for each in drafts]
        for promotion in (each for each in basket.promotions if each.scope.kind is kind):
            drafts += [after for each in drafts for after in _promoted(basket, each, promotion)]
            drafts = _cheapest(drafts)
    # Whoever lies behind by more than a coupon and all freight can make up cannot win.
    goods = [line.subtotal for line in basket.lines]
    most_off = max((_coupon_saves(basket, coupon, goods) for coupon in basket.coupons), default=0)
    least = min(sum(each.goods) for each in drafts)
    return [each for each in drafts if sum(each.goods) <= least + most_off + basket.most_freight]


def one_coupon(basket: Basket, draft: Draft) -> list[Draft]:
    """Without a coupon, or with any one whose threshold is reached by what is left in its scope.

    Only those that can win: what one coupon saves less than another, freight must be able to make up.
    """
    reached = [coupon for coupon in basket.coupons if _reached(basket, coupon, draft.goods)]
    saves = [_coupon_saves(basket, coupon, draft.goods) for coupon in reached]
    enough = max([0, *saves]) - basket.most_freight
    drafts = [draft] if enough <= 0 else []
    for coupon, off in zip(reached, saves, strict=True):
        if off >= enough:
            parts = parts_of(off, basket.covered(coupon.scope), draft.goods)
            applied = (*draft.applied, Applied.coupon(coupon, parts)) if parts else draft.applied
            drafts.append(replace(draft, goods=less(draft.goods, parts), applied=applied, coupon=coupon))
    return drafts


def freight_fee(basket: Basket, draft: Draft) -> list[Draft]:
    """Each parcel's fee, shared by what its template counts; nothing from its free threshold on."""
    if not basket.parcels:
        return [draft]
    fees = [0] * len(basket.lines)
    for parcel in basket.parcels:
        if parcel.free_from is not None and sum(draft.goods[i] for i in parcel.lines) >= parcel.free_from:
            continue
        for i, part in zip(parcel.lines, share(parcel.fee, parcel.units), strict=True):
            fees[i] = part
    return [replace(draft, freight=tuple(fees))]


def freight_coupon(basket: Basket, draft: Draft) -> list[Draft]:
    """A freight coupon takes off the freight of the lines in its scope."""
    coupon = draft.coupon
    if coupon is None or coupon.kind is not CouponKind.FREIGHT:
        return [draft]
    covered = basket.covered(coupon.scope)
    amount = min(coupon.value, sum(draft.freight[i] for i in covered))
    parts = parts_of(amount, covered, draft.freight)
    applied = (*draft.applied, Applied.coupon(coupon, parts))
    return [replace(draft, freight=less(draft.freight, parts), applied=applied)]


# Gifts belong between full_reduction and one_coupon. Points pay a part of what comes out: points.py.
STEPS: tuple[Step, ...] = (full_reduction, one_coupon, freight_fee, freight_coupon)


def settle(basket: Basket) -> Draft:
    """The cheapest draft."""
    drafts = [Draft(tuple(line.subtotal for line in basket.lines), (0,) * len(basket.lines))]
    for step in STEPS:
        drafts = [after for draft in drafts for after in step(basket, draft)]
    # A coupon that makes no difference stays with the shopper.
    return min(drafts, key=lambda draft: (draft.payable, draft.coupon is not None))


def _promoted(basket: Basket, draft: Draft, promotion: Promotion) -> list[Draft]:
    """The draft with the promotion, if it is reached and none of its lines is busy."""
    covered = basket.covered(promotion.scope)
    if not draft.busy.isdisjoint(covered):
        return []
    saves = _promotion_saves(promotion, sum(draft.goods[i] for i in covered), basket.pieces(covered))
    if not saves:
        return []
    parts = parts_of(saves, covered, draft.goods)
    applied = (*draft.applied, Applied("PROMOTION", promotion.promotion_id, promotion.title, parts))
    return [replace(draft, goods=less(draft.goods, parts), applied=applied, busy=draft.busy.union(covered))]


def _cheapest(drafts: Sequence[Draft]) -> list[Draft]:
    """Without those that come to the same, and not too many."""
    different = {(draft.goods, draft.busy): draft for draft in reversed(drafts)}
    return sorted(different.values(), key=lambda draft: sum(draft.goods))[:MOST_DRAFTS]


def _promotion_saves(promotion: Promotion, amount: int, pieces: int) -> int:
    reached = amount if promotion.measure is Measure.AMOUNT else pieces
    return max((tier.saves(amount) for tier in promotion.tiers if tier.reach <= reached), default=0)


def _reached(basket: Basket, coupon: CouponOffer, goods: Sequence[int]) -> bool:
    covered = basket.covered(coupon.scope)
    return bool(covered) and sum(goods[i] for i in covered) >= coupon.threshold


def _coupon_saves(basket: Basket, coupon: CouponOffer, goods: Sequence[int]) -> int:
    """Fen off the goods, if the coupon is reached: nothing for a freight coupon."""
    amount = sum(goods[i] for i in basket.covered(coupon.scope))
    if coupon.kind is CouponKind.FREIGHT:
        return 0
    if coupon.kind is CouponKind.AMOUNT:
        return min(coupon.value, amount)
    off = amount * coupon.value // 100
    return off if coupon.cap is None else min(coupon.cap, off)


def parts_of(amount: int, covered: Sequence[int], payable: Sequence[int]) -> dict[int, int]:
    parts = share(amount, [payable[i] for i in covered])
    return {i: part for i, part in zip(covered, parts, strict=True) if part}


def less(payable: Sequence[int], parts: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(fen - parts.get(i, 0) for i, fen in enumerate(payable))

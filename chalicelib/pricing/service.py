"""Price rules as the merchant sets them, and what other domains know put into the terms of pricing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from ..catalog import Offer
from ..coupons import Coupon
from ..kernel.clock import Clock
from ..storage.reads import Read, Wish, fetch
from .store import PriceRuleStore
from .terms import CouponKind, CouponOffer, FreightTemplate, Line, PointsRule, PriceRules, Promotion, Scope, ScopeKind

KEPT = timedelta(seconds=3)
"""How long a process goes by the rules that it read: every cart and order of the shop asks for them, and one partition
answers no more than 3,000 read units a second. A price is agreed to before it is paid: nobody pays an old one unawares.
"""


class Promotions:
    """A change of rules counts everywhere after KEPT."""

    def __init__(self, store: PriceRuleStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kept: tuple[datetime, PriceRules] | None = None

    def rules(self) -> PriceRules:
        """The promotions that run now, all freight templates, and the points rule: one query, if they are not kept."""
        (rules,) = fetch(self.reads_rules())
        return rules

    def reads_rules(self) -> Wish[PriceRules]:
        """`rules`, to be read together with other things."""
        kept = self._kept  # another thread may let go of it
        if kept is not None and kept[0] <= self._clock() < kept[0] + KEPT:
            return Read((), lambda _: self._running(kept[1]))
        return self._store.all().then(self._keep).then(self._running)

    def put_promotion(self, promotion: Promotion) -> None:
        """Create or replace; orders already placed keep their price."""
        self._change(lambda: self._store.put_promotion(promotion))

    def put_freight_template(self, template: FreightTemplate) -> None:
        """Create or replace; orders already placed keep their freight."""
        self._change(lambda: self._store.put_freight_template(template))

    def remove_promotion(self, promotion_id: str) -> None:
        """Also when there is none."""
        self._change(lambda: self._store.remove_promotion(promotion_id))

    def put_points_rule(self, rule: PointsRule) -> None:
        """Begin with points, or change what they are worth; orders already placed keep what theirs were."""
        self._change(lambda: self._store.put_points_rule(rule))

    def remove_points_rule(self) -> None:
        """Points are neither spent nor earned from now on; what members have stays theirs."""
        self._change(self._store.remove_points_rule)

    def _change(self, write: Callable[[], None]) -> None:
        try:
            write()
        finally:  # also where nobody knows whether it was written
            self._kept = None

    def _keep(self, rules: PriceRules) -> PriceRules:
        self._kept = self._clock(), rules
        return rules

    def _running(self, rules: PriceRules) -> PriceRules:
        now = self._clock()
        return replace(rules, promotions=tuple(promotion for promotion in rules.promotions if promotion.running(now)))


def line_of(offer: Offer, quantity: int, campaign_price: int | None = None) -> Line:
    """So many pieces of a SKU, as pricing takes them."""
    return Line(
        sku_id=offer.sku_id,
        product_id=offer.product_id,
        category_ids=offer.category_ids,
        quantity=quantity,
        shop_price=offer.price,
        campaign_price=campaign_price,
        weight_g=offer.weight_g,
        volume_cm3=offer.volume_cm3,
        freight_template_id=offer.freight_template_id,
    )


def coupon_offer(coupon: Coupon) -> CouponOffer:
    """A member's coupon, as pricing takes it. Whether it can be used now is for coupons to say."""
    terms = coupon.terms
    return CouponOffer(
        coupon_id=coupon.coupon_id,
        kind=CouponKind(terms.kind),
        title=terms.title,
        value=terms.value,
        cap=terms.cap,
        threshold=terms.threshold,
        scope=Scope(ScopeKind(terms.scope_kind), terms.scope_ids),
    )

"""Preview and place: from what a shopper wants to an order, in one transaction.

Everything is read and priced first; then stock, coupon, points, campaign place, idempotency key and order are written
together, each under its own condition. Whatever changed in between makes its own write refuse, and nothing at all is
written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from ..addresses import Address, Addresses
from ..campaigns.base import CampaignPrice, Choice, Kind, UnknownCampaign
from ..cart import Cart, CartLine
from ..catalog import Catalog
from ..coupons import CouponNotUsable, Coupons
from ..identity import Session
from ..kernel.errors import ShopError
from ..kernel.ids import new_id
from ..kernel.trail import Actor, Event
from ..pickup import PickupPoint, Pickups
from ..points import Points
from ..pricing import Promotions, line_of, price
from ..stock import Stock
from ..storage.once import ClaimRow as Placed
from ..storage.once import claim, find, reads
from ..storage.reads import NOTHING, Read, fetch
from ..storage.writes import Write, commit
from .entry import (
    AlreadyPlaced,
    CampaignTakesOneSku,
    IdempotencyKeyReused,
    PriceChanged,
    digest,
    for_sale,
    merged,
    must_be_for_sale,
)
from .rules import (
    Order,
    OrderAdjustment,
    OrderState,
    expiry,
)
from .snapshot import campaign_order, fetched_at, sold_in, sold_lines, sold_to
from .store import OrderStore
from .wanted import Preview, Wanted, usable

KEY_KEPT = timedelta(days=3)


class Placing:
    def __init__(
        self,
        store: OrderStore,
        catalog: Catalog,
        stock: Stock,
        promotions: Promotions,
        coupons: Coupons,
        points: Points,
        addresses: Addresses,
        pickups: Pickups,
        cart: Cart,
        kinds: Mapping[str, Kind],
        reservation: timedelta,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._stock = stock
        self._promotions = promotions
        self._coupons = coupons
        self._points = points
        self._addresses = addresses
        self._pickups = pickups
        self._cart = cart
        self._kinds = kinds
        self._reservation = reservation

    def reads(self, member_id: str, wanted: Wanted) -> Read[Sequence[CartLine]]:
        """What is selected in the cart, if that is what is wanted."""
        return self._cart.reads_selected(member_id) if not wanted.lines else NOTHING.then(lambda _: ())

    def reads_placed(self, member_id: str, key: str, now: datetime) -> Read[Placed | None]:
        """Whether the key placed an order before; one of the last second may be missing."""
        return reads(_claim_name(member_id, key), now)

    def preview(self, member_id: str, wanted: Wanted, selected: Sequence[CartLine], now: datetime) -> Preview:
        """`selected` is what `reads` gave. Raises the refusals that placing would raise for what can be seen now;
        writes nothing.
        """
        wanted.must_make_sense()
        pieces = merged(wanted.lines) if wanted.lines else {line.sku_id: line.quantity for line in selected}
        offers, levels, place, coupon, held, rules, known = fetch(
            self._catalog.reads_offers(pieces),
            self._stock.reads_levels(pieces),
            self._reads_place(member_id, wanted),
            self._coupons.reads(member_id, wanted.coupon_id) if wanted.coupon_id else NOTHING,
            self._points.reads(member_id) if wanted.points else NOTHING,
            self._promotions.reads_rules(),
            self._kind(wanted.campaign).reads(wanted.campaign, member_id, now) if wanted.campaign else NOTHING,
        )
        levels = self._stock.closer(levels, pieces)
        if not wanted.lines:
            # As the cart shows it: what cannot be bought now does not count as selected.
            sold = ((s, n) for s, n in pieces.items() if for_sale(s, offers) and levels[s].available >= n)
            pieces = merged(tuple(sold))
        must_be_for_sale(pieces, offers, levels)
        campaign = self._quote(wanted.campaign, known, pieces, now) if wanted.campaign else None
        priced = price(
            [line_of(offers[sku_id], n, campaign.unit_price if campaign else None) for sku_id, n in pieces.items()],
            rules.promotions,
            usable(coupon, now),
            rules.freight,
            place.region_code if isinstance(place, Address) else None,
            pickup=isinstance(place, PickupPoint),
            points=min(wanted.points, held or 0),
            points_rule=rules.points,
        )
        return Preview(
            offers,
            levels,
            priced,
            campaign,
            known,
            address=place if isinstance(place, Address) else None,
            pickup=place if isinstance(place, PickupPoint) else None,
            from_cart=not wanted.lines,
        )

    def place(
        self,
        session: Session,
        wanted: Wanted,
        key: str,
        now: datetime,
        selected: Sequence[CartLine] = (),
        placed: Placed | None = None,
    ) -> Order:
        """The order; for a repeated key the order that it placed. All or nothing. `selected` and `placed` are what
        `reads` and `reads_placed` gave.

        Raises what `preview` raises, PriceChanged, SoldOut, NotEnoughPoints, the coupon's and the campaign's refusals,
        IdempotencyKeyReused, and StorageBusy (nothing was written; repeat with the same key).
        """
        name, fingerprint = _claim_name(session.member_id, key), digest(wanted)
        if before := self._placed_before(session.member_id, placed, fingerprint):
            return before
        try:
            return self._place(session, wanted, selected, name, fingerprint, now)
        except ShopError:
            # The key may have placed its order before: then that one stands in the way of this one.
            if before := self._placed_before(session.member_id, find(name, now), fingerprint):
                return before
            raise

    def _place(
        self,
        session: Session,
        wanted: Wanted,
        selected: Sequence[CartLine],
        name: str,
        fingerprint: str,
        now: datetime,
    ) -> Order:
        preview = self.preview(session.member_id, wanted, selected, now)
        if wanted.expected_payable not in (None, preview.priced.payable):
            raise PriceChanged(payable=preview.priced.payable)
        if wanted.coupon_id and all(a.id != wanted.coupon_id for a in preview.priced.adjustments):
            raise CouponNotUsable(coupon_id=wanted.coupon_id)  # it would be spent for nothing
        order = self._order(session, wanted, preview, now)
        once = claim(name, now, KEY_KEPT, AlreadyPlaced(), result=order.order_id, digest=fingerprint)
        write = partial(commit, once, self._store.placed(order), *self._claims(order, preview.known, now))
        self._stock.take({line.sku_id: line.quantity for line in order.lines}, write, preview.levels)
        if preview.from_cart:
            self._cart.taken(session.member_id, [line.sku_id for line in order.lines])
        return order

    def _reads_place(self, member_id: str, wanted: Wanted) -> Read[Address | PickupPoint | None]:
        if wanted.pickup_point_id:
            return self._pickups.reads(wanted.pickup_point_id)
        return self._addresses.reads(member_id, wanted.address_id) if wanted.address_id else NOTHING

    def _placed_before(self, member_id: str, placed: Placed | None, fingerprint: str) -> Order | None:
        if placed is None or placed.result is None:
            return None
        if placed.digest != fingerprint:
            raise IdempotencyKeyReused
        return self._store.get(member_id, placed.result)

    def _kind(self, choice: Choice) -> Kind:
        if choice.kind not in self._kinds:
            raise UnknownCampaign(kinds=sorted(self._kinds))
        return self._kinds[choice.kind]

    def _quote(self, choice: Choice, known: Any, pieces: Mapping[str, int], now: datetime) -> CampaignPrice:
        if len(pieces) != 1:
            raise CampaignTakesOneSku
        ((sku_id, quantity),) = pieces.items()
        return self._kind(choice).quote(known, sku_id, quantity, now)

    def _order(self, session: Session, wanted: Wanted, preview: Preview, now: datetime) -> Order:
        order_id = new_id(now)
        now = now.replace(microsecond=0)  # as stored, so that the first answer is like all later ones
        priced, campaign = preview.priced, preview.campaign
        order = Order(
            order_id=order_id,
            member_id=session.member_id,
            openid=session.openid,
            state=OrderState.AWAITING_PAYMENT,
            lines=sold_lines(priced, preview.offers),
            goods_total=priced.goods_total,
            discount_total=priced.discount_total,
            freight=priced.freight,
            payable=priced.payable,
            adjustments=tuple(
                OrderAdjustment(a.kind, a.id, a.title, a.amount, dict(a.lines)) for a in priced.adjustments
            ),
            placed_at=now,
            expires_at=expiry(now, campaign.pay_within if campaign else None, self._reservation),
            delivery=sold_to(preview.address),
            pickup=fetched_at(preview.pickup, self._pickups.draw()),
            coupon_id=wanted.coupon_id,
            points=priced.points_used,
            points_off=priced.points_off,
            campaign=sold_in(campaign, order_id),
            remark=wanted.remark,
            nickname=session.nickname,
            avatar_url=session.avatar_url,
        )
        why = "提交订单"
        if order.payable == 0:
            order = replace(order, state=OrderState.PAID, held=self._holds(order), paid_at=now, effects_due=True)
            why = "提交订单，无需支付"
        return replace(order, timeline=(Event(now, Actor.SHOPPER, None, order.state, why),))

    def _holds(self, order: Order) -> bool:
        return order.campaign is not None and self._kinds[order.campaign.kind].holds

    def _claims(self, order: Order, known: Any, now: datetime) -> list[Write]:
        writes: list[Write] = []
        if order.coupon_id:
            writes.append(self._coupons.spend(order.member_id, order.coupon_id, order.order_id, now))
        writes += self._points.spend(order.member_id, order.points, order.order_id, now)
        if order.pickup:
            writes.append(self._pickups.issued(order.pickup.code, order.member_id, order.order_id))
        if order.campaign:
            writes += self._kinds[order.campaign.kind].claims(known, campaign_order(order), now)
        return writes


def _claim_name(member_id: str, key: str) -> str:
    return f"order:{member_id}:{key}"

"""Preview and place: from what a shopper wants to an order, in one transaction.

Everything is read and priced first; then stock, coupon, points, campaign place, idempotency key and order are written
together, each under its own condition. Whatever changed in between makes its own write refuse, and nothing at all is
written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from ..addresses import Address, Addresses
from ..campaigns.base import CampaignOrder, CampaignPrice, Choice, Kind, UnknownCampaign
from ..cart import Cart
from ..catalog import Catalog, Offer
from ..coupons import Coupon, CouponNotUsable, Coupons
from ..identity import Session
from ..kernel.errors import ShopError
from ..kernel.ids import new_id
from ..kernel.trail import Actor, Event
from ..pickup import PickupPoint, Pickups
from ..points import Points
from ..pricing import CouponOffer, Priced, Promotions, coupon_offer, line_of, price
from ..stock import Level, SoldOut, Stock
from ..storage.once import claim, find
from ..storage.reads import NOTHING, Read, fetch
from ..storage.writes import Write, commit
from .entry import (
    AddressOrPickup,
    AlreadyPlaced,
    CampaignTakesOneSku,
    CouponNotWithCampaign,
    IdempotencyKeyReused,
    PriceChanged,
    SkuNotForSale,
    digest,
    merged,
)
from .rules import (
    Order,
    OrderAdjustment,
    OrderState,
    expiry,
)
from .snapshot import fetched_at, sold_in, sold_lines, sold_to
from .store import OrderStore

KEY_KEPT = timedelta(days=3)


@dataclass(frozen=True)
class Wanted:
    """`lines` are (sku_id, pieces); empty means what is selected in the cart. Up to `points` are spent, as far as the
    member has them and the price takes them. `expected_payable` in fen, if agreed to.
    """

    lines: tuple[tuple[str, int], ...] = ()
    address_id: str | None = None
    pickup_point_id: str | None = None
    coupon_id: str | None = None
    points: int = 0
    campaign: Choice | None = None
    remark: str = ""
    expected_payable: int | None = None


@dataclass(frozen=True)
class Preview:
    """What would be ordered at which price; nothing is held."""

    offers: Mapping[str, Offer]
    levels: Mapping[str, Level]
    priced: Priced
    campaign: CampaignPrice | None
    address: Address | None
    pickup: PickupPoint | None
    from_cart: bool


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

    def preview(self, member_id: str, wanted: Wanted, now: datetime) -> Preview:
        """Raises the refusals that placing would raise for what can be seen now; writes nothing."""
        if wanted.campaign and wanted.coupon_id:
            raise CouponNotWithCampaign
        if wanted.address_id and wanted.pickup_point_id:
            raise AddressOrPickup
        if wanted.lines:
            pieces = merged(wanted.lines)
        else:
            pieces = {line.sku_id: line.quantity for line in self._cart.selected(member_id)}
        offers, levels, place, coupon, held = fetch(
            self._catalog.reads_offers(pieces),
            self._stock.reads_levels(pieces),
            self._reads_place(member_id, wanted),
            self._coupons.reads(member_id, wanted.coupon_id) if wanted.coupon_id else NOTHING,
            self._points.reads(member_id) if wanted.points else NOTHING,
        )
        levels = self._stock.closer(levels, pieces)
        if not wanted.lines:
            # As the cart shows it: what cannot be bought now does not count as selected.
            sold = ((s, n) for s, n in pieces.items() if _for_sale(s, offers) and levels[s].available >= n)
            pieces = merged(tuple(sold))
        _must_be_for_sale(pieces, offers, levels)
        campaign = self._quote(member_id, wanted, pieces, now)
        rules = self._promotions.rules()
        priced = price(
            [line_of(offers[sku_id], n, campaign.unit_price if campaign else None) for sku_id, n in pieces.items()],
            rules.promotions,
            _usable(coupon, now),
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
            address=place if isinstance(place, Address) else None,
            pickup=place if isinstance(place, PickupPoint) else None,
            from_cart=not wanted.lines,
        )

    def place(self, session: Session, wanted: Wanted, key: str, now: datetime) -> Order:
        """The order; for a repeated key the order that it placed. All or nothing.

        Raises what `preview` raises, PriceChanged, SoldOut, NotEnoughPoints, the coupon's and the campaign's refusals,
        IdempotencyKeyReused, and StorageBusy (nothing was written; repeat with the same key).
        """
        name, fingerprint = f"order:{session.member_id}:{key}", digest(wanted)
        try:
            return self._place(session, wanted, name, fingerprint, now)
        except ShopError:
            # The key may have placed its order before: then that one stands in the way of this one.
            if known := self._placed_before(session.member_id, name, fingerprint, now):
                return known
            raise

    def _place(self, session: Session, wanted: Wanted, name: str, fingerprint: str, now: datetime) -> Order:
        preview = self.preview(session.member_id, wanted, now)
        if wanted.expected_payable not in (None, preview.priced.payable):
            raise PriceChanged(payable=preview.priced.payable)
        if wanted.coupon_id and all(a.id != wanted.coupon_id for a in preview.priced.adjustments):
            raise CouponNotUsable(coupon_id=wanted.coupon_id)  # it would be spent for nothing
        order = self._order(session, wanted, preview, now)
        once = claim(name, now, KEY_KEPT, AlreadyPlaced(), result=order.order_id, digest=fingerprint)
        write = partial(commit, once, self._store.placed(order), *self._claims(order, now))
        self._stock.take({line.sku_id: line.quantity for line in order.lines}, write, preview.levels)
        if preview.from_cart:
            self._cart.taken(session.member_id, [line.sku_id for line in order.lines])
        return order

    def _reads_place(self, member_id: str, wanted: Wanted) -> Read[Address | PickupPoint | None]:
        if wanted.pickup_point_id:
            return self._pickups.reads(wanted.pickup_point_id)
        return self._addresses.reads(member_id, wanted.address_id) if wanted.address_id else NOTHING

    def _placed_before(self, member_id: str, name: str, fingerprint: str, now: datetime) -> Order | None:
        known = find(name, now)
        if known is None or known.result is None:
            return None
        if known.digest != fingerprint:
            raise IdempotencyKeyReused
        return self._store.get(member_id, known.result)

    def _quote(self, member_id: str, wanted: Wanted, pieces: Mapping[str, int], now: datetime) -> CampaignPrice | None:
        choice = wanted.campaign
        if choice is None:
            return None
        if choice.kind not in self._kinds:
            raise UnknownCampaign(kinds=sorted(self._kinds))
        if len(pieces) != 1:
            raise CampaignTakesOneSku
        ((sku_id, quantity),) = pieces.items()
        return self._kinds[choice.kind].quote(choice, member_id, sku_id, quantity, now)

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

    def _claims(self, order: Order, now: datetime) -> list[Write]:
        writes: list[Write] = []
        if order.coupon_id:
            writes.append(self._coupons.spend(order.member_id, order.coupon_id, order.order_id, now))
        writes += self._points.spend(order.member_id, order.points, order.order_id, now)
        if order.pickup:
            writes.append(self._pickups.issued(order.pickup.code, order.member_id, order.order_id))
        if order.campaign:
            writes += self._kinds[order.campaign.kind].claims(campaign_order(order), now)
        return writes


def campaign_order(order: Order) -> CampaignOrder:
    """What the order's campaign kind may know of it."""
    assert order.campaign is not None
    line = order.lines[0]
    return CampaignOrder(
        order_id=order.order_id,
        member_id=order.member_id,
        kind=order.campaign.kind,
        activity_id=order.campaign.activity_id,
        group_id=order.campaign.group_id,
        sku_id=line.sku_id,
        quantity=line.quantity,
        nickname=order.nickname,
        avatar_url=order.avatar_url,
        unit_price=line.unit_price,
    )


def _usable(coupon: Coupon | None, now: datetime) -> CouponOffer | None:
    if coupon is None:
        return None
    if not coupon.usable(now):
        raise CouponNotUsable(coupon_id=coupon.coupon_id)
    return coupon_offer(coupon)


def _for_sale(sku_id: str, offers: Mapping[str, Offer]) -> bool:
    return sku_id in offers and offers[sku_id].on_shelf


def _must_be_for_sale(pieces: Mapping[str, int], offers: Mapping[str, Offer], levels: Mapping[str, Level]) -> None:
    """What can be seen to fail is refused without a write; the writes decide the rest."""
    gone = [sku_id for sku_id in pieces if not _for_sale(sku_id, offers)]
    if gone:
        raise SkuNotForSale(sku_ids=gone)
    for sku_id, wanted in pieces.items():
        if levels[sku_id].available < wanted:
            raise SoldOut(sku_id=sku_id)

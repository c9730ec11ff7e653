"""Use cases of the cart. Each change answers the whole cart after it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ..catalog import Offer, ProductNotFound
from ..coupons import Coupon
from ..kernel.clock import Clock
from ..pricing import PriceRules, coupon_offer
from ..stock import Level, SoldOut
from ..storage.reads import NOTHING, Read, Wish, fetch
from .rules import CartLine, CartLineNotFound, Contents, LineChange, check_room
from .store import CartStore
from .view import CartView, line_views, total


class Catalog(Protocol):
    def reads_offers(self, sku_ids: Iterable[str]) -> Read[Mapping[str, Offer]]: ...


class Stock(Protocol):
    def reads_levels(self, sku_ids: Iterable[str]) -> Read[Mapping[str, Level]]: ...
    def closer(self, levels: Mapping[str, Level], wanted: Mapping[str, int]) -> Mapping[str, Level]: ...


class Promotions(Protocol):
    def reads_rules(self) -> Wish[PriceRules]: ...


class Coupons(Protocol):
    def reads_usable(self, member_id: str, now: datetime) -> Wish[Sequence[Coupon]]: ...


class Points(Protocol):
    def reads(self, member_id: str) -> Read[int]: ...


@dataclass(frozen=True)
class Market:
    """What SKUs are like now, those that were `asked` for, and the points that the shopper holds; if the lines were to
    be `priced`, the price rules and the shopper's coupons too.
    """

    asked: frozenset[str] = frozenset()
    offers: Mapping[str, Offer] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)
    points: int = 0
    priced: bool = False
    rules: PriceRules = field(default_factory=PriceRules)
    coupons: Sequence[Coupon] = ()

    def offer(self, sku_id: str, pieces: int) -> Offer:
        """Raises ProductNotFound or SoldOut if so many pieces are not for sale."""
        offer = self.offers.get(sku_id)
        if offer is None or not offer.on_shelf:
            raise ProductNotFound
        available = self.levels.get(sku_id, 0)
        if available < pieces:
            raise SoldOut(sku_id=sku_id, available=available)
        return offer


class Cart:
    """Answering a cart takes its own read or write, and then all else at once: offers, stock and points, and, if a line
    is selected, price rules and coupons.

    `seen` is the cart as it was read with the session; without it, it is read first.
    """

    def __init__(
        self,
        store: CartStore,
        catalog: Catalog,
        stock: Stock,
        promotions: Promotions,
        coupons: Coupons,
        points: Points,
        clock: Clock,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._stock = stock
        self._promotions = promotions
        self._coupons = coupons
        self._points = points
        self._clock = clock

    def reads(self, member_id: str) -> Read[Contents]:
        """The cart as it is kept, to be read together with other things."""
        return self._store.reads(member_id)

    def show(self, member_id: str, seen: Contents | None = None) -> CartView:
        return self._view(member_id, seen or self._store.get(member_id), Market())

    def add(self, member_id: str, sku_id: str, quantity: int, seen: Contents | None = None) -> CartView:
        """So many more pieces, selected. Nothing is reserved.

        Raises ProductNotFound (also for what is off the shelf), SoldOut, CartFull, TooManyPieces.
        """
        seen = seen or self._store.get(member_id)
        line = seen.lines.get(sku_id)
        pieces = quantity + (line.quantity if line else 0)
        market = self._market(member_id, {**_wanted(seen), sku_id: pieces}, priced=True)
        check_room(seen, sku_id, quantity)
        offer = market.offer(sku_id, pieces)
        contents = self._store.add(member_id, seen, sku_id, quantity, offer.price, self._clock())
        return self._view(member_id, contents, market)

    def change(
        self,
        member_id: str,
        sku_id: str,
        quantity: int | None,
        selected: bool | None,
        seen: Contents | None = None,
    ) -> CartView:
        """None leaves as it is. Fewer pieces than before are never refused.

        Raises CartLineNotFound, ProductNotFound (also for what is off the shelf), SoldOut.
        """
        seen = seen or self._store.get(member_id)
        line = seen.lines.get(sku_id)
        if line is None:
            raise CartLineNotFound
        if quantity is None and selected is None:
            return self._view(member_id, seen, Market())
        others = any(each.selected for each in seen.lines.values() if each is not line)
        priced = others or (line.selected if selected is None else selected)
        market = self._market(member_id, {**_wanted(seen), sku_id: quantity or line.quantity}, priced=priced)
        price = line.price_seen
        if quantity is not None:
            price = market.offer(sku_id, quantity if quantity > line.quantity else 0).price
        contents = self._store.change(member_id, sku_id, LineChange(quantity, price, selected))
        return self._view(member_id, contents, market)

    def select_all(self, member_id: str, seen: Contents | None = None, *, selected: bool) -> CartView:
        contents = self._store.select_all(member_id, seen or self._store.get(member_id), selected=selected)
        return self._view(member_id, contents, Market())

    def remove(self, member_id: str, sku_ids: Sequence[str]) -> CartView:
        """What is not there is gone already."""
        return self._view(member_id, self._store.remove(member_id, sku_ids), Market())

    def clear(self, member_id: str) -> CartView:
        self._store.clear(member_id)
        return self._view(member_id, Contents({}, exists=False), Market())

    def reads_selected(self, member_id: str) -> Read[list[CartLine]]:
        """What the shopper selected, also if it cannot be bought as it stands."""
        return self.reads(member_id).then(lambda seen: [line for line in seen.lines.values() if line.selected])

    def taken(self, member_id: str, sku_ids: Sequence[str]) -> None:
        """These were ordered and leave the cart. May be repeated."""
        self._store.remove(member_id, sku_ids)

    def _market(self, member_id: str, wanted: Mapping[str, int], *, priced: bool) -> Market:
        """For `wanted` pieces by SKU."""
        offers, levels, points, rules, coupons = fetch(
            self._catalog.reads_offers(wanted),
            self._stock.reads_levels(wanted),
            self._points.reads(member_id),
            self._promotions.reads_rules() if priced else NOTHING,
            self._coupons.reads_usable(member_id, self._clock()) if priced else NOTHING,
        )
        closer = self._stock.closer(levels, wanted)
        available = {sku_id: level.available for sku_id, level in closer.items()}
        return Market(frozenset(wanted), offers, available, points, priced, rules or PriceRules(), coupons or ())

    def _view(self, member_id: str, contents: Contents, market: Market) -> CartView:
        priced = any(line.selected for line in contents.lines.values())
        # Nothing was asked yet, or others put something in meanwhile.
        if not market.asked.issuperset(contents.lines) or (priced and not market.priced):
            market = self._market(member_id, _wanted(contents), priced=priced)
        lines = line_views(contents, market.offers, market.levels)
        if not any(line.selected for line in lines):
            return total(lines, market.offers, PriceRules(), (), 0)
        held = [coupon_offer(coupon) for coupon in market.coupons]
        return total(lines, market.offers, market.rules, held, market.points)


def _wanted(contents: Contents) -> dict[str, int]:
    return {sku_id: line.quantity for sku_id, line in contents.lines.items()}

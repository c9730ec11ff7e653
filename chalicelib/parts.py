"""The composition: every part of the shop and what it is put together from, here and nowhere else.

A part is made, and what it needs imported, when it is first asked for: a function pays for the parts that it uses.
Names with an underscore are pieces that several parts share.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from . import outside
from .kernel.lazy import part
from .storage.table import connection

if TYPE_CHECKING:
    from .addresses import Addresses
    from .aftersales import Aftersales
    from .aftersales.news import RefundNews
    from .aftersales.store import CaseStore
    from .campaigns.bargain import Bargain
    from .campaigns.base import Kind
    from .campaigns.groupbuy import GroupBuy
    from .campaigns.service import Campaigns
    from .campaigns.store import Activities
    from .cart import Cart
    from .catalog import Catalog
    from .coupons import Coupons
    from .effects import Effects
    from .events import Events
    from .fulfilment import Fulfilment
    from .identity import Identity
    from .kernel.clock import Clock
    from .messaging import Messaging
    from .orders import Orders
    from .payments import Payments
    from .payments.rules import Expected
    from .payments.store import PaymentStore
    from .pickup import Pickups
    from .points import Points
    from .pricing import Promotions
    from .reconciliation import Reconciliation
    from .settings import Settings
    from .stock import Stock
    from .storage.cipher import Cipher
    from .wechat.miniprogram import MiniProgram

NOTIFY_PATH = "/wechat/pay/notify"


@dataclass(frozen=True, eq=False)
class Shop:
    """Whoever asks for a part gets SettingsError or ValueError if a setting that it needs makes no sense."""

    settings: Settings
    clock: Clock
    random: Any = None

    def complete(self) -> Shop:
        """With every part and the DynamoDB client made, so that no request waits for them and no setting goes unread.
        Nothing is called.
        """
        for name, value in vars(Shop).items():
            if isinstance(value, part):
                getattr(self, name)
        connection()
        return self

    @part
    def _cipher(self) -> Cipher:
        from .storage.cipher import Cipher

        return Cipher(self.settings.data_keys, self.settings.data_key_current)

    @part
    def mini_program(self) -> MiniProgram:
        return outside.mini_program(self.settings, self.clock)

    @part
    def identity(self) -> Identity:
        from .identity import Identity, MemberStore

        return Identity(MemberStore(self._cipher), self.mini_program, outside.sessions(self.settings), self.clock)

    @part
    def addresses(self) -> Addresses:
        from .addresses import Addresses, AddressStore

        return Addresses(AddressStore(self._cipher), self.clock)

    @part
    def catalog(self) -> Catalog:
        from .catalog import Catalog, CatalogStore

        return Catalog(CatalogStore(), self.clock)

    @part
    def stock(self) -> Stock:
        from .stock import Stock, StockStore

        return Stock(StockStore(), self.clock, self.random)

    @part
    def promotions(self) -> Promotions:
        from .pricing import PriceRuleStore, Promotions

        return Promotions(PriceRuleStore(), self.clock)

    @part
    def messaging(self) -> Messaging:
        from .messaging import Messaging, MessagingStore

        return Messaging(MessagingStore(), self.mini_program, outside.templates(self.settings), self.clock)

    @part
    def coupons(self) -> Coupons:
        from .coupons import Coupons, CouponStore

        return Coupons(CouponStore(), self.messaging, self.clock, self.settings.coupon_remind_hours)

    @part
    def points(self) -> Points:
        from .points import Points, PointsStore

        return Points(PointsStore(), _MembersOnDemand(self))

    @part
    def pickups(self) -> Pickups:
        from .pickup import Pickups
        from .pickup.store import PickupStore

        return Pickups(PickupStore())

    @part
    def cart(self) -> Cart:
        from .cart import Cart, CartStore

        return Cart(CartStore(), self.catalog, self.stock, self.promotions, self.coupons, self.points, self.clock)

    @part
    def _activities(self) -> Activities:
        from .campaigns.kinds import CONFIGS
        from .campaigns.store import Activities

        return Activities(CONFIGS)

    @part
    def groupbuy(self) -> GroupBuy:
        from .campaigns.groupbuy import GroupBuy, TeamStore

        return GroupBuy(TeamStore(), self._activities)

    @part
    def bargain(self) -> Bargain:
        from .campaigns.bargain import Bargain, BargainStore

        return Bargain(BargainStore(), self._activities, self.random or SystemRandom())

    @part
    def _kinds(self) -> dict[str, Kind]:
        return {self.groupbuy.name: self.groupbuy, self.bargain.name: self.bargain}

    @part
    def campaigns(self) -> Campaigns:
        from .campaigns.service import Campaigns

        return Campaigns(self._activities, self._kinds, self.orders, self.payments, self.stock)

    @part
    def orders(self) -> Orders:
        from .orders import Orders
        from .orders.place import Placing
        from .orders.store import OrderStore

        store = OrderStore(self._cipher, outside.periods(self.settings))
        placing = Placing(
            store, self.catalog, self.stock, self.promotions, self.coupons, self.points, self.addresses, self.pickups,
            self.cart, self._kinds, timedelta(minutes=self.settings.reservation_minutes),
        )  # fmt: skip
        return Orders(store, placing, self.stock, self.coupons, self.points, self.promotions, self._kinds)

    @part
    def _books(self) -> PaymentStore:
        from .payments.store import PaymentStore

        return PaymentStore()

    @part
    def _account(self) -> Expected:
        from .payments.rules import Expected

        return Expected(self.settings.wechat_appid, self.settings.wechat_mchid)

    @part
    def payments(self) -> Payments:
        from .aftersales.change import CAUSE
        from .payments import Payments
        from .payments.close import Closing
        from .payments.money import Money
        from .payments.pay import Paying
        from .payments.refund import Refunding
        from .payments.settle import Settling

        store, orders, wechat = self._books, self.orders, outside.wechat_pay(self.settings, self.clock)
        notify_url = self.settings.public_url + NOTIFY_PATH
        first_wait = timedelta(minutes=self.settings.refund_retry_minutes)
        refunding = Refunding(store, orders, wechat, notify_url, first_wait, {CAUSE: self._refund_news})
        settling = Settling(store, orders, refunding, self._account)
        return Payments(
            paying=Paying(store, orders, wechat, settling, notify_url),
            settling=settling,
            closing=Closing(store, orders, wechat, settling),
            refunding=refunding,
            money=Money(store, orders),
            wechat=wechat,
        )

    @part
    def fulfilment(self) -> Fulfilment:
        from .fulfilment import Fulfilment
        from .fulfilment.handing import Handing
        from .fulfilment.sending import Sending
        from .fulfilment.store import ParcelStore, UploadStore
        from .fulfilment.tracking import Following
        from .fulfilment.uploading import Uploading
        from .wechat.shipping import Shipping

        parcels, uploads, orders = ParcelStore(), UploadStore(), self.orders
        shipping, sending = Shipping(self.mini_program, self.settings.wechat_mchid), Sending(parcels, uploads, orders)
        return Fulfilment(
            sending=sending,
            handing=Handing(parcels, orders, self.pickups, sending),
            uploading=Uploading(parcels, uploads, orders, shipping),
            following=Following(parcels, uploads, orders, shipping, outside.tracker(self.settings)),
        )

    @part
    def _cases(self) -> CaseStore:
        from .aftersales.store import CaseStore

        return CaseStore(self._cipher, outside.case_periods(self.settings))

    @part
    def _refund_news(self) -> RefundNews:
        from .aftersales.news import RefundNews

        return RefundNews(self._cases, self.orders)

    @part
    def aftersales(self) -> Aftersales:
        from .aftersales import Aftersales
        from .aftersales.change import Changes
        from .aftersales.deadlines import Deadlines
        from .aftersales.handling import Handling
        from .aftersales.opening import Opening

        cases, orders, books = self._cases, self.orders, self._books
        changes = Changes(cases, orders, self.points, books, self.payments.refunding)
        handling = Handling(cases, changes, self.stock, self.settings.return_address)
        deadlines = Deadlines(cases, orders, handling, self._refund_news, books, self.messaging)
        return Aftersales(cases, Opening(cases, orders, changes, handling), handling, deadlines, self.clock)

    @part
    def effects(self) -> Effects:
        from .effects import Effects

        return Effects(self.orders, self.payments, self.campaigns, self.catalog, self.messaging)

    @part
    def events(self) -> Events:
        from .events import Events

        push = outside.push(self.settings, self.clock)
        return Events(push, self.messaging, self.settings.wechat_appid, self._books, self.orders, self.fulfilment)

    @part
    def reconciliation(self) -> Reconciliation:
        from .reconciliation import Reconciliation, ReconciliationStore
        from .wechat.bills import Bills

        wechat, payments, store = self.payments.wechat, self.payments, ReconciliationStore()
        return Reconciliation(
            store, Bills(wechat), self._books, wechat, payments.settling, payments.refunding, self._account, self.clock
        )


@dataclass(frozen=True)
class _MembersOnDemand:
    """For points, which every order needs, while only staff who adjust them ask who is a member: callbacks, schedules
    and streams start without sessions and their tokens.
    """

    shop: Shop

    def must_exist(self, member_id: str) -> None:
        self.shop.identity.must_exist(member_id)

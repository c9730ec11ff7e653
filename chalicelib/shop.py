"""The composition root: every part of the shop is put together here and nowhere else.

`build(settings)` does no I/O; `open_shop()` reads the environment, builds once per process, and is what handlers call.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom
from typing import Any

from . import outside
from .addresses import Addresses
from .addresses.store import AddressStore
from .aftersales import Aftersales
from .aftersales.change import CAUSE, Changes
from .aftersales.deadlines import Deadlines
from .aftersales.handling import Handling
from .aftersales.news import RefundNews
from .aftersales.opening import Opening
from .aftersales.store import CaseStore
from .campaigns.bargain import Bargain, BargainStore
from .campaigns.base import Kind
from .campaigns.groupbuy import GroupBuy, TeamStore
from .campaigns.kinds import CONFIGS
from .campaigns.service import Campaigns
from .campaigns.store import Activities
from .cart import Cart
from .cart.store import CartStore
from .catalog import Catalog, CatalogStore
from .coupons import Coupons, CouponStore
from .effects import Effects
from .events import Events
from .fulfilment import Fulfilment
from .fulfilment.handing import Handing
from .fulfilment.sending import Sending
from .fulfilment.store import ParcelStore, UploadStore
from .fulfilment.tracking import Following
from .fulfilment.uploading import Uploading
from .identity import Identity, MemberStore
from .kernel.clock import Clock, system_clock
from .log import logger
from .messaging import Messaging, MessagingStore
from .orders import Orders
from .orders.place import Placing
from .orders.store import OrderStore
from .payments import Payments
from .payments.close import Closing
from .payments.money import Money
from .payments.pay import Paying
from .payments.refund import Refunding, RefundListener
from .payments.rules import Expected
from .payments.settle import Settling
from .payments.store import PaymentStore
from .pickup import Pickups
from .pickup.store import PickupStore
from .points import Points, PointsStore
from .pricing import Promotions
from .pricing.store import PriceRuleStore
from .reconciliation import Reconciliation
from .reconciliation.store import ReconciliationStore
from .settings import Settings, SettingsError, from_environment
from .stock import Stock
from .stock.store import StockStore
from .storage.cipher import Cipher
from .storage.table import bind
from .wechat.bills import Bills
from .wechat.miniprogram import MiniProgram
from .wechat.pay import WeChatPay
from .wechat.shipping import Shipping

NOTIFY_PATH = "/wechat/pay/notify"


@dataclass(frozen=True)
class Shop:
    settings: Settings
    clock: Clock
    identity: Identity
    addresses: Addresses
    catalog: Catalog
    stock: Stock
    promotions: Promotions
    coupons: Coupons
    points: Points
    messaging: Messaging
    pickups: Pickups
    cart: Cart
    groupbuy: GroupBuy
    bargain: Bargain
    orders: Orders
    payments: Payments
    fulfilment: Fulfilment
    aftersales: Aftersales
    campaigns: Campaigns
    effects: Effects
    events: Events
    reconciliation: Reconciliation
    mini_program: MiniProgram


def build(settings: Settings, *, clock: Clock = system_clock, random: Any = None) -> Shop:
    """A shop for these settings. `clock` and `random` are the two things that tests and the local stack replace."""
    bind(settings.table_prefix, settings.region, settings.dynamodb_url)
    cipher = Cipher(settings.data_keys, settings.data_key_current)
    mini_program = outside.mini_program(settings, clock)
    identity = Identity(MemberStore(cipher), mini_program, outside.sessions(settings), clock)
    addresses = Addresses(AddressStore(cipher), clock)
    catalog, stock = Catalog(CatalogStore(), clock), Stock(StockStore())
    promotions = Promotions(PriceRuleStore(), clock)
    messaging = Messaging(MessagingStore(), mini_program, outside.templates(settings), clock)
    coupons = Coupons(CouponStore(), messaging, clock, settings.coupon_remind_hours)
    points = Points(PointsStore(), identity)
    pickups = Pickups(PickupStore())
    cart = Cart(CartStore(), catalog, stock, promotions, coupons, points, clock)
    activities = Activities(CONFIGS)
    groupbuy = GroupBuy(TeamStore(), activities)
    bargain = Bargain(BargainStore(), activities, random or SystemRandom())
    kinds: dict[str, Kind] = {groupbuy.name: groupbuy, bargain.name: bargain}
    store = OrderStore(cipher, outside.periods(settings))
    reservation = timedelta(minutes=settings.reservation_minutes)
    placing = Placing(store, catalog, stock, promotions, coupons, points, addresses, pickups, cart, kinds, reservation)
    orders = Orders(store, placing, stock, coupons, points, promotions, kinds)
    books, wechat_pay = PaymentStore(), outside.wechat_pay(settings, clock)
    cases = CaseStore(cipher, outside.case_periods(settings))
    payments = _payments(settings, wechat_pay, books, orders, {CAUSE: RefundNews(cases, orders)})
    fulfilment = _fulfilment(settings, orders, pickups, mini_program)
    aftersales = _aftersales(settings, cases, orders, stock, points, books, payments, messaging, clock)
    campaigns = Campaigns(activities, kinds, orders, payments, stock)
    return Shop(
        settings, clock, identity, addresses, catalog, stock, promotions, coupons, points, messaging, pickups, cart,
        groupbuy, bargain, orders, payments, fulfilment, aftersales, campaigns,
        effects=Effects(orders, payments, campaigns, catalog, messaging),
        events=Events(
            outside.push(settings, clock), messaging, settings.wechat_appid, books, orders, fulfilment
        ),
        reconciliation=_reconciliation(settings, books, payments, clock),
        mini_program=mini_program,
    )  # fmt: skip


def _payments(
    settings: Settings, wechat: WeChatPay, store: PaymentStore, orders: Orders, listeners: Mapping[str, RefundListener]
) -> Payments:
    notify_url = settings.public_url + NOTIFY_PATH
    first_wait = timedelta(minutes=settings.refund_retry_minutes)
    account = Expected(settings.wechat_appid, settings.wechat_mchid)
    refunding = Refunding(store, orders, wechat, notify_url, first_wait, listeners)
    settling = Settling(store, orders, refunding, account)
    return Payments(
        paying=Paying(store, orders, wechat, settling, notify_url),
        settling=settling,
        closing=Closing(store, orders, wechat, settling),
        refunding=refunding,
        money=Money(store, orders),
        wechat=wechat,
    )


def _fulfilment(settings: Settings, orders: Orders, pickups: Pickups, app: MiniProgram) -> Fulfilment:
    parcels, uploads, shipping = ParcelStore(), UploadStore(), Shipping(app, settings.wechat_mchid)
    sending = Sending(parcels, uploads, orders)
    return Fulfilment(
        sending=sending,
        handing=Handing(parcels, orders, pickups, sending),
        uploading=Uploading(parcels, uploads, orders, shipping),
        following=Following(parcels, uploads, orders, shipping, outside.tracker(settings)),
    )


def _aftersales(
    settings: Settings,
    cases: CaseStore,
    orders: Orders,
    stock: Stock,
    points: Points,
    books: PaymentStore,
    payments: Payments,
    messaging: Messaging,
    clock: Clock,
) -> Aftersales:
    changes = Changes(cases, orders, points, books, payments.refunding)
    handling = Handling(cases, changes, stock, settings.return_address)
    deadlines = Deadlines(cases, orders, handling, RefundNews(cases, orders), books, messaging)
    return Aftersales(cases, Opening(cases, orders, changes, handling), handling, deadlines, clock)


def _reconciliation(settings: Settings, books: PaymentStore, payments: Payments, clock: Clock) -> Reconciliation:
    account = Expected(settings.wechat_appid, settings.wechat_mchid)
    wechat, store = payments.wechat, ReconciliationStore()
    return Reconciliation(store, Bills(wechat), books, wechat, payments.settling, payments.refunding, account, clock)


REREAD_SECONDS = 300

_lock = threading.Lock()
_opened: Shop | None = None
_read_at: int | None = None
"""When the environment was last read; None for a shop that was handed over by `use`."""


def open_shop() -> Shop:
    """The process's shop. Raises SettingsError if the environment does not hold one.

    Settings are read again every few minutes, so that a key that was changed in its file counts without a restart.
    Meanwhile broken ones are told of, and leave the shop as it is.
    """
    global _opened, _read_at
    with _lock:
        if _opened is None:
            _opened, _read_at = build(from_environment()), int(time.monotonic())
        elif _read_at is not None and time.monotonic() - _read_at > REREAD_SECONDS:
            _read_at = int(time.monotonic())
            try:
                settings = from_environment()
                if settings != _opened.settings:
                    _opened = build(settings)
            except (SettingsError, ValueError):
                logger.exception("settings cannot be read again", alarm="settings")
        return _opened


def use(shop: Shop) -> None:
    """Make this the process's shop, in place of one from the environment: for the local stack and for tests."""
    global _opened, _read_at
    with _lock:
        _opened, _read_at = shop, None

"""20: the process dies between any two writes, and the work is run again: same end state, nothing twice.

Each journey is played again and again; each time the process dies at the next write to storage, before it or right
after
it. Whoever asked (client, WeChat, schedule) then asks again, as they do in life, and in the end everything must be
where
it belongs. Nobody lists the crash points: they are found by counting.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import pytest

from chalicelib.campaigns.bargain.rules import AlreadyHelped, LaunchExists
from chalicelib.campaigns.base import Choice
from chalicelib.coupons import CouponKind, CouponState, CouponTemplate, Terms
from chalicelib.identity import Session
from chalicelib.orders import Order, OrderState
from chalicelib.orders.place import Wanted
from chalicelib.orders.rows import OrderRow
from chalicelib.payments.rules import RefundNotFound
from chalicelib.storage.table import dynamodb
from tests.shop import Shopper, Stack, put_bargain_activity, put_team_activity

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
Result = TypeVar("Result")


class Died(BaseException):
    """The process is gone: nothing in it may catch this."""


class Death:
    """Strikes once, at the `at`-th write, `before` or `after` it is done."""

    def __init__(self, at: int, when: str) -> None:
        self.left, self.when, self.struck, self.thread = at, when, False, threading.get_ident()

    @contextmanager
    def lurking(self) -> Iterator[None]:
        events, name = dynamodb().meta.events, "before-call" if self.when == "before" else "after-call"
        for operation in WRITES:
            events.register(f"{name}.dynamodb.{operation}", self._strike, unique_id=f"death-{operation}")
        try:
            yield
        finally:
            for operation in WRITES:
                events.unregister(f"{name}.dynamodb.{operation}", unique_id=f"death-{operation}")

    def _strike(self, **_: Any) -> None:
        if threading.get_ident() != self.thread:
            return  # WeChat calling the shop's HTTP process, which lives on
        self.left -= 1
        if self.left == 0:
            self.struck = True
            raise Died

    def survive(self, action: Callable[[], Result]) -> Result:
        """Do it; if the process dies over it, do it again, as the caller would."""
        try:
            return action()
        except Died:
            return action()


class Life:
    """One playing of a journey, with a death somewhere in it."""

    def __init__(self, stack: Stack, death: Death, number: int, people: dict[str, tuple[Shopper, Session]]) -> None:
        self.stack, self.death, self.number, self.people = stack, death, number, people
        self.shop = stack.shop
        self.orders: list[Order] = []

    def member(self, name: str) -> tuple[Shopper, Session]:
        """The same people live all the lives."""
        if name not in self.people:
            shopper = self.stack.shopper(name)
            shopper.address()
            self.people[name] = shopper, self.shop.identity.authenticate(shopper.token)
        return self.people[name]

    def do(self, action: Callable[[], Result]) -> Result:
        with self.death.lurking():
            return self.death.survive(action)

    def place(self, who: tuple[Shopper, Session], sku_id: str = "tea-01", **more: Any) -> Order:
        shopper, session = who
        wanted = Wanted(lines=((sku_id, 1),), address_id=shopper.address_id, **more)
        key = f"{shopper.name}-life-{self.number}"
        order = self.do(lambda: self.shop.orders.placing.place(session, wanted, key, self.stack.clock()))
        self.orders.append(order)
        return order

    def sheet(self, order: Order) -> dict[str, str]:
        sheet = self.do(lambda: self.shop.payments.paying.start(order.member_id, order.order_id, self.stack.clock()))
        return vars(sheet)

    def take_money(self, who: tuple[Shopper, Session], order: Order, sheet: dict[str, str], **how: Any) -> None:
        """WeChat takes the money; its callback is lost here and heard by `hear`, which may die."""
        self.stack.control("POST", "faults", [{"match": "callback", "do": "lose"}])
        who[0].pay(order.order_id, sheet, **how)
        trade = self.shop.payments.wechat.query(f"{order.order_id}-1")
        assert trade is not None
        self.do(lambda: self.shop.payments.settling.settle(trade, "callback", self.stack.clock()))

    def buy(self, who: tuple[Shopper, Session], **more: Any) -> Order:
        order = self.place(who, **more)
        self.take_money(who, order, self.sheet(order))
        return order

    def effects(self, order: Order) -> None:
        self.do(lambda: self.shop.effects.run(order.member_id, order.order_id, self.stack.clock()))

    def goes_on(self) -> None:
        """What the stream and the schedules would do next for this life's orders; the sweeps themselves come at the
        end.
        """
        now = self.stack.clock()
        for order in self.orders:
            self.shop.effects.run(order.member_id, order.order_id, now)
            with suppress(RefundNotFound):
                self.shop.payments.refunding.advance(f"R{order.order_id}-1", now)

    def now(self, order: Order) -> Order:
        return self.shop.orders.get(order.member_id, order.order_id)


def a_purchase_with_a_coupon(life: Life) -> None:
    alice = life.member("alice")
    life.do(lambda: life.shop.coupons.claim(alice[1].member_id, "five"))
    coupon = life.shop.coupons.usable(alice[1].member_id, life.stack.clock())[0]
    order = life.buy(alice, coupon_id=coupon.coupon_id)
    life.effects(order)
    life.goes_on()
    end = life.now(order)
    assert (end.state, end.effects_due, end.discount_total) == (OrderState.PAID, False, 500)
    assert life.shop.coupons.get(alice[1].member_id, coupon.coupon_id).state is CouponState.USED


def an_unpaid_order_is_closed(life: Life) -> None:
    alice = life.member("alice")
    life.shop.coupons.grant(alice[1].member_id, "five")
    coupon = life.shop.coupons.usable(alice[1].member_id, life.stack.clock())[0]
    order = life.place(alice, coupon_id=coupon.coupon_id)
    life.sheet(order)
    life.stack.clock.forward(minutes=16)
    life.do(lambda: life.shop.payments.closing.close_due(life.stack.clock()))
    life.goes_on()
    assert life.now(order).state is OrderState.CLOSED
    assert life.shop.coupons.get(alice[1].member_id, coupon.coupon_id).state is CouponState.UNUSED


def a_late_payment_goes_back(life: Life) -> None:
    alice = life.member("alice")
    order = life.place(alice)
    sheet = life.sheet(order)
    life.do(lambda: life.shop.payments.closing.cancel(order.member_id, order.order_id, life.stack.clock()))
    life.take_money(alice, order, sheet, late=True)
    life.effects(order)
    life.stack.clock.forward(minutes=3)
    life.goes_on()
    end = life.now(order)
    assert (end.state, end.refund_state) == (OrderState.CLOSED, "SUCCESS")


def a_team_forms(life: Life) -> None:
    members = [life.member(f"m{n}") for n in range(3)]
    orders = [life.buy(members[0], campaign=Choice("groupbuy", "team"))]
    life.effects(orders[0])
    for member in members[1:]:
        orders.append(life.buy(member, campaign=Choice("groupbuy", "team", orders[0].order_id)))
        life.effects(orders[-1])
    life.stack.clock.forward(minutes=3)
    life.goes_on()
    ends = [life.now(order) for order in orders]
    assert [(end.state, end.held, end.effects_due) for end in ends] == [(OrderState.PAID, False, False)] * 3


def a_team_fails(life: Life) -> None:
    members = [life.member(f"m{n}") for n in range(2)]
    orders = [life.buy(members[0], campaign=Choice("groupbuy", "team"))]
    life.effects(orders[0])
    orders.append(life.buy(members[1], campaign=Choice("groupbuy", "team", orders[0].order_id)))
    life.effects(orders[1])
    life.stack.clock.forward(hours=25)
    life.do(lambda: life.shop.campaigns.sweep(life.stack.clock()))
    life.do(lambda: life.shop.payments.refunding.advance_due(life.stack.clock()))
    life.stack.clock.forward(minutes=3)
    life.goes_on()
    ends = [life.now(order) for order in orders]
    assert [(end.state, end.refund_state) for end in ends] == [(OrderState.REFUNDED, "SUCCESS")] * 2


def a_bargain_is_bought(life: Life) -> None:
    bargain, now = life.shop.bargain, life.stack.clock()
    alice, friends = life.member("alice"), [life.member(f"m{n}") for n in range(2)]
    with suppress(LaunchExists):  # the answer was lost: the shopper finds the launch in the list
        life.do(lambda: bargain.launch("party", alice[1], now))
    launch = bargain.launches(alice[1].member_id, None, 1).rows[0]
    for _, friend in friends:
        with suppress(AlreadyHelped):
            life.do(partial(bargain.cut, launch.launch_id, friend, now))
    order = life.place(alice, "cup-01", campaign=Choice("bargain", "party", launch.launch_id))
    life.take_money(alice, order, life.sheet(order))
    life.effects(order)
    life.stack.clock.forward(minutes=3)
    life.goes_on()
    end = life.now(order)
    assert (end.state, end.lines[0].unit_price) == (OrderState.PAID, 900)


JOURNEYS = (
    a_purchase_with_a_coupon,
    an_unpaid_order_is_closed,
    a_late_payment_goes_back,
    a_team_forms,
    a_team_fails,
    a_bargain_is_bought,
)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_20_a_death_at_any_write_changes_nothing_in_the_end(
    stack: Stack, journey: Callable[[Life], None], when: str
) -> None:
    terms = Terms(CouponKind.AMOUNT, "满50减5", 500, threshold=5000)
    stack.shop.coupons.put_template(CouponTemplate("five", terms, total=1000, per_member=999, valid_days=7))
    stack.shop.stock.add("tea-01", 900)
    often = {"limit_per_member": 100, "cuts_per_helper": 100, "daily_cuts": 100, "seconds_between_cuts": 0}
    put_bargain_activity(stack.shop, "party", stock=1000, **often)
    put_team_activity(stack.shop, limit_per_member=100)
    people: dict[str, tuple[Shopper, Session]] = {}
    for at in range(1, 100):
        death = Death(at, when)
        journey(Life(stack, death, at, people))
        if not death.struck:
            break
    stack.drain(1)
    everything_is_where_it_belongs(stack, 1000)
    assert at > 3, "the journey wrote nothing that could be interrupted"
    print(f"{journey.__name__}: survived a death {when} each of its {at - 1} writes")


def everything_is_where_it_belongs(stack: Stack, units: int) -> None:
    """Units sold or reserved + available = stock; every payment belongs to a live order or is refunded exactly once."""
    orders = [stack.shop.orders.get(row.member_id, row.order_id) for row in OrderRow.scan()]
    live = [order for order in orders if order.state not in (OrderState.CLOSED, OrderState.REFUNDED)]
    held = sum(line.quantity for order in live for line in order.lines if line.sku_id == "tea-01")
    assert stack.stock("tea-01") + held == units
    assert not [order.order_id for order in orders if order.state is OrderState.AWAITING_PAYMENT]
    refunded: dict[str, int] = {}
    for refund in stack.control("GET", "refunds"):
        number = refund["out_trade_no"]
        refunded[number] = refunded.get(number, 0) + refund["amount"]["refund"]
    kept = {f"{order.order_id}-1" for order in live}
    for payment in stack.control("GET", "payments"):
        if payment["trade_state"] in ("SUCCESS", "REFUND"):
            number, total = payment["out_trade_no"], payment["amount"]["total"]
            assert refunded.get(number, 0) == (0 if number in kept else total), number

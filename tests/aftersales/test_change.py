"""Whatever is claimed, withdrawn, agreed and sent back: no fen more than was paid, and all when all comes back."""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.aftersales.change import Change, Changes
from chalicelib.aftersales.entry import FITTING
from chalicelib.aftersales.rules import SCHEDULE, SHOPPER, Case, CaseState, Kind, Reason, moved
from chalicelib.orders import Order, OrderState
from chalicelib.orders.progress import claimable, to_send, with_sent
from chalicelib.orders.rules import OrderLine, Periods
from tests.aftersales.samples import NOON, case, line, order

REASONS = {Kind.REFUND: Reason.MISSING, Kind.RETURN: Reason.QUALITY, Kind.EXCHANGE: Reason.QUALITY}


@dataclass
class Shop:
    """An order and its cases; what was put back, given back and refunded on the way."""

    order: Order
    cases: dict[str, Case] = field(default_factory=dict)
    shelf: Counter[str] = field(default_factory=Counter)
    points: dict[str, int] = field(default_factory=dict)
    refunds: dict[str, int] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    let_go: int = 0

    def __post_init__(self) -> None:
        orders = SimpleNamespace(
            store=SimpleNamespace(periods=Periods()), puts_back=self.puts_back, lets_go=self.lets_go
        )
        points, payments = SimpleNamespace(give_back=self.give_back), SimpleNamespace(payment=lambda number: None)
        self.changes = Changes(cast(Any, None), cast(Any, orders), cast(Any, points), cast(Any, payments), self)

    def puts_back(self, pieces: Mapping[str, int]) -> list[Any]:
        self.shelf.update(pieces)
        return []

    def lets_go(self, order: Order, now: datetime, *, paid: bool) -> list[Any]:
        assert paid
        self.let_go += 1
        # Points are moved by the case alone: a transaction may touch the balance once.
        assert order.points == sum(done.points for done in order.progress.values())
        return []

    def give_back(self, member_id: str, points: int, cause_id: str, now: datetime) -> list[Any]:
        if points:
            assert cause_id not in self.points, "the same movement twice"
            self.points[cause_id] = points
        return []

    def begins(
        self, payment: Any, amount: int, cause: str, reason: str, now: datetime, *, case_id: Any, **doer: Any
    ) -> Any:
        assert cause == "aftersale"
        assert case_id not in self.refunds
        self.refunds[case_id] = amount
        return []

    def keep(self, change: Change) -> Case:
        assert change.order is not None
        self.order = change.order
        self.cases[change.case.case_id] = change.case
        return change.case

    def apply(self, *lines: tuple[str, int], **more: Any) -> Case:
        made = replace(case(self.order, *lines, **more), case_id=f"case-{next(_ids)}")
        return self.keep(self.changes.claimed(made, self.order, SHOPPER, NOON))

    def on(self, case: Case) -> Change:
        return Change(case, case, self.order, self.order)

    def pay_back(self, case: Case, *, restock: bool = False) -> Case:
        if case.state in (CaseState.RETURNED, CaseState.RECEIVED) and not restock:
            self.lost.update(case.pieces)
        return self.keep(self.changes.paid_back(self.on(case), SCHEDULE, "同意", NOON, restock=restock))

    def come_back(self, case: Case) -> Case:
        for state in (CaseState.AGREED, CaseState.RETURNED):
            case = moved(case, NOON, SHOPPER, "寄回", to=state)
        return case

    def drop(self, case: Case, to: CaseState = CaseState.CANCELLED) -> Case:
        return self.keep(self.changes.let_go(self.on(case), to, SHOPPER, "撤销", NOON))

    def ship(self) -> None:
        pieces = to_send(self.order)
        self.order = replace(self.order, progress=with_sent(self.order, pieces))


_ids = itertools.count()


def test_all_pieces_at_once_end_the_order_before_it_was_sent() -> None:
    shop = Shop(order(line(quantity=3, goods=10_001, freight=601), line("cup-01", 1, goods=1), points=7,
                      points_off={"tea-01": 5, "cup-01": 2}))  # fmt: skip
    done = shop.pay_back(shop.apply(("tea-01", 3), ("cup-01", 1)))
    assert (done.state, shop.order.state, shop.order.refunded) == (CaseState.REFUNDING, OrderState.REFUNDED, 10_603)
    assert shop.shelf == {"tea-01": 3, "cup-01": 1}
    assert shop.points == {done.case_id: 7}
    assert (shop.refunds, shop.let_go) == ({done.case_id: 10_603}, 1)
    assert shop.order.cases == {done.case_id: False}


def test_a_part_that_was_not_sent_goes_back_and_the_rest_can_still_be_sent() -> None:
    shop = Shop(order(line(quantity=3, goods=10_000)))
    shop.pay_back(shop.apply(("tea-01", 1)))
    assert (shop.order.state, shop.order.refunded, shop.shelf, shop.let_go) == (OrderState.PAID, 3333, {"tea-01": 1}, 0)
    assert to_send(shop.order) == {"tea-01": 2}


def test_what_is_left_of_an_order_is_shipped_as_soon_as_the_case_about_the_rest_is_decided() -> None:
    shop = Shop(order(line(quantity=2), sent=1))
    open_case = shop.apply(("tea-01", 1))
    assert (shop.order.state, to_send(shop.order)) == (OrderState.PAID, {})
    shop.pay_back(open_case)
    assert shop.order.state is OrderState.SHIPPED
    assert shop.order.receive_by is not None


def test_returned_goods_go_back_on_the_shelf_only_if_they_can_be_sold() -> None:
    for restock in (False, True):
        shop = Shop(order(state=OrderState.COMPLETED))
        returned = shop.come_back(shop.apply(("tea-01", 2), kind=Kind.RETURN, reason=Reason.QUALITY))
        done = shop.pay_back(returned, restock=restock)
        assert shop.shelf == ({"tea-01": 2} if restock else {})
        assert (done.restock, shop.order.state) == (restock, OrderState.REFUNDED)


def test_money_alone_leaves_the_goods_with_the_shopper() -> None:
    shop = Shop(order(state=OrderState.SHIPPED))
    shop.pay_back(shop.apply(("tea-01", 2), reason=Reason.DAMAGED, sent=True, amount=500))
    assert (shop.order.state, shop.order.refunded, shop.shelf) == (OrderState.SHIPPED, 500, {})
    assert shop.order.progress["tea-01"].back == 0


def test_pieces_that_cost_nothing_stay_in_the_shop_when_all_the_money_is_back() -> None:
    """Two cases of one order, the gift's undecided when the rest is paid back; and a gift in no case at all."""
    gifts = (line("cup-01", 1, goods=0), line("hat-01", 2, goods=0))
    shop = Shop(order(line(), *gifts, points=9, points_off={"tea-01": 4, "cup-01": 3, "hat-01": 2}))
    gift = shop.apply(("cup-01", 1))
    paid = shop.pay_back(shop.apply(("tea-01", 2)))
    assert shop.order.state is OrderState.REFUNDED
    assert shop.shelf == {"tea-01": 2, "hat-01": 2}
    assert shop.points == {paid.case_id: 6}
    shop.drop(gift)
    assert shop.shelf == {"tea-01": 2, "hat-01": 2, "cup-01": 1}
    assert shop.points == {paid.case_id: 6, gift.case_id: 3}
    assert (shop.let_go, to_send(shop.order)) == (1, {})


def test_pieces_of_one_line_that_have_nothing_left_to_pay_back_are_counted_with_those_of_the_case() -> None:
    shop = Shop(order(line(quantity=3, goods=1)))
    shop.pay_back(shop.apply(("tea-01", 1)))
    assert (shop.order.state, shop.order.refunded, shop.shelf) == (OrderState.PAID, 0, {"tea-01": 1})
    shop.pay_back(shop.apply(("tea-01", 1)))
    shop.pay_back(shop.apply(("tea-01", 1)))
    assert (shop.order.state, shop.order.refunded, shop.shelf) == (OrderState.REFUNDED, 1, {"tea-01": 3})


def test_a_case_without_money_is_done_at_once() -> None:
    shop = Shop(order(line(goods=0), line("cup-01")))
    done = shop.pay_back(shop.apply(("tea-01", 2)))
    assert (done.state, shop.refunds, shop.order.state) == (CaseState.DONE, {}, OrderState.PAID)


def test_an_exchange_that_is_done_leaves_everything_as_it_was() -> None:
    shop = Shop(order(state=OrderState.COMPLETED))
    before = shop.order
    resent = shop.come_back(shop.apply(("tea-01", 2), kind=Kind.EXCHANGE, reason=Reason.QUALITY))
    for state in (CaseState.RECEIVED, CaseState.RESENT):
        resent = moved(resent, NOON, SHOPPER, "换货", to=state)
    done = shop.drop(resent, CaseState.DONE)
    assert (done.state, shop.refunds, shop.shelf, shop.order.refunded) == (CaseState.DONE, {}, {}, 0)
    assert shop.order.progress == before.progress
    assert claimable(shop.order, "tea-01", sent=True) == 2


@st.composite
def bought(draw: st.DrawFn) -> Order:
    def one(sku_id: str) -> OrderLine:
        quantity = draw(st.integers(1, 4))
        return line(sku_id, quantity, goods=draw(st.integers(0, 20_000)), freight=draw(st.integers(0, 900)))

    lines = [one(f"{letter}-01") for letter in "abc"[: draw(st.integers(1, 3))]]
    off = {each.sku_id: draw(st.integers(0, 50)) for each in lines}
    return order(*lines, points=draw(st.integers(1, 99)) if sum(off.values()) else 0, points_off=off)


def check(shop: Shop) -> None:
    paid, order = shop.order.payable, shop.order
    assert sum(shop.refunds.values()) == order.refunded <= paid
    assert sum(shop.points.values()) <= order.points
    for each in order.lines:
        done = order.progress[each.sku_id]
        assert 0 <= done.back <= done.withheld + done.disputed <= each.quantity
        assert shop.shelf[each.sku_id] + shop.lost[each.sku_id] == done.back
        assert 0 <= done.goods + done.freight <= each.payable
    assert shop.let_go == (order.state is OrderState.REFUNDED)
    if order.state is OrderState.REFUNDED:
        assert not to_send(order)


@settings(max_examples=150, deadline=None)
@given(of=bought(), data=st.data())
def test_no_sequence_of_cases_returns_more_than_was_paid_and_all_comes_back_when_all_goes_back(
    of: Order, data: st.DataObject
) -> None:
    shop = Shop(of)
    for _ in range(data.draw(st.integers(0, 10))):
        undecided = [each for each in shop.cases.values() if shop.order.cases[each.case_id]]
        if shop.order.state is OrderState.REFUNDED:
            break
        step = data.draw(st.sampled_from(["apply", "decide", "drop", "ship"]))
        if step == "ship" and shop.order.state is OrderState.PAID:
            shop.ship()
        elif step == "apply":
            apply_somehow(shop, data)
        elif undecided and step == "drop":
            shop.drop(data.draw(st.sampled_from(undecided)))
        elif undecided and step == "decide":
            decide(shop, data.draw(st.sampled_from(undecided)), data.draw(st.booleans()))
        check(shop)
    # The shop's fault, and all that is left goes back: then every fen and every point has gone back.
    whole = all(each.amount == full(each) for each in shop.cases.values())
    for each in [each for each in shop.cases.values() if shop.order.cases[each.case_id]]:
        decide(shop, each, restock=True)
    for sent in (False, True):
        rest = [(each.sku_id, claimable(shop.order, each.sku_id, sent=sent)) for each in shop.order.lines]
        lines = [(sku_id, n) for sku_id, n in rest if n]
        if lines and shop.order.state is not OrderState.REFUNDED:
            kind = Kind.RETURN if sent else Kind.REFUND
            reason = Reason.QUALITY if sent else Reason.LATE
            decide(shop, shop.apply(*lines, kind=kind, reason=reason, sent=sent), restock=True)
    check(shop)
    if whole and shop.order.payable:
        assert shop.order.state is OrderState.REFUNDED
        assert shop.order.refunded == shop.order.payable
        assert sum(shop.points.values()) == shop.order.points


def full(case: Case) -> int:
    return sum(claim.goods + claim.freight for claim in case.claims)


def apply_somehow(shop: Shop, data: st.DataObject) -> None:
    kind, sent = data.draw(st.sampled_from(list(FITTING)))
    sku_ids = [each.sku_id for each in shop.order.lines if claimable(shop.order, each.sku_id, sent=sent)]
    if not sku_ids:
        return
    chosen = data.draw(st.lists(st.sampled_from(sku_ids), min_size=1, unique=True))
    lines = [
        (sku_id, data.draw(st.integers(1, claimable(shop.order, sku_id, sent=sent)), label=sku_id)) for sku_id in chosen
    ]
    reason = data.draw(st.sampled_from([reason for reason in FITTING[kind, sent] if reason is not Reason.NO_REASON]))
    shop.apply(*lines, kind=kind, reason=reason, sent=sent)


def decide(shop: Shop, case: Case, restock: bool) -> None:
    if case.kind is not Kind.REFUND:
        case = shop.come_back(case)
    if case.kind is Kind.EXCHANGE:
        case = moved(case, NOON, SHOPPER, "收到", to=CaseState.RECEIVED)
    shop.pay_back(case, restock=restock and case.kind is not Kind.REFUND)

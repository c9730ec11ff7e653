"""Plays the orders and payments around the kind: a row per order (in table `claims`), and outcomes applied once."""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from chalicelib.campaigns.base import Activity, CampaignOrder, Choice, Lost, OrderRef, Outcome, Refund, Ship
from chalicelib.campaigns.groupbuy import GroupBuy, GroupBuyConfig, TeamStore
from chalicelib.campaigns.groupbuy.rules import SeatState, Standing, Team
from chalicelib.campaigns.store import Activities
from chalicelib.kernel.errors import Refused
from chalicelib.storage.once import AlreadyDone, ClaimRow
from chalicelib.storage.reads import fetch, read
from chalicelib.storage.writes import Write, commit, put, update
from tests.campaigns.asking import claimed, quoted

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SKU = "tee-01"
THREADS = 60

Answer = TypeVar("Answer")


class Shop:
    """Order states: AWAITING, PAID (held), SHIPPABLE, CLOSED, LATE (paid after closing), REFUNDED."""

    def __init__(self, activity_id: str = "A1", **config: Any) -> None:
        self.store = TeamStore()
        self.activities = Activities({"groupbuy": GroupBuyConfig})
        self.kind = GroupBuy(self.store, self.activities)
        self.numbers = itertools.count(1)
        terms = GroupBuyConfig(**{"team_size": 3} | config)
        self.id = activity_id
        self.activity = Activity(activity_id, "groupbuy", "tee", "三人成团", NOW - DAY, NOW + DAY, {SKU: 3900}, terms)
        self.activities.put(self.activity)

    def standing(self, member: str) -> Standing:
        ((standing, _),) = fetch(self.store.reads_standing(self.id, member, None))
        return standing

    def order(self, member: str, team: str | None = None) -> CampaignOrder:
        """An order that is not placed yet."""
        order_id = f"{next(self.numbers):026d}"
        face = f"昵称{member}", f"https://a.example/{member}"
        return CampaignOrder(order_id, member, "groupbuy", self.id, team or order_id, SKU, 1, *face)

    def place(self, member: str, team: str | None = None, now: datetime = NOW) -> CampaignOrder:
        return self.put(self.order(member, team), now)

    def put(self, order: CampaignOrder, now: datetime = NOW) -> CampaignOrder:
        group = None if order.opens_group else order.group_id
        quoted(self.kind, Choice("groupbuy", self.id, group), order.member_id, SKU, 1, now)
        return self.put_unseen(order, now)

    def put_unseen(self, order: CampaignOrder, now: datetime = NOW) -> CampaignOrder:
        """Place without a quote before."""
        name = _name(order.member_id, order.order_id)
        row = ClaimRow(name, result="AWAITING", digest=order.group_id, expires_at=2**31)
        commit(put(row, new=True), *claimed(self.kind, order, now))
        return order

    def charge(self, order: CampaignOrder) -> None:
        """The order becomes paid; nothing follows yet."""
        commit(_moves(order, "AWAITING", "PAID"))

    def pay(self, order: CampaignOrder, now: datetime = NOW) -> list[Outcome]:
        self.charge(order)
        return self.follow(order, now)

    def follow(self, order: CampaignOrder, now: datetime = NOW) -> list[Outcome]:
        """What the effects do for a paid order; may be repeated."""
        outcomes = self.kind.on_paid(order, now)
        for outcome in outcomes:
            self.apply(outcome, now)
        return outcomes

    def close(self, order: CampaignOrder, now: datetime = NOW) -> None:
        commit(_moves(order, "AWAITING", "CLOSED"), *self.kind.releases(order, now, paid=False))

    def pay_late(self, order: CampaignOrder, now: datetime = NOW) -> None:
        commit(_moves(order, "CLOSED", "LATE"))
        self.find_place(order, now)

    def find_place(self, order: CampaignOrder, now: datetime = NOW) -> None:
        """What is done for a payment whose place is gone; may be repeated."""
        self.apply(Lost(order, "late", "late"), now)

    def refund(self, order: CampaignOrder, now: datetime = NOW) -> None:
        for was in ("PAID", "SHIPPABLE"):
            try:
                commit(_moves(order, was, "REFUNDED"), *self.kind.releases(order, now, paid=True))
                return
            except AlreadyDone:
                continue
        assert self.state(order) == "REFUNDED"

    def sweep(self, now: datetime) -> int:
        teams = list(self.kind.due(now))
        for team_id in teams:
            for outcome in self.kind.expire(team_id, now):
                self.apply(outcome, now)
            self.kind.settled(team_id, now)
        return len(teams)

    def apply(self, outcome: Outcome, now: datetime) -> None:
        if isinstance(outcome, Lost):
            self._find_place(outcome, now)
            return
        for ref in outcome.orders:
            if isinstance(outcome, Ship):
                self._ship(ref)
            else:
                self.refund(self._known(ref), now)

    def states(self, orders: Sequence[CampaignOrder]) -> list[tuple[CampaignOrder, str]]:
        """All orders as their rows know them, with their states."""
        rows = read(*(ClaimRow(_name(order.member_id, order.order_id)) for order in orders), consistent=True)
        return [(replace(order, group_id=row.digest), row.result) for order, row in zip(orders, rows, strict=True)]

    def state(self, order: CampaignOrder) -> str:
        return str(_row(order).result)

    def now_in(self, order: CampaignOrder) -> CampaignOrder:
        """The order as its row knows it: it may be in another team by now."""
        return replace(order, group_id=str(_row(order).digest))

    def team(self, order: CampaignOrder) -> Team:
        team = self.store.team(order.group_id)
        assert team is not None
        return team

    def seats(self, order: CampaignOrder) -> dict[str, SeatState]:
        return {seat.face.member_id: seat.state for seat in self.store.whole(order.group_id)[1]}

    def open_team(self, *others: str) -> CampaignOrder:
        """A team with a paid leader; the others paid too."""
        first = self.place("leader")
        self.pay(first)
        for member in others:
            self.pay(self.place(member, first.group_id))
        return first

    def is_sound(self, order: CampaignOrder) -> None:
        """An open team's numbers are those of its seats."""
        team, seats = self.store.whole(order.group_id)
        assert team is not None
        assert team.seats_taken == len(seats) <= team.size
        assert team.paid_count == sum(seat.state is SeatState.PAID for seat in seats)

    def _ship(self, ref: OrderRef) -> None:
        try:
            commit(_moves(ref, "PAID", "SHIPPABLE"))
        except AlreadyDone:
            return

    def _known(self, ref: OrderRef) -> CampaignOrder:
        order = CampaignOrder(ref.order_id, ref.member_id, "groupbuy", self.id, "", SKU, 1)
        return self.now_in(order)

    def _find_place(self, lost: Lost, now: datetime) -> None:
        row = _row(lost.order)
        if row.digest != lost.order.group_id or row.result not in ("PAID", "LATE"):
            return
        found = self.kind.rescue(lost.order, now)
        try:
            if found is not None:
                commit(_moves(lost.order, row.result, "PAID", found.group_id), *claimed(self.kind, found, now))
                self.follow(found, now)
                return
        except Refused:
            pass
        back = self.kind.releases(lost.order, now, paid=True) if row.result == "PAID" else []
        commit(_moves(lost.order, row.result, "REFUNDED"), *back)


def together(work: Callable[[Any], Answer], things: Sequence[Any]) -> list[Answer | Exception]:
    """Do `work` for all of the things at once, each in a thread of its own; what they answered or raised."""

    def attempt(thing: Any) -> Answer | Exception:
        try:
            return work(thing)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(attempt, things))


def do(work: Callable[[], Answer]) -> Answer:
    return work()


def refunded(outcomes: Sequence[Outcome]) -> set[str]:
    return {ref.order_id for outcome in outcomes if isinstance(outcome, Refund) for ref in outcome.orders}


def shipped(outcomes: Sequence[Outcome]) -> set[str]:
    return {ref.order_id for outcome in outcomes if isinstance(outcome, Ship) for ref in outcome.orders}


def _name(member_id: str, order_id: str) -> str:
    return f"order:{member_id}:{order_id}"


def _row(order: CampaignOrder | OrderRef) -> ClaimRow:
    return ClaimRow.get(_name(order.member_id, order.order_id), consistent_read=True)


def _moves(order: CampaignOrder | OrderRef, was: str, now: str, group_id: str | None = None) -> Write:
    regroup = [ClaimRow.digest.set(group_id)] if group_id else []
    return update(
        ClaimRow(_name(order.member_id, order.order_id)),
        ClaimRow.result.set(now),
        *regroup,
        condition=ClaimRow.result == was,
        otherwise=AlreadyDone(),
    )

"""Use cases of bargaining, and what it promises as a campaign kind."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

from ...kernel.clock import epoch, from_epoch
from ...kernel.errors import Conflict, NotFound, Refused, ShopError
from ...kernel.ids import new_id
from ...kernel.paging import Page, decode_cursor
from ...storage.reads import Read, Search, fetch, search, together
from ...storage.writes import StorageBusy, Write, commit
from ..base import (
    Activity,
    ActivityNotFound,
    ActivityNotRunning,
    CampaignLimit,
    CampaignOrder,
    CampaignPrice,
    Choice,
    NotInActivity,
    Outcome,
)
from .rules import (
    BargainSoldOut,
    Cut,
    FloorNotReached,
    Helper,
    HelperLimit,
    Launch,
    LaunchChanged,
    LaunchExists,
    LaunchNotFound,
    LaunchOrdered,
    LaunchOver,
    LaunchState,
    Member,
    Randomness,
    after_cut,
    check_cut,
    check_order,
    cut,
    given_back,
    having_cut,
    weight_of,
)
from .store import BargainStore, Known, Standing
from .terms import BargainConfig

SPARE_RACES = 10
MOST_BUSY = 4
LONGEST_PAUSE = 0.4


class ActivitySource(Protocol):
    def reads(self, activity_id: str) -> Read[Activity | None]: ...


@dataclass(frozen=True)
class Helped:
    """What one cut did: the launch after it, and the weight with which it was made (more than 1 for a new member)."""

    launch: Launch
    amount: int
    weight: int


class Bargain:
    """A launch goes on, and may be ordered, after the activity's end until it expires; launching may not."""

    name: ClassVar[str] = "bargain"
    holds: ClassVar[bool] = False
    refusals: ClassVar[tuple[type[ShopError], ...]] = (
        LaunchNotFound,
        LaunchOrdered,
        LaunchOver,
        FloorNotReached,
        LaunchChanged,
        BargainSoldOut,
    )

    def __init__(
        self,
        store: BargainStore,
        activities: ActivitySource,
        random: Randomness,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._activities = activities
        self._random = random
        self._pause = pause

    def launch(self, activity_id: str, member: Member, now: datetime) -> Launch:
        """A new launch, with the launcher's own cut made, in one transaction.

        Raises ActivityNotFound, ActivityNotRunning, LaunchExists, CampaignLimit, BargainSoldOut.
        """
        (known,) = fetch(self.reads(Choice(self.name, activity_id), member.member_id, now))
        (activity, config), standing = _ours(known.activity), known.standing
        if not activity.running(now):
            raise ActivityNotRunning
        if standing.live_launch_id:
            raise LaunchExists(launch_id=standing.live_launch_id)
        _check_limits(config, standing)
        launch, first = self._first_cut(activity, config, member, now)
        try:
            commit(*self._store.start(launch, first))
        except LaunchExists as error:
            live = self._store.standing(activity_id, member.member_id, now).live_launch_id
            raise LaunchExists(launch_id=live) from error
        return launch

    def cut(self, launch_id: str, member: Member, now: datetime) -> Helped:
        """One helper's cut. Whoever loses the race for the price looks again and cuts from the new one.

        Raises LaunchNotFound, OwnLaunch, AlreadyHelped, LaunchOver, HelperLimit, DailyCutLimit, CutTooSoon, and
        StorageBusy when DynamoDB stays out of breath.
        """
        lost = busy = 0
        while True:
            launch, before, helper = self._store.for_cut(launch_id, member.member_id)
            if launch is None:
                raise LaunchNotFound
            check_cut(launch, helper, before, now)
            try:
                return self._cut_once(launch, member, helper, now)
            except LaunchChanged as error:
                # Each lost race is another's cut, so there are never more of them than cuts to the floor.
                lost += 1
                if lost > launch.terms.cuts_to_floor + SPARE_RACES:
                    raise StorageBusy from error
            except StorageBusy:
                # DynamoDB turns transactions away that meet at one launch; by now its price is another anyway.
                busy += 1
                if busy > MOST_BUSY:
                    raise
            self._pause(self._random.uniform(0, min(LONGEST_PAUSE, 0.01 * 2 ** min(lost + busy, 10))))

    def show(self, launch_id: str) -> tuple[Launch, list[Cut]]:
        return search(self.reads_shared(launch_id))

    def reads_shared(self, launch_id: str) -> Search[tuple[Launch, list[Cut]]]:
        """A launch and its cuts, latest first, for whoever was given its id. Raises LaunchNotFound."""
        return self._store.shared(launch_id)

    def launches(self, member_id: str, cursor: str | None, limit: int) -> Page[Launch]:
        """The member's own, newest first. Raises BadCursor."""
        return self._store.page(member_id, decode_cursor(cursor), limit)

    def reads(self, choice: Choice, member_id: str, now: datetime) -> Read[Known]:
        activity = self._activities.reads(choice.activity_id)
        standing = self._store.reads_standing(choice.activity_id, member_id, now, choice.group_id)
        return together(activity, standing).then(lambda found: Known(choice, member_id, *found))

    def quote(self, known: Known, sku_id: str, quantity: int, now: datetime) -> CampaignPrice:
        """Raises LaunchNotFound (also for another member's launch), NotInActivity, LaunchOrdered, LaunchOver,
        FloorNotReached, CampaignLimit, BargainSoldOut."""
        (activity, config), standing = _ours(known.activity), known.standing
        launch = standing.launch
        if launch is None or (launch.launcher_id, launch.activity_id) != (known.member_id, activity.activity_id):
            raise LaunchNotFound
        if sku_id != launch.sku_id:
            raise NotInActivity
        if quantity != 1:
            raise CampaignLimit(limit=1)
        check_order(launch, now)
        _check_limits(config, standing)
        return CampaignPrice(
            kind=self.name,
            activity_id=activity.activity_id,
            title=activity.title,
            unit_price=launch.price,
            group_id=launch.launch_id,
            pay_within=timedelta(minutes=config.pay_minutes),
        )

    def claims(self, known: Known, order: CampaignOrder, now: datetime) -> list[Write]:
        _, config = _ours(known.activity)
        return [
            self._store.order(order.group_id, order.member_id, order.sku_id, order.unit_price, order.order_id, now),
            self._store.sell(order.activity_id, config.stock, BargainSoldOut()),
            self._store.buy(
                order.activity_id,
                order.member_id,
                config.limit_per_member,
                CampaignLimit(limit=config.limit_per_member),
            ),
        ]

    def releases(self, order: CampaignOrder, now: datetime, *, paid: bool) -> list[Write]:
        """Unpaid, the launch may be ordered again. Once paid it is used up: a refund gives back the piece alone."""
        standing = self._store.standing(order.activity_id, order.member_id, now, order.group_id)
        writes = []
        if standing.sold:
            writes.append(self._store.unsell(order.activity_id))
        if paid:
            return writes
        if standing.bought:
            writes.append(self._store.unbuy(order.activity_id, order.member_id))
        launch = standing.launch
        if launch and launch.state is LaunchState.ORDERED and launch.order_id == order.order_id:
            writes.append(self._store.give_back(given_back(launch), order.order_id))
        return writes

    def on_paid(self, order: CampaignOrder, now: datetime) -> list[Outcome]:
        """Lets the member launch again; the order waits for nothing."""
        with suppress(LaunchChanged):  # done before, or the launch's time was over anyway
            commit(self._store.end_live(order.activity_id, order.member_id, order.group_id))
        return []

    def rescue(self, order: CampaignOrder, now: datetime) -> CampaignOrder | None:
        """A late payer gets the same launch, if it could still be ordered now at the price that was paid."""
        (known,) = fetch(self.reads(order.choice, order.member_id, now))
        try:
            price = self.quote(known, order.sku_id, order.quantity, now)
        except (NotFound, Refused):
            return None
        return order if price.unit_price == order.unit_price else None

    def due(self, now: datetime) -> Iterator[str]:
        return self._store.due(now)

    def expire(self, group_id: str, now: datetime) -> list[Outcome]:
        """Nobody has paid for an expired launch, so nothing follows from it."""
        with suppress(LaunchChanged):  # ordered or expired meanwhile; either is no longer due
            commit(self._store.expire(group_id, now))
        return []

    def settled(self, group_id: str, now: datetime) -> None:
        """Expiring has no outcomes, and takes the launch off the list by itself."""

    def put_off(self, group_id: str, now: datetime) -> None:
        with suppress(Conflict):  # no longer due
            commit(self._store.put_off(group_id, now))

    def card(self, activity: Activity, now: datetime) -> dict[str, Any]:
        config: BargainConfig = activity.config
        return {
            "start_price": config.start_price,
            "floor_price": config.floor_price,
            "cuts_to_floor": config.cuts_to_floor,
            "hours": config.hours,
            "buy_at": config.buy_at.value,
            "limit_per_member": config.limit_per_member,
        }

    def _first_cut(
        self, activity: Activity, config: BargainConfig, member: Member, now: datetime
    ) -> tuple[Launch, Cut]:
        started = from_epoch(epoch(now))
        (sku_id,) = activity.prices
        launch = Launch(
            launch_id=new_id(now),
            activity_id=activity.activity_id,
            launcher_id=member.member_id,
            nickname=member.nickname,
            avatar_url=member.avatar_url,
            product_id=activity.product_id,
            sku_id=sku_id,
            title=activity.title,
            terms=config,
            price=config.start_price,
            cuts=0,
            state=LaunchState.RUNNING,
            started_at=started,
            ends_at=started + timedelta(hours=config.hours),
        )
        amount = cut(launch.price, config.floor_price, launch.people_left, 1, self._random)
        return after_cut(launch, amount), Cut(member.member_id, member.nickname, member.avatar_url, amount, started)

    def _cut_once(self, launch: Launch, member: Member, helper: Helper, now: datetime) -> Helped:
        terms = launch.terms
        weight = weight_of(terms, member, helper, now)
        amount = cut(launch.price, terms.floor_price, launch.people_left, weight, self._random)
        becomes = after_cut(launch, amount)
        made = Cut(member.member_id, member.nickname, member.avatar_url, amount, now)
        at_limit = HelperLimit(limit=terms.cuts_per_helper)
        commit(*self._store.cut(launch, becomes, made, helper, having_cut(helper, weight, now), at_limit))
        return Helped(becomes, amount, weight)


def _ours(activity: Activity | None) -> tuple[Activity, BargainConfig]:
    if activity is None or not isinstance(activity.config, BargainConfig):
        raise ActivityNotFound
    return activity, activity.config


def _check_limits(config: BargainConfig, standing: Standing) -> None:
    if standing.bought >= config.limit_per_member:
        raise CampaignLimit(limit=config.limit_per_member)
    if standing.sold >= config.stock:
        raise BargainSoldOut

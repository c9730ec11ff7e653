"""The rules of bargaining: how far a cut goes, who may cut, and what a launch may become."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from ...kernel.clock import beijing_date
from ...kernel.errors import Conflict, NotFound, Refused, TooMany
from .terms import BargainConfig, BuyAt


class LaunchState(StrEnum):
    RUNNING = "RUNNING"
    REACHED = "REACHED"
    ORDERED = "ORDERED"
    EXPIRED = "EXPIRED"


TRANSITIONS: Mapping[LaunchState, frozenset[LaunchState]] = {
    LaunchState.RUNNING: frozenset({LaunchState.REACHED, LaunchState.ORDERED, LaunchState.EXPIRED}),
    LaunchState.REACHED: frozenset({LaunchState.ORDERED, LaunchState.EXPIRED}),
    LaunchState.ORDERED: frozenset({LaunchState.RUNNING, LaunchState.REACHED}),
    LaunchState.EXPIRED: frozenset(),
}
"""ORDERED goes back to where it came from when its order is closed unpaid, and expires next if its time is over."""


def sources(target: LaunchState) -> frozenset[LaunchState]:
    """The states from which a launch may become `target`: what a write to it has as its condition."""
    return frozenset(state for state, targets in TRANSITIONS.items() if target in targets)


class LaunchNotFound(NotFound):
    code = "LAUNCH_NOT_FOUND"
    message = "砍价不存在"


class LaunchExists(Refused):
    """One at a time per member and activity; `details.launch_id` is the one that lives."""

    code = "LAUNCH_EXISTS"
    message = "您已发起过该商品的砍价"


class LaunchOver(Refused):
    """No more cuts: `details.state` says whether the floor is reached, the launch ordered, or its time over."""

    code = "LAUNCH_OVER"
    message = "该砍价已结束"


class LaunchOrdered(Refused):
    """`details.order_id` is the launcher's own order."""

    code = "LAUNCH_ORDERED"
    message = "该砍价已下单"


class LaunchChanged(Conflict):
    """Somebody cut, ordered or ran out of time between the look and the write."""

    code = "LAUNCH_CHANGED"
    message = "砍价状态已变化，请刷新后再试"


class FloorNotReached(Refused):
    """`details`: `price` and `floor_price` in fen, and how many people are missing (`people_left`)."""

    code = "FLOOR_NOT_REACHED"
    message = "还没有砍到底价，快邀请好友帮忙吧"


class BargainSoldOut(Refused):
    """No pieces of the activity are left; an order closed unpaid gives its piece back."""

    code = "BARGAIN_SOLD_OUT"
    message = "砍价商品已被抢光"


class OwnLaunch(Refused):
    """The launcher's one cut was made at launching."""

    code = "OWN_LAUNCH"
    message = "不能帮自己砍价，快邀请好友帮忙吧"


class AlreadyHelped(Refused):
    """`details.amount` is what the member cut, in fen."""

    code = "ALREADY_HELPED"
    message = "您已帮TA砍过了"


class HelperLimit(Refused):
    """`details.limit` cuts per helper in this activity."""

    code = "HELPER_LIMIT"
    message = "您在该活动的帮砍次数已用完"


class DailyCutLimit(Refused):
    """`details.limit` cuts per helper and day."""

    code = "DAILY_CUT_LIMIT"
    message = "您今天的帮砍次数已用完，明天再来吧"


class CutTooSoon(TooMany):
    """`details.seconds` must pass between two cuts of one helper."""

    code = "CUT_TOO_SOON"
    message = "砍得太快了，请稍后再试"


class Member(Protocol):
    """Who launches or cuts; a session is one."""

    @property
    def member_id(self) -> str: ...
    @property
    def nickname(self) -> str: ...
    @property
    def avatar_url(self) -> str: ...
    @property
    def joined_at(self) -> datetime: ...


class Randomness(Protocol):
    """`random.SystemRandom` in the shop, `random.Random` in tests."""

    def randint(self, a: int, b: int, /) -> int: ...
    def uniform(self, a: float, b: float, /) -> float: ...


@dataclass(frozen=True)
class Launch:
    """One member's way down. `terms` are the activity's as they stood when it was launched: a change by the merchant is
    for later launches. Only stock, limit per member and time to pay follow the activity as it is."""

    launch_id: str
    activity_id: str
    launcher_id: str
    nickname: str
    avatar_url: str
    product_id: str
    sku_id: str
    title: str
    terms: BargainConfig
    price: int
    cuts: int
    state: LaunchState
    started_at: datetime
    ends_at: datetime
    order_id: str | None = None

    @property
    def people_left(self) -> int:
        return self.terms.cuts_to_floor - self.cuts

    def state_at(self, now: datetime) -> LaunchState:
        """The state that counts: the schedule marks expired launches late."""
        over = self.state in sources(LaunchState.EXPIRED) and now >= self.ends_at
        return LaunchState.EXPIRED if over else self.state


@dataclass(frozen=True)
class Cut:
    """One helper's cut of one launch, in fen. The launcher's own is the first."""

    member_id: str
    nickname: str
    avatar_url: str
    amount: int
    at: datetime


@dataclass(frozen=True)
class Helper:
    """What a member has cut over all launches: `cuts` on `day` (in Beijing), when last, and whether the weight of a new
    member is spent."""

    member_id: str
    day: str = ""
    cuts: int = 0
    last_at: datetime | None = None
    weight_spent: bool = False


def cut(price: int, floor: int, cuts_left: int, weight: int, random: Randomness) -> int:
    """How many fen the next of `cuts_left` people takes off.

    At least 1, and never so much that fewer than 1 fen would be left for each later one; the last takes all the rest.
    Over what is spare a cut is even between nothing and twice the fair share (times `weight`), so that each of equal
    weight can expect the same, whenever they come.
    """
    spare = price - floor - cuts_left
    if cuts_left < 1 or spare < 0 or weight < 1:
        raise ValueError("a cut needs somebody to make it and 1 fen for each")
    if cuts_left == 1:
        return 1 + spare
    return 1 + random.randint(0, min(spare, 2 * weight * spare // cuts_left))


def weight_of(terms: BargainConfig, member: Member, helper: Helper, now: datetime) -> int:
    """New members cut more, once."""
    is_new = now - member.joined_at < timedelta(days=terms.new_member_days)
    return terms.new_member_weight if is_new and not helper.weight_spent else 1


def check_cut(launch: Launch, helper: Helper, before: Cut | None, now: datetime) -> None:
    """Raises the refusal that speaks against `helper` cutting `launch`; `before` is the cut already made, if any.

    The limit per activity is not seen here: its counter refuses by itself.
    """
    if helper.member_id == launch.launcher_id:
        raise OwnLaunch
    if before is not None:
        raise AlreadyHelped(amount=before.amount)
    state = launch.state_at(now)
    if state is not LaunchState.RUNNING:
        raise LaunchOver(state=state)
    terms = launch.terms
    if helper.day == beijing_date(now) and helper.cuts >= terms.daily_cuts:
        raise DailyCutLimit(limit=terms.daily_cuts)
    if helper.last_at is not None and now - helper.last_at < timedelta(seconds=terms.seconds_between_cuts):
        raise CutTooSoon(seconds=terms.seconds_between_cuts)


def after_cut(launch: Launch, amount: int) -> Launch:
    price = launch.price - amount
    state = LaunchState.REACHED if price == launch.terms.floor_price else launch.state
    return replace(launch, price=price, cuts=launch.cuts + 1, state=state)


def having_cut(helper: Helper, weight: int, now: datetime) -> Helper:
    today = beijing_date(now)
    return Helper(
        member_id=helper.member_id,
        day=today,
        cuts=helper.cuts + 1 if helper.day == today else 1,
        last_at=now,
        weight_spent=helper.weight_spent or weight > 1,
    )


def check_order(launch: Launch, now: datetime) -> None:
    """Raises the refusal that speaks against the launcher ordering now."""
    state = launch.state_at(now)
    if state is LaunchState.ORDERED:
        raise LaunchOrdered(order_id=launch.order_id)
    if state is LaunchState.EXPIRED:
        raise LaunchOver(state=state)
    if state is LaunchState.RUNNING and launch.terms.buy_at is BuyAt.FLOOR_ONLY:
        raise FloorNotReached(price=launch.price, floor_price=launch.terms.floor_price, people_left=launch.people_left)


def given_back(launch: Launch) -> Launch:
    """An ORDERED launch whose order was closed unpaid: it may be ordered again until it expires."""
    state = LaunchState.REACHED if launch.price == launch.terms.floor_price else LaunchState.RUNNING
    return replace(launch, state=state, order_id=None)

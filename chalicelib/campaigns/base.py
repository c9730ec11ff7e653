"""What a campaign kind promises. A kind returns data and writes; it never calls orders or payments.

Whoever places, closes or refunds an order of a campaign joins the kind's writes to its own transaction; whoever applies
outcomes does so once (service.py). A group is what members gather in: a team of a group-buy, a launch of a bargain.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

from ..kernel.errors import Invalid, NotFound, Refused, ShopError
from ..storage.reads import Read
from ..storage.writes import Write


class ActivityNotFound(NotFound):
    code = "ACTIVITY_NOT_FOUND"
    message = "活动不存在"


class ActivityNotRunning(Refused):
    """Before `starts_at`, after `ends_at`, or taken down."""

    code = "ACTIVITY_NOT_RUNNING"
    message = "活动未开始或已结束"


class NotInActivity(Refused):
    """The SKU does not take part."""

    code = "SKU_NOT_IN_ACTIVITY"
    message = "该规格不参加此活动"


class CampaignLimit(Refused):
    """More than one member may buy, per order or in all; `details.limit` says how many."""

    code = "CAMPAIGN_LIMIT"
    message = "已达到活动限购数量"


class UnknownCampaign(Invalid):
    """There is no such kind; `details.kinds` says which there are."""

    code = "UNKNOWN_CAMPAIGN"
    message = "活动类型不存在"


@dataclass(frozen=True)
class Activity:
    """One campaign of the merchant. `config` is the kind's own dataclass. `prices` maps the SKUs that take part to
    fen.
    """

    activity_id: str
    kind: str
    product_id: str
    title: str
    starts_at: datetime
    ends_at: datetime
    prices: Mapping[str, int]
    config: Any

    def running(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True)
class Choice:
    """What the shopper asks for. `group_id`: the team to join (none: open one), or the launch to buy."""

    kind: str
    activity_id: str
    group_id: str | None = None


@dataclass(frozen=True)
class CampaignPrice:
    """A kind's answer to a choice: the unit price in fen, and how long the shopper may take to pay (None: the shop's
    rule).
    """

    kind: str
    activity_id: str
    title: str
    unit_price: int
    group_id: str | None = None
    pay_within: timedelta | None = None


@dataclass(frozen=True)
class CampaignOrder:
    """What a kind may know of an order. A team opened by an order has the order's id, so opening it twice is one
    team. `unit_price` in fen is what it was placed at.
    """

    order_id: str
    member_id: str
    kind: str
    activity_id: str
    group_id: str
    sku_id: str
    quantity: int
    nickname: str = ""
    avatar_url: str = ""
    unit_price: int = 0

    @property
    def opens_group(self) -> bool:
        return self.group_id == self.order_id

    @property
    def choice(self) -> Choice:
        """What its member asked for."""
        return Choice(self.kind, self.activity_id, None if self.opens_group else self.group_id)


@dataclass(frozen=True)
class OrderRef:
    member_id: str
    order_id: str


@dataclass(frozen=True)
class Ship:
    """These paid orders need no longer wait."""

    orders: Sequence[OrderRef]


@dataclass(frozen=True)
class Refund:
    """These paid orders get all their money back; `cause` goes into the refund number, `reason` is read by the
    shopper.
    """

    orders: Sequence[OrderRef]
    cause: str
    reason: str


@dataclass(frozen=True)
class Lost:
    """The place that this paid order had is gone, and its traces with it (seat, live row, counter: so that `claims` may
    take another one): it is given another place by `rescue`, or its money back with this cause and reason."""

    order: CampaignOrder
    cause: str
    reason: str


Outcome = Ship | Refund | Lost


class Kind(Protocol):
    name: ClassVar[str]
    holds: ClassVar[bool]
    """Whether a paid order waits for a `Ship` before it may be shipped."""
    refusals: ClassVar[tuple[type[ShopError], ...]]
    """What `quote` and `claims` raise, beside the refusals declared here for all kinds."""

    def reads(self, choice: Choice, member_id: str, now: datetime) -> Read[Any]:
        """All that this choice is judged by; refuses nothing."""

    def quote(self, known: Any, sku_id: str, quantity: int, now: datetime) -> CampaignPrice:
        """The price for the choice that `known` was read for, or the refusal that says why not. `claims` decides."""

    def claims(self, known: Any, order: CampaignOrder, now: datetime) -> list[Write]:
        """Conditional writes that join the placing of the order: seat, launch, limits. They hold only as long as what
        was read for the order's choice does.
        """

    def releases(self, order: CampaignOrder, now: datetime, *, paid: bool) -> list[Write]:
        """Writes that join the closing (`paid=False`) or full refund (`paid=True`) of the order; they give back what
        `claims` took. The order's own state makes them happen once, so they must not fail for any state of the
        group."""

    def on_paid(self, order: CampaignOrder, now: datetime) -> list[Outcome]:
        """Called at least once for a paid order, also late and repeatedly; the same end state each time. `Lost` says
        that
        the group was gone when the money came."""

    def rescue(self, order: CampaignOrder, now: datetime) -> CampaignOrder | None:
        """A payment came for an order that was closed, or whose group is gone: the same order in another group (its
        `claims` will be tried), or None when the money must go back."""

    def due(self, now: datetime) -> Iterator[str]:
        """Ids of groups whose time has come."""

    def expire(self, group_id: str, now: datetime) -> list[Outcome]:
        """Move one overdue group on. May be repeated after a crash and then returns the same outcomes."""

    def settled(self, group_id: str, now: datetime) -> None:
        """All outcomes of `expire` have been applied: the group is no longer due."""

    def put_off(self, group_id: str, now: datetime) -> None:
        """`expire` or what followed from it failed: look again in some minutes, and let the others come first."""

    def card(self, activity: Activity, now: datetime) -> dict[str, Any]:
        """The kind's own facts for the product page, JSON-ready."""

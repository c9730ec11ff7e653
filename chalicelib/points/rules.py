"""What moves points, and why it may be refused."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..kernel.errors import Conflict, Refused


class Movement(StrEnum):
    SPENT = "SPENT"
    RETURNED = "RETURNED"
    EARNED = "EARNED"
    ADJUSTED = "ADJUSTED"


class NotEnoughPoints(Refused):
    """The member holds fewer points than are to be spent or taken, now; nothing was written."""

    code = "NOT_ENOUGH_POINTS"
    message = "积分不足"


class AdjustmentReused(Refused):
    """The same Idempotency-Key came with other points or another reason."""

    code = "ADJUSTMENT_REUSED"
    message = "重复的请求标识对应了不同的积分调整"


class MovedBefore(Conflict):
    """Never leaves the shop: points have moved for this cause already."""

    code = "POINTS_MOVED_BEFORE"


@dataclass(frozen=True)
class Entry:
    """One movement. `points` is negative for what went away; `why` is Chinese, for the shopper.

    `cause_id` is the order, the after-sale case, or the request of the staff member `who`, whom shoppers do not see.
    """

    kind: Movement
    cause_id: str
    points: int
    why: str
    at: datetime
    who: str = ""

"""What a pickup point and a pickup code are."""

from dataclasses import dataclass, field
from datetime import datetime

from ..kernel.errors import NotFound, Refused

MOST_POINTS = 100
CODE_DIGITS = 12


class PickupPointNotFound(NotFound):
    """Also for one that is closed."""

    code = "PICKUP_POINT_NOT_FOUND"
    message = "自提点不存在或已停用"


class TooManyPickupPoints(Refused):
    """`details.limit`. Closed ones count too, since orders name them: change one of them instead."""

    code = "TOO_MANY_PICKUP_POINTS"
    message = "自提点数量已达上限"


class PickupCodeNotFound(NotFound):
    code = "PICKUP_CODE_NOT_FOUND"
    message = "取货码不存在"


class PickupCodeUsed(Refused):
    """`details.used_at`: when the goods were handed over."""

    code = "PICKUP_CODE_USED"
    message = "取货码已使用，请勿重复交货"


@dataclass(frozen=True)
class PickupPoint:
    """A place of the shop's own; all of it is shown to everybody. A closed one takes no new orders."""

    point_id: str
    name: str
    address: str
    phone: str
    hours: str
    open: bool = True


@dataclass(frozen=True)
class PickupCode:
    """`used_by`: the staff member who handed the goods over."""

    code: str = field(repr=False)
    member_id: str
    order_id: str
    used_at: datetime | None = None
    used_by: str = ""

"""Who changed something, when, and why: the entry that every order, payment, refund and after-sale case keeps."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Actor(StrEnum):
    SHOPPER = "SHOPPER"
    STAFF = "STAFF"
    WECHAT = "WECHAT"
    SCHEDULE = "SCHEDULE"


@dataclass(frozen=True)
class Event:
    """One entry of a timeline. `was` is None for the first; `why` is Chinese and may be shown to the shopper.

    `who` is the member id of the staff member who did it; it is for the staff's eyes.
    """

    at: datetime
    by: Actor
    was: str | None
    now: str
    why: str
    who: str = ""

"""What a merchant sets for a bargain."""

from dataclasses import dataclass
from enum import StrEnum

MOST_CUTS = 200


class BuyAt(StrEnum):
    FLOOR_ONLY = "FLOOR_ONLY"
    ANY_PRICE = "ANY_PRICE"


@dataclass(frozen=True)
class BargainConfig:
    """What the merchant sets. Prices in fen; `stock` is how many pieces may be sold at a bargained price in all.

    `cuts_per_helper` counts over one activity, `daily_cuts` over all launches on one day in Beijing. A member who
    joined less than `new_member_days` ago cuts about `new_member_weight` times as much, once. Two cuts of one helper
    are at least `seconds_between_cuts` apart. Raises ValueError, which names the fields that make no sense.
    """

    start_price: int
    floor_price: int
    cuts_to_floor: int
    stock: int
    cuts_per_helper: int = 1
    limit_per_member: int = 1
    hours: int = 24
    buy_at: BuyAt = BuyAt.FLOOR_ONLY
    pay_minutes: int = 15
    new_member_weight: int = 2
    new_member_days: int = 7
    daily_cuts: int = 10
    seconds_between_cuts: int = 2

    def __post_init__(self) -> None:
        sensible = {
            "floor_price": self.floor_price >= 0,
            "cuts_to_floor": 1 <= self.cuts_to_floor <= MOST_CUTS,
            "start_price": self.start_price - self.floor_price >= max(self.cuts_to_floor, 1),
            "stock": self.stock >= 0,
            "cuts_per_helper": self.cuts_per_helper >= 1,
            "limit_per_member": self.limit_per_member >= 1,
            "hours": 1 <= self.hours <= 720,
            "pay_minutes": 1 <= self.pay_minutes <= 120,
            "new_member_weight": 1 <= self.new_member_weight <= 100,
            "new_member_days": self.new_member_days >= 0,
            "daily_cuts": self.daily_cuts >= 1,
            "seconds_between_cuts": 0 <= self.seconds_between_cuts <= 60,
        }
        wrong = [name for name, holds in sensible.items() if not holds]
        if wrong:
            raise ValueError(f"these fields of a bargain make no sense: {', '.join(wrong)}")

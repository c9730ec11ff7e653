"""Bargain (砍价): a member launches, friends cut the price down, the member buys at the floor or, if allowed, before.

States of a launch: RUNNING -> REACHED -> ORDERED, RUNNING | REACHED -> EXPIRED; RUNNING -> ORDERED where any price
buys. An order closed unpaid gives the launch back. Table `bargain`: launches with their cuts, and what limits count.
"""

from .rules import (
    BargainSoldOut,
    FloorNotReached,
    Launch,
    LaunchChanged,
    LaunchNotFound,
    LaunchOrdered,
    LaunchOver,
    LaunchState,
)
from .service import Bargain
from .store import BargainStore
from .terms import BargainConfig, BuyAt

__all__ = [
    "Bargain",
    "BargainConfig",
    "BargainSoldOut",
    "BargainStore",
    "BuyAt",
    "FloorNotReached",
    "Launch",
    "LaunchChanged",
    "LaunchNotFound",
    "LaunchOrdered",
    "LaunchOver",
    "LaunchState",
]

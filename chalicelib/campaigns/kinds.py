"""The registry of campaign kinds."""

from collections.abc import Mapping
from typing import Any

from .bargain import Bargain, BargainConfig
from .groupbuy import GroupBuy, GroupBuyConfig

KINDS: Mapping[str, Any] = {GroupBuy.name: GroupBuy, Bargain.name: Bargain}
CONFIGS: Mapping[str, type[Any]] = {GroupBuy.name: GroupBuyConfig, Bargain.name: BargainConfig}

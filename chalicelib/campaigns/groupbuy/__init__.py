"""Group-buy (拼团): members gather in a team and pay the campaign's price together, or get their money back.

Team: OPEN -> FORMED | FAILED. Seat: TAKEN -> PAID -> REFUNDED. Table `groupbuy`: teams, their seats, and where each
member stands in each activity. Every order of the kind is held until its team forms.
"""

from .rules import GroupBuyConfig
from .service import GroupBuy
from .store import TeamStore

__all__ = ["GroupBuy", "GroupBuyConfig", "TeamStore"]

"""Points (积分): what members hold of them, and why.

What a point is worth and how many an order may use is a rule of pricing; which orders earn is decided by orders.
Owns the table `points`: for each member a balance that never falls below zero, and one entry for each movement, whose
key is its cause, so that nothing moves twice.
"""

from .rules import Entry, Movement, NotEnoughPoints
from .service import Points
from .store import PointsStore

__all__ = ["Entry", "Movement", "NotEnoughPoints", "Points", "PointsStore"]

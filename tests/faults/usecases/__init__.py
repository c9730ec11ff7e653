"""What shoppers, staff and WeChat do, from first to last. A new one is a function with @use_case in one of these files.

It drives the world as clients do, and says in the end how things must stand. With a strike somewhere in it, whoever
met the failure may ask again or give up; where nobody gave up, the end must be the same.
"""

from tests.faults.usecases import aftersales, buying, campaigns, hot, mornings, refunds, sending
from tests.faults.usecases.shared import USE_CASES, UseCase, furnish

__all__ = [
    "USE_CASES",
    "UseCase",
    "aftersales",
    "buying",
    "campaigns",
    "furnish",
    "hot",
    "mornings",
    "refunds",
    "sending",
]

"""The merchant's people by what they may do: a word that routes, sessions and members share."""

from collections.abc import Set
from enum import StrEnum


class StaffRole(StrEnum):
    """SERVICE: after-sales and refunds. FULFILMENT: shipping and pickup. FINANCE: money and reconciliation.

    OWNER may do all of it, and says who has which role.
    """

    OWNER = "OWNER"
    SERVICE = "SERVICE"
    FULFILMENT = "FULFILMENT"
    FINANCE = "FINANCE"


def may(roles: Set[StaffRole], needed: StaffRole) -> bool:
    """Whether somebody with these roles may do what needs this one."""
    return needed in roles or StaffRole.OWNER in roles

"""Pickup: the shop's own places where shoppers fetch what they ordered, and the codes that prove whose goods they are.

Tables `pickup_points` (one partition; there are few) and `pickup_codes` (by code, from which alone an order is found).
A code is issued in the transaction that places its order and used in the one that hands the goods over.
"""

from .rules import PickupCode, PickupCodeNotFound, PickupCodeUsed, PickupPoint, PickupPointNotFound
from .service import Pickups

__all__ = ["PickupCode", "PickupCodeNotFound", "PickupCodeUsed", "PickupPoint", "PickupPointNotFound", "Pickups"]

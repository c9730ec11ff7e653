"""A member's delivery addresses.

Owns: the address book (bounded, one default), what counts as a phone number and as a region of China, and taking pasted
texts apart. Orders copy an address; changing it later changes no order.
Table: `addresses`, by member and address id, sealed; one row `#book` per member keeps count and default.
"""

from .rules import Address, AddressNotFound, Entry, ParsedAddress
from .service import Addresses
from .store import AddressStore

__all__ = ["Address", "AddressNotFound", "AddressStore", "Addresses", "Entry", "ParsedAddress"]

"""After-sales: what shoppers send back, get back, or have exchanged, and how the shop decides.

    opening.py    applying, or opening for the shopper: pieces and their money are claimed in the same transaction
    handling.py   each later step, by shopper, staff or time
    change.py     a step together with what it changes of the order, as one transaction
    deadlines.py  what happens when nobody does anything
    news.py       what a case hears of its refund

States: APPLIED -> AGREED -> RETURNED -> REFUNDING -> DONE for a return; APPLIED -> REFUNDING -> DONE for money alone;
APPLIED -> AGREED -> RETURNED -> RECEIVED -> RESENT -> DONE for an exchange; or REJECTED, REFUSED, CANCELLED, after
which one may apply again. To the order a case is open until it is decided; its refund is followed by payments. Table
`aftersales`, keyed by member and case id.
"""

from .service import Aftersales

__all__ = ["Aftersales"]

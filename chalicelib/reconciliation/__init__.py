"""Reconciliation: every morning the bills of the day before are held against the shop's own books.

    bill.py     the platform's CSV as a stream of lines; hash and summary decide whether any of it is believed
    ledger.py   both sides of one day on disk, compared there, so that memory does not grow with the bill
    compare.py  four outcomes for payments and refunds, of the trade bill and of the fund flow
    mend.py     what can be put right by rule: paid there and unpaid here, accepted there and unknown here
    service.py  which day is next, once at a time, and what staff see and decide

Report: RUNNING -> DONE, or RUNNING -> WAITING -> RUNNING. Finding: OPEN -> RESOLVED by staff; MENDING -> MENDED | OPEN.
Owns the table `reconciliations`: one report a day, and what was found on that day.
"""

from .service import Reconciliation
from .store import ReconciliationStore

__all__ = ["Reconciliation", "ReconciliationStore"]

"""Payments: money that comes in through WeChat Pay and money that goes back.

    pay.py      starting: an attempt is stored, then WeChat is asked for a prepay_id
    settle.py   the one way in which an order becomes paid: callback, query and closing all end there
    close.py    giving up on an unpaid order: WeChat is asked, told to close, and only then is anything released
    refund.py   money back: decided in one transaction, sent and followed until it has arrived
    money.py    the report of an order's money, which adds up to zero

Payment states: STARTED -> PAID | CLOSED. Refund states: PENDING -> PROCESSING -> SUCCESS | ABNORMAL | CLOSED.
Tables `payments` (by out_trade_no) and `refunds` (by out_refund_no).
"""

from .service import Payments

__all__ = ["Payments"]

"""Fulfilment: goods leave the shop in parcels, and whoever must know of it is told.

    sending.py     parcels of an order, and the correction of a wrong tracking number
    handing.py     goods that are handed over at a pickup point against the shopper's code
    uploading.py   order shipping: WeChat is told of every delivery until it accepts, or people are called
    tracking.py    where parcels are, asked of `kuaidi100.py`

Upload states: WAITING -> DONE, or STAFF, which is tried again each day and when staff say so. Tables `parcels` (by
order and parcel) and `shipping_uploads` (by order).
"""

from .service import Fulfilment

__all__ = ["Fulfilment"]

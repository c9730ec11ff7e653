"""The adapters to the WeChat platform: the only code that speaks its wire formats.

    pay.py          WeChat Pay, API V3: prepay, query, close, refund, callbacks
                    (transport.py: its signed HTTP; callbacks.py: what is believed; signing.py: its cryptography)
    bills.py        WeChat Pay's bills of a day
    miniprogram.py  login codes, phone numbers, subscribe messages, content checks, mini-program codes
    shipping.py     what the platform must be told of deliveries
    push.py         messages that the platform pushes to the shop
    errors.py       their errors
    store.py        the shared access token

Import the module that is needed: each loads only what it needs itself, and cold starts pay for imports. Nothing here
knows the shop's domains: comparing what the platform says with an order is the caller's work.
"""

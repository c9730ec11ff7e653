"""`make demo`: a day in the life of the demo shop, played over HTTP against the running stack; it knows the shop by its
contract alone.

__main__.py  the chapters in their order, and what is said when a promise is broken
stage.py     the running stack: its two servers, its clock, waiting, telling, insisting
shopper.py   one person with the mini-program in hand
arriving.py, buying.py, together.py, staff.py, after.py, mishaps.py
             the chapters; the first line of each one's docstring is its title
"""

"""Tables brought back from a point in time, beside those that are in use: for a drill, or because data was lost.

copies.py     the tables of a stage under another prefix: restored, completed, thrown away
proof.py      whether the copies are what the shop needs, and whether the money in them adds up
__main__.py   `make restore`
"""

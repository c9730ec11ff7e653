"""What every domain may use: errors, money, time, ids, paging. Pure: no I/O, standard library only (ids use
python-ulid).
"""

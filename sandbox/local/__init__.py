"""The local stack: the shop on this machine, as the cloud would run it.

__main__.py   `python -m sandbox.local` (make run): starts and watches everything, stops it cleanly
place.py      where things are: ports, folders, the environment that the shop is given
processes.py  children, their logs, their readiness
guard.py      ends a child whose parent is gone
api.py        the HTTP function behind a threaded server
worker.py     schedules at their rates, and the streams of tables
seed.py       the demo shop, of goods.py
"""

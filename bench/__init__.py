"""Measured budgets.

__main__.py   `make bench`: all parts, each a module that can be run alone
requests.py   what every route and every function asks of DynamoDB and of WeChat -> docs/requests.md
visits.py     one visit to each of them, in the demo shop
rare.py       ways seldom taken, visited once to see what a function may ever ask for; rare_money.py: those of money
needs.py      who asks which table for what, for deploy/template/grants.py
meter.py      counting requests, items and units as a visit causes them
gateway.py    the app called as Lambda calls it
cpu/          CPU of our process per operation, beside the floor
growth/       the same visits with a million rows behind
sale/         buyers at once, over one SKU; model/: the same by DynamoDB's published limits
sweep.py      how fast a schedule works off what is due
coldstart/    `make bench-coldstart`: what a start costs, from the packaged bundle -> docs/coldstart.md
cost/         `make cost`: yuan of a month, and by route -> docs/cost.md
figures.py    what a part measured, kept in results/, and in results/before/ of the code before
report/       one page of all of it -> docs/performance.md
reconcile.py  `make bench-reconcile`: a bill of a million rows

tests/test_requests.py holds the routes that matter most to what was measured.
"""

"""Measured budgets.

requests.py   `make bench`: what every route and every function asks of DynamoDB and of WeChat -> docs/requests.md
visits.py     one visit to each of them, in the demo shop
rare.py       ways seldom taken, visited once to see what a function may ever ask for; rare_money.py: those of money
needs.py      who asks which table for what, for deploy/template/grants.py
meter.py      counting requests, items and units as a visit causes them
coldstart/    `make bench-coldstart`: what a start costs, from the packaged bundle -> docs/coldstart.md

tests/test_requests.py holds the routes that matter most to what was measured.
"""

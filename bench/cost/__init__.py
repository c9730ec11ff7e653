"""What the shop costs in yuan: `make cost` computes docs/cost.md from measured request units and a price list.

day.py        what shoppers, staff and schedules do on a day of so many orders
units.py      what that asks for: as `make bench` counted it, times that day
prices.json   prices of one region, each with where it is from; yours may differ
bill.py       yuan of a month, and of ten thousand orders by route
__main__.py   the page, and bench/results/cost.json
"""

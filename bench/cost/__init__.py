"""What the shop costs in yuan: `make cost` computes docs/cost.md from measured request units and a price list.

day.py        what shoppers, staff and schedules do on a day of so many orders
units.py      what that asks for: docs/requests.md, as `make bench` measured it, times that day
prices.json   prices of one region, each with where it is from; yours may differ
__main__.py   the bill, written as a page
"""

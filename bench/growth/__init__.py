"""Whether a visit costs the same with a thousand and with a million rows behind: `python -m bench.growth`.

__main__.py  visits every route and runs every function with each number of rows behind -> bench/results/growth.json
due.py       each schedule with nothing, one row and forty rows due
plan.py      of what there is how much in a shop of a million rows
copies.py    rows of the shop copied under new ids
engine.py    an engine that copies in its own memory, and finds its way in large indexes
ordered.py   how it does
"""

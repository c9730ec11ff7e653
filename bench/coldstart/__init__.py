"""What a start costs, from the bundle that Lambda runs: `make bench-coldstart` prints it and writes docs/coldstart.md.

programs.py   what is run in fresh processes that see the bundle and nothing else
first.py      a shop behind these processes, and the first requests that they get
report.py     the page, the verdicts
__main__.py   many rounds of all of it
"""

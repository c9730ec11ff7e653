"""From a package to a shop that runs it, in phases of which each leaves a shop that works.

guard.py      what a new template would break for good, compared before anything is touched (tables.py: of tables)
rollout.py    the phases: laid -> checked -> canary -> live -> settled, and the way back
addresses.py  which addresses that the shop leaves go on answering
check.py      what a new version is asked before it gets traffic
parts.py      what the phases ask of an account, and the templates between two releases
stack.py      CloudFormation: one change set per phase, followed to its end
functions.py  Lambda: which version is live, the check of the new one, versions that nobody needs
watch.py      alarms, and the first requests of a new release
records.py    every release that went live, kept in the bucket
ready.py      what must be true of stage and stack before a release begins
__main__.py   `make deploy`, `make rollback`, `make releases`
"""

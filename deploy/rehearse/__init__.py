"""`make rehearse`: the shop is deployed into an AWS on this machine, and everything is tried that a release may meet.

__main__.py   the whole course, its clean-up and its table
emulator.py   the AWS: enforces IAM, runs functions in processes of their own; closure.py and runtime/ keep them apart
project.py    a copy of the project with a stage `rehearsal`, for releases that change it
front.py      the shop's own domain in front of its API
bridge.py     EventBridge at the sandbox's clock
"""

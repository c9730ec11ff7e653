"""The stage's secret in Secrets Manager: made, completed, its keys changed, and never shown or deleted.

store.py      the secret itself: read, written whole, kept from two writers at once
entries.py    what it holds, and what comes from a file, the environment or a prompt
fill.py       `make secret`: what is missing is generated or asked for, what is there stays
rotation.py   `make rotate`: the steps by which each key is changed without losing a payment
proof.py      whether stage and secret together are settings of a shop
"""

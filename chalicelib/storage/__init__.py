"""The only room, with the domains' store.py files, that knows DynamoDB.

table.py        Row: the base of every pynamodb model; `bind()` points all of them at an account and prefix
transport.py    the client under it: DynamoDB's data operations with little work; signer.py: their signatures;
                wire.py: its connections; address.py: where they lead
writes.py       put, update, delete, check -> Write; `commit(*writes)` makes them one atomic step
reads.py        Read, Search: rows wanted and what is made of them; `fetch(*wishes)` waits for all of them once
attributes.py   Packed: a dataclass kept as JSON text
spelled.py      conditions and changes written as DynamoDB has them
due.py          work found by the time it is due, through a sharded sparse index
once.py         claims that can be made once (idempotency keys, nonces, effects)
cipher.py       personal data sealed at rest
"""

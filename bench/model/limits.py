"""What AWS publishes of DynamoDB, Lambda and API Gateway, the same in the regions of China, and what is assumed."""

from __future__ import annotations

from typing import Final

from chalicelib.stock.service import ROUNDS, TRIES

# https://docs.amazonaws.cn/en_us/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html
PARTITION_WRITE: Final = 1000
PARTITION_READ: Final = 3000
"""Units a second of one partition, and so of one item: an item that is hot is moved into a partition of its own within
minutes, and has these limits there too.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
"""
NEW_WRITE: Final = 4000
"""Units a second of a new table on demand (reads: 12,000). From there it follows: up to twice its last peak within 30
minutes, or what it was warmed for.
https://docs.amazonaws.cn/en_us/amazondynamodb/latest/developerguide/pre-warming-on-demand-capacity-mode.html
"""
TABLE_QUOTA: Final = 40_000
"""Units a second of one table and its indexes, until one asks for more.
https://docs.amazonaws.cn/en_us/amazondynamodb/latest/developerguide/Limits.html
"""
TRANSACTION: Final = 2
"""A transaction writes each item twice, to prepare and to commit, and what it prepared in vain is charged as well.
https://docs.amazonaws.cn/en_us/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-capacity-handling
"""
READ_SIZE: Final = 4096
EVENTUALLY: Final = 0.5
CONCURRENCY: Final = 1000
"""Runs at a time of an account's functions, until one asks for more; and so many more in each 10 seconds.
https://docs.amazonaws.cn/lambda/latest/dg/scaling-behavior.html
"""
HTTP: Final = 10_000
"""Requests a second to all APIs of an account in a region, until one asks for more.
https://docs.amazonaws.cn/en_us/apigateway/latest/developerguide/limits.html
"""

HOLD: Final = 0.020
"""Seconds that a transaction holds its items. AWS publishes none; a transaction of a few items takes 25 ms from Lambda
at the median, and holds for a part of that.
https://docs.amazonaws.cn/en_us/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""
PAUSES: Final = tuple(min(0.8, 0.02 * 2**tried) for tried in range(ROUNDS * TRIES))
"""Seconds that the shop pauses at the most after each refusal of an order: storage/writes.py."""
BUSY: Final = 0.0001
"""One order in so many may be told to come again where a SKU sells as fast as it can."""
CALM: Final = 0.1
"""Share of orders that may meet another where it sells at ease: beyond, refused attempts grow faster than orders."""

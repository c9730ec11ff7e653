"""Flash sales: buyers at once at the shop's processes, against an engine with true transactions. `python -m bench.sale`
writes bench/results/sale.json with these keys, beside the head that all parts have:

- `processes`: of the shop, one a core
- `ceiling`: for `ordinary` and `spread` stock, what bare clients get from the engine in the same run:
  `transactions_per_second` (an order's transaction alone), `orders_per_second` (all that an order asks of it)
- `sales`, by name: buyers, at_once, pieces, counters (0: ordinary), held_ms (that transactions hold their items, with
  TransactionConflict for who meets them; None: never), sold, left, in_orders, refused (by code), server_errors,
  busy_answers, conflicts, orders_per_second (until the last was sold), of_ceiling (of `transactions_per_second`),
  answers_per_second, p50_ms, p99_ms, broken (promises, in words), writes: of_losers (all requests that write, refused
  ones too), after_last_sale (those of them that went out after the last piece was sold), late_losers (who came after
  that), of_late_losers (all their writes) and counting_late (those of them that only count how often a member asks:
  one request in 32 does), losers_in_flight (who were waiting as the last piece went) and of_losers_in_flight
"""

MOST_WRITES = 0.05
"""A loser who asks once all is sold may cost so many requests that write, on average, whatever they are for."""
ENOUGH = 200
"""Of fewer losers no rate is told: how many of their requests are drawn to be counted, one in 32, is chance."""

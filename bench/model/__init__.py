"""How many orders a second one SKU bears, by DynamoDB's published limits. `python -m bench.model` writes
bench/results/model.json with these keys, beside the head that all parts have:

- `assumed`: hold_ms (how long a transaction holds an item), tries (of one order), busy_share (orders that may end in
  "busy" at the most that a SKU bears), calm (share of attempts that may conflict where it sells at ease), most_counters
  (that the shop spreads a SKU over)
- `curve`: a list by `counters` (items that a SKU's pieces stand in) of orders a second: `transaction` (the most),
  `calm`, `plain` (if pieces were taken by plain conditional updates), `simulated` (of `transaction`, up to some
  counters); and at the rate of `transaction`: `conflicts`, `conflicts_simulated` (share of attempts that meet another),
  `stock_units` (write units of stock for each order sold, refused attempts too)
- `by_hold`: {"5": [..], ...}: `transaction` of the same counters if a transaction held for so many ms
- `check`: clients and hold_ms of `checked`, a list by `counters` of `measured` (orders a second of the shop's code at
  the engine with injected holds), `simulated`, `formula`, `conflicts_measured`, `conflicts_simulated`, and the hold_ms
  and look_ms that were measured and then predicted with
- `order`: what one order of two lines with a coupon asks: `write` units by table, `shared_reads`: a list of table, key,
  units, orders_per_second (that one partition bears of this read)
- `needs`: by name of an aim: orders_per_second, tables (a list of table, units, partitions, above_new: it must be
  warmed first, above_quota: ask for more), concurrency, above_concurrency, above_http; and where all fall on one SKU:
  counters (at ease), counters_at_least, counters_plain, conflicts, shared_reads (that one partition does not bear), and
  keep_seconds (for which each process must keep what it read of these, so that a partition bears it; 0: not at all)
"""

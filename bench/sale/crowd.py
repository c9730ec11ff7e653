"""Buyers at the shop, many at once: each places one order and keeps asking as long as it is told to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.gateway import Gateway, Request
from bench.sale.scene import ADDRESS, Buyer
from bench.sale.watch import Seen, Watch

PLACED = "PLACED"
BUSY = frozenset({429, 503})
MOST_ASKED = 30


@dataclass(frozen=True)
class Outcome:
    """`code`: PLACED, or that of the last refusal, with its `status`. `busy`: answers before it that said to come
    again. `seen`: what the shop did at its storage for this buyer.
    """

    member_id: str
    status: int
    code: str
    began: float
    ended: float
    busy: int
    seen: Seen


class Crowd:
    """Buyers of one process. `sku_id` is wanted once by each."""

    def __init__(self) -> None:
        self._gateway, self._watch = Gateway(), Watch()

    def buy(
        self, buyers: Sequence[Buyer], sku_id: str, at_once: int, told: Callable[[], object] = lambda: None
    ) -> list[Outcome]:
        """How it went for each, so many of them at a time; `told` is called after each."""

        def one(buyer: Buyer) -> Outcome:
            outcome = self._buy(buyer, sku_id)
            told()
            return outcome

        with self._watch.looking(), ThreadPoolExecutor(at_once) as threads:
            return list(threads.map(one, buyers))

    def _buy(self, buyer: Buyer, sku_id: str) -> Outcome:
        wish = {"lines": [{"sku_id": sku_id, "quantity": 1}], "address_id": ADDRESS}
        # The same key each time, so that an order that was placed after all is not placed again.
        headers = {"Authorization": f"Bearer {buyer.token}", "Idempotency-Key": f"sale-{sku_id}"}
        act = self._gateway.ready(Request("POST", "/orders", json.dumps(wish), headers))
        seen, began, busy = self._watch.begin(), time.monotonic(), 0
        answer = act()
        while answer.status in BUSY and busy < MOST_ASKED:
            busy += 1
            time.sleep(float(answer.headers["Retry-After"]))
            answer = act()
        code = PLACED if answer.status == 201 else str(answer.json()["code"])
        return Outcome(buyer.member_id, answer.status, code, began, time.monotonic(), busy, seen)

"""How fast unpaid orders are closed after a flash sale: `python -m bench.sweep` -> bench/results/jobs.json.

All orders are of one SKU and have a payment begun, so that WeChat is asked and told about each; it takes 100 ms for
each answer. Engine and WeChat are processes of their own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import keep
from chalicelib.log import logger
from chalicelib.orders.wanted import Wanted
from chalicelib.shop import build, use
from chalicelib.storage.due import at_pace
from sandbox.clock import SandboxClock
from sandbox.wechat import make_credentials
from tests.engine import fresh_tables, running_api, running_engine
from tests.shop import Shopper, Stack, settings_for, stock_the_shelves

SECONDS_AT_WECHAT = 0.1
ORDERS_PER_WORKER = 50
WORKERS = (1, 2, 4, 8, 10)
SKU = "tea-01"
SHOPPERS = 20
MB_PER_CORE = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
MB = 512


@contextmanager
def running_wechat(home: Path) -> Iterator[str]:
    """The address of a sandbox WeChat, in a process of its own, which tells it first."""
    command = [sys.executable, "-m", "sandbox.wechat", "--port", "0", "--state-dir", str(home)]
    with (home / "wechat.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--clock-file", str(home / "clock")], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout
        yield process.stdout.readline().split()[2]
    finally:
        process.terminate()
        process.communicate(timeout=20)


@contextmanager
def open_shop(home: Path) -> Iterator[Stack]:
    with running_engine(home) as engine, running_wechat(home) as wechat, running_api() as api:
        clock = SandboxClock(home / "clock")
        credentials = make_credentials(home / "credentials")
        shop = build(settings_for(credentials, fresh_tables(engine), engine, wechat, api), clock=clock)
        use(shop)
        stock_the_shelves(shop)
        shop.stock.add(SKU, 100_000)
        yield Stack(shop, clock, None, wechat, api)  # type: ignore[arg-type]  # the last two are not asked for here


def begin(stack: Stack, shoppers: list[Shopper], orders: int) -> None:
    """So many orders with their payment sheets open, and the time to pay them gone by."""
    shop = stack.shop

    def order(number: int) -> None:
        shopper = shoppers[number % len(shoppers)]
        session = shop.identity.authenticate(shopper.token)
        wanted = Wanted(lines=((SKU, 1),), address_id=shopper.address_id)
        key = f"sweep-{orders}-{number:06d}"
        shopper.open_sheet(shop.orders.placing.place(session, wanted, key, stack.clock()).order_id)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(order, range(orders)))
    stack.control("POST", "clock", {"advance_seconds": 16 * 60})


def measure(stack: Stack, shoppers: list[Shopper], workers: int) -> dict[str, Any]:
    """One run of the job over all that is due."""
    orders = ORDERS_PER_WORKER * workers
    before = stack.shop.stock.whole(SKU).found  # what many take from is spread, and elsewhere estimated
    begin(stack, shoppers, orders)
    late = {"match": "/v3/pay/transactions", "do": "delay", "seconds": SECONDS_AT_WECHAT, "times": None}
    stack.control("POST", "faults", [late])
    began, worked = time.perf_counter(), time.process_time()
    with at_pace(workers, None):
        closed = stack.shop.payments.closing.close_due(stack.clock())
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    stack.control("DELETE", "faults")
    left = stack.shop.stock.whole(SKU).found
    assert (closed, left) == (orders, before), f"{closed} of {orders} orders closed"
    return {
        "workers": workers,
        "orders": orders,
        "seconds": round(seconds, 2),
        "orders_per_minute": round(orders * 60 / seconds),
        "cpu_ms_per_order": round(1000 * cpu / orders, 2),
        "orders_per_minute_that_512_mb_have_cpu_for": round(60 * orders / cpu * MB / MB_PER_CORE),
    }


def main() -> None:
    logger.setLevel("ERROR")
    with tempfile.TemporaryDirectory() as folder, open_shop(Path(folder)) as stack:
        shoppers = [stack.shopper(f"sale-{number}") for number in range(SHOPPERS)]
        for shopper in shoppers:
            shopper.address()
        found = []
        for workers in WORKERS:
            found.append(measure(stack, shoppers, workers))
            print(", ".join(f"{name} {value}" for name, value in found[-1].items()), flush=True)
    path = keep("jobs", {"close_unpaid": {"seconds_at_wechat": SECONDS_AT_WECHAT, "by_workers": found}})
    print(f"kept in {path}")


if __name__ == "__main__":
    main()

"""The shop's processes: one a core, each with its own client, connections and threads, as functions have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

from bench.sale.crowd import Crowd, Outcome
from bench.sale.scene import Buyer
from chalicelib.log import logger
from chalicelib.settings import Settings
from chalicelib.shop import build, use

Part = TypeVar("Part")

_here: dict[str, Any] = {}


class Processes:
    """`done` counts the buyers that all of them have served since they were asked."""

    def __init__(self, pool: ProcessPoolExecutor, count: int, done: Any) -> None:
        self._pool, self.count, self._done = pool, count, done

    def sell(self, buyers: Sequence[Buyer], sku_id: str, at_once: int) -> list[Outcome]:
        """So many buyers at a time, over all processes."""
        work = partial(_sell, sku_id=sku_id, at_once=at_once // self.count)
        return self.share(work, [buyers[number :: self.count] for number in range(self.count)], len(buyers))

    def share(self, work: Callable[[Any], list[Part]], parts: Sequence[Any], total: int) -> list[Part]:
        """What each process makes of its part, put together; shows how far they are."""
        self._done.value = 0
        running = [self._pool.submit(_together, work, part) for part in parts]
        while wait(running, timeout=1).not_done:
            print(f"\r  {self._done.value:,} of {total:,}", end="", flush=True)
        print("\r" + " " * 40, end="\r", flush=True)
        return [one for each in running for one in each.result()]


@contextmanager
def running(settings: Settings, count: int) -> Iterator[Processes]:
    """So many processes with this shop, each warm before the first begins."""
    context = get_context("spawn")
    barrier, done = context.Barrier(count), context.Value("i", 0)
    with ProcessPoolExecutor(count, context, _open, (settings, barrier, done)) as pool:
        yield Processes(pool, count, done)


def told() -> None:
    """One more is served."""
    with _here["done"].get_lock():
        _here["done"].value += 1


def _open(settings: Settings, barrier: Any, done: Any) -> None:
    logger.setLevel("CRITICAL")
    use(build(settings).complete())
    _here.update(crowd=Crowd(), barrier=barrier, done=done)


def _together(work: Callable[[Any], list[Part]], part: Any) -> list[Part]:
    """Each process waits for the others, so that each has one part and all begin at once."""
    _here["barrier"].wait()
    return work(part)


def _sell(buyers: Sequence[Buyer], sku_id: str, at_once: int) -> list[Outcome]:
    crowd: Crowd = _here["crowd"]
    return crowd.buy(buyers, sku_id, at_once, told)

"""A bargain with everything around it: activities, members, and somebody who plays the orders."""

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from chalicelib.campaigns.bargain import Bargain, BargainConfig, BargainStore
from chalicelib.campaigns.base import Activity, CampaignOrder, Choice
from chalicelib.kernel.errors import ShopError
from chalicelib.storage.reads import NOTHING, Read
from chalicelib.storage.writes import commit
from tests.campaigns.asking import claimed, quoted

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # 10:00 in Beijing
SKU = "p1-01"
CONFIG = BargainConfig(start_price=10_000, floor_price=1_000, cuts_to_floor=3, stock=5, seconds_between_cuts=0)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Person:
    member_id: str
    nickname: str = "小明"
    avatar_url: str = "https://img.example/a.png"
    joined_at: datetime = NOW - timedelta(days=400)


def people(n: int, prefix: str = "h") -> list[Person]:
    return [Person(f"{prefix}{i}", nickname=f"好友{i}") for i in range(n)]


def newcomer(member_id: str) -> Person:
    return Person(member_id, joined_at=NOW - timedelta(days=1))


class FakeActivities:
    def __init__(self) -> None:
        self.known: dict[str, Activity] = {}

    def reads(self, activity_id: str) -> Read[Activity | None]:
        return NOTHING.then(lambda _: self.known.get(activity_id))


class World:
    """Activity `a1` runs; `order` and its kin do what orders do: join the writes of the kind to a transaction."""

    def __init__(self, prefix: str, config: BargainConfig = CONFIG) -> None:
        self.table = f"{prefix}bargain"
        self.activities = FakeActivities()
        self.store = BargainStore()
        self.bargain = Bargain(self.store, self.activities, random.Random(7))
        self.offer("a1", config)
        self._orders = iter(range(10_000))

    def offer(self, activity_id: str, config: BargainConfig) -> None:
        self.activities.known[activity_id] = Activity(
            activity_id=activity_id,
            kind="bargain",
            product_id="p1",
            title="砍价得好茶",
            starts_at=NOW - timedelta(days=1),
            ends_at=NOW + timedelta(days=7),
            prices={SKU: config.floor_price},
            config=config,
        )

    def change(self, **config: Any) -> None:
        """The merchant changes the running activity."""
        self.offer("a1", replace(self.activities.known["a1"].config, **config))

    def launched(self, member_id: str = "leader", now: datetime = NOW) -> str:
        return self.bargain.launch("a1", Person(member_id), now).launch_id

    def reached(self, member_id: str = "leader", now: datetime = NOW) -> str:
        """A launch that friends have cut to the floor."""
        launch_id = self.launched(member_id, now)
        missing = self.bargain.show(launch_id)[0].people_left
        for friend in people(missing, f"friend-of-{launch_id}-"):
            self.bargain.cut(launch_id, friend, now)
        return launch_id

    def intent(self, launch_id: str, member_id: str = "leader") -> CampaignOrder:
        """An order at the price as it is now."""
        price = self.bargain.show(launch_id)[0].price
        return CampaignOrder(f"o{next(self._orders)}", member_id, "bargain", "a1", launch_id, SKU, 1, unit_price=price)

    def order(self, launch_id: str, member_id: str = "leader", now: datetime = NOW) -> CampaignOrder:
        price = quoted(self.bargain, Choice("bargain", "a1", launch_id), member_id, SKU, 1, now).unit_price
        return self.placed(replace(self.intent(launch_id, member_id), unit_price=price), now)

    def placed(self, order: CampaignOrder, now: datetime = NOW) -> CampaignOrder:
        """Without looking first, as when a quote is out of date by the time of the writes."""
        commit(*claimed(self.bargain, order, now))
        return order

    def closed(self, order: CampaignOrder, now: datetime = NOW, paid: bool = False) -> None:
        commit(*self.bargain.releases(order, now, paid=paid))

    def counts(self, member_id: str = "leader") -> tuple[int, int]:
        """Pieces sold in all, and bought by the member."""
        standing = self.store.standing("a1", member_id, NOW)
        return standing.sold, standing.bought


def at_once(calls: Iterable[Callable[[], Result]]) -> list[Result | ShopError]:
    """The results of calls made in as many threads; refusals in the place of results."""
    jobs = list(calls)

    def attempt(job: Callable[[], Result]) -> Result | ShopError:
        try:
            return job()
        except ShopError as refusal:
            return refusal

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(attempt, jobs))


def refusals(results: Iterable[Any]) -> list[str]:
    return [result.code for result in results if isinstance(result, ShopError)]

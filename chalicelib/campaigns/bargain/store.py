"""Bargains as they are kept: what a cut and an order are judged by, and the writes that make them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...kernel.clock import epoch
from ...kernel.errors import ShopError
from ...kernel.paging import Page, page_of
from ...storage.due import clear_due, due, set_due, wait_for
from ...storage.reads import Read, Search, fetch, read
from ...storage.writes import Write, delete, put, update
from ..base import Activity, Choice
from .rows import (
    BargainRow,
    ByLauncher,
    CountRow,
    CutRow,
    HelperRow,
    LaunchRow,
    LiveRow,
    bought_key,
    cut_key,
    cut_of,
    cut_row,
    helper_key,
    helper_of,
    launch_key,
    launch_of,
    sold_key,
)
from .rules import Cut, Helper, Launch, LaunchChanged, LaunchExists, LaunchNotFound, LaunchState, sources
from .terms import MOST_CUTS, BuyAt

JOB = "bargain-expire"
LOOK_AGAIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Standing:
    """How a member stands in an activity: their live launch, what they bought, and what all have bought."""

    live_launch_id: str | None
    bought: int
    sold: int
    launch: Launch | None = None


@dataclass(frozen=True)
class Known:
    """What a choice is judged by."""

    choice: Choice
    member_id: str
    activity: Activity | None
    standing: Standing


class BargainStore:
    """Reads are consistent: a launch is shown and cut in the second it is made."""

    def for_cut(self, launch_id: str, member_id: str) -> tuple[Launch | None, Cut | None, Helper]:
        """All that a cut is judged by. One round trip."""
        launch, cut, helper = read(
            launch_key(launch_id), cut_key(launch_id, member_id), helper_key(member_id), consistent=True
        )
        return launch_of(launch) if launch else None, cut_of(cut) if cut else None, helper_of(member_id, helper)

    def standing(self, activity_id: str, member_id: str, now: datetime, launch_id: str | None = None) -> Standing:
        (standing,) = fetch(self.reads_standing(activity_id, member_id, now, launch_id))
        return standing

    def reads_standing(
        self, activity_id: str, member_id: str, now: datetime, launch_id: str | None = None
    ) -> Read[Standing]:
        """With the launch asked for, if any."""
        keys = [
            LiveRow(f"A#{activity_id}", f"M#{member_id}"),
            bought_key(activity_id, member_id),
            sold_key(activity_id),
        ]

        def made(rows: list[Any]) -> Standing:
            live, bought, sold, *launch = rows
            return Standing(
                live_launch_id=live.launch_id if live and live.expires_at > epoch(now) else None,
                bought=int(bought.n) if bought else 0,
                sold=int(sold.n) if sold else 0,
                launch=launch_of(launch[0]) if launch and launch[0] else None,
            )

        return Read([*keys, *([launch_key(launch_id)] if launch_id else [])], made, consistent=True)

    def shared(self, launch_id: str) -> Search[tuple[Launch, list[Cut]]]:
        """A launch and its cuts, latest first. Raises LaunchNotFound."""

        def made(rows: list[Any]) -> tuple[Launch, list[Cut]]:
            cuts = [cut_of(row) for row in rows if isinstance(row, CutRow)]
            cuts.sort(key=lambda cut: cut.at, reverse=True)
            for row in rows:
                if isinstance(row, LaunchRow):
                    return launch_of(row), cuts
            raise LaunchNotFound

        return Search(BargainRow, f"L#{launch_id}", made, 1 + MOST_CUTS, consistent=True)

    def page(self, launcher_id: str, before: str | None, limit: int) -> Page[Launch]:
        """A member's launches, newest first. Two round trips."""
        older = ByLauncher.launch_id < before if before else None
        found = BargainRow.by_launcher.query(launcher_id, older, scan_index_forward=False, limit=limit + 1)
        page = page_of([key.launch_id for key in found], limit, str)
        rows = read(*(launch_key(launch_id) for launch_id in page.rows))
        return Page([launch_of(row) for row in rows if row], page.next_cursor)

    def due(self, now: datetime) -> Iterator[str]:
        """Ids of launches whose time is over."""
        return (row.pk.removeprefix("L#") for row in due(BargainRow, JOB, now))

    def start(self, launch: Launch, first: Cut) -> list[Write]:
        """A new launch with its launcher's own cut. LaunchExists when the member has a live one."""
        times = {"started_at": epoch(launch.started_at), "ends_at": epoch(launch.ends_at)}
        waits = wait_for(LaunchRow, JOB, launch.launch_id, launch.ends_at)
        row = LaunchRow(f"L#{launch.launch_id}", "#", **{**vars(launch), **times, **waits}, buy_at=launch.terms.buy_at)
        live = LiveRow(
            f"A#{launch.activity_id}",
            f"M#{launch.launcher_id}",
            launch_id=launch.launch_id,
            expires_at=epoch(launch.ends_at),
        )
        none_lives = LiveRow.pk.does_not_exist() | (LiveRow.expires_at <= epoch(launch.started_at))
        return [
            put(live, condition=none_lives, otherwise=LaunchExists()),
            put(row, new=True),
            put(cut_row(launch.launch_id, first), new=True),
        ]

    def cut(
        self, seen: Launch, becomes: Launch, made: Cut, was: Helper, helper: Helper, at_limit: ShopError
    ) -> list[Write]:
        """The launch as it was `seen` `becomes` another, the helper too. LaunchChanged when either is no longer what
        it was, or this cut was made; `at_limit` when the helper has no cut left in the activity."""
        counted = _counted(
            CountRow(f"H#{made.member_id}", f"A#{seen.activity_id}"), seen.terms.cuts_per_helper, at_limit
        )
        unchanged = (LaunchRow.price == seen.price) & (LaunchRow.state == seen.state)
        lowered = update(
            launch_key(seen.launch_id),
            LaunchRow.price.set(becomes.price),
            LaunchRow.cuts.set(becomes.cuts),
            LaunchRow.state.set(becomes.state),
            condition=unchanged,
            otherwise=LaunchChanged(),
        )
        row = HelperRow(
            f"H#{helper.member_id}",
            "#",
            day=helper.day,
            cuts=helper.cuts,
            last_at=epoch(made.at),
            weight_spent=helper.weight_spent,
        )
        same = (HelperRow.day == was.day) & (HelperRow.cuts == was.cuts)
        return [
            # In front of the limit: who taps twice has helped already, whatever the limit.
            put(cut_row(seen.launch_id, made), new=True, otherwise=LaunchChanged()),
            counted,
            put(row, condition=same if was.day else HelperRow.pk.does_not_exist(), otherwise=LaunchChanged()),
            lowered,
        ]

    def order(self, launch_id: str, launcher_id: str, sku_id: str, price: int, order_id: str, now: datetime) -> Write:
        """The launch becomes ORDERED, if it is the launcher's, in time, still at `price`, and this is its floor or any
        price buys.
        """
        theirs = (LaunchRow.launcher_id == launcher_id) & (LaunchRow.sku_id == sku_id) & (LaunchRow.price == price)
        buyable = (LaunchRow.state == LaunchState.REACHED) | (LaunchRow.buy_at == BuyAt.ANY_PRICE)
        open_ = LaunchRow.state.is_in(*sorted(sources(LaunchState.ORDERED))) & (LaunchRow.ends_at > epoch(now))
        return update(
            launch_key(launch_id),
            LaunchRow.state.set(LaunchState.ORDERED),
            LaunchRow.order_id.set(order_id),
            *clear_due(LaunchRow),
            condition=theirs & buyable & open_,
            otherwise=LaunchChanged(),
        )

    def give_back(self, launch: Launch, order_id: str) -> Write:
        """An ORDERED launch becomes `launch` again, and waits for its end."""
        return update(
            launch_key(launch.launch_id),
            LaunchRow.state.set(launch.state),
            LaunchRow.order_id.remove(),
            *set_due(LaunchRow, JOB, launch.launch_id, launch.ends_at),
            condition=(LaunchRow.state == LaunchState.ORDERED) & (LaunchRow.order_id == order_id),
            otherwise=LaunchChanged(),
        )

    def expire(self, launch_id: str, now: datetime) -> Write:
        open_ = LaunchRow.state.is_in(*sorted(sources(LaunchState.EXPIRED)))
        return update(
            launch_key(launch_id),
            LaunchRow.state.set(LaunchState.EXPIRED),
            *clear_due(LaunchRow),
            condition=open_ & (LaunchRow.ends_at <= epoch(now)),
            otherwise=LaunchChanged(),
        )

    def put_off(self, launch_id: str, now: datetime) -> Write:
        later = set_due(LaunchRow, JOB, launch_id, now + LOOK_AGAIN)
        return update(launch_key(launch_id), *later, condition=LaunchRow.due_shard.exists())

    def end_live(self, activity_id: str, launcher_id: str, launch_id: str) -> Write:
        """The member may launch again. LaunchChanged when this launch is not their live one (any more)."""
        row = LiveRow(f"A#{activity_id}", f"M#{launcher_id}")
        return delete(row, condition=LiveRow.launch_id == launch_id, otherwise=LaunchChanged())

    def sell(self, activity_id: str, stock: int, sold_out: ShopError) -> Write:
        return _counted(sold_key(activity_id), stock, sold_out)

    def buy(self, activity_id: str, member_id: str, limit: int, at_limit: ShopError) -> Write:
        return _counted(bought_key(activity_id, member_id), limit, at_limit)

    def unsell(self, activity_id: str) -> Write:
        return _uncounted(sold_key(activity_id))

    def unbuy(self, activity_id: str, member_id: str) -> Write:
        return _uncounted(bought_key(activity_id, member_id))


def _counted(row: CountRow, limit: int, otherwise: ShopError) -> Write:
    room = CountRow.n < limit
    if limit > 0:
        room = room | CountRow.n.does_not_exist()
    return update(row, CountRow.n.add(1), condition=room, otherwise=otherwise)


def _uncounted(row: CountRow) -> Write:
    return update(row, CountRow.n.add(-1), condition=CountRow.n >= 1)

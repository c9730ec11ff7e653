"""The chapters in their order. Exit status 0 only if everything is as promised."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable

from sandbox.demo import after, arriving, buying, mishaps, staff, together
from sandbox.demo.shopper import Shopper
from sandbox.demo.stage import NotAsPromised, NotRunning, Stage
from sandbox.local.place import Place, Trouble

CHAPTERS: tuple[Callable[[Stage, Shopper], None], ...] = (
    arriving.login,
    arriving.address,
    arriving.browse,
    arriving.product_page,
    buying.cart,
    buying.coupon,
    buying.order,
    buying.signed,
    buying.once,
    buying.native,
    together.team,
    together.bargain,
    buying.reminder,
    mishaps.late_payment,
    mishaps.lost_callback,
    mishaps.repeated_callback,
    mishaps.unpaid,
    staff.appointed,
    staff.parcels,
    staff.pickup,
    after.points,
    after.returned,
    after.closed_refund,
    mishaps.reconciled,
    together.failed_team,
    staff.dismissed,
    buying.lists,
)


def main() -> int:
    begun = time.monotonic()
    try:
        stage = Stage(Place.here(), run=secrets.token_hex(3))
        play(stage)
    except Trouble as error:
        print(error, file=sys.stderr)
        return 1
    except NotRunning as error:
        print(f"No answer from {error}.\nThe shop must be running, in another terminal: make run", file=sys.stderr)
        return 1
    except NotAsPromised as error:
        print(f"\n✗ Not as promised: {error}", file=sys.stderr)
        if "SOLD_OUT" in str(error):
            print(
                "\nEvery demo buys a little, and by now the shop is sold out: make reset, then make run",
                file=sys.stderr,
            )
        return 1
    seconds = time.monotonic() - begun
    print(f"\n✓ {stage.chapters} chapters, {stage.checks} checks, all as promised, in {seconds:.0f} s.")
    return 0


def play(stage: Stage) -> None:
    stage.now()
    print(f"集市 Jishi at {stage.place.api}, a day in its life (shoppers of this run end in -{stage.run})")
    ming = Shopper.comes(stage, "小明", "xiaoming")
    for chapter in CHAPTERS:
        stage.title((chapter.__doc__ or "").splitlines()[0])
        chapter(stage, ming)


if __name__ == "__main__":
    sys.exit(main())

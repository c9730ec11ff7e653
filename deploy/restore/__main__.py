"""`make restore STAGE=prod AT=2026-11-22T10:00:00+08:00`; `make restore STAGE=prod PREFIX=… DISCARD=1`.

python -m deploy.restore --stage prod --at TIME [--prefix jishi-prod-r1-] [--orders 200]
python -m deploy.restore --stage prod --prefix jishi-prod-r1- --discard
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.shop import build
from chalicelib.storage.tables import tables
from deploy.cloud import Cloud, CloudError, told
from deploy.release import guard, ready
from deploy.release.stack import Stack
from deploy.restore import proof
from deploy.restore.copies import Copies, Copy, RestoreError
from deploy.stage import Stage, StageError, read
from deploy.template.tables import definition

PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,100}-")


def copies_of(source_prefix: str, prefix: str) -> list[Copy]:
    return [Copy(f"{source_prefix}{name}", f"{prefix}{name}", definition(kind)) for name, kind in tables().items()]


def restore(stage: Stage, at: datetime, prefix: str, orders: int) -> None:
    """Raises RestoreError, CloudError."""
    cloud = Cloud(stage)
    cloud.demand_account()
    _demand_free(cloud, prefix)
    copies = copies_of(stage.table_prefix, prefix)
    client = cloud.client("dynamodb")
    work = Copies(client, copies)
    work.start(at)
    work.wait()
    work.complete(at, protect=stage.options.keep)
    sound = _proved(cloud, copies, prefix, orders, at)
    print(_what_next(stage, prefix))
    if not sound:
        raise RestoreError("The copies are not in order; see above.")


def discard(stage: Stage, prefix: str) -> None:
    """Raises RestoreError, CloudError."""
    cloud = Cloud(stage)
    cloud.demand_account()
    _demand_free(cloud, prefix)
    gone = Copies(cloud.client("dynamodb"), copies_of(stage.table_prefix, prefix)).discard()
    print(f"{len(gone)} tables {prefix}… deleted." if gone else f"There are no tables {prefix}…")


def _demand_free(cloud: Cloud, prefix: str) -> None:
    """A prefix that nobody works on. Raises RestoreError."""
    stage = cloud.stage
    if not PREFIX.fullmatch(prefix):
        raise RestoreError(f"PREFIX is of letters, digits and -_., ends with -, and is not {prefix!r}.")
    used = {stage.table_prefix, f"{stage.stack}-"}
    if deployed := Stack(cloud).template():
        used.add(str(guard.setting(deployed, "JISHI_TABLE_PREFIX")))
    if prefix in used:
        raise RestoreError(f"The shop works on the tables {prefix}…, or may again. Take another PREFIX.")


def _proved(cloud: Cloud, copies: list[Copy], prefix: str, orders: int, at: datetime) -> bool:
    """Whether all is well; says what was looked at."""
    client = cloud.client("dynamodb")
    print(f"  {'':<28}{'in use':>12}{'copy':>12}")
    for name, used, copied in proof.counts(client, copies):
        print(f"  {name:<28}{used:>12}{copied:>12}")
    wrong = proof.differences(client, copies)
    for line in wrong:
        print(f"  {line}")
    shop = build(replace(ready.settings(cloud), table_prefix=prefix))
    found = proof.money(client, f"{prefix}orders", shop, orders, at)
    print(f"  money of {found.read} orders: {len(found.wrong)} do not add up {' '.join(found.wrong)}".rstrip())
    if found.under_way:
        print(
            f"  {len(found.under_way)} changed at the very moment and were cut in two: {' '.join(found.under_way)}. "
            "After a switch the schedules and the reconciliation finish them; look at each."
        )
    return not (wrong or found.wrong)


def _what_next(stage: Stage, prefix: str) -> str:
    return f"""
The shop still works on {stage.table_prefix}…; nothing of it was touched.
To go over to the copies (what was written since is not in them; orders and payments of that time are in the old tables
and in WeChat's bills), close the shop and stop its schedules first, as docs/operations.md says, and restore again:
  1. .chalice/config.json, stage {stage.name}, environment_variables: "JISHI_TABLE_PREFIX": "{prefix}"
  2. make deploy STAGE={stage.name} ACCEPT=prefix        all traffic at once, no canary; the old tables stay
  3. back: take the line out again, and the same command
To throw them away after a drill: make restore STAGE={stage.name} PREFIX={prefix} DISCARD=1"""


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("must be a time with its offset, such as 2026-11-22T10:00:00+08:00")
    return found.astimezone(UTC).replace(microsecond=0)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="deploy.restore")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--at", type=_time, help="point in time, ISO 8601 with offset")
    parser.add_argument("--prefix", default="", help="of the copies; made of the time if it is not given")
    parser.add_argument("--orders", type=int, default=200, help="whose money is added up")
    parser.add_argument("--discard", action="store_true", help="delete the copies")
    given = parser.parse_args()
    if given.discard and not given.prefix:
        parser.error("which copies? PREFIX=…")
    if not given.discard and given.at is None:
        parser.error("as of when? AT=2026-11-22T10:00:00+08:00")
    return given


def main() -> None:
    given = _arguments()
    try:
        stage = read(given.stage)
        if given.discard:
            discard(stage, given.prefix)
        else:
            prefix = given.prefix or f"{stage.stack}-{given.at:%Y%m%dt%H%M%S}-"
            restore(stage, given.at, prefix, given.orders)
    except (StageError, CloudError, RestoreError) as error:
        sys.exit(str(error))
    except (BotoCoreError, ClientError) as error:
        sys.exit(told(error))
    except KeyboardInterrupt:
        print("\nStopped here. DynamoDB ends what was begun; the same command goes on from there.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()

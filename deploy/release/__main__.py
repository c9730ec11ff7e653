"""`make deploy`, `make rollback` and `make releases`.

python -m deploy.release deploy --stage prod [--accept CODE,…] [--despite ALARM,…] [--yes]
python -m deploy.release rollback --stage prod [--to NUMBER]
python -m deploy.release releases --stage prod
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy import package
from deploy.bundle.errors import BundleError
from deploy.cloud import Cloud, CloudError, told
from deploy.release import addresses, guard, plan, ready
from deploy.release.parts import Account, real
from deploy.release.plan import Template
from deploy.release.rollout import Candidate, ReleaseFailed, Rollout, brought_back
from deploy.release.stack import NotApplied, Overtaken, Stack, Stuck
from deploy.stage import ROOT, Stage, StageError, read
from deploy.template import keeping
from deploy.template.alarms import ROLLBACK_ALARMS
from deploy.template.tables import STREAM, owned

EXPECTED = (StageError, CloudError, BundleError, ReleaseFailed, Overtaken, NotApplied, Stuck)
Say = Callable[[str], None]


class Refused(Exception):
    """By the guard, or for want of something to go back to."""


def deploy(stage: Stage, root: Path, accepted: frozenset[str], despite: frozenset[str], *, yes: bool) -> int:
    """Package and release; returns the release's number. Raises Refused and EXPECTED."""
    cloud = Cloud(stage)
    account = real(cloud)
    ready.demand(cloud, Stack(cloud), lambda question: yes or _asked(question))
    ready.room(cloud, Stack(cloud))
    ready.settings(cloud)
    made = package.make(stage, root, root / "packaged" / stage.name)
    cloud.make_bucket()
    deployed = account.stack.template()
    template = json.loads(made.template_path.read_text(encoding="utf-8"))  # as it comes back from the account
    if deployed and not owned(stage):
        template = keeping(template, deployed)  # the stack goes on owning the tables that the shop has left
    template = addresses.kept(template, account.records.get(plan.mark_of(deployed).live), datetime.now(UTC))
    _guard(deployed, template, accepted)
    cloud.upload(made.bundle, f"bundles/{made.sha256}.zip")
    new = Candidate(template, parameters(cloud, template), made.sha256, ready.commit(root))
    return _run(stage, account, despite, new)


def rollback(stage: Stage, to: int, accepted: frozenset[str]) -> int:
    """Bring back release `to`, or the one before the live one; returns the new number. Raises Refused and EXPECTED."""
    cloud = Cloud(stage)
    account = real(cloud)
    ready.demand(cloud, Stack(cloud), lambda question: False)
    deployed = account.stack.template()
    if deployed is None:
        raise Refused(f"Stage {stage.name!r} was never deployed.")
    live = account.records.get(plan.mark_of(deployed).live)
    release = account.records.get(to or (live.previous if live else 0))
    if release is None:
        raise Refused("There is no such release to go back to. `make releases` shows those that there are.")
    new = brought_back(release, deployed)
    print(f"Back to release {release.number} of {release.time} ({release.commit}); tables stay as they are.")
    _guard(deployed, new.template, accepted)
    return _run(stage, account, frozenset(), new)


def releases(stage: Stage) -> None:
    cloud = Cloud(stage)
    cloud.demand_account()
    account = real(cloud)
    live = plan.mark_of(account.stack.template()).live
    for number in reversed(account.records.numbers()):
        if release := account.records.get(number):
            print(f"{release}{'  <- live' if number == live else ''}")


def _guard(deployed: Template | None, template: Template, accepted: frozenset[str]) -> None:
    findings = guard.compare(deployed, template) if deployed else []
    for finding in findings:
        print(f"  {finding}")
    if stops := guard.refused(findings, accepted):
        raise Refused(f"Refused, and nothing was touched: {', '.join(found.code for found in stops)}")


def parameters(cloud: Cloud, template: Template) -> dict[str, str]:
    """What only the account knows. Raises CloudError."""
    found = {"CodeBucket": cloud.bucket}
    if STREAM in template["Parameters"]:
        orders = f"{cloud.stage.table_prefix}orders"
        table = cloud.client("dynamodb").describe_table(TableName=orders)["Table"]
        if "LatestStreamArn" not in table:
            raise CloudError(f"Table {orders} has no stream; `make restore` gives it one.")
        found[STREAM] = table["LatestStreamArn"]
    return found


def _run(stage: Stage, account: Account, despite: frozenset[str], new: Candidate) -> int:
    rollout = Rollout(stage, account, tuple(ROLLBACK_ALARMS), despite)
    try:
        return rollout.run(new)
    except KeyboardInterrupt:
        print(f"\nStopped in phase {rollout.phase!r}. {_meanwhile(rollout.phase)}", file=sys.stderr)
        raise SystemExit(130) from None
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"{told(error)} It was in phase {rollout.phase!r}. {_meanwhile(rollout.phase)}") from error


def _meanwhile(phase: str) -> str:
    if phase in ("live", "settled"):
        return "CloudFormation goes on to the new version, or back, by itself; the same command finishes the rest."
    return (
        "The old version is live (in the canary, but for its share), and an update that was begun goes on by itself. "
        "The same command goes on from here when the stack stands still."
    )


def _asked(question: str) -> bool:
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _words(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="deploy.release")
    parser.add_argument("command", choices=("deploy", "rollback", "releases"))
    parser.add_argument("--stage", required=True)
    parser.add_argument("--accept", type=_words, default=frozenset(), help="codes of risks that are taken")
    parser.add_argument("--despite", type=_words, default=frozenset(), help="alarms that may ring")
    parser.add_argument("--to", type=int, default=0, help="number of the release to go back to")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    try:
        stage = read(given.stage)
        if given.command == "deploy":
            deploy(stage, ROOT, given.accept, given.despite, yes=given.yes)
        elif given.command == "rollback":
            rollback(stage, given.to, given.accept)
        else:
            releases(stage)
    except (Refused, *EXPECTED) as error:
        sys.exit(str(error))
    except (BotoCoreError, ClientError) as error:
        sys.exit(told(error))
    except KeyboardInterrupt:
        print("\nStopped before anything was touched.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()

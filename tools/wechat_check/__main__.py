"""The settings of the environment, or of the local stack, step by step. Exit code 1 if anything fails."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping

from chalicelib.kernel.clock import Clock, system_clock
from chalicelib.settings import Settings, SettingsError, from_environment
from sandbox.clock import SandboxClock
from sandbox.local.place import Place, Trouble
from tools.wechat_check.app_side import app_side
from tools.wechat_check.finding import Finding, fails, holds, skipped
from tools.wechat_check.forms import forms
from tools.wechat_check.pay_side import pay_side

HOW = """No settings of the shop are in the environment (JISHI_WECHAT_…), and no shop runs on this machine.

Put them into a file as docs/settings.md says, and give them to the check:

    set -a; . ./prod.env; set +a; make wechat-check

or start the local shop with `make run` and check that one.
"""


def main() -> int:
    environment, clock = dict(os.environ), system_clock
    if not any(name.startswith("JISHI_WECHAT_") and name != "JISHI_WECHAT_PORT" for name in environment):
        try:
            place = Place.here()
        except Trouble as trouble:
            print(trouble, file=sys.stderr)
            return 1
        if not _runs(place):
            print(HOW, file=sys.stderr)
            return 1
        print(f"The shop that runs on this machine, over {place.folder}, with its own WeChat:\n")
        environment, clock = {**environment, **place.environment()}, SandboxClock(place.clock_file)
    marks = []
    for finding in check(environment, clock):
        print(finding, flush=True)
        marks.append(finding.mark)
    failed = marks.count("✗")
    print(f"\n{failed} of {len(marks)} need mending." if failed else "\nAll is well.")
    return 1 if failed else 0


def check(environment: Mapping[str, str], clock: Clock = system_clock) -> Iterator[Finding]:
    """Step by step; nobody is asked as long as the settings alone are wrong."""
    try:
        settings = from_environment(environment)
    except SettingsError as error:
        yield fails("the settings are not complete", str(error), "docs/settings.md says where to find each.")
        return
    yield holds("the settings are complete")
    found = list(forms(settings, clock()))
    yield from found
    if any(finding.mark == "✗" for finding in found):
        yield skipped("asking WeChat", "Not tried: mend what stands above first.")
        return
    yield from _asked(settings, clock)


def _asked(settings: Settings, clock: Clock) -> Iterator[Finding]:
    yield from pay_side(settings, clock)
    yield from app_side(settings, clock)


def _runs(place: Place) -> bool:
    if not (place.folder / "keys.json").exists():
        return False
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", place.wechat_port)) == 0


if __name__ == "__main__":
    sys.exit(main())

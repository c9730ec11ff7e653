"""`make doctor STAGE=… [WECHAT=1]`. Exit status 1 if something is wrong that stops a shop."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from chalicelib.kernel.clock import Clock, system_clock
from chalicelib.settings import SettingsError
from deploy.cloud import Cloud
from deploy.doctor import account, aws, edge, net, shop, stack
from deploy.doctor.edge import Edge
from deploy.doctor.finding import Finding
from deploy.doctor.stack import Stack
from deploy.secret.proof import environment, settings_of
from deploy.stage import StageError, read
from tools.wechat_check.app_side import app_side
from tools.wechat_check.pay_side import pay_side

Seen = Callable[[Edge, str, datetime, bool], Edge]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="deploy.doctor")
    parser.add_argument("stage")
    parser.add_argument("--wechat", action="store_true", help="also ask WeChat with the settings")
    options = parser.parse_args(arguments)
    try:
        stage = read(options.stage)
    except StageError as error:
        print(error, file=sys.stderr)
        return 1
    marks = []
    for finding in examined(Cloud(stage), wechat=options.wechat):
        print(finding, flush=True)
        marks.append(finding.mark)
    wrong, open_ = marks.count("✗"), marks.count("?")
    print(f"\n{len(marks)} things looked at: {wrong} to mend before anybody can shop, {open_} for you to judge.")
    return 1 if wrong else 0


def examined(
    cloud: Cloud, clock: Clock = system_clock, seen: Seen = net.seen, wechat: bool = False
) -> Iterator[Finding]:
    """Line by line, as facts come in."""
    stage = cloud.stage
    about = aws.account(cloud)
    found = aws.stack(cloud) if isinstance(about.account, str) else None
    deployed = isinstance(found, Stack)
    yield from account.check(stage, about, deployed)
    if not isinstance(about.account, str):
        return
    outputs = (found.outputs if isinstance(found, Stack) else None) or {}
    url = outputs.get("ApiUrl") or environment(stage)["JISHI_PUBLIC_URL"]
    stage = replace(stage, environment={**stage.environment, "JISHI_PUBLIC_URL": url})
    values = aws.secret(cloud)
    yield from shop.check(stage, values, clock())
    if isinstance(values, Mapping) and wechat:
        try:
            settings = settings_of(stage, values)
        except SettingsError:  # told above
            return
        yield from map(shop.line, (*pay_side(settings, clock), *app_side(settings, clock)))
    yield from stack.check(stage, found)
    facts = Edge(url, aws.certificate(cloud) if stage.options.certificate else None)
    facts = seen(facts, outputs.get("DomainTarget", ""), clock(), deployed)
    yield from edge.check(stage, facts, clock(), deployed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The account: whose it is, where it is, what it allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deploy.doctor.finding import NOT_ASKED, Finding, Unknown, bad, good, look
from deploy.stage import API, Stage
from deploy.template.functions import SIZES

RUNTIMES = frozenset({(3, 11), (3, 12), (3, 13), (3, 14)})
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, from the oldest that the shop runs on."""
UNRESERVED = 100
"""What AWS keeps for functions that reserve nothing:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""


@dataclass(frozen=True)
class Account:
    """`refused`: services that these credentials may not even look at. `unreserved`: function runs at once that
    nothing has reserved yet, of `limit`.
    """

    account: str | Unknown
    caller: str = ""
    refused: Mapping[str, str] | Unknown = NOT_ASKED
    limit: int | Unknown = NOT_ASKED
    unreserved: int = 0
    python: tuple[int, int] = (0, 0)


def check(stage: Stage, facts: Account, deployed: bool) -> Iterator[Finding]:
    yield credentials(stage, facts)
    yield region(stage)
    yield runtime(facts.python)
    if isinstance(facts.account, str):
        yield permissions(facts)
        yield concurrency(stage, facts, deployed)


def credentials(stage: Stage, facts: Account) -> Finding:
    wanted = stage.options.account
    if isinstance(facts.account, Unknown):
        return bad("credentials", facts.account.why)
    if wanted and wanted != facts.account:
        return bad(f"account {facts.account}, and the stage is of {wanted}", "use its credentials: AWS_PROFILE=…")
    if not wanted:
        do = f'set "account": "{facts.account}" in the stage\'s deploy, so that it never goes into another one'
        return look(f"account {facts.account}", do)
    return good(f"account {facts.account}, as {facts.caller.rpartition(':')[2]}")


def region(stage: Stage) -> Finding:
    if stage.in_china:
        return good(f"region {stage.region}, in the mainland")
    do = "personal data of shoppers in the mainland should stay there: cn-north-1 or cn-northwest-1"
    return look(f"region {stage.region}, outside the mainland", do)


def runtime(python: tuple[int, int]) -> Finding:
    name = ".".join(map(str, python))
    if python in RUNTIMES:
        return good(f"Python {name}, which Lambda has")
    return bad(f"Python {name}, which Lambda has not", "PYTHON=python3.13 make clean doctor, with one that it has")


def permissions(facts: Account) -> Finding:
    if isinstance(facts.refused, Unknown):
        return look("permissions", facts.refused.why)
    if facts.refused:
        return look(
            f"no look at {', '.join(facts.refused)}", "whoever deploys needs them; docs/operations.md lists all"
        )
    return good("permissions: every service that a deployment touches lets these credentials in")


def concurrency(stage: Stage, facts: Account, deployed: bool) -> Finding:
    if isinstance(facts.limit, Unknown):
        return look("concurrency", facts.limit.why)
    what = f"concurrency: {facts.unreserved} of {facts.limit} are not reserved"
    if deployed:
        return good(what)
    wanted = stage.options.api_concurrency
    if stage.options.reserve:
        wanted += sum(size.alone for name, size in SIZES.items() if name != API)
    if facts.unreserved - wanted >= UNRESERVED:
        return good(what)
    do = f'the stage reserves {wanted} and AWS keeps {UNRESERVED}: ask for a higher limit, or set "reserve": false'
    return bad(what, do)

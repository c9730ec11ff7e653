"""docs/coldstart.md: what was measured, and whether it is within the budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.coldstart.first import KINDS
from bench.coldstart.programs import Start

APP_BUDGET, FUNCTION_BUDGET = 1.3, 1.15
"""Times the floor, in CPU time."""
VCPU_MB = 1769
"""Memory in MB with which a function has one vCPU. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
MEMORY = 1024

HEAD = """\
# What a cold start costs

Measured by `make bench-coldstart`, which writes this file from the bundle that `make package` makes: each figure is the
median of {rounds} fresh processes, run in turns with all the others, which see the unpacked bundle and the standard
library and nothing else. CPU time is user and system, in ms, of one core of a shared {machine} machine with
CPython {python}; Lambda's cores differ, ratios hardly do. **Floor**: importing chalice, pynamodb and cryptography's
AES-GCM, and making the first DynamoDB client, from the same bundle, trimmed and compiled the same way. A **start** is
importing the function's module and making that client.

Why it is cheap: `app.py` imports a domain's routes at the first request to one of them (`chalicelib/web/ondemand.py`),
a part of the shop is made, and what it needs imported, at its first use (`chalicelib/parts.py`), and the garbage
collector is told that what was imported stays (`chalicelib/shop.py`). What may be imported at a start is held by
`tests/test_coldstart.py`.
"""
FIRST = """
## First requests

What was not imported at the start is paid by the first request that needs it. **On demand** is a new process as Lambda
starts it; **ahead** is one that imports and makes everything before there is a request, as with provisioned concurrency
(`AWS_LAMBDA_INITIALIZATION_TYPE`), where nobody waits for the start. CPU ms; **second** is the same request once more.

| | on demand: start | first | sum | second | ahead: start | first | sum |
|---|--:|--:|--:|--:|--:|--:|--:|
"""
SPEED = """
Lambda starts a process with a whole core or more, and answers requests with the share that memory buys: {memory} MB are
{share:.2f} vCPU. A first request of 100 ms CPU then takes {hundred} ms. So the first `POST /orders` of a process waits
{order} ms for its CPU, after a start that is {saved} ms CPU shorter. Where that matters, more memory or provisioned
concurrency shortens it.
"""


@dataclass(frozen=True)
class Verdict:
    name: str
    cpu: float
    wall: float
    ratio: float
    budget: float
    own: int

    @property
    def holds(self) -> bool:
        return self.ratio <= self.budget

    def __str__(self) -> str:
        return f"{'PASS' if self.holds else 'FAIL'} {self.name}: {self.ratio:.2f} of at most {self.budget} x the floor"


def verdicts(starts: Mapping[str, Sequence[Start]]) -> list[Verdict]:
    floor = median(start.cpu for start in starts["floor"])
    return [
        Verdict(
            name,
            cpu := median(each.cpu for each in found),
            median(each.wall for each in found),
            cpu / floor,
            {"floor": 1.0, "app": APP_BUDGET}.get(name, FUNCTION_BUDGET),
            found[0].own,
        )
        for name, found in starts.items()
    ]


def page(
    head: Mapping[str, object],
    judged: Sequence[Verdict],
    dearest: Mapping[str, Mapping[str, float]],
    first: Mapping[str, Mapping[str, Sequence[float]]],
) -> str:
    return "".join(
        [HEAD.format(**head), "\n## Starts\n\n", *_starts(judged), *_dearest(dearest), FIRST, *_first(first)]
    ) + _speed(first)


def _starts(judged: Sequence[Verdict]) -> Iterator[str]:
    yield "| | CPU ms | wall ms | times the floor | budget | modules of the shop | |\n|---|--:|--:|--:|--:|--:|---|\n"
    for one in judged:
        verdict = "" if one.name == "floor" else "PASS" if one.holds else "FAIL"
        figures = f"{one.cpu:.0f} | {one.wall:.0f} | {one.ratio:.2f} | {one.budget} | {one.own}"
        yield f"| `{one.name}` | {figures} | {verdict} |\n"


def _dearest(dearest: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield "\n## The ten dearest modules\n\nWhat importing each takes by itself, by `-X importtime`.\n"
    for title, modules in dearest.items():
        yield f"\n| {title} | ms |\n|---|--:|\n"
        yield from (f"| `{name}` | {ms:.1f} |\n" for name, ms in modules.items())


def _first(first: Mapping[str, Mapping[str, Sequence[float]]]) -> Iterator[str]:
    for name, label in KINDS.items():
        start, one, second = first[name]["on demand"]
        ahead, prepared, _ = first[name]["ahead"]
        figures = (start, one, start + one, second, ahead, prepared, ahead + prepared)
        yield f"| `{label}` | {' | '.join(f'{figure:.0f}' for figure in figures)} |\n"


def _speed(first: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    share = MEMORY / VCPU_MB
    lazy, ahead = first["order"]["on demand"], first["order"]["ahead"]
    return SPEED.format(
        memory=MEMORY, share=share, hundred=round(100 / share), order=round(lazy[1] / share),
        saved=round(ahead[0] - lazy[0]),
    )  # fmt: skip

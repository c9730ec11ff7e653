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
"""What one might choose instead, to save."""

HEAD = """\
# What a cold start costs

Measured by `make bench-coldstart`, which writes this file from the bundle that `make package` makes: each figure is the
median of {rounds} fresh processes, run in turns with all the others, which see the unpacked bundle and the standard
library and nothing else; ratios are of the least, which is what other work on the machine disturbs least. CPU time is
user and system, in ms, of one core of a shared {machine} machine with CPython {python}; Lambda's cores differ, ratios
hardly do. **Floor**: importing chalice, pynamodb and cryptography's AES-GCM, making botocore's DynamoDB client, and
loading the certificates that it trusts, which it would do when it connects first, from the same bundle, trimmed and
compiled the same way. A **start** is importing the function's module and making the shop's client, which loads them
when it is made: a start has more CPU than a request. cryptography is imported by the first request that needs it.

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
Lambda bursts to a whole core or more while it starts a process, and answers requests with the share that memory buys.
The HTTP function has {full} MB by default (`memory` of the stage): a whole vCPU, where nothing takes longer on demand.
With {memory} MB, {share:.2f} vCPU, the CPU that moves from the start to a request would take {times:.1f} times as long,
and a shopper whose request starts a process would wait for CPU, in ms, beside what Lambda itself takes:

| | on demand | if everything were imported at the start |
|---|--:|--:|
"""
ADVICE = """
Each further kind of request pays once for what it alone needs.
"""


@dataclass(frozen=True)
class Verdict:
    name: str
    cpu: float
    least: float
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
    floor = min(start.cpu for start in starts["floor"])
    return [
        Verdict(
            name,
            median(each.cpu for each in found),
            least := min(each.cpu for each in found),
            median(each.wall for each in found),
            least / floor,
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
        [
            HEAD.format(**head),
            "\n## Starts\n\n",
            *_starts(judged),
            *_dearest(dearest),
            FIRST,
            *_first(first),
            *_speed(first),
        ]
    )


def _starts(judged: Sequence[Verdict]) -> Iterator[str]:
    yield "| | CPU ms | least | wall ms | times the floor | budget | modules of the shop | |\n"
    yield "|---|--:|--:|--:|--:|--:|--:|---|\n"
    for one in judged:
        verdict = "" if one.name == "floor" else "PASS" if one.holds else "FAIL"
        figures = f"{one.cpu:.0f} | {one.least:.0f} | {one.wall:.0f} | {one.ratio:.2f} | {one.budget} | {one.own}"
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


def _speed(first: Mapping[str, Mapping[str, Sequence[float]]]) -> Iterator[str]:
    share = MEMORY / VCPU_MB
    yield SPEED.format(full=VCPU_MB, memory=MEMORY, share=share, times=1 / share)
    for name, label in KINDS.items():
        waits = [start + one / share for start, one, _ in (first[name]["on demand"], first[name]["ahead"])]
        yield f"| `{label}` | {' | '.join(f'{wait:.0f}' for wait in waits)} |\n"
    yield ADVICE

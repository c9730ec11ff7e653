"""The stack: its state, what keeps its data, and who hears its alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deploy.doctor.finding import NOT_ASKED, Finding, Unknown, bad, good, look
from deploy.stage import Stage


@dataclass(frozen=True)
class Table:
    protected: bool
    recoverable: bool


@dataclass(frozen=True)
class Stack:
    """`drift`: CloudFormation's word, NOT_CHECKED if nobody looked. `tables` by bare name, None for one that is not
    there. `listeners`: by topic, addresses to whether they are confirmed.
    """

    status: str
    drift: str = "NOT_CHECKED"
    outputs: Mapping[str, str] | None = None
    tables: Mapping[str, Table | None] | Unknown = NOT_ASKED
    listeners: Mapping[str, Mapping[str, bool]] | Unknown = NOT_ASKED


def check(stage: Stage, facts: Stack | Unknown | None) -> Iterator[Finding]:
    if isinstance(facts, Unknown):
        yield look(f"stack {stage.stack}", facts.why)
        return
    if facts is None:
        yield look(f"stack {stage.stack} is not there yet", f"make deploy STAGE={stage.name}")
        return
    yield state(stage, facts)
    yield drift(stage, facts)
    yield from tables(stage, facts)
    yield from listeners(stage, facts)


def state(stage: Stage, facts: Stack) -> Finding:
    what, status = f"stack {stage.stack} is {facts.status}", facts.status
    if status.endswith("IN_PROGRESS"):
        return look(what, "somebody deploys; look again when that is over")
    if status in ("ROLLBACK_COMPLETE", "DELETE_FAILED", "ROLLBACK_FAILED"):
        return bad(what, f"the first deployment failed: make deploy STAGE={stage.name} begins anew")
    if status.endswith("FAILED"):
        do = f"aws cloudformation continue-update-rollback --stack-name {stage.stack}, after its cause is mended"
        return bad(what, do)
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return look(what, "the last deployment was taken back: its events say why")
    return good(what)


def drift(stage: Stage, facts: Stack) -> Finding:
    if facts.drift == "DRIFTED":
        do = (
            "somebody changed it by hand; deploying again puts it back: "
            f"aws cloudformation describe-stack-resource-drifts --stack-name {stage.stack}"
        )
        return look("the stack is not what was deployed", do)
    if facts.drift == "IN_SYNC":
        return good("the stack is what was deployed")
    do = f"aws cloudformation detect-stack-drift --stack-name {stage.stack}"
    return look("whether somebody changed the stack by hand was never looked at", do)


def tables(stage: Stage, facts: Stack) -> Iterator[Finding]:
    if isinstance(facts.tables, Unknown):
        yield look("tables", facts.tables.why)
        return
    if gone := [name for name, table in facts.tables.items() if table is None]:
        yield bad(f"tables that are not there: {', '.join(gone)}", f"make deploy STAGE={stage.name}")
    there = {name: table for name, table in facts.tables.items() if table is not None}
    loose = [name for name, table in there.items() if not table.protected]
    lost = [name for name, table in there.items() if not table.recoverable]
    if not stage.options.keep:
        yield look("tables go with the stack", 'right for a stage that is thrown away only ("keep": false)')
        return
    again = f"deploy again: make deploy STAGE={stage.name}"
    if loose:
        yield bad(f"tables that could be deleted: {', '.join(loose)}", again)
    if lost:
        yield bad(f"tables without point-in-time recovery: {', '.join(lost)}", again)
    if not (loose or lost or gone):
        yield good(f"{len(there)} tables are protected, and can be brought back to any second of 35 days")


def listeners(stage: Stage, facts: Stack) -> Iterator[Finding]:
    if isinstance(facts.listeners, Unknown):
        yield look("who hears alarms", facts.listeners.why)
        return
    for topic, addresses in facts.listeners.items():
        waiting = [address for address, confirmed in addresses.items() if not confirmed]
        if waiting:
            yield look(f"{topic}: {', '.join(waiting)} has not confirmed", "open the link in the e-mail of AWS SNS")
        elif addresses:
            yield good(f"{topic}: {', '.join(addresses)}")
        else:
            yield look(f"{topic}: nobody hears it", 'set "alarm_email" in the stage\'s deploy, and deploy')

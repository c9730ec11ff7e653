"""The stage's stack in CloudFormation: each update is one change set, created, shown, executed and followed.

CloudFormation undoes an update that fails, by itself and completely; it goes on when this process dies.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from deploy.cloud import Cloud

Template = dict[str, Any]
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
NOTHING_CHANGED = ("didn't contain changes", "No updates are to be performed")
NAMES = {"AWS::DynamoDB::Table": "TableName", "AWS::Logs::LogGroup": "LogGroupName"}
"""What outlives a stack, and the property that names it."""
SHOWN = 12
"""Lines of a list of changes; the rest is counted."""


class NotApplied(Exception):
    """CloudFormation refused an update, or began it and took it back: the template before is in force."""


class Stuck(Exception):
    """CloudFormation could neither finish nor take back; says what to do by hand."""


class Overtaken(Exception):
    """Somebody else deploys this stage at the same time."""

    def __str__(self) -> str:
        return "The stack changed meanwhile: somebody else deploys it. Nothing more was done from here."


@dataclass(frozen=True)
class Watched:
    """Alarms (ARN -> type of resource) that take an update back, while it lasts and for some minutes after."""

    alarms: Mapping[str, str] = field(default_factory=dict)
    minutes: int = 0

    def configuration(self) -> dict[str, Any]:
        """Empty triggers take away those of the update before."""
        triggers = [{"Arn": arn, "Type": kind} for arn, kind in self.alarms.items()]
        return {"RollbackTriggers": triggers, "MonitoringTimeInMinutes": self.minutes if triggers else 0}


class Stack:
    def __init__(
        self, cloud: Cloud, say: Callable[[str], None] = print, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._cloud = cloud
        self._name = cloud.stage.stack
        self._say = say
        self._pause = pause

    @property
    def _client(self) -> Any:
        return self._cloud.client("cloudformation")

    def status(self) -> str | None:
        found = self._described()
        return str(found["StackStatus"]) if found else None

    def outputs(self) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in (self._described() or {}).get("Outputs", ())}

    def template(self) -> Template | None:
        """As it was sent, with our marks; None where nothing was ever deployed."""
        if self.status() in (None, "REVIEW_IN_PROGRESS"):
            return None
        body = self._client.get_template(StackName=self._name, TemplateStage="Original")["TemplateBody"]
        return dict(json.loads(body) if isinstance(body, str) else body)

    def versions(self) -> dict[str, str]:
        """Numbers of the Lambda versions in the stack, by logical id."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self._name)
        return {
            found["LogicalResourceId"]: found["PhysicalResourceId"].rpartition(":")[2]
            for page in pages
            for found in page["StackResourceSummaries"]
            if found["ResourceType"] == "AWS::Lambda::Version" and "PhysicalResourceId" in found
        }

    def apply(self, template: Template, parameters: Mapping[str, str], watched: Watched) -> bool:
        """Put this template in force; False if it is already. Raises NotApplied, Stuck."""
        change_set = self._propose(template, parameters, watched)
        if change_set is None:
            return False
        began = self._last_event()
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html
        token = change_set.rpartition("/")[2]
        try:
            self._client.execute_change_set(ChangeSetName=change_set, ClientRequestToken=token)
        except ClientError as error:  # the update of somebody else takes away the change sets that were made before it
            if error.response["Error"]["Code"] in ("ChangeSetNotFound", "InvalidChangeSetStatus"):
                raise Overtaken from None
            raise
        self._follow(began)
        self._client.update_termination_protection(
            StackName=self._name, EnableTerminationProtection=self._cloud.stage.options.keep
        )
        return True

    def delete(self) -> None:
        """For a stack that never came to be; what it made and retains stays. Raises Stuck."""
        self._client.update_termination_protection(StackName=self._name, EnableTerminationProtection=False)
        began = self._last_event()
        self._client.delete_stack(StackName=self._name)
        self._follow(began)

    def _described(self) -> dict[str, Any] | None:
        try:
            return dict(self._client.describe_stacks(StackName=self._name)["Stacks"][0])
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _propose(self, template: Template, parameters: Mapping[str, str], watched: Watched) -> str | None:
        taken_in = self._leftovers(template)
        template = self._spared(template, taken_in)
        body = json.dumps(template, sort_keys=True)
        sha = hashlib.sha256(body.encode()).hexdigest()
        stage = self._cloud.stage
        url = self._cloud.put(f"templates/{stage.name}/{sha}.json", template)
        adopted = {"ImportExistingResources": True} if taken_in else {}
        name = f"release-{time.time_ns()}"
        made = self._client.create_change_set(
            StackName=self._name,
            ChangeSetName=name,
            ClientToken=name,  # botocore asks again when an answer is lost
            ChangeSetType="CREATE" if self.status() in (None, "REVIEW_IN_PROGRESS") else "UPDATE",
            TemplateURL=url,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=CAPABILITIES,
            RollbackConfiguration=watched.configuration(),
            Tags=[{"Key": "application", "Value": "jishi"}, {"Key": "stage", "Value": stage.name}],
            **adopted,
        )
        return self._ready(made["Id"])

    def _leftovers(self, template: Template) -> list[str]:
        """Logical ids of tables and logs that outlived an earlier template and that this one would make: they are taken
        in, not made.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
        """
        known = set((self.template() or {"Resources": {}})["Resources"])
        new = {
            found["Properties"][NAMES[found["Type"]]]: key
            for key, found in template["Resources"].items()
            if found["Type"] in NAMES and key not in known
        }
        there = sorted(new.keys() & (self._cloud.tables() | self._cloud.logs())) if new else []
        for name in there:
            self._say(f"  {name} is there already and is taken in")
        return [new[name] for name in there]

    def _spared(self, template: Template, taken_in: Sequence[str]) -> Template:
        """What is taken in holds data: whatever becomes of this update, it is neither deleted nor left unprotected, as
        what the update makes itself may be.
        """
        resources = dict(template["Resources"])
        for key in taken_in:
            found = resources[key] = copy.deepcopy(resources[key])
            found["DeletionPolicy"] = "Retain"
            if "DeletionProtectionEnabled" in found["Properties"]:
                found["Properties"]["DeletionProtectionEnabled"] = self._cloud.stage.options.keep
        return {**template, "Resources": resources}

    def _ready(self, change_set: str) -> str | None:
        """Its id when it can be executed; None if it would change nothing."""
        waits = _pauses()
        while (found := self._client.describe_change_set(ChangeSetName=change_set))["Status"] in (
            "CREATE_PENDING",
            "CREATE_IN_PROGRESS",
        ):
            self._pause(next(waits))
        if found["Status"] == "CREATE_COMPLETE":
            self._show(self._changes(change_set))
            return change_set
        reason = found.get("StatusReason", "")
        self._client.delete_change_set(ChangeSetName=change_set)
        if any(text in reason for text in NOTHING_CHANGED):
            return None
        raise NotApplied(f"CloudFormation does not take the template: {reason}")

    def _changes(self, change_set: str) -> list[str]:
        pages = self._client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
        changed = [each["ResourceChange"] for page in pages for each in page.get("Changes", ())]
        return sorted(
            f"{each['Action'].lower()} {each['LogicalResourceId']}"
            + (" (made anew)" if each.get("Replacement") == "True" else "")
            for each in changed
        )

    def _show(self, changes: Sequence[str]) -> None:
        for line in changes[:SHOWN]:
            self._say(f"  {line}")
        if len(changes) > SHOWN:
            self._say(f"  and {len(changes) - SHOWN} more")

    def _follow(self, began: str) -> None:
        """Until the stack stands still. Raises NotApplied, Stuck."""
        waits, told, reasons, shown = _pauses(), {began}, [], ""
        while (status := self.status() or "DELETE_COMPLETE").endswith("IN_PROGRESS"):
            if status != shown:
                self._say(f"  {status.lower().replace('_', ' ')}")
                shown = status
            reasons += self._tell(told)
            self._pause(next(waits))
        reasons += self._tell(told)
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "DELETE_COMPLETE"):
            return
        why = reasons[0] if reasons else status
        if status in ("UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"):
            raise NotApplied(f"CloudFormation took it back: {why}")
        raise Stuck(f"{why}. {way_out(status, self._cloud)}")

    def _tell(self, told: set[str]) -> list[str]:
        """Say what went wrong since; returns the reasons, the first one first."""
        new = []
        for event in self._events():
            if event["EventId"] in told:
                break
            new.append(event)
        told.update(event["EventId"] for event in new)
        reasons = []
        for event in reversed(new):
            reason = event.get("ResourceStatusReason", "")
            if "FAILED" in event["ResourceStatus"] and "cancelled" not in reason:
                reasons.append(f"{event['LogicalResourceId']}: {reason}")
                self._say(f"  {event['ResourceStatus'].lower()} {reasons[-1]}")
            elif "ROLLBACK_IN_PROGRESS" in event["ResourceStatus"] and reason:
                reasons.append(reason)
        return reasons

    def _events(self) -> Iterator[dict[str, Any]]:
        """The newest first. Those of a stack that is gone are gone with it."""
        try:
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=self._name)
            for page in pages:
                yield from page["StackEvents"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise

    def _last_event(self) -> str:
        return next((event["EventId"] for event in self._events()), "")


def way_out(status: str, cloud: Cloud) -> str:
    """What to do about a stack that hangs between two states."""
    names = f"--stack-name {cloud.stage.stack} --region {cloud.stage.region}"
    if status == "UPDATE_ROLLBACK_FAILED":
        return (
            "What hindered the way back must go first (see the reasons above, or the stack's events); then: "
            f"aws cloudformation continue-update-rollback {names}"
        )
    return (
        f"The stack is {status}: see its events (aws cloudformation describe-stack-events {names}); when the reason is "
        f"gone: aws cloudformation delete-stack {names}, then `make deploy` again. Tables are kept."
    )


def _pauses() -> Iterator[float]:
    """Seconds: soon at first, then every five."""
    wait = 0.2
    while True:
        yield wait
        wait = min(wait * 1.5, 5.0)

"""The tables of a stage, restored under another prefix.

A restore carries items, keys, indexes and encryption, and neither stream, TTL, tags, deletion protection nor recovery:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/pointintimerecovery_howitworks.html
Each step looks first at what is there, so that a run that stopped is taken up by the same command.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

FROM, AT = "jishi:restored-from", "jishi:restored-at"
"""Tags of a copy: only what carries them is ever thrown away."""


class RestoreError(Exception):
    """Says what cannot be restored or thrown away, and what to do."""


@dataclass(frozen=True)
class Copy:
    source: str
    target: str
    definition: Mapping[str, Any]
    """The table as the template has it: keys, indexes, stream, TTL."""


class Copies:
    """`client` is boto3's of DynamoDB."""

    def __init__(
        self,
        client: Any,
        copies: list[Copy],
        say: Callable[[str], None] = print,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._copies = copies
        self._say = say
        self._pause = pause

    def start(self, at: datetime) -> None:
        """Begin all restores; DynamoDB works on them side by side. Raises RestoreError before it begins any."""
        found = {copy.target: self._described(copy.target) for copy in self._copies}
        for copy in self._copies:
            self._demand(copy, found[copy.target], at)
        begun = [copy for copy in self._copies if not found[copy.target]]
        for copy in begun:
            self._client.restore_table_to_point_in_time(
                SourceTableName=copy.source, TargetTableName=copy.target, RestoreDateTime=at
            )
        there = f", {len(found) - len(begun)} there already" if len(begun) < len(found) else ""
        self._say(f"{len(begun)} tables are being restored as of {at.isoformat()}{there}. It takes from 20 minutes on.")

    def wait(self) -> None:
        """Until all can be used."""
        waiting, shown = [copy.target for copy in self._copies], -1
        while waiting:
            waiting = [name for name in waiting if (self._described(name) or {}).get("TableStatus") != "ACTIVE"]
            if len(waiting) != shown:
                shown = len(waiting)
                rest = f", still {', '.join(waiting[:3])}{' …' if shown > 3 else ''}" if waiting else ""
                self._say(f"  {len(self._copies) - shown} of {len(self._copies)} restored{rest}")
            if waiting:
                self._pause(15)

    def complete(self, at: datetime, *, protect: bool) -> None:
        """Give each copy what a restore does not carry."""
        for copy in self._copies:
            self._tag(copy, at)
            self._stream(copy)
            self._time_to_live(copy)
            if protect:
                self._settled(copy.target)
                self._client.update_table(TableName=copy.target, DeletionProtectionEnabled=True)
            self._settled(copy.target)
            self._client.update_continuous_backups(
                TableName=copy.target, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
        self._say("  streams, TTL, point-in-time recovery, deletion protection and tags are as they should be")

    def discard(self) -> list[str]:
        """Delete the copies; returns their names. Raises RestoreError if one of them is no copy, before any goes."""
        found = [(copy, table) for copy in self._copies if (table := self._described(copy.target))]
        for copy, table in found:
            if not self._is_copy(copy, table) and self._tags(table).get(FROM) != copy.source:
                raise RestoreError(f"{copy.target} was not made by a restore from {copy.source}. Nothing was deleted.")
        for copy, table in found:
            if table.get("DeletionProtectionEnabled"):
                self._client.update_table(TableName=copy.target, DeletionProtectionEnabled=False)
                self._settled(copy.target)
            self._client.delete_table(TableName=copy.target)
        return [copy.target for copy, _ in found]

    def _demand(self, copy: Copy, table: Mapping[str, Any] | None, at: datetime) -> None:
        if table:
            if not self._is_of(copy, table, at):
                raise RestoreError(
                    f"{copy.target} is there already and is not {copy.source} as of {at.isoformat()}. Take another "
                    "PREFIX, or throw that one away with DISCARD=1."
                )
            return
        earliest, latest = self._window(copy)
        if not earliest <= at <= latest:
            raise RestoreError(
                f"{copy.source} can be restored from {earliest.isoformat()} to {latest.isoformat()}, and not as of "
                f"{at.isoformat()}. Give an AT between, with its offset: 2026-11-22T10:00:00+08:00"
            )

    def _is_of(self, copy: Copy, table: Mapping[str, Any], at: datetime) -> bool:
        if self._is_copy(copy, table) and table["RestoreSummary"].get("RestoreDateTime") == at:
            return True
        tags = self._tags(table)
        return (tags.get(FROM), tags.get(AT)) == (copy.source, _text(at))

    def _is_copy(self, copy: Copy, table: Mapping[str, Any]) -> bool:
        """As DynamoDB has it, which knows before the tags are there."""
        summary = table.get("RestoreSummary") or {}
        return bool(summary.get("SourceTableArn", "").endswith(f"table/{copy.source}"))

    def _window(self, copy: Copy) -> tuple[datetime, datetime]:
        try:
            about = self._client.describe_continuous_backups(TableName=copy.source)["ContinuousBackupsDescription"]
        except ClientError as error:
            raise RestoreError(f"{copy.source} cannot be restored: {error.response['Error']['Message']}") from error
        recovery = about.get("PointInTimeRecoveryDescription") or {}
        if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
            raise RestoreError(f"{copy.source} has no point-in-time recovery: nothing was kept to restore from.")
        return recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"]

    def _tag(self, copy: Copy, at: datetime) -> None:
        """Those of the source too, but for AWS's own (which say that a stack made it)."""
        source = self._described(copy.source) or {}
        kept = {key: value for key, value in self._tags(source).items() if not key.startswith("aws:")}
        tags = {**kept, FROM: copy.source, AT: _text(at)}
        table = self._described(copy.target) or {}
        self._client.tag_resource(
            ResourceArn=table["TableArn"], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
        )

    def _stream(self, copy: Copy) -> None:
        wanted = copy.definition.get("StreamSpecification")
        has = (self._described(copy.target) or {}).get("StreamSpecification") or {}
        if wanted and not has.get("StreamEnabled"):
            self._settled(copy.target)
            self._client.update_table(TableName=copy.target, StreamSpecification={"StreamEnabled": True, **wanted})

    def _time_to_live(self, copy: Copy) -> None:
        wanted = copy.definition.get("TimeToLiveSpecification")
        has = self._client.describe_time_to_live(TableName=copy.target)["TimeToLiveDescription"]
        if wanted and has["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
            self._settled(copy.target)
            self._client.update_time_to_live(TableName=copy.target, TimeToLiveSpecification=wanted)

    def _settled(self, name: str) -> None:
        """A table takes one change at a time."""
        while (self._described(name) or {}).get("TableStatus") == "UPDATING":
            self._pause(2)

    def _tags(self, table: Mapping[str, Any]) -> dict[str, str]:
        return dict(self._tagged(table["TableArn"])) if table else {}

    def _tagged(self, arn: str) -> Iterator[tuple[str, str]]:
        for page in self._client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn):
            for tag in page["Tags"]:
                yield tag["Key"], tag["Value"]

    def _described(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._client.describe_table(TableName=name)["Table"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")

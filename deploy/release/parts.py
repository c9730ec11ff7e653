"""What the phases of a release ask of an account. The real parts are beside this file; tests have small ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from deploy.cloud import Cloud
from deploy.release.functions import Functions
from deploy.release.plan import Template
from deploy.release.records import Records, Release
from deploy.release.stack import Stack, Watched
from deploy.release.watch import Watch


class StackPart(Protocol):
    def template(self) -> Template | None: ...
    def outputs(self) -> dict[str, str]: ...
    def versions(self) -> dict[str, str]: ...
    def apply(self, template: Template, parameters: Mapping[str, str], watched: Watched) -> bool: ...


class FunctionsPart(Protocol):
    def live(self, names: Iterable[str]) -> dict[str, str]: ...
    def ask(self, name: str, number: str, event: Mapping[str, Any]) -> dict[str, Any]: ...
    def prune(self, names: Iterable[str], held: Mapping[str, set[str]]) -> int: ...


class WatchPart(Protocol):
    def ringing(self, names: Iterable[str]) -> list[str]: ...
    def greet(self, url: str) -> None: ...


class RecordsPart(Protocol):
    def numbers(self) -> list[int]: ...
    def get(self, number: int) -> Release | None: ...
    def keep(self, release: Release) -> None: ...
    def forget(self, number: int) -> None: ...


@dataclass(frozen=True)
class Account:
    number: str
    """12 digits."""
    caller: str
    stack: StackPart
    functions: FunctionsPart
    watch: WatchPart
    records: RecordsPart


def real(cloud: Cloud) -> Account:
    return Account(cloud.account, cloud.caller, Stack(cloud), Functions(cloud), Watch(cloud), Records(cloud))

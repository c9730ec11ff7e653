"""What every act of the rehearsal works with: the stage, the account it lives in, and what was seen so far."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from deploy.cloud import Cloud
from deploy.rehearse.bridge import Bridge
from deploy.rehearse.emulator import Emulator
from deploy.rehearse.front import Front
from deploy.rehearse.project import Project
from deploy.stage import LIVE, Stage
from deploy.template.functions import functions
from sandbox.local.place import Place

PATIENCE = 30.0
Seen = TypeVar("Seen")
CHANGES = re.compile(r"  (add|modify|remove|and \d+ more)\b")
"""Lines of a release that name the resources it touches."""


class NotAsPromised(Exception):
    """Says what was expected and what came."""


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    status: int
    text: str


@dataclass
class World:
    home: Path
    place: Place
    project: Project
    emulator: Emulator
    front: Front
    bridge: Bridge
    cloud: Cloud
    settings: dict[str, str]
    """All of the shop's, plain ones and those that WeChat gave."""
    begun: float = field(default_factory=time.monotonic)
    checks: int = 0
    probed: int = 0
    slowest: float = 0.0
    facts: dict[str, str] = field(default_factory=dict)
    """What the report shows at the end, in its order."""

    @property
    def stage(self) -> Stage:
        return self.cloud.stage

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def say(self, text: str) -> None:
        print(f"\n{self.seconds:4.0f} s  {text}", flush=True)

    def expect(self, what: str, expected: object, came: object) -> None:
        self.checks += 1
        if came != expected:
            raise NotAsPromised(f"{what}\n    expected  {expected}\n    came      {came}")

    def expect_in(self, what: str, parts: tuple[str, ...], text: str) -> None:
        """Each part stands in the text, after the one before."""
        at = 0
        for part in parts:
            self.checks += 1
            at = text.find(part, at)
            if at < 0:
                raise NotAsPromised(f"{what}\n    expected  {' … '.join(parts)}\n    came      {text[-3000:]}")

    def wait(self, what: str, look: Callable[[], Seen], seconds: float = PATIENCE) -> Seen:
        """What `look` sees as soon as it is something."""
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise NotAsPromised(f"{what}\n    expected  within {seconds:.0f} s")
            time.sleep(0.2)
        self.checks += 1
        return seen

    def command(self, module: str, *arguments: str, heard: Callable[[str], None] = lambda line: None) -> Done:
        """A command of the project's copy, as a developer runs it; its lines are shown, and `heard` as they come."""
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", module, *arguments],
            cwd=self.project.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = []
        try:
            for line in process.stdout or ():
                if not CHANGES.match(line):
                    print(f"      | {line}", end="", flush=True)
                heard(line)
                lines.append(line)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
        return Done(process.returncode, "".join(lines))

    def deploy(self, heard: Callable[[str], None] = lambda line: None) -> Done:
        return self.command("deploy.release", "deploy", "--stage", self.stage.name, heard=heard)

    def secret(self) -> dict[str, Any]:
        """What the stage's secret holds."""
        found = self.cloud.client("secretsmanager").get_secret_value(SecretId=self.stage.secret)
        return dict(json.loads(found["SecretString"]))

    def functions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name in the account and properties of each, as deployed."""
        for each in self.resources("AWS::Serverless::Function").values():
            yield each["Properties"]["FunctionName"], each["Properties"]

    def resources(self, kind: str) -> dict[str, Any]:
        """Of this type in the template deployed now, by logical id."""
        body = self.cloud.client("cloudformation").get_template(StackName=self.stage.stack)["TemplateBody"]
        template = body if isinstance(body, dict) else json.loads(body)
        return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}

    def output(self, name: str) -> str:
        (stack,) = self.cloud.client("cloudformation").describe_stacks(StackName=self.stage.stack)["Stacks"]
        return str({each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}[name])

    def live(self) -> dict[str, str]:
        """Version number that is live, by Chalice's name of the function."""
        client = self.cloud.client("lambda")
        return {
            each.name: client.get_alias(FunctionName=self.stage.function(each.name), Name=LIVE)["FunctionVersion"]
            for each in functions()
        }

    def log(self, function: str) -> list[str]:
        """Every line that the function wrote, all versions."""
        group = f"/aws/lambda/{self.stage.function(function)}"
        pages = self.cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def runs(self, function: str) -> int:
        return sum(line.startswith("START RequestId") for line in self.log(function))

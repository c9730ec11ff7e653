"""A small account in memory: CloudFormation, Lambda, alarms and the bucket, as far as a release sees them.

It keeps the rules that a release can break: Lambda publishes no second version of the same code, an alias may not lead
to a version that is gone or share traffic with itself, and whatever serves must find its tables, indexes and rights.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from deploy.release.functions import CheckFailed
from deploy.release.parts import Account
from deploy.release.plan import Template, functions, mark_of, plain
from deploy.release.records import Release
from deploy.release.stack import NotApplied, Watched
from deploy.release.watch import WrongAnswer
from deploy.stage import API, Stage
from deploy.template.functions import Function
from deploy.template.functions import functions as every_function

SAMPLE = (API, "close_unpaid", "on_order_change")
"""Functions whose rights are looked at: one of each kind."""
TABLE, VERSION = "AWS::DynamoDB::Table", "AWS::Lambda::Version"
Shares = dict[str, float]
Needs = frozenset[str]


class Died(BaseException):
    """The process that deploys ended here."""


@dataclass
class World:
    stage: Stage
    trouble: Callable[[str], None] = lambda call: None
    """Told of every call, before (`apply`) and after (`applied`) it counts; raises what goes wrong."""
    broken: set[str] = field(default_factory=set)
    """Bundles whose check fails."""
    denied: list[str] = field(default_factory=list)
    """What IAM, which is slow to hear of new roles, lets the next checks fail with."""
    alarming: set[str] = field(default_factory=set)
    """Bundles that let an alarm ring when they get traffic."""
    rude: set[str] = field(default_factory=set)
    """Bundles that answer wrongly from outside."""
    overseen: bool = False
    """Whether CloudFormation oversees an alarm, as emulators do."""
    template: Template | None = None
    numbers: dict[str, str] = field(default_factory=dict)
    """Of versions in the stack, by logical id."""
    published: dict[str, dict[int, str]] = field(default_factory=dict)
    """Bundle of each version, by function and number."""
    counters: dict[str, int] = field(default_factory=dict)
    needs: dict[tuple[str, int], Needs] = field(default_factory=dict)
    aliases: dict[str, dict[int, float]] = field(default_factory=dict)
    """Shares of versions, by function."""
    kept: dict[int, Release] = field(default_factory=dict)
    history: list[Shares] = field(default_factory=list)
    """What served HTTP requests, by bundle, after each change."""
    watches: list[tuple[str, Watched]] = field(default_factory=list)
    """What CloudFormation was told to watch, by phase."""
    checked: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)

    def account(self) -> Account:
        return Account("123456789012", "arn:aws-cn:iam::123456789012:user/mei", _Stack(self), _Functions(self),
                       _Watch(self), _Records(self))  # fmt: skip

    def twin(self) -> World:
        """The same account; templates and releases are never changed, only replaced."""
        return replace(
            self,
            numbers={**self.numbers},
            published=copy.deepcopy(self.published),
            counters={**self.counters},
            needs={**self.needs},
            aliases=copy.deepcopy(self.aliases),
            kept={**self.kept},
            history=[*self.history],
            checked={*self.checked},
            watches=[],
            denied=[],
            said=[],
        )

    def take_back(self, before: World) -> None:
        """By CloudFormation itself. Numbers of versions are not given twice."""
        for name in ("template", "numbers", "published", "needs", "aliases"):
            setattr(self, name, getattr(before, name))
        self.history.append(self.serving())

    def serving(self) -> Shares:
        """Bundles that answer HTTP requests."""
        name = self.stage.function(API)
        shares: Shares = {}
        for number, share in self.aliases.get(name, {}).items():
            bundle = self.published[name][number]
            shares[bundle] = round(shares.get(bundle, 0) + share, 6)
        return shares

    def update(self, template: Template) -> None:
        """All or nothing. Raises NotApplied."""
        before = self.twin()
        try:
            self._update(template)
        except NotApplied:
            self.take_back(before)
            raise
        self.template = template
        self.history.append(self.serving())

    def _update(self, template: Template) -> None:
        resources = template["Resources"]
        names = functions(template)
        old = (self.template or {"Resources": {}})["Resources"]
        served = copy.deepcopy(self.aliases)
        asked = {self.stage.function(each) for each in SAMPLE}
        for key, name in names.items():
            for version in versions(template, key):
                if version not in self.numbers:
                    self._publish(version, name, key, template)
            self.aliases[name] = self._alias(name, resources[f"{key}Live"]["Properties"])
            if name not in asked:
                continue
            busy = served.get(name, {}).keys() | self.aliases[name].keys()
            self._demand(name, busy, given(template, key))
            if key in old and mark_of(self.template).live:  # where nothing was live, nobody is served meanwhile
                self._demand(name, busy, given(self.template or {}, key))
        for version in [version for version in self.numbers if version not in resources]:
            self._release(version, old[version])

    def _publish(self, version: str, name: str, key: str, template: Template) -> None:
        content = f"{bundle_of(template, key)} {version}"
        known = self.published.setdefault(name, {})
        if known and known[max(known)] == content:
            raise NotApplied(f"A version for this Lambda function exists ( {max(known)} ).")
        number = self.counters[name] = self.counters.get(name, 0) + 1
        known[number] = content
        self.numbers[version] = str(number)
        self.needs[name, number] = given(template, key, "now")

    def _alias(self, name: str, properties: Mapping[str, Any]) -> dict[int, float]:
        main = self._number(properties["FunctionVersion"])
        weights = (properties.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or []
        shares = {self._number(each["FunctionVersion"]): each["FunctionWeight"] for each in weights}
        if main in shares or not {main, *shares} <= self.published[name].keys():
            raise NotApplied(f"{name} cannot be led to {main} and {shares}")
        return {main: round(1 - sum(shares.values()), 6), **shares}

    def _number(self, version: Any) -> int:
        return int(self.numbers[version["Fn::GetAtt"][0]] if isinstance(version, dict) else version)

    def _demand(self, name: str, numbers: Iterable[int], given: Needs) -> None:
        """Aliases and roles change in any order: old and new must both find what they need, before and after."""
        for number in numbers:
            missing = self.needs[name, number] - given
            assert not missing, f"{name} version {number} serves without {missing}"

    def _release(self, version: str, resource: Mapping[str, Any]) -> None:
        number = int(self.numbers.pop(version))
        name = next(found for found, numbers in self.published.items() if version in numbers.get(number, ""))
        if resource["DeletionPolicy"] == "Delete":
            assert number not in self.aliases.get(name, {}), "a version that serves was deleted"
            del self.published[name][number]


def versions(template: Template, function: str) -> Iterator[str]:
    for key, each in template["Resources"].items():
        if each["Type"] == VERSION and each["Properties"]["FunctionName"]["Ref"] == function:
            yield key


def bundle_of(template: Template, function: str) -> str:
    return str(template["Resources"][function]["Properties"]["CodeUri"]["Key"])


def given(template: Template, key: str, *policies: str) -> Needs:
    """Rights of a function's role, by policy if some are named; and tables with their indexes."""
    function: Function = next(each for each in every_function() if each.logical_id == key)
    role, resources = template["Resources"][function.role]["Properties"], template["Resources"]
    managed = [
        {"PolicyName": each["Ref"], **resources[each["Ref"]]["Properties"]}
        for each in role.get("ManagedPolicyArns", ())
    ]
    rights = {
        json.dumps([action, resource])
        for each in [*role["Policies"], *managed]
        if not policies or each["PolicyName"] in policies
        for statement in each["PolicyDocument"]["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }
    tables = set()
    for each in template["Resources"].values():
        if each["Type"] == TABLE:
            name = each["Properties"]["TableName"]
            indexes = each["Properties"].get("GlobalSecondaryIndexes", ())
            tables |= {name, *(f"{name}/{index['IndexName']}" for index in indexes)}
    return frozenset(rights | tables)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass
class _Part:
    world: World


class _Stack(_Part):
    def template(self) -> Template | None:
        self.world.trouble("template")
        return self.world.template

    def outputs(self) -> dict[str, str]:
        self.world.trouble("outputs")
        return {"ApiUrl": "https://shop.example", "DomainTarget": "d-1.example"}

    def versions(self) -> dict[str, str]:
        self.world.trouble("versions")
        return dict(self.world.numbers)

    def apply(self, template: Template, parameters: Mapping[str, str], watched: Watched) -> bool:
        world = self.world
        world.trouble("apply")
        world.watches.append((mark_of(template).phase, watched))
        if world.template and plain(template) == plain(world.template):
            return False  # a mark alone is no change
        before = world.twin()
        world.update(template)
        if watched.alarms and not world.overseen and world.alarming & _bundles(world):
            world.take_back(before)
            raise NotApplied("CloudFormation took it back: an alarm rang")
        try:
            world.trouble("applied")
        except NotApplied:
            world.take_back(before)
            raise
        return True


def _bundles(world: World) -> set[str]:
    return {content.split()[0] for content in world.serving()}


class _Functions(_Part):
    def live(self, names: Iterable[str]) -> dict[str, str]:
        self.world.trouble("live")
        return {name: str(next(iter(self.world.aliases[name]))) for name in names if name in self.world.aliases}

    def ask(self, name: str, number: str, event: Mapping[str, Any]) -> dict[str, Any]:
        self.world.trouble("ask")
        bundle = self.world.published[name][int(number)].split()[0]
        if bundle in self.world.broken:
            raise CheckFailed("ImportError")
        if bool(event) == (self.world.denied[:1] == ["500"]) and self.world.denied:
            return self._denied()
        if not event:
            self.world.checked.add(bundle)
            return {"ok": True, "functions": 18}
        good = event["httpMethod"] == "GET"
        return {"statusCode": 200 if good else 401, "body": '{"items": []}' if good else '{"code": "FAIL"}'}

    def _denied(self) -> dict[str, Any]:
        """The check says it, the API shows 500."""
        if (said := self.world.denied.pop(0)) != "500":
            raise CheckFailed(said)
        return {"statusCode": 500, "body": '{"code": "INTERNAL"}'}

    def prune(self, names: Iterable[str], held: Mapping[str, set[str]]) -> int:
        self.world.trouble("prune")
        for name in names:
            live = self.world.aliases.get(name, {})
            for number in [*self.world.published.get(name, {})]:
                if str(number) not in held.get(name, ()) and number not in live:
                    del self.world.published[name][number]
        return 0


class _Watch(_Part):
    def ringing(self, names: Iterable[str]) -> list[str]:
        self.world.trouble("ringing")
        return sorted(names)[:1] if self.world.alarming & _bundles(self.world) else []

    def greet(self, url: str) -> None:
        self.world.trouble("greet")
        api = (self.world.template or {})["Resources"]["RestAPI"]["Properties"]
        if any(each["ThrottlingRateLimit"] == 0 for each in api.get("MethodSettings", ())):
            raise WrongAnswer("429")
        if self.world.rude & _bundles(self.world):
            raise WrongAnswer("500")


class _Records(_Part):
    def numbers(self) -> list[int]:
        self.world.trouble("numbers")
        return sorted(self.world.kept)

    def get(self, number: int) -> Release | None:
        self.world.trouble("get")
        return self.world.kept.get(number)

    def keep(self, release: Release) -> None:
        self.world.trouble("keep")
        self.world.kept[release.number] = release

    def forget(self, number: int) -> None:
        self.world.trouble("forget")
        self.world.kept.pop(number, None)

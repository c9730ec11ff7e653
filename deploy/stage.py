"""What `.chalice/config.json` says of one stage, and every name in the account that follows from it.

A stage is one shop: its stack, tables, secret and API. Settings that are not secret stand in its
`environment_variables`, as Chalice has it; what only a deployment needs stands beside them under `deploy`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from chalicelib.settings import names, secret_names

ROOT = Path(__file__).parents[1]
CONFIG = Path(".chalice") / "config.json"
NAME = re.compile(r"[a-z][a-z0-9]{1,14}")
HOST = re.compile(r"([a-z0-9-]+\.)+[a-z0-9-]+")
LOG_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""
LIVE = "live"
"""The alias of every function that traffic, schedules and streams go through."""
API = "api_handler"
"""Chalice's name of the HTTP function."""
PATH = "api"
"""API Gateway's stage: the first part of every path at the API's own address."""


class StageError(Exception):
    """Says what is wrong with the configuration of a stage and what to do about it."""


@dataclass(frozen=True)
class Options:
    """The `deploy` object of a stage. Nothing is required: the defaults make a safe shop without a domain."""

    account: str = ""
    """12 digits; a deployment into another account is refused."""
    domain: str = ""
    """The shop's own domain, filed (ICP), such as `api.example.cn`; with `certificate`, its certificate's ARN."""
    certificate: str = ""
    alarm_email: str = ""
    log_days: int = 30
    architecture: str = "x86_64"
    """x86_64 or arm64, where the region has it."""
    memory: int = 1769
    """MB of the HTTP function: CPU grows with it, and this is one vCPU (docs/coldstart.md)."""
    api_concurrency: int = 0
    """Most HTTP requests at once, taken out of the account's limit; 0 leaves the limit to the account."""
    provisioned: int = 0
    """HTTP functions kept warm, for a sale."""
    reserve: bool = True
    """One instance at a time for each schedule. False in accounts whose limit is too low to reserve from."""
    canary_percent: int = 10
    canary_minutes: int = 5
    """0: no waiting, all traffic moves as soon as the check is passed."""
    requests_per_second: int = 500
    burst: int = 1000
    """Of the whole API; routes that cost more have lower limits of their own."""
    requests_per_address: int = 10_000
    """In five minutes, held by the firewall: shoppers of one carrier share addresses. JISHI_REQUESTS_PER_MEMBER holds
    each of them."""
    firewall: bool = True
    keep: bool = True
    """Tables outlive the stack and refuse to be deleted. False only for stages that are thrown away."""


@dataclass(frozen=True)
class Stage:
    name: str
    region: str
    environment: Mapping[str, str]
    options: Options = field(default_factory=Options)
    in_network: bool = False
    """Its functions stand in subnets of the merchant's own (Chalice's `subnet_ids`), say for a fixed address."""

    @property
    def stack(self) -> str:
        return f"jishi-{self.name}"

    @property
    def table_prefix(self) -> str:
        return self.environment.get("JISHI_TABLE_PREFIX") or f"{self.stack}-"

    @property
    def secret(self) -> str:
        """Name in Secrets Manager."""
        return f"jishi/{self.name}"

    @property
    def partition(self) -> str:
        return "aws-cn" if self.in_china else "aws"

    @property
    def in_china(self) -> bool:
        return self.region.startswith("cn-")

    @property
    def suffix(self) -> str:
        return "amazonaws.com.cn" if self.in_china else "amazonaws.com"

    def url(self, undeployed: Any) -> Any:
        """Where the shop is found; `undeployed`: the address of an API without a domain."""
        return f"https://{self.options.domain}" if self.options.domain else undeployed

    def variables(self, undeployed: Any) -> dict[str, Any]:
        """The environment of every function. Nothing secret: the secret's name alone."""
        return {
            "JISHI_PUBLIC_URL": self.url(undeployed),
            **self.environment,
            "JISHI_TABLE_PREFIX": self.table_prefix,
            "JISHI_SECRET": self.secret,
        }

    def function(self, name: str) -> str:
        """The function's name in the account, by Chalice's name: `close_unpaid` -> `jishi-prod-close-unpaid`."""
        return f"{self.stack}-{'api' if name == API else name.replace('_', '-')}"


def read(name: str, root: Path = ROOT) -> Stage:
    """Raises StageError."""
    if not NAME.fullmatch(name):
        raise StageError(f"A stage's name is 2 to 15 lower-case letters and digits, not {name!r}: STAGE=prod")
    config = _object(_config(root), "The file")
    stages = _object(config.get("stages") or {}, "stages")
    if name not in stages:
        raise StageError(
            f"{CONFIG} has no stage {name!r}, only {', '.join(sorted(stages))}. docs/operations.md shows one."
        )
    given = _object(stages[name], name)
    environment = {**_variables(config), **_variables(given)}
    if any(_variables(each) for level in (config, given) for each in _functions(level)):
        raise StageError(
            f"{CONFIG}: lambda_functions have no environment_variables of their own: the shop has one, the stage's."
        )
    options = _options(name, _object(given.get("deploy") or {}, "deploy"))
    region = environment.get("JISHI_REGION") or ""
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        raise StageError(
            f"Stage {name!r}: JISHI_REGION in its environment_variables must be a region such as cn-north-1, and is "
            f"{region!r}."
        )
    if environment.get("JISHI_STAGE") != name:
        raise StageError(f"Stage {name!r} must say so itself: JISHI_STAGE={name} in its environment_variables.")
    if shown := sorted(each for each in environment if each.removesuffix("_FILE") in secret_names()):
        raise StageError(
            f"Stage {name!r} shows {', '.join(shown)} to everybody who may see a function. Take it out of {CONFIG}, "
            f"change it where it comes from, since it was seen, and give it to `make secret STAGE={name}`."
        )
    if unknown := sorted(
        each for each in environment if each.startswith("JISHI_") and each.removesuffix("_FILE") not in names()
    ):
        near = get_close_matches(unknown[0], names(), 1)
        raise StageError(
            f"Stage {name!r} sets {', '.join(unknown)}, which is no setting of the shop"
            + (f": is {near[0]} meant?" if near else ". docs/settings.md has all of them.")
        )
    if (path := given.get("api_gateway_stage", config.get("api_gateway_stage", PATH))) != PATH:
        raise StageError(
            f"Stage {name!r}: api_gateway_stage must be {PATH!r}, and is {path!r}: callbacks and alarms name it."
        )
    return Stage(name, region, environment, options, bool(given.get("subnet_ids", config.get("subnet_ids"))))


def _config(root: Path) -> Any:
    try:
        return json.loads((root / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{CONFIG} cannot be read: {error}.") from None


def _object(found: Any, what: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise StageError(f"{CONFIG}: {what} must be a JSON object. docs/operations.md shows one.")
    return found


def _functions(level: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = _object(level.get("lambda_functions") or {}, "lambda_functions")
    return [_object(each, f"lambda_functions.{name}") for name, each in found.items()]


def _variables(level: Mapping[str, Any]) -> dict[str, str]:
    """Lambda takes texts alone."""
    found = _object(level.get("environment_variables") or {}, "environment_variables")
    if wrong := sorted(name for name, value in found.items() if not isinstance(value, str)):
        raise StageError(f"{CONFIG}: {', '.join(wrong)} of environment_variables must stand in quotes.")
    return found


def _options(name: str, given: Mapping[str, Any]) -> Options:
    known = {each.name: type(each.default) for each in fields(Options)}
    for option, value in given.items():
        if option not in known:
            raise StageError(f"Stage {name!r}: there is no option deploy.{option}; there are {', '.join(known)}.")
        if type(value) is not known[option]:
            raise StageError(f"Stage {name!r}: deploy.{option} must be {known[option].__name__}, and is {value!r}.")
    options = Options(**given)
    for wrong, why in _wrong(options):
        if wrong:
            raise StageError(f"Stage {name!r}: {why}.")
    return options


def _wrong(options: Options) -> list[tuple[bool, str]]:
    return [
        (bool(options.account) and not re.fullmatch(r"\d{12}", options.account), "deploy.account must be 12 digits"),
        (
            bool(options.domain) and not HOST.fullmatch(options.domain),
            "deploy.domain must be a name alone, such as api.example.cn",
        ),
        (
            bool(options.certificate) and not options.certificate.startswith("arn:"),
            "deploy.certificate must be its ARN",
        ),
        (bool(options.domain) != bool(options.certificate), "deploy.domain and deploy.certificate go together"),
        (options.architecture not in ("x86_64", "arm64"), "deploy.architecture must be x86_64 or arm64"),
        (not 256 <= options.memory <= 10240, "deploy.memory must be 256 to 10240 (MB)"),
        (not 1 <= options.canary_percent <= 50, "deploy.canary_percent must be 1 to 50"),
        (not 0 <= options.canary_minutes <= 180, "deploy.canary_minutes must be 0 to 180"),
        (options.requests_per_address < 10, "the firewall counts from 10 on"),
        (min(options.api_concurrency, options.provisioned) < 0, "concurrency cannot be negative"),
        (min(options.requests_per_second, options.burst) < 0, "requests_per_second and burst cannot be negative"),
        (
            0 < options.api_concurrency < options.provisioned,
            "deploy.provisioned functions are kept warm out of deploy.api_concurrency, and are more",
        ),
        (options.log_days not in LOG_DAYS, f"deploy.log_days must be one of {', '.join(map(str, LOG_DAYS))}"),
    ]

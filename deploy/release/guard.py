"""What a new template would do to the deployed one that cannot be undone, or that DynamoDB or CloudFormation refuse.

For some minutes of every release the old and the new code run side by side on the same data: a canary takes a share of
requests, schedules move later than the API, and a release that is taken back leaves behind what the new code wrote.
So each release must read what the one before writes, and write what the one before can read. A change of form takes
two releases: first the code that understands both, then the code that writes the new one. This guard cannot see that;
it sees tables, indexes, streams, and the addresses that the outside world knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deploy.release import tables

Template = Mapping[str, Any]


class Weight(StrEnum):
    IMPOSSIBLE = "impossible"
    """CloudFormation or DynamoDB refuse it, or it loses data."""
    RISKY = "risky"
    """Done only if it is named: `make deploy ACCEPT=<code>`."""
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    code: str
    """Such as `table-gone:reviews`; what ACCEPT names."""
    weight: Weight
    why: str
    way_out: str

    def __str__(self) -> str:
        accept = f" Or accept it: ACCEPT={self.code}" if self.weight is Weight.RISKY else ""
        return f"{self.code} ({self.weight}): {self.why} {self.way_out}{accept}"


def refused(findings: Iterable[Finding], accepted: frozenset[str]) -> list[Finding]:
    """Those that stop a release."""
    return [
        found
        for found in findings
        if found.weight is Weight.IMPOSSIBLE or (found.weight is Weight.RISKY and found.code not in accepted)
    ]


def compare(old: Template, new: Template) -> list[Finding]:
    """Everything there is to say about putting `new` in the place of `old`. `old` is what is deployed."""
    return [*_tables(old, new), *_settings(old, new), *_addresses(old, new), *_sources(old, new)]


def moves_tables(old: Template, new: Template) -> bool:
    """Whether the shop would work on other tables: then old and new code must not run side by side."""
    return bool(_names(old)) and setting(old, "JISHI_TABLE_PREFIX") != setting(new, "JISHI_TABLE_PREFIX")


def of_type(template: Template, kind: str) -> dict[str, Any]:
    """Resources of a type, by logical id."""
    return {key: found for key, found in template["Resources"].items() if found["Type"] == kind}


def _tables(old: Template, new: Template) -> Iterator[Finding]:
    before, after = of_type(old, tables.TYPE), of_type(new, tables.TYPE)
    kept = _names(new)
    for code, impossible, why, way_out in tables.together(before, after):
        yield Finding(code, Weight.IMPOSSIBLE if impossible else Weight.RISKY, why, way_out)
    for key, table in before.items():
        name = _name(table)
        if key in after:
            for code, impossible, why, way_out in tables.changes(table, after[key]):
                yield Finding(code, Weight.IMPOSSIBLE if impossible else Weight.RISKY, why, way_out)
            for code, why in tables.remarks(table, after[key]):
                yield Finding(code, Weight.WARNING, why, "")
        elif name in kept:
            yield Finding(
                f"table-moved:{name}", Weight.IMPOSSIBLE,
                f"{name} would be {kept[name]} in the template and was {key}: it would be made a second time.",
                f"Keep the logical id {key}.",
            )  # fmt: skip
        elif not moves_tables(old, new):
            yield _gone(name, table)


def _gone(name: str, table: Mapping[str, Any]) -> Finding:
    if str(table.get("DeletionPolicy", "")).startswith("Retain"):
        return Finding(
            f"table-gone:{name}", Weight.RISKY,
            "The template no longer has it. The table itself would stay, paid for and without alarms.",
            "If it was renamed: bring the old one back and copy rows by code that reads both, then drop it later.",
        )  # fmt: skip
    return Finding(f"table-gone:{name}", Weight.RISKY, "It would be deleted with all that it holds.", "Bring it back.")


def _settings(old: Template, new: Template) -> Iterator[Finding]:
    if moves_tables(old, new):
        yield Finding(
            "prefix", Weight.RISKY,
            f"The shop would leave the tables {setting(old, 'JISHI_TABLE_PREFIX')}… "
            f"for {setting(new, 'JISHI_TABLE_PREFIX')}…, and what is in the first is not in the second.",
            "Right only after `make restore`, which says how; then all traffic moves at once.",
        )  # fmt: skip
    if setting(old, "JISHI_SECRET") != setting(new, "JISHI_SECRET"):
        yield Finding(
            "secret", Weight.RISKY,
            "Another secret has other data keys: what is sealed with the old ones could not be opened.",
            "Rotate keys inside the secret instead: `make rotate`.",
        )  # fmt: skip


def _addresses(old: Template, new: Template) -> Iterator[Finding]:
    apis, others = of_type(old, "AWS::Serverless::Api"), of_type(new, "AWS::Serverless::Api")
    for key, api in apis.items():
        if key not in others:
            yield Finding(
                f"api-gone:{key}", Weight.IMPOSSIBLE,
                "The API would be made anew under another address; WeChat's callbacks go to this one.",
                f"Keep the logical id {key}.",
            )  # fmt: skip
            continue
        stages = [found["Properties"].get("StageName") for found in (api, others[key])]
        if stages[0] != stages[1]:
            yield Finding(
                f"api-stage:{key}", Weight.RISKY,
                f"The address would end in /{stages[1]} instead of /{stages[0]}: callbacks of payments under way, and "
                "mini-programs that are out, use the old one.",
                f"Keep api_gateway_stage {stages[0]!r} in .chalice/config.json.",
            )  # fmt: skip
    for address in _gone_addresses(old, new):
        yield Finding(
            f"address-gone:{address}", Weight.WARNING,
            "It answers nobody any more when the release is settled.", "",
        )  # fmt: skip
    if setting(old, "JISHI_PUBLIC_URL") != setting(new, "JISHI_PUBLIC_URL"):
        yield Finding(
            "public-url", Weight.RISKY,
            f"Callbacks would be asked for at {setting(new, 'JISHI_PUBLIC_URL')}; those of payments and refunds under "
            f"way still go to {setting(old, 'JISHI_PUBLIC_URL')}, which goes on answering.",
            "Enter the new address where WeChat has the old. The first deployment after two days without one takes the "
            "old away.",
        )  # fmt: skip


def _gone_addresses(old: Template, new: Template) -> Iterator[str]:
    after = of_type(new, "AWS::ApiGateway::DomainName")
    for key, domain in of_type(old, "AWS::ApiGateway::DomainName").items():
        if key not in after:
            yield str(domain["Properties"]["DomainName"])
    for key, api in of_type(old, "AWS::Serverless::Api").items():
        if not _shut(api) and _shut(new["Resources"].get(key, api)):
            yield "execute-api"


def _shut(api: Mapping[str, Any]) -> bool:
    return bool(api["Properties"].get("DisableExecuteApiEndpoint"))


def _sources(old: Template, new: Template) -> Iterator[Finding]:
    for kind in ("AWS::Serverless::Function", "AWS::Events::Rule", "AWS::Lambda::EventSourceMapping"):
        for key in sorted(of_type(old, kind).keys() - of_type(new, kind).keys()):
            yield Finding(
                f"gone:{key}", Weight.WARNING,
                f"{kind} goes as soon as the release is laid, while the old code is still live.",
                "What waits for it must have another to do it.",
            )  # fmt: skip


def _names(template: Template) -> dict[str, str]:
    """Logical ids of tables, by the table's name."""
    return {_name(table): key for key, table in of_type(template, tables.TYPE).items()}


def _name(table: Mapping[str, Any]) -> str:
    return str(table["Properties"]["TableName"])


def setting(template: Template, name: str) -> Any:
    """What the functions are told, if they are told anything; they are all told the same."""
    for function in of_type(template, "AWS::Serverless::Function").values():
        variables = (function["Properties"].get("Environment") or {}).get("Variables") or {}
        if name in variables:
            return variables[name]
    return None

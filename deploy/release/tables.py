"""What may become of a table in one update of the stack, and what may not.

Sources: CloudFormation's reference of AWS::DynamoDB::Table ("Update requires"), and of UpdateTable and
UpdateTimeToLive: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-dynamodb-table.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

TYPE = "AWS::DynamoDB::Table"
Change = tuple[str, bool, str, str]
"""Code, whether it is impossible (or only risky), why, way out."""
Resource = Mapping[str, Any]

ANEW = "Give the new shape a table of a new name, let the code read both and write the new one, and copy the old rows."


def changes(old: Resource, new: Resource) -> Iterator[Change]:
    """What stops an update of this table."""
    before, after = old["Properties"], new["Properties"]
    name = before["TableName"]
    yield from _replaced(name, before, after)
    yield from _indexes(name, before, after)
    yield from _stream(name, before, after)
    yield from _time_to_live(name, before, after)
    yield from _protection(name, old, new)


def together(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> Iterator[Change]:
    """Of a new index of a table (all tables by logical id): it should be the only change of tables in its update.

    If another fails, CloudFormation deletes the index again, which DynamoDB refuses while it is filled:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html
    """
    changed = {
        key: new[key]["Properties"]["TableName"]
        for key in new
        if key not in old or old[key]["Properties"] != new[key]["Properties"]
    }
    for key in sorted(old.keys() & changed.keys()):
        before, after = old[key]["Properties"], new[key]["Properties"]
        itself = _unindexed(before) != _unindexed(after)
        others = sorted(name for other, name in changed.items() if other != key or itself)
        for index in sorted(_by_name(after) - _by_name(before)) if others else ():
            yield (
                f"index-together:{changed[key]}/{index}", False,
                f"It would be made together with other changes of tables ({', '.join(others)}). If one of them fails "
                "while it is filled, the stack can neither finish nor go back (UPDATE_ROLLBACK_FAILED).",
                "Deploy the index alone first, and the rest when that release is live.",
            )  # fmt: skip


def remarks(old: Resource, new: Resource) -> Iterator[tuple[str, str]]:
    """Code and text of what is allowed and should be known."""
    before, after = old["Properties"], new["Properties"]
    name = before["TableName"]
    for index in sorted(_by_name(before) - _by_name(after)):
        yield (
            f"index-gone:{name}/{index}",
            "It goes as soon as the release is laid, while the old code is still live: the release before must have "
            "stopped using it.",
        )
    for index in sorted(_by_name(after) - _by_name(before)):
        yield f"index-new:{name}/{index}", "A large table takes long to fill it; CloudFormation waits, up to hours."
    if not _ttl(before) and _ttl(after):
        yield f"ttl-new:{name}", f"Rows whose {_ttl(after)} is in the past will be deleted."


def _replaced(name: str, before: Resource, after: Resource) -> Iterator[Change]:
    for what in ("TableName", "KeySchema", "LocalSecondaryIndexes"):
        if before.get(what) != after.get(what):
            yield (
                f"table-replaced:{name}", True,
                f"{what} would change, which takes a new, empty table in the place of this one.", ANEW,
            )  # fmt: skip
    types, others = _types(before), _types(after)
    for attribute in sorted(types.keys() & others.keys()):
        if types[attribute] != others[attribute]:
            yield (
                f"key-type:{name}/{attribute}", True,
                f"It is a key of type {types[attribute]} and cannot become {others[attribute]}.", ANEW,
            )  # fmt: skip


def _indexes(name: str, before: Resource, after: Resource) -> Iterator[Change]:
    old, new = _indexed(before), _indexed(after)
    for index in sorted(old.keys() & new.keys()):
        if any(old[index].get(part) != new[index].get(part) for part in ("KeySchema", "Projection")):
            yield (
                f"index-changed:{name}/{index}", True, "Keys and projection of an index are fixed.",
                "Add an index of a new name, use it from the next release on, and remove this one in the one after.",
            )  # fmt: skip
    moved = sorted(old.keys() ^ new.keys())
    if len(moved) > 1:
        yield (
            f"indexes:{name}", True,
            f"DynamoDB adds or removes one index of a table in an update, and here are {len(moved)}: "
            f"{', '.join(moved)}.",
            f"Deploy {len(moved)} times: first with {moved[0]} alone, then with one more each time; code that uses "
            "an index comes with or after it.",
        )  # fmt: skip


def _stream(name: str, before: Resource, after: Resource) -> Iterator[Change]:
    old, new = (found.get("StreamSpecification") or {} for found in (before, after))
    if old and not new:
        yield (
            f"stream-gone:{name}", False, "Whoever reads its stream would hear nothing more.",
            "Remove the readers one release earlier.",
        )  # fmt: skip
    elif old and old.get("StreamViewType") != new.get("StreamViewType"):
        yield (
            f"stream-view:{name}", True,
            f"{old.get('StreamViewType')} cannot become {new.get('StreamViewType')} while it is read: the stream would "
            "be made anew, and what is not read yet would be lost.",
            "Release once without the stream and its reader, then with both; the sweeps finish what was missed.",
        )  # fmt: skip


def _time_to_live(name: str, before: Resource, after: Resource) -> Iterator[Change]:
    old, new = _ttl(before), _ttl(after)
    if old and new and old != new:
        yield (
            f"ttl-attribute:{name}", True,
            f"DynamoDB must forget {old} before it takes {new}, which lasts up to an hour.",
            "Release once without TTL, an hour later with the new attribute.",
        )  # fmt: skip
    elif old and not new:
        yield f"ttl-off:{name}", False, "Nothing would be forgotten any more.", "Bring TTL back."


def _protection(name: str, old: Resource, new: Resource) -> Iterator[Change]:
    before, after = old["Properties"], new["Properties"]
    recovery = "PointInTimeRecoverySpecification"
    switched = (
        ("recovery", _on(before.get(recovery), "PointInTimeRecoveryEnabled"), _on(after.get(recovery),
            "PointInTimeRecoveryEnabled"), "No point in time could be restored any more, nor the days before now."),
        ("deletion-protection", _on(before, "DeletionProtectionEnabled"), _on(after, "DeletionProtectionEnabled"),
            "One call could delete it."),
        ("encryption", _on(before.get("SSESpecification"), "SSEEnabled"), _on(after.get("SSESpecification"),
            "SSEEnabled"), "It would no longer be sealed with a key of the account."),
        ("retention", _retained(old), _retained(new), "It would be deleted together with the stack."),
    )  # fmt: skip
    for what, was, stays, why in switched:
        if was and not stays:
            yield f"{what}-off:{name}", False, why, "Bring it back."


def _unindexed(properties: Resource) -> dict[str, Any]:
    indexes = ("GlobalSecondaryIndexes", "AttributeDefinitions")
    return {name: value for name, value in properties.items() if name not in indexes}


def _types(properties: Resource) -> dict[str, str]:
    return {found["AttributeName"]: found["AttributeType"] for found in properties.get("AttributeDefinitions") or ()}


def _indexed(properties: Resource) -> dict[str, Resource]:
    return {found["IndexName"]: found for found in properties.get("GlobalSecondaryIndexes") or ()}


def _by_name(properties: Resource) -> set[str]:
    return set(_indexed(properties))


def _ttl(properties: Resource) -> str:
    found = properties.get("TimeToLiveSpecification") or {}
    return str(found.get("AttributeName")) if found.get("Enabled") else ""


def _on(found: Resource | None, switch: str) -> bool:
    return bool((found or {}).get(switch))


def _retained(table: Resource) -> bool:
    return str(table.get("DeletionPolicy", "")).startswith("Retain")

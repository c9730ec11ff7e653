"""All tables of the shop, as the models define them: made here on a laptop, by CloudFormation in the cloud."""

from importlib import import_module
from pathlib import Path
from typing import Any

from .once import ClaimRow
from .table import Row, dynamodb

__all__ = ["ClaimRow", "create_all", "tables"]

TTL_ATTRIBUTE = "expires_at"


def tables() -> dict[str, type[Row]]:
    """One model per table, by bare name. The one with the most indexes speaks for a table that several kinds share.

    Imports every domain's rows, which otherwise come with whoever needs them.
    """
    _import_rows()
    chosen: dict[str, type[Row]] = {}
    for kind in Row.kinds:
        known = chosen.get(kind.bare_name)
        if known is None or len(kind._indexes) > len(known._indexes):
            chosen[kind.bare_name] = kind
    return dict(sorted(chosen.items()))


def _import_rows() -> None:
    home = Path(__file__).parents[1]
    for file in sorted((*home.rglob("store.py"), *home.rglob("rows.py"))):
        import_module(".".join((home.name, *file.relative_to(home).with_suffix("").parts)))


def create_all(existing: frozenset[str] = frozenset()) -> list[str]:
    """Create what is missing, pay-per-request, with streams where a model asks and TTL; returns the names made."""
    made = []
    for kind in tables().values():
        name = kind.Meta.table_name
        if name in existing:
            continue
        kind.create_table(wait=False, billing_mode="PAY_PER_REQUEST")
        made.append(name)
        _ttl(kind, name)
    return made


def _ttl(kind: Any, name: str) -> None:
    if "ttl" in getattr(kind.Meta, "features", ()):
        dynamodb().update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
        )

"""What each function asks of DynamoDB, by table: seen while it runs, and told in the words of IAM."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from app import app
from chalicelib.web.app import ShopApp
from deploy.stage import API

Need = tuple[str, str, str]
"""Function, action, and table (without prefix) or `table/index`: `("close_unpaid", "Query", "orders/due")`."""

ITEMS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
"""A transaction is allowed to whoever is allowed each of its parts:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
"""


class Needs:
    """Collects what the functions of the app ask for. What is asked outside of them, to set a scene, does not count."""

    def __init__(self, prefix: str) -> None:
        self.found: set[Need] = set()
        self._prefix = prefix
        sources: list[Any] = [*app.event_sources, *app.pure_lambda_functions]
        self._entries: dict[str, str] = {each.handler_string: each.name for each in sources}
        self._entries[f"{ShopApp.__module__}.{ShopApp.__call__.__name__}"] = API

    def note(self, operation: str, sent: Mapping[str, Any]) -> None:
        """To be called where the request is made, since the function is found on the stack."""
        if function := self._function():
            self.found.update((function, *need) for need in self._asked(operation, sent))

    def _function(self) -> str | None:
        frame: FrameType | None = sys._getframe()
        while frame:
            entry = f"{frame.f_globals['__name__']}.{frame.f_code.co_name}"
            if entry in self._entries:
                return self._entries[entry]
            frame = frame.f_back
        return None

    def _asked(self, operation: str, sent: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if "TransactItems" in sent:
            for item in sent["TransactItems"]:
                ((kind, what),) = item.items()
                yield ITEMS.get(kind, "GetItem"), self._bare(what["TableName"])
        elif "RequestItems" in sent:
            for table in sent["RequestItems"]:
                yield operation, self._bare(table)
        else:
            index = f"/{sent['IndexName']}" if "IndexName" in sent else ""
            yield operation, self._bare(sent["TableName"]) + index

    def _bare(self, table: str) -> str:
        return table.removeprefix(self._prefix)

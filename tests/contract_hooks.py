"""Loaded by the schemathesis of test_contract_live.py."""

import json
import os
from functools import cache
from typing import Any

import requests
import schemathesis

SIGNATURE = ("X-Signature", "X-Timestamp", "X-Nonce")


@schemathesis.auth(refresh_interval=None)
class Session:
    """Whoever logs out everywhere is somebody else, so that the tester stays logged in."""

    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str:
        return _log_in("leaver") if case.operation.path == "/logout-everywhere" else _tester()

    def set(self, case: schemathesis.Case[Any], data: str, context: schemathesis.AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


def _log_in(name: str) -> str:
    url = f"{os.environ['JISHI_TESTED_API']}/login"
    return str(requests.post(url, json={"code": f"demo-{name}"}, timeout=30).json()["token"])


@cache
def _tester() -> str:
    return _log_in("tester")


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """A signature made up by chance says nothing; tests/identity has the good and the bad ones."""
    for name in SIGNATURE:
        case.headers.pop(name, None)


@schemathesis.check
def valid_data_is_not_malformed(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if positive and response.status_code == 400:
        answer = json.loads(response.content)
        # To JSON Schema 1.0 is an integer; the contract says in words that it is not to be written so.
        assert answer["code"] != "MALFORMED" or "got `float`" in answer["details"]["problem"], answer["details"]

"""The stage's functions in Lambda: which version is live, what a new one says when it is asked, which are left over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from deploy.cloud import Cloud
from deploy.stage import LIVE

KEPT = 3
"""Newest versions of each function that stay beside the live one; the code storage of an account is limited."""


class CheckFailed(Exception):
    """The new version does not run; says what it said."""


class Functions:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    @property
    def _client(self) -> Any:
        return self._cloud.client("lambda")

    def live(self, names: Iterable[str]) -> dict[str, str]:
        """Numbers of the live versions, by the function's name; a function without the alias is left out."""
        found = {name: self._alias(name) for name in names}
        return {name: str(alias["FunctionVersion"]) for name, alias in found.items() if alias}

    def environment(self, name: str) -> dict[str, str]:
        """Of the version that is live; nothing where none is."""
        try:
            found = self._client.get_function_configuration(FunctionName=name, Qualifier=LIVE)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}
            raise
        return dict((found.get("Environment") or {}).get("Variables") or {})

    def ask(self, name: str, number: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """What this version answers. Raises CheckFailed if it fails."""
        given = self._client.invoke(FunctionName=name, Qualifier=number, Payload=json.dumps(event).encode())
        answer = json.load(given["Payload"])
        if "FunctionError" in given:
            said = answer if isinstance(answer, dict) else {}
            kind, message = said.get("errorType", given["FunctionError"]), said.get("errorMessage", "")
            raise CheckFailed(f"{name} version {number} failed: {kind}: {message[:500]} (its log: /aws/lambda/{name})")
        return dict(answer or {})

    def prune(self, names: Iterable[str], held: Mapping[str, set[str]]) -> int:
        """Delete versions that nobody needs; returns how many.

        Kept are those of aliases, those `held` (by name), and the newest up to the live one. What is newer than the
        live one and not held was left by a release that failed: it must go, since Lambda makes no second version of
        the same code. https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
        """
        return sum(self._prune(name, held.get(name, set())) for name in names)

    def _prune(self, name: str, held: set[str]) -> int:
        alias = self._alias(name)
        if alias is None:
            return 0
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        kept = {alias["FunctionVersion"], *weights, *held}
        pages = self._client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        numbers = sorted(
            int(each["Version"]) for page in pages for each in page["Versions"] if each["Version"].isdigit()
        )
        kept |= {str(number) for number in [n for n in numbers if n <= int(alias["FunctionVersion"])][-KEPT:]}
        gone = [str(number) for number in numbers if str(number) not in kept]
        for number in gone:
            self._client.delete_function(FunctionName=name, Qualifier=number)
        return len(gone)

    def _alias(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._client.get_alias(FunctionName=name, Name=LIVE))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise

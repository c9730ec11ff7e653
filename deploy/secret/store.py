"""One secret of Secrets Manager, as a JSON object of settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

MOST_BYTES = 65_536
"""https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html"""


PROPOSED = "JISHI_PROPOSED"
"""Label of a version until AWSCURRENT is moved to it, which Secrets Manager does only from the version that is named:
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
"""


class SecretError(Exception):
    """Says what is wrong with the secret or what was given for it, and what to do; never a value."""


@dataclass(frozen=True)
class Held:
    """`now` is Secrets Manager's own time, so that a clock that is wrong here shortens no wait."""

    values: Mapping[str, Any] = field(repr=False)
    version: str
    changed_at: datetime
    now: datetime


class Store:
    """`client` is boto3's of Secrets Manager. What it raises passes through, except for what is named here."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def read(self) -> Held | None:
        """None if there is no such secret. Raises SecretError if it holds something else, or is to be deleted."""
        try:
            found = self._client.get_secret_value(SecretId=self.name, VersionStage="AWSCURRENT")
            about = self._client.describe_secret(SecretId=self.name)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceNotFoundException":
                return None
            if code == "InvalidRequestException":
                raise SecretError(
                    f"Secret {self.name} is marked for deletion. Its data keys may be the only ones there are: "
                    f"aws secretsmanager restore-secret --secret-id {self.name}"
                ) from None
            raise
        return Held(self._values(found), found["VersionId"], about["LastChangedDate"], _time_of(found))

    def write(self, values: Mapping[str, Any], before: Held | None) -> None:
        """Make the secret, or its next version. Raises SecretError if it is no longer as `before` found it."""
        text = json.dumps(values, indent=1, ensure_ascii=False)
        if len(text.encode()) > MOST_BYTES:
            raise SecretError(f"The secret would be larger than {MOST_BYTES} bytes. Put what is not secret elsewhere.")
        if before is None:
            what = "Settings of the shop that must not be seen. Its data keys exist nowhere else: never delete it."
            self._client.create_secret(Name=self.name, Description=what, SecretString=text)
            return
        made = self._client.put_secret_value(SecretId=self.name, SecretString=text, VersionStages=[PROPOSED])
        try:
            self._client.update_secret_version_stage(
                SecretId=self.name,
                VersionStage="AWSCURRENT",
                RemoveFromVersionId=before.version,
                MoveToVersionId=made["VersionId"],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidParameterException":
                raise
            again = f"Somebody else changed {self.name} meanwhile. Nothing of yours counts; run it again."
            raise SecretError(again) from None

    def _values(self, found: Mapping[str, Any]) -> dict[str, Any]:
        try:
            values = json.loads(found.get("SecretString") or "")
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise SecretError(
                f"Secret {self.name} holds something else than a JSON object of settings. Look at it in the console; "
                "its former version is still there as AWSPREVIOUS."
            )
        return values


def _time_of(answer: Mapping[str, Any]) -> datetime:
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)

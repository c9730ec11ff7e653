"""Whether a stage's environment and its secret together are settings of a shop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib import outside
from chalicelib.settings import Settings, SettingsError, from_environment
from deploy.secret.store import SecretError
from deploy.stage import Stage
from tools.wechat_check.forms import forms


def environment(stage: Stage) -> dict[str, str]:
    """What the functions of a stage are given; an API without a domain gets its address with the deployment."""
    return stage.variables(f"https://undeployed.execute-api.{stage.region}.{stage.suffix}/api")


def settings_of(stage: Stage, values: Mapping[str, Any]) -> Settings:
    """Raises SettingsError."""
    text = json.dumps(values)
    return from_environment(environment(stage), lambda name, region: text)


def prove(stage: Stage, values: Mapping[str, Any]) -> None:
    """Raises SecretError unless the shop could open with these, and each key has its form."""
    try:
        settings = settings_of(stage, values)
        outside.prove(settings)
    except SettingsError as error:
        do = "Nothing was written. What is missing and not secret belongs into the stage's environment_variables."
        raise SecretError(f"{error}. {do}") from None
    wrong = [found for found in forms(settings, datetime.now(UTC)) if found.mark == "✗"]
    if wrong:
        raise SecretError("\n".join([*map(str, wrong), "Nothing was written."]))

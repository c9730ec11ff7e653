"""The settings of the shop: whether secret and environment are whole, and each key has its form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from chalicelib import outside
from chalicelib.settings import Settings, SettingsError
from deploy.doctor.finding import Finding, Unknown, bad, good, look
from deploy.secret.proof import settings_of
from deploy.stage import Stage
from tools.wechat_check.finding import Finding as Step
from tools.wechat_check.forms import forms


def check(stage: Stage, values: Mapping[str, Any] | Unknown | None, now: datetime) -> Iterator[Finding]:
    """`values`: what the secret holds, None if there is none."""
    yield secret(stage, values)
    if isinstance(values, Mapping):
        found, settings = whole(stage, values)
        yield found
        if settings is not None:
            yield from (line(step) for step in forms(settings, now))


def secret(stage: Stage, values: Mapping[str, Any] | Unknown | None) -> Finding:
    if isinstance(values, Unknown):
        return bad(f"secret {stage.secret}", values.why)
    if values is None:
        return bad(f"secret {stage.secret} is not there", f"make secret STAGE={stage.name}")
    return good(f"secret {stage.secret} can be read")


def whole(stage: Stage, values: Mapping[str, Any]) -> tuple[Finding, Settings | None]:
    try:
        settings = settings_of(stage, values)
        outside.prove(settings)
    except SettingsError as error:
        do = f"make secret STAGE={stage.name}, or the stage's environment_variables for what is not secret"
        return bad(str(error), do), None
    return good("settings are complete"), settings


def line(step: Step) -> Finding:
    """A step of `make wechat-check` in one line."""
    what = ": ".join(filter(None, (step.what, step.why.rstrip("."))))
    if step.mark == "✗":
        return bad(what, step.do)
    return good(what) if step.mark == "✓" else look(what, step.do)

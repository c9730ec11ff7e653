"""The processes of the functions, as the system shows them: what they were given, and what that lets them do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from deploy.rehearse.world import World
from deploy.template.functions import functions

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def environments(world: World) -> dict[str, dict[str, str]]:
    """Environment of one running process of each function, by the function's name in the account. Needs Linux."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"\nPPid:\t{world.emulator.process.pid}\n" not in (process / "status").read_text():
                continue
            lines = (process / "environ").read_text().split("\0")
        except OSError:  # ended meanwhile
            continue
        environment = dict(line.partition("=")[::2] for line in lines if line)
        if name := environment.get("AWS_LAMBDA_FUNCTION_NAME"):
            found[name] = environment
    return found


def hold_no_secret(world: World, secrets: Iterable[tuple[str, str]]) -> None:
    """No environment of a process, no log and no template holds any of `secrets` (name, text)."""
    texts = {"the template": str(world.resources("AWS::Serverless::Function"))}
    for name, environment in environments(world).items():
        texts[f"the environment of {name}"] = "\n".join(environment.values())
    for function in functions():
        texts[f"the log of {function.name}"] = "\n".join(world.log(function.name))
    for place, text in texts.items():
        world.expect(f"secrets in {place}", [], [name for name, value in secrets if value in text])


def client(world: World, function: str, service: str) -> Any:
    """As this function's code would get it: with the credentials of its role."""
    environment = environments(world)[world.stage.function(function)]
    key, secret, token = (environment[name] for name in KEYS)
    return boto3.client(
        service,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        region_name=world.stage.region,
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
    )


def granted(world: World, what: str, call: Any, **arguments: Any) -> None:
    """The call is let through, as far as its condition."""
    world.expect(f"{what}: let through", True, _code(call, arguments) in ("", "ConditionalCheckFailedException"))


def refused(world: World, what: str, call: Any, **arguments: Any) -> None:
    """The call is refused for want of permission, and for nothing else."""
    world.expect(f"{what}: refused", "AccessDeniedException", _code(call, arguments))


def _code(call: Any, arguments: dict[str, Any]) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""

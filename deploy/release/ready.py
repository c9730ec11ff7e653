"""What must be true of the account and the stack before a release begins."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from chalicelib import outside
from chalicelib.settings import Settings, SettingsError
from deploy.cloud import Cloud, CloudError
from deploy.doctor import account, aws
from deploy.release.stack import Stack, Stuck, way_out
from deploy.secret.proof import settings_of
from deploy.secret.store import SecretError, Store


def demand(cloud: Cloud, stack: Stack, agree: Callable[[str], bool], say: Callable[[str], None] = print) -> None:
    """The right account, and a stack that takes updates. Remains of a first deployment that never came to be are
    removed, if `agree` says so. Raises CloudError, Stuck.
    """
    cloud.demand_account()
    status = stack.status()
    if status is None or status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
        return
    name = cloud.stage.stack
    if status == "REVIEW_IN_PROGRESS":
        say(f"An earlier run stopped before it made anything: {name} begins anew.")
        stack.delete()
    elif status.endswith("IN_PROGRESS"):
        raise CloudError(
            f"{name} is being changed right now ({status}): another deployment, or one whose process ended. "
            "CloudFormation finishes it or takes it back by itself; run this again then."
        )
    elif status == "ROLLBACK_COMPLETE":
        if not agree(f"The first deployment of {name} failed and left an empty stack. Delete it and begin anew?"):
            raise CloudError(f"{name} is {status} and takes no update. Run it again with YES=1 to begin anew.")
        stack.delete()
    elif not status.endswith("_COMPLETE"):
        raise Stuck(way_out(status, cloud))


def room(cloud: Cloud, stack: Stack) -> None:
    """Of the functions that an account may run at once, for those that a first deployment reserves: CloudFormation
    would find out after all tables were made. Raises CloudError.
    """
    if stack.template() is not None:
        return
    limit, unreserved = aws.instances(cloud)
    found = account.concurrency(
        cloud.stage, account.Account(cloud.account, limit=limit, unreserved=unreserved), deployed=False
    )
    if found.mark == "✗":
        raise CloudError(f"{found.what}; {found.do}.")


def settings(cloud: Cloud) -> Settings:
    """Of the stage's shop, whose every key was used once. Raises CloudError, without values."""
    stage = cloud.stage
    fill = f"`make secret STAGE={stage.name}` asks for what is missing."
    try:
        held = Store(cloud.client("secretsmanager"), stage.secret).read()
        if held is None:
            raise CloudError(f"There is no secret {stage.secret} in {stage.region} yet. {fill}")
        found = settings_of(stage, held.values)
        outside.prove(found)
    except SecretError as error:
        raise CloudError(str(error)) from None
    except SettingsError as error:
        raise CloudError(
            f"{error}. {fill} What is not secret belongs into the stage's environment_variables."
        ) from None
    return found


def commit(root: Path) -> str:
    """What is deployed, as git calls it; `+` if there is more than was committed, and "" outside git."""
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()

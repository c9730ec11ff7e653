"""What a new version is asked before it gets traffic, at its own number, where nobody else reaches it."""

from __future__ import annotations

from collections.abc import Callable

from deploy.release import plan
from deploy.release.functions import CheckFailed
from deploy.release.parts import Account
from deploy.release.plan import Template
from deploy.release.watch import QUESTIONS, WrongAnswer
from deploy.stage import API, Stage

CHECK = "check_release"
PAUSES = (5.0, 15.0)
"""Seconds. Lambda and DynamoDB hear of a role that has just changed some seconds later:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""
DENIED = ("AccessDenied", "Unavailable", "answered with 50")
"""What a refusal by IAM looks like: by a table, by the secret, and in answers, which tell no reason."""


def passed(account: Account, stage: Stage, template: Template, pause: Callable[[float], None]) -> str:
    """What the check counted, for people. A refusal by IAM is believed after PAUSES.

    Raises CheckFailed, WrongAnswer.
    """
    for seconds in PAUSES:
        try:
            return _asked(account, stage, template)
        except (CheckFailed, WrongAnswer) as error:
            if not any(text in str(error) for text in DENIED):
                raise
            pause(seconds)
    return _asked(account, stage, template)


def _asked(account: Account, stage: Stage, template: Template) -> str:
    numbers, names = account.stack.versions(), plan.functions(template)
    check, api = (plan.logical_id(template, stage, name) for name in (CHECK, API))
    said = account.functions.ask(names[check], numbers[plan.version_of(template, check)], {})
    if said.get("ok") is not True:
        raise CheckFailed(f"{names[check]} answered {said}")
    for question in QUESTIONS:
        answer = account.functions.ask(names[api], numbers[plan.version_of(template, api)], question.event())
        question.judge(int(answer.get("statusCode", 0)), str(answer.get("body", "")))
    return ", ".join(f"{said[key]} {key}" for key in ("functions", "routes", "ms") if key in said)

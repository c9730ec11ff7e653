"""`make secret STAGE=…` and `make rotate STAGE=… KEY=…`. Exit status 1, and nothing written, if anything is wrong."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.settings import secret_names, told_twice
from deploy.cloud import Cloud, CloudError, told
from deploy.release.functions import Functions
from deploy.secret import entries, fill, proof, rotation
from deploy.secret.entries import Ask
from deploy.secret.store import SecretError, Store
from deploy.stage import API, Stage, StageError, read

Say = Callable[[str], None]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="deploy.secret")
    parser.add_argument("stage")
    parser.add_argument("--file", default="", help="values, as a JSON object or lines NAME=value")
    parser.add_argument("--replace", default="", help="names whose value in the secret gives way, by commas")
    parser.add_argument("--new-keys", action="store_true", help="tables are there, and what they hold may be lost")
    parser.add_argument("--rotate", choices=rotation.KINDS)
    parser.add_argument("--retire", default="", help="id of a session key to take away")
    parser.add_argument("--yes", action="store_true", help="the portal was changed, as the step before said")
    options = parser.parse_args(arguments)
    ask = _typed if sys.stdin.isatty() else None
    try:
        stage = read(options.stage)
        cloud = Cloud(stage)
        cloud.demand_account()
        given = entries.from_file(options.file) if options.file else {}
        if options.rotate:
            rotate(cloud, options.rotate, given, ask, print, retire=options.retire, yes=options.yes)
        else:
            replaced = frozenset(filter(None, options.replace.split(",")))
            complete(cloud, given, os.environ, ask, print, replaced=replaced, new_keys=options.new_keys)
    except (SecretError, StageError, CloudError) as error:
        print(error, file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(told(error), file=sys.stderr)
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. Nothing was written.", file=sys.stderr)
    else:
        return 0
    return 1


def complete(
    cloud: Cloud,
    given: Mapping[str, Any],
    around: Mapping[str, str],
    ask: Ask | None,
    say: Say,
    *,
    replaced: frozenset[str] = frozenset(),
    new_keys: bool = False,
) -> None:
    """Make the secret, or add what it lacks: from `given`, then from the environment `around`, then by asking.

    Without `ask`, what is missing is an error. Raises SecretError and what the account answers.
    """
    stage = cloud.stage
    store = Store(cloud.client("secretsmanager"), stage.secret)
    held = store.read()
    before = {name: entries.normal(name, value) for name, value in (held.values if held else {}).items()}
    values = fill.joined(before, given, replaced)
    values = {**_of_this_stage(stage, around), **values}
    for question in fill.questions(stage, values, optional=held is None and ask is not None):
        if ask is None:
            continue  # the proof names all that is missing
        if answer := entries.asked(question, ask):
            values[question.name] = answer
    filled = fill.generated(values, held.now if held else datetime.now(UTC))
    made = filled.keys() - values.keys()
    if fill.OWN["data"][0] in made and not new_keys:
        _demand_no_tables(cloud)
    proof.prove(stage, filled)
    _demand_live_agrees(cloud, filled)
    if held is None or filled != before:
        store.write(filled, held)
    say(f"{stage.secret} in {stage.region}" + ("" if held is None or filled != before else ": nothing to change"))
    for line in fill.report(stage, before, filled, made):
        say(f"  {line}")


def rotate(
    cloud: Cloud,
    kind: str,
    given: Mapping[str, Any],
    ask: Ask | None,
    say: Say,
    *,
    retire: str = "",
    yes: bool = False,
) -> None:
    """One step. Raises SecretError and what the account answers."""
    store = Store(cloud.client("secretsmanager"), cloud.stage.secret)
    held = store.read()
    if held is None:
        raise SecretError(f"There is no secret {store.name} yet: make secret STAGE={cloud.stage.name}")
    values = {name: entries.normal(name, value) for name, value in held.values.items()}
    held = type(held)(values, held.version, held.changed_at, held.now)
    wanted = () if retire else rotation.needs(kind, held)
    given = {**given, **_asked_for(kind, [name for name in wanted if name not in given], ask, say)}
    step = rotation.retire(kind, held, retire) if retire else rotation.step(kind, held, given)
    if kind == "apiv3" and not wanted and not yes:
        _demand_consent(ask)
    proof.prove(cloud.stage, step.values)
    _demand_live_agrees(cloud, step.values)
    store.write(step.values, held)
    say(step.did)
    say(f"Next: {step.then}")


def _asked_for(kind: str, names: list[str], ask: Ask | None, say: Say) -> dict[str, Any]:
    if not names or ask is None:
        return {}
    say(rotation.FIRST[kind])
    return {each.name: entries.asked(each, ask) for each in entries.QUESTIONS if each.name in names}


def _demand_consent(ask: Ask | None) -> None:
    """Who takes the former key away before the portal has the new one gets callbacks that nobody can open."""
    question = f"Was the new APIv3 key set in the portal ({entries.PORTAL}) a day ago or longer? yes/no: "
    if ask is None or ask(question, False).strip() != "yes":
        raise SecretError("Nothing was written. Set the new APIv3 key in the portal first; YES=1 26 hours later.")


def _of_this_stage(stage: Stage, around: Mapping[str, str]) -> dict[str, Any]:
    """Secrets in the environment here, unless it says that it is another stage's."""
    if around.get("JISHI_STAGE", stage.name) != stage.name:
        return {}
    return entries.given(around, (secret_names() | {entries.SERIAL}) - stage.environment.keys())


def _demand_no_tables(cloud: Cloud) -> None:
    """New data keys open nothing that is there already."""
    prefix = cloud.stage.table_prefix
    if there := [name for name in cloud.tables() if name.startswith(prefix)]:
        raise SecretError(
            f"There are tables already ({sorted(there)[0]} …), and the data keys that opened them are missing. Give "
            "them back in FILE=… (JISHI_DATA_KEYS, JISHI_DATA_KEY_CURRENT): the secret's former version or your safe "
            "has them. Only if those tables hold nothing: NEW_KEYS=1."
        )


def _demand_live_agrees(cloud: Cloud, values: Mapping[str, Any]) -> None:
    """What was taken out of the configuration here stays in the live functions until it is deployed; over a name that
    both places tell them differently no instance would start any more.
    """
    name = cloud.stage.name
    if twice := told_twice(Functions(cloud).environment(cloud.stage.function(API)), values):
        raise SecretError(
            f"Nothing was written: the live functions have {', '.join(twice)} in their environment, with another "
            f"value. Give the secret that same value first (make secret STAGE={name}), deploy without it in "
            f"environment_variables (make deploy STAGE={name}), and then run this again."
        )


def _typed(words: str, hidden: bool) -> str:
    return getpass.getpass(words) if hidden else input(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Releases that go well and releases that do not: what shoppers meet meanwhile, and what is live afterwards."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jwt

from chalicelib.settings import secret_names
from chalicelib.shop import REREAD_SECONDS
from deploy.rehearse.prober import Prober
from deploy.rehearse.project import STAGE
from deploy.rehearse.world import Done, World
from sandbox.demo.shopper import Shopper
from sandbox.demo.stage import Stage

HARMLESS = ("chalicelib/__init__.py", "the place to start reading", "where to start reading")
BROKEN = (
    "chalicelib/coupons/service.py",
    "from datetime import datetime, timedelta\n",
    "from datetime import datetime, timedelta\nimport yaml\n",
)
"""Development has it, the bundle does not: it is packaged without a complaint and cannot be imported in Lambda."""
TOO_LONG = (
    "deploy/template/triggers.py",
    '"MessageRetentionPeriod": 14 * 86400',
    '"MessageRetentionPeriod": 15 * 86400',
)
"""SQS keeps messages for 14 days at most, so CloudFormation cannot apply it."""
OTHER_KEY = (
    "chalicelib/pickup/store.py",
    "point_id = UnicodeAttribute(range_key=True)",
    'point_id = UnicodeAttribute(range_key=True, attr_name="id")',
)
PHASES = ("laid:", "checked:", "canary:", "live:", "settled:")


def first(world: World) -> None:
    """The secret, and the first release into an empty account"""
    given = world.home / "given.json"
    given.touch(mode=0o600)
    given.write_text(json.dumps({name: value for name, value in world.settings.items() if name in secret_names()}))
    world.expect("the secret is made", 0, world.command("deploy.secret", STAGE, "--file", str(given)).status)
    world.expect("the first release goes live", 0, world.deploy().status)
    world.front.api = world.output("RestAPIId")
    world.facts["functions"] = f"{len(world.live())}, each with a role of its own"


def second(world: World) -> None:
    """A second release: every phase, while shoppers go on shopping"""
    before = world.live()
    with world.project.changed(*HARMLESS), shopping(world):
        done = world.deploy()
    world.expect("the release goes live", 0, done.status)
    world.expect_in("the phases of a release", PHASES, done.text)
    after = world.live()
    world.expect("functions whose alias did not move", [], [name for name in before if before[name] == after[name]])


def back(world: World) -> None:
    """Back to the release before, by hand"""
    before = world.live()
    with shopping(world):
        done = world.command("deploy.release", "rollback", "--stage", STAGE)
    world.expect("the way back", 0, done.status)
    after = world.live()
    world.expect("functions whose alias did not move", [], [name for name in before if before[name] == after[name]])


def broken(world: World) -> None:
    """A release that cannot be imported in Lambda: found before it gets traffic"""
    with world.project.changed(*BROKEN):
        done = refused(world)
    world.expect_in("why", ("checked:", "yaml", "live, as before"), done.text)


def alarmed(world: World) -> None:
    """An alarm goes off in the canary: taken back"""
    cloudwatch = world.cloud.client("cloudwatch")
    alarm = f"{world.stage.stack}-api-errors"

    def go_off(line: str) -> None:
        if line.startswith("canary:"):
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="rehearsed")

    with world.project.changed(*HARMLESS):
        done = refused(world, heard=go_off)
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="rehearsed")
    world.expect_in("why", ("canary:", "back:", f"{alarm} rings", "live, as before"), done.text)


def not_applied(world: World) -> None:
    """What CloudFormation cannot apply, it takes back itself"""
    with world.project.changed(*HARMLESS), world.project.changed(*TOO_LONG):
        done = refused(world)
    world.expect_in("why", ("laid:", "ScheduleFailures", "live, as before"), done.text)


def undoable(world: World) -> None:
    """Another key for a table is refused before anything is touched"""
    touched = world.resources("AWS::Lambda::Version")
    with world.project.changed(*OTHER_KEY):
        done = refused(world)
    world.expect_in("why", ("table-replaced",), done.text)
    world.expect("the deployed versions", touched, world.resources("AWS::Lambda::Version"))


def rotated(world: World) -> None:
    """Another session key, without a release: old tokens still count, new ones are made with it"""
    shop = Stage(world.place, run=secrets.token_hex(3))
    shopper, before = Shopper.comes(shop, "老客", "loyal"), world.live()
    old = shopper.token
    rotate = ("deploy.secret", STAGE, "--rotate", "session")
    world.expect("a key is added", 0, world.command(*rotate).status)
    world.expect_in("it is not used before all know it", ("Too early",), world.command(*rotate).text)
    held = world.secret()
    newest = list(held["JISHI_SESSION_KEYS"])[-1]
    held["JISHI_SESSION_KEY_CURRENT"] = newest  # what the command does after those minutes, by the emulator's clock
    client = world.cloud.client("secretsmanager")
    client.put_secret_value(SecretId=world.stage.secret, SecretString=json.dumps(held))
    shop.let_pass(seconds=REREAD_SECONDS + 1)
    shopper.log_in()
    world.expect("the key of a new token", newest, jwt.get_unverified_header(shopper.token)["kid"])
    shopper.token = old
    shopper.ask("GET", "/me")
    world.expect("what is live", before, world.live())


@contextmanager
def shopping(world: World) -> Iterator[None]:
    """Every request meanwhile is answered."""
    with Prober(f"{world.place.api}/categories") as prober:
        yield
    world.probed += prober.asked
    world.slowest = max(world.slowest, prober.slowest)
    world.expect("requests that were not answered", [], prober.unanswered)


def refused(world: World, heard: Callable[[str], None] = lambda line: None) -> Done:
    """A release that ends badly, whereupon everything is as it was, also for shoppers."""
    before = world.live()
    with shopping(world):
        done = world.deploy(heard)
    world.expect("a bad release goes live", False, done.status == 0)
    world.expect("what is live after it", before, world.live())
    return done

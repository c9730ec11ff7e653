"""A release and everything that can stop it: after each end the shop runs, and the next command finishes the work."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from deploy.release import plan
from deploy.release.check import PAUSES
from deploy.release.plan import mark_of, plain
from deploy.release.rollout import Candidate, Overtaken, ReleaseFailed, Rollout, brought_back
from deploy.release.stack import NotApplied
from deploy.stage import API
from deploy.template.alarms import ROLLBACK_ALARMS
from deploy.template.functions import Function
from tests.deploy.sam import packaged
from tests.deploy.sam import stage as made
from tests.deploy.world import Died, World

STAGE = made("prod")
SHARE = STAGE.options.canary_percent / 100
A, B, C = (f"bundles/{letter * 64}.zip" for letter in "abc")
LEFT_OUT = ("AWS::Logs", "AWS::WAF", "AWS::SQS", "AWS::SNS", "AWS::CloudWatch::Dashboard", "AWS::ApiGateway")


@cache
def _template(bundle: str) -> dict[str, Any]:
    """What a release is about: functions, roles, tables, what starts them, and the alarms that take it back."""
    whole = packaged(STAGE, bundle)
    resources = {
        key: each
        for key, each in whole["Resources"].items()
        if not each["Type"].startswith(LEFT_OUT)
        and (each["Type"] != "AWS::CloudWatch::Alarm" or key in ROLLBACK_ALARMS)
    }
    resources["RestAPI"]["Properties"]["DefinitionBody"] = {"paths": {"/products": {"get": {}}}}
    return {**whole, "Resources": resources}


def candidate(bundle: str, change: Callable[[dict[str, Any]], None] = lambda resources: None) -> Candidate:
    sha = bundle.removeprefix("bundles/").removesuffix(".zip")
    template = copy.deepcopy(_template(sha))
    change(template["Resources"])
    return Candidate(template, {"CodeBucket": "bucket"}, sha, "0123456789ab")


def reshaped(resources: dict[str, Any]) -> None:
    """A new table, a new index, a right that the API has no longer, and one that it had not."""
    table = copy.deepcopy(resources["ClaimsTable"])
    table["Properties"]["TableName"] = "jishi-prod-reviews"
    resources["ReviewsTable"] = table
    index = {"IndexName": "by_day", "KeySchema": [], "Projection": {}}
    resources["ClaimsTable"]["Properties"].setdefault("GlobalSecondaryIndexes", []).append(index)
    statements = resources[Function(API).role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    statements.pop()
    statements.append({"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "jishi-prod-reviews"})


FIRST, SECOND = candidate(A), candidate(B, reshaped)


@cache
def _opened() -> World:
    world = World(STAGE)
    run(world, FIRST)
    return world


@pytest.fixture
def world() -> World:
    """A shop that runs release 1."""
    return _opened().twin()


def run(world: World, new: Candidate) -> int:
    return Rollout(STAGE, world.account(), tuple(ROLLBACK_ALARMS), say=world.said.append).run(new)


def bundles(world: World) -> dict[str, float]:
    return {content.split()[0]: share for content, share in world.serving().items()}


def everywhere(world: World, bundle: str) -> bool:
    """Every function, and nothing that only another release needs."""
    return {world.published[name][number].split()[0] for name, live in world.aliases.items() for number in live} == {
        bundle
    }


def seen(world: World) -> list[dict[str, float]]:
    """The shares of HTTP requests over time."""
    found: list[dict[str, float]] = []
    for shares in world.history:
        by_bundle = {content.split()[0]: share for content, share in shares.items()}
        if by_bundle not in found[-1:]:
            found.append(by_bundle)
    return found


def test_the_first_release_is_checked_before_schedules_run_and_tables_are_protected() -> None:
    world = World(STAGE, broken={A})
    with pytest.raises(ReleaseFailed, match="Nothing was live before"):
        run(world, FIRST)
    resources = (world.template or {})["Resources"]
    assert {each["Properties"]["State"] for each in resources.values() if each["Type"] == "AWS::Events::Rule"} == {
        "DISABLED"
    }
    assert not resources["OrdersTable"]["Properties"]["DeletionProtectionEnabled"]
    world.broken.clear()
    assert run(world, FIRST) == 1
    assert plain(world.template or {}) == FIRST.template


def test_who_was_never_served_by_the_first_release_is_not_tried_on_the_second() -> None:
    world = World(STAGE, broken={A})
    with pytest.raises(ReleaseFailed):
        run(world, FIRST)
    assert run(world, SECOND) == 1
    assert seen(world) == [{A: 1}, {B: 1}]


def test_a_release_goes_through_a_share_of_the_traffic_to_all_of_it(world: World) -> None:
    assert run(world, SECOND) == 2
    assert seen(world)[-3:] == [{A: 1}, {A: 1 - SHARE, B: SHARE}, {B: 1}]
    assert plain(world.template or {}) == SECOND.template
    assert everywhere(world, B)
    assert {len(numbers) for numbers in world.published.values()} == {1}, "the live one; the others are pruned"
    assert world.kept[2].previous == 1
    assert mark_of(world.template).live == 2


def test_cloudformation_watches_the_canary_and_what_follows_and_forgets_it_afterwards(world: World) -> None:
    run(world, SECOND)
    told = {phase: watched.configuration() for phase, watched in world.watches}
    nothing = {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0}
    assert told["laid"] == told["settled"] == nothing
    assert told["canary"] == told["live"]
    assert told["canary"]["MonitoringTimeInMinutes"] == STAGE.options.canary_minutes
    names = [FIRST.template["Resources"][key]["Properties"]["AlarmName"] for key in ROLLBACK_ALARMS]
    arn = "arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:"
    assert [each["Arn"] for each in told["canary"]["RollbackTriggers"]] == [arn + name for name in names]


def test_a_version_that_was_left_over_does_not_stand_in_the_way(world: World) -> None:
    """Lambda would make no second one of the same code."""
    ready = _opened().twin()
    run(ready, SECOND)
    name = STAGE.function(API)
    ((number, content),) = ready.published[name].items()
    world.published[name][number] = content
    assert run(world, SECOND) == 2
    assert everywhere(world, B)


def test_without_minutes_to_wait_nothing_is_tried_on_shoppers(world: World) -> None:
    quick = made("prod", canary_minutes=0)
    Rollout(quick, world.account(), say=world.said.append).run(SECOND)
    assert seen(world)[-2:] == [{A: 1}, {B: 1}]


def test_functions_that_are_kept_warm_move_at_once_and_watched(world: World) -> None:
    """Lambda refuses weights on an alias with provisioned concurrency."""

    def warm(resources: dict[str, Any]) -> None:
        resources["APIHandlerLive"]["Properties"]["ProvisionedConcurrencyConfig"] = {
            "ProvisionedConcurrentExecutions": 5
        }

    run(world, candidate(B, warm))
    assert seen(world)[-2:] == [{A: 1}, {B: 1}]
    assert "canary" not in dict(world.watches)
    assert dict(world.watches)["live"].minutes == STAGE.options.canary_minutes


def test_the_same_again_changes_nothing_and_asks_the_shop(world: World) -> None:
    before = (world.template, {**world.kept}, {**world.aliases})
    world.checked.clear()
    assert run(world, FIRST) == 1
    assert (world.template, world.kept, world.aliases) == before
    assert world.checked == {A}


def test_a_release_without_new_code_takes_one_step(world: World) -> None:
    def louder(resources: dict[str, Any]) -> None:
        resources[ROLLBACK_ALARMS[0]]["Properties"]["Threshold"] = 99

    steps = len(world.history)
    assert run(world, candidate(A, louder)) == 2
    assert len(world.history) == steps + 1
    assert mark_of(world.template).live == 2


@pytest.mark.parametrize(
    ("wrong", "shares"),
    [
        ({"broken": {B}}, [{A: 1}]),
        ({"alarming": {B}}, [{A: 1}, {A: 1 - SHARE, B: SHARE}, {A: 1}]),
        ({"alarming": {B}, "overseen": True}, [{A: 1}, {A: 1 - SHARE, B: SHARE}, {A: 1}]),
        ({"rude": {B}}, [{A: 1 - SHARE, B: SHARE}, {B: 1}, {A: 1}]),
    ],
)
def test_what_fails_is_taken_back_to_the_release_before(
    world: World, wrong: dict[str, Any], shares: list[dict[str, float]]
) -> None:
    for name, value in wrong.items():
        setattr(world, name, value)
    with pytest.raises(ReleaseFailed, match="Release 1 is live, as before"):
        run(world, SECOND)
    assert seen(world)[-len(shares) :] == shares
    assert everywhere(world, A)
    assert set(world.kept) == {1}
    assert "ReviewsTable" in (world.template or {})["Resources"], "a table that was made stays in the stack"
    for name in wrong:
        setattr(world, name, False if name == "overseen" else set())
    assert run(world, SECOND) == 2, "mended outside, the same bundle goes through"
    assert everywhere(world, B)


def test_a_refusal_by_iam_is_believed_when_it_lasts(world: World) -> None:
    """Roles that have just changed are known everywhere some seconds later."""
    pauses: list[float] = []

    def tried(new: Candidate) -> int:
        return Rollout(STAGE, world.account(), say=world.said.append, pause=pauses.append).run(new)

    denied = "ClientError: An error occurred (AccessDeniedException) when calling the Scan operation"
    world.denied = [denied] * 3
    with pytest.raises(ReleaseFailed, match="AccessDenied"):
        tried(SECOND)
    assert pauses == list(PAUSES)
    assert everywhere(world, A)
    world.denied = ["Unavailable: 服务繁忙", "500"]
    assert tried(SECOND) == 2
    assert pauses == [*PAUSES, *PAUSES]
    world.broken = {C}
    with pytest.raises(ReleaseFailed, match="ImportError"):
        tried(candidate(C, reshaped))
    assert pauses == [*PAUSES, *PAUSES], "what has nothing to do with IAM is believed at once"


def _calls(new: Candidate) -> list[str]:
    """What a release that goes well asks of the account, in order."""
    told: list[str] = []
    world = _opened().twin()
    world.trouble = told.append
    run(world, new)
    return told


def _stopping(at: int, error: BaseException) -> Callable[[str], None]:
    left = iter(range(at + 1))

    def trouble(call: str) -> None:
        if next(left, None) == at:
            raise error

    return trouble


CALLS = _calls(SECOND)
REFUSING = [n for n, call in enumerate(CALLS) if call in ("apply", "applied")]


@pytest.mark.parametrize("at", range(len(CALLS)))
def test_wherever_the_process_dies_the_shop_serves_and_the_same_command_goes_on(world: World, at: int) -> None:
    steps = len(world.history)
    world.trouble = _stopping(at, Died())
    with pytest.raises(Died):
        run(world, SECOND)
    _serves_what_was_checked(world, steps)
    world.trouble = lambda call: None
    assert run(world, SECOND) == max(world.kept)
    assert plain(world.template or {}) == SECOND.template
    assert everywhere(world, B)
    _serves_what_was_checked(world, steps)


def test_a_release_that_died_before_it_was_live_is_none_to_go_back_to(world: World) -> None:
    world.trouble = _stopping(CALLS.index("keep") + 1, Died())
    with pytest.raises(Died):
        run(world, SECOND)
    assert {f"bundles/{each.sha256}.zip" for each in world.kept.values()} == {A, B}
    world.trouble = lambda call: None
    run(world, candidate(C, reshaped))
    assert {f"bundles/{each.sha256}.zip" for each in world.kept.values()} == {A, C}


@pytest.mark.parametrize("at", REFUSING)
def test_whatever_cloudformation_refuses_the_shop_serves_and_the_same_command_goes_on(world: World, at: int) -> None:
    steps = len(world.history)
    world.trouble = _stopping(at, NotApplied("a quota"))
    settling = at in REFUSING[-2:]
    try:
        run(world, SECOND)
        assert settling, "only what comes after the release is live may fail quietly"
    except ReleaseFailed:
        assert everywhere(world, A)
    _serves_what_was_checked(world, steps)
    world.trouble = lambda call: None
    run(world, SECOND)
    assert everywhere(world, B)
    assert plain(world.template or {}) == SECOND.template


@pytest.mark.parametrize("at", [n for n, call in enumerate(CALLS) if call == "applied"])
def test_another_release_can_follow_one_that_died_anywhere(world: World, at: int) -> None:
    world.trouble = _stopping(at, Died())
    with pytest.raises(Died):
        run(world, SECOND)
    world.trouble = lambda call: None
    was = bundles(world)
    world.broken = {C}
    with pytest.raises(ReleaseFailed):
        run(world, candidate(C, reshaped))
    assert everywhere(world, B if was == {B: 1} else A)
    world.broken = set()
    run(world, candidate(C, reshaped))
    assert everywhere(world, C)


def _serves_what_was_checked(world: World, since: int) -> None:
    for shares in [_by_bundle(shares) for shares in world.history[since:]]:
        assert shares in ({A: 1}, {A: 1 - SHARE, B: SHARE}, {B: 1})
        assert shares == {A: 1} or B in world.checked


def _by_bundle(shares: dict[str, float]) -> dict[str, float]:
    return {content.split()[0]: share for content, share in shares.items()}


def test_a_rollback_brings_back_code_and_leaves_tables_and_indexes(world: World) -> None:
    run(world, SECOND)
    run(world, candidate(C, reshaped))
    assert world.template
    assert run(world, brought_back(world.kept[world.kept[3].previous], world.template)) == 4
    assert everywhere(world, B)
    assert (world.kept[4].of, world.kept[4].previous) == (2, 1), "the next rollback goes on to release 1"
    assert run(world, brought_back(world.kept[1], world.template)) == 5
    assert everywhere(world, A)
    resources = world.template["Resources"]
    assert "ReviewsTable" in resources
    assert resources["ClaimsTable"] == SECOND.template["Resources"]["ClaimsTable"]
    assert run(world, SECOND) == 6, "and forward again"
    assert plain(world.template) == SECOND.template


def test_a_rollback_needs_no_quiet_and_no_canary(world: World) -> None:
    run(world, SECOND)
    world.alarming, world.overseen = {B}, True
    assert world.template
    run(world, brought_back(world.kept[1], world.template))
    assert seen(world)[-2:] == [{B: 1}, {A: 1}]


def test_a_new_address_that_leads_elsewhere_still_takes_no_release_back(world: World) -> None:
    """DNS cannot lead to it before it is there, and API Gateway in China answers nobody before the filing is noted."""

    def named(resources: dict[str, Any]) -> None:
        for name in plan.functions({"Resources": resources}):
            variables = resources[name]["Properties"]["Environment"]["Variables"]
            variables["JISHI_PUBLIC_URL"] = "https://shop.example.cn"

    first = World(STAGE)
    first.rude = world.rude = {A, B}
    assert run(first, FIRST) == 1
    assert run(world, candidate(B, named)) == 2
    assert everywhere(world, B)
    assert "  500. The release stays; see `make doctor`. A CNAME of its domain leads to d-1.example." in first.said
    with pytest.raises(ReleaseFailed, match="500"):
        run(first, SECOND)


def test_an_alarm_that_rings_already_stops_a_release_before_anything_is_touched(world: World) -> None:
    world.alarming = {A}
    before = world.template
    with pytest.raises(ReleaseFailed, match="DESPITE="):
        run(world, SECOND)
    assert world.template is before


@pytest.mark.parametrize("moment", ["ringing", "greet"])
def test_two_who_deploy_at_once_do_not_mix(world: World, moment: str) -> None:
    def meanwhile(call: str) -> None:
        if call == moment:
            world.trouble = lambda call: None
            run(world, candidate(C, reshaped))

    world.trouble = meanwhile
    with pytest.raises(Overtaken):
        run(world, SECOND)
    assert everywhere(world, C)


def test_other_tables_get_all_traffic_at_once(world: World) -> None:
    """Old and new code on different tables at the same time would be two shops."""

    def moved(resources: dict[str, Any]) -> None:
        for each in resources.values():
            if each["Type"] == "AWS::Serverless::Function":
                each["Properties"]["Environment"]["Variables"]["JISHI_TABLE_PREFIX"] = "jishi-prod-r1-"

    run(world, candidate(B, moved))
    assert seen(world)[-2:] == [{A: 1}, {B: 1}]


def test_cloudformation_takes_at_most_five_alarms() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-rollback-triggers.html"""
    assert 1 <= len(ROLLBACK_ALARMS) <= 5
    assert set(ROLLBACK_ALARMS) <= FIRST.template["Resources"].keys()


def restored(resources: dict[str, Any]) -> None:
    """Every function works on tables of another prefix."""
    for each in resources.values():
        if each["Type"] == "AWS::Serverless::Function":
            each["Properties"]["Environment"]["Variables"]["JISHI_TABLE_PREFIX"] = "jishi-prod-r1-"


def closed(resources: dict[str, Any]) -> None:
    api = packaged(made("prod", requests_per_second=0), "a")["Resources"]["RestAPI"]
    resources["RestAPI"]["Properties"]["MethodSettings"] = api["Properties"]["MethodSettings"]


def closed_and_restored(resources: dict[str, Any]) -> None:
    closed(resources)
    restored(resources)


def test_no_alarm_leads_back_to_tables_that_miss_what_was_paid_since(world: World) -> None:
    """WeChat repeats callbacks of payments that the copies do not know, which rings."""
    world.alarming, world.overseen = {B}, True
    assert run(world, candidate(B, restored)) == 2
    assert everywhere(world, B)


def test_a_shop_is_closed_moved_and_opened_again(world: World) -> None:
    """What is closed to everybody answers no greeting either."""
    assert run(world, candidate(A, closed)) == 2
    assert run(world, candidate(B, closed_and_restored)) == 3
    assert any("closed to everybody" in line for line in world.said)
    assert run(world, candidate(B, restored)) == 4
    assert everywhere(world, B)

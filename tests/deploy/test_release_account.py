"""What a release asks of an account, asked of an emulated one: CloudFormation, Lambda, the bucket."""

from __future__ import annotations

import copy
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.cloud import Cloud, CloudError, told
from deploy.release import ready
from deploy.release.__main__ import parameters
from deploy.release.functions import CheckFailed, Functions
from deploy.release.plan import Mark, mark_of, marked
from deploy.release.records import Records, Release
from deploy.release.stack import NotApplied, Overtaken, Stack, Stuck, Watched
from deploy.release.watch import Watch
from deploy.stage import Options, Stage
from tests.engine import running_aws

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}
TABLE: dict[str, Any] = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "RetainExceptOnCreate",
    "Properties": {
        "TableName": "jishi-leftover-orders",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
WRONG = {
    "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.11",
            "Handler": "index.handler",
            "Role": "arn:aws:iam::000000000000:role/r",
            "Code": {"ZipFile": "def handler(event, context): pass"},
        },
    },
    "First": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}},
    "Again": {
        "Type": "AWS::Lambda::Version",
        "DependsOn": "First",
        "Properties": {"FunctionName": {"Ref": "Function"}},
    },
}
"""Lambda makes no second version of the same code."""
SERVICES = "cloudformation,s3,secretsmanager,sqs,dynamodb,lambda,sts,logs,iam,cloudwatch"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_aws(tmp_path_factory.mktemp("aws"), SERVICES) as address:
        yield address


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    """Shared, since each costs a tenth of a second."""
    return {}


@pytest.fixture
def cloud(
    address: str, clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Cloud:
    """A stage of the test's own."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    cloud = Cloud(stage(f"t{zlib.crc32(request.node.name.encode())}"))
    cloud._clients = clients
    cloud.make_bucket()
    return cloud


def stage(name: str = "test", **options: Any) -> Stage:
    environment = {"JISHI_STAGE": name, "JISHI_REGION": "ap-southeast-1"}
    return Stage(name, "ap-southeast-1", environment, Options(**options))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def stack(cloud: Cloud, said: list[str]) -> Stack:
    return Stack(cloud, said.append, pause=lambda seconds: None)


def template(**resources: Any) -> dict[str, Any]:
    found = {"Failures": copy.deepcopy(QUEUE), **copy.deepcopy(resources)}
    return {
        "Parameters": {"CodeBucket": {"Type": "String"}},
        "Resources": found,
        "Outputs": {"ApiUrl": {"Value": "https://x/商店"}},
    }


def apply(stack: Stack, template: dict[str, Any], phase: str = "settled", live: int = 1) -> bool:
    return stack.apply(
        marked(template, Mark(phase, live)),
        {"CodeBucket": "b"},
        Watched({"arn:aws:x:alarm:y": "AWS::CloudWatch::Alarm"}, 1),
    )


def test_a_stack_is_made_told_of_and_left_alone_when_nothing_differs(stack: Stack, said: list[str]) -> None:
    assert stack.template() is None
    assert apply(stack, template())
    assert said[0] == "  add Failures"
    assert stack.template() == marked(template(), Mark("settled", 1))
    assert mark_of(stack.template()) == Mark("settled", 1)
    assert set(stack.outputs()) == {"ApiUrl"}
    assert not apply(stack, template(), "laid", 2)


def test_a_change_asked_for_twice_because_an_answer_was_lost_is_one_change(cloud: Cloud, stack: Stack) -> None:
    """CloudFormation knows the second request by its token, which another change does not share."""
    tokens: list[tuple[str, str]] = []

    def asked(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in ("CreateChangeSet", "ExecuteChangeSet"):
            tokens.append((model.name, params.get("ClientToken") or params["ClientRequestToken"]))

    events = cloud.client("cloudformation").meta.events
    events.register("before-parameter-build.cloudformation", asked)
    apply(stack, template())
    apply(stack, template(More=QUEUE))
    events.unregister("before-parameter-build.cloudformation", asked)
    assert [name for name, _ in tokens] == ["CreateChangeSet", "ExecuteChangeSet"] * 2
    assert len(set(tokens)) == 4


def test_whose_change_set_was_taken_away_by_another_deployment_is_told_so(cloud: Cloud, stack: Stack) -> None:
    apply(stack, template())
    client = cloud.client("cloudformation")

    def meanwhile(params: dict[str, Any], **_: Any) -> None:
        client.delete_change_set(ChangeSetName=params["ChangeSetName"])

    client.meta.events.register("before-parameter-build.cloudformation.ExecuteChangeSet", meanwhile)
    with pytest.raises(Overtaken, match="somebody else deploys"):
        apply(stack, template(More=QUEUE))
    client.meta.events.unregister("before-parameter-build.cloudformation.ExecuteChangeSet", meanwhile)
    assert apply(stack, template(More=QUEUE))


def test_an_update_that_fails_says_why_and_leaves_the_template_before(stack: Stack) -> None:
    apply(stack, template())
    with pytest.raises(NotApplied, match=r"Again: .*version"):
        apply(stack, template(**WRONG))
    assert stack.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert "Again" not in (stack.template() or {})["Resources"]
    assert apply(stack, template(More=QUEUE)), "and takes the next"


def test_tables_that_outlived_a_stack_are_taken_in(cloud: Cloud, stack: Stack, said: list[str]) -> None:
    apply(stack, template(Orders=TABLE))
    stack.delete()
    assert stack.status() is None
    assert "jishi-leftover-orders" in cloud.tables()
    loose = copy.deepcopy(TABLE)
    loose["Properties"]["DeletionProtectionEnabled"] = False  # as a table that is being made
    assert apply(stack, template(Orders=loose), "laid", 0)
    assert "  jishi-leftover-orders is there already and is taken in" in said
    taken_in = (stack.template() or {})["Resources"]["Orders"]
    assert taken_in["DeletionPolicy"] == "Retain", "also by an update that fails"
    assert taken_in["Properties"]["DeletionProtectionEnabled"]
    loose["Properties"]["DeletionProtectionEnabled"] = True
    assert apply(stack, template(Orders=loose))
    assert (stack.template() or {})["Resources"]["Orders"] == loose


def test_logs_that_outlive_a_stack_are_those_of_the_functions_and_of_the_api(cloud: Cloud) -> None:
    functions, api = f"/aws/lambda/{cloud.stage.stack}-reconcile", f"/jishi/{cloud.stage.name}/access"
    for name in (functions, api, "/jishi/another/access"):
        cloud.client("logs").create_log_group(logGroupName=name)
    assert cloud.logs() == {functions, api}


def test_a_stack_that_never_came_to_be_is_removed_if_one_agrees(cloud: Cloud, stack: Stack) -> None:
    with pytest.raises(NotApplied):
        apply(stack, template(**WRONG))
    assert stack.status() == "ROLLBACK_COMPLETE"
    with pytest.raises(CloudError, match="YES=1"):
        ready.demand(cloud, stack, lambda question: False)
    ready.demand(cloud, stack, lambda question: True)
    assert stack.status() is None


def test_what_was_only_proposed_is_removed_unasked(cloud: Cloud, stack: Stack, said: list[str]) -> None:
    url = cloud.put("t.json", template())
    cloud.client("cloudformation").create_change_set(
        StackName=cloud.stage.stack, ChangeSetName="died", ChangeSetType="CREATE", TemplateURL=url,
        Parameters=[{"ParameterKey": "CodeBucket", "ParameterValue": "b"}],
    )  # fmt: skip
    assert stack.status() == "REVIEW_IN_PROGRESS"
    assert stack.template() is None
    ready.demand(cloud, stack, lambda question: False, said.append)
    assert stack.status() is None


class Standing(Stack):
    """A stack in a state that takes long, or a fault of AWS's, to come about."""

    def __init__(self, cloud: Cloud, state: str) -> None:
        super().__init__(cloud)
        self._state = state

    def status(self) -> str:
        return self._state


@pytest.mark.parametrize(
    ("state", "error", "says"),
    [
        ("UPDATE_IN_PROGRESS", CloudError, "being changed right now"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", CloudError, "being changed right now"),
        ("UPDATE_ROLLBACK_FAILED", Stuck, "continue-update-rollback --stack-name jishi-t"),
        ("DELETE_FAILED", Stuck, "Tables are kept"),
    ],
)
def test_a_stack_that_takes_no_update_is_told_with_the_way_out(
    cloud: Cloud, state: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        ready.demand(cloud, Standing(cloud, state), lambda question: True)


def test_a_first_deployment_that_reserves_more_than_the_account_has_is_refused(cloud: Cloud, stack: Stack) -> None:
    def with_concurrency(most: int) -> Cloud:
        return Cloud(replace(cloud.stage, options=replace(cloud.stage.options, api_concurrency=most)))

    ready.room(with_concurrency(100), stack)
    with pytest.raises(CloudError, match='"reserve": false'):
        ready.room(with_concurrency(950), stack)
    apply(stack, template())
    ready.room(with_concurrency(950), stack)


def test_the_wrong_account_is_refused_before_anything(cloud: Cloud) -> None:
    foreign = Cloud(stage(account="999999999999"))
    with pytest.raises(CloudError, match="999999999999"):
        ready.demand(foreign, Stack(foreign), lambda question: True)


def test_a_stage_without_its_secret_or_with_half_of_it_is_refused_before_it_is_packaged(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match=r"There is no secret jishi/t.*make secret STAGE=t"):
        ready.settings(cloud)
    half = json.dumps({"JISHI_WECHAT_SECRET": "planted"})
    cloud.client("secretsmanager").create_secret(Name=cloud.stage.secret, SecretString=half)
    with pytest.raises(CloudError, match=r"JISHI_WECHAT_MERCHANT_KEY.*make secret") as caught:
        ready.settings(cloud)
    assert "planted" not in str(caught.value)


def test_after_a_restore_the_template_is_told_of_the_copies_stream(cloud: Cloud) -> None:
    moved = Cloud(replace(cloud.stage, environment={"JISHI_TABLE_PREFIX": f"{cloud.stage.stack}-r1-"}))
    moved._clients = cloud._clients
    client = cloud.client("dynamodb")
    own: dict[str, Any] = {"Parameters": {"CodeBucket": {}}}
    assert parameters(moved, own) == {"CodeBucket": cloud.bucket}
    orders = {**TABLE["Properties"], "TableName": f"{cloud.stage.stack}-r1-orders"}  # type: ignore[dict-item]  # a table of JSON
    client.create_table(**orders)
    theirs: dict[str, Any] = {"Parameters": {"CodeBucket": {}, "OrdersStream": {}}}
    with pytest.raises(CloudError, match="has no stream"):
        parameters(moved, theirs)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    client.update_table(TableName=orders["TableName"], StreamSpecification=stream)
    assert "-r1-orders/stream/" in parameters(moved, theirs)["OrdersStream"]


def test_credentials_that_are_missing_are_told_of(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CloudError, match="aws configure"):
        _ = Cloud(stage()).account


def test_an_answer_of_aws_is_told_in_a_line(cloud: Cloud) -> None:
    with pytest.raises(Exception, match="NoSuchBucket") as caught:
        cloud.client("s3").list_objects_v2(Bucket="jishi-none")
    assert isinstance(caught.value, Exception)
    assert "NoSuchBucket" in told(caught.value)


CODE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no such part")
    return {"ok": True, "version": context.function_version}
"""


def test_live_numbers_questions_and_pruning(cloud: Cloud) -> None:
    """Kept are the live one, the newest before it, and what the stack holds."""
    functions, client = Functions(cloud), cloud.client("lambda")
    assert functions.live(["jishi-test-api"]) == {}
    _function(client, "jishi-test-api", 7)
    client.create_alias(FunctionName="jishi-test-api", Name="live", FunctionVersion="5")
    assert functions.live(["jishi-test-api", "jishi-test-none"]) == {"jishi-test-api": "5"}
    assert functions.prune(["jishi-test-api"], {"jishi-test-api": {"1"}}) == 3
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName="jishi-test-api")
    assert {each["Version"] for page in pages for each in page["Versions"]} == {"$LATEST", "1", "3", "4", "5"}
    assert functions.ask("jishi-test-api", "5", {})["ok"] is True
    with pytest.raises(CheckFailed, match="no such part"):
        functions.ask("jishi-test-api", "5", {"fail": True})


def test_the_environment_is_that_of_the_live_version(cloud: Cloud) -> None:
    functions, client = Functions(cloud), cloud.client("lambda")
    assert functions.environment("jishi-test-told") == {}
    _function(client, "jishi-test-told", 1)
    assert functions.environment("jishi-test-told") == {}, "nothing is live yet"
    client.create_alias(FunctionName="jishi-test-told", Name="live", FunctionVersion="1")
    client.update_function_configuration(FunctionName="jishi-test-told", Environment={"Variables": {"JISHI_A": "new"}})
    assert functions.environment("jishi-test-told") == {"JISHI_A": "old"}


def _function(client: Any, name: str, count: int) -> None:
    client.create_function(
        FunctionName=name, Runtime="python3.11", Role="arn:aws:iam::000000000000:role/r", Handler="app.handler",
        Code={"ZipFile": _zipped(CODE)}, Environment={"Variables": {"JISHI_A": "old"}},
    )  # fmt: skip
    for number in range(count):
        client.update_function_code(FunctionName=name, ZipFile=_zipped(f"{CODE}# {number}\n"))
        client.publish_version(FunctionName=name)


def _zipped(code: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("app.py", code)
    return made.getvalue()


def test_alarms_that_ring_are_named(cloud: Cloud) -> None:
    client = cloud.client("cloudwatch")
    for name in ("jishi-test-errors", "jishi-test-calm"):
        client.put_metric_alarm(
            AlarmName=name, Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    client.set_alarm_state(AlarmName="jishi-test-errors", StateValue="ALARM", StateReason="test")
    client.set_alarm_state(AlarmName="jishi-test-calm", StateValue="OK", StateReason="test")
    assert Watch(cloud).ringing(["jishi-test-errors", "jishi-test-calm"]) == ["jishi-test-errors"]
    assert Watch(cloud).ringing([]) == []


def test_releases_are_kept_and_found_again(cloud: Cloud) -> None:
    records = Records(cloud)
    assert records.numbers() == []
    assert records.get(1) is None
    release = Release(
        12, "2026-11-22T02:00:00+00:00", "ab" * 32, "0123", "arn:x/mei", 11, 0, template(), {"CodeBucket": "b"}
    )
    records.keep(release)
    assert records.numbers() == [12]
    assert records.get(12) == release
    records.forget(12)
    assert records.numbers() == []


def test_the_bucket_is_private_encrypted_and_versioned(cloud: Cloud) -> None:
    cloud.make_bucket()  # again: what is there stays
    s3 = cloud.client("s3")
    blocked = s3.get_public_access_block(Bucket=cloud.bucket)["PublicAccessBlockConfiguration"]
    assert all(blocked.values())
    assert s3.get_bucket_versioning(Bucket=cloud.bucket)["Status"] == "Enabled"
    rules = s3.get_bucket_encryption(Bucket=cloud.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert json.dumps(rules).count("AES256") == 1


def test_a_bundle_is_uploaded_once(cloud: Cloud, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(b"one")
    cloud.upload(bundle, "bundles/x.zip")
    bundle.write_bytes(b"two")
    cloud.upload(bundle, "bundles/x.zip")
    body = cloud.client("s3").get_object(Bucket=cloud.bucket, Key="bundles/x.zip")["Body"].read()
    assert body == b"one", "keys name what they hold"

"""The doctor's facts: settings and keys of a stage, an account of moto's, a shop behind HTTP, and the command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from app import app
from chalicelib.parts import NOTIFY_PATH
from chalicelib.settings import Settings
from chalicelib.storage.tables import tables as tables_of_the_shop
from deploy.cloud import Cloud
from deploy.doctor import aws, edge, net, shop
from deploy.doctor.__main__ import examined, main
from deploy.doctor.edge import Edge
from deploy.doctor.finding import Finding, Unknown
from deploy.doctor.stack import Stack, Table
from deploy.secret.proof import environment
from sandbox.wechat import Credentials
from tests.deploy.test_doctor import NOW, OPEN, marks, stage
from tests.shop import Stack as Shop
from tests.wechat.platform import listening, says


@pytest.fixture
def values(credentials: Credentials) -> dict[str, Any]:
    ring = {"JISHI_SESSION_KEYS": {"a": "a" * 43 + "="}, "JISHI_DATA_KEYS": {"a": "a" * 43 + "="}}
    return {
        **ring,
        **dict.fromkeys((f"{name[:-1]}_CURRENT" for name in ring), "a"),
        "JISHI_WECHAT_APPID": credentials.appid,
        "JISHI_WECHAT_MCHID": credentials.mchid,
        "JISHI_WECHAT_SECRET": credentials.secret,
        "JISHI_WECHAT_MERCHANT_KEY": credentials.merchant_private_key,
        "JISHI_WECHAT_MERCHANT_SERIAL": credentials.merchant_serial,
        "JISHI_WECHAT_APIV3_KEY": credentials.apiv3_key,
        "JISHI_WECHAT_PLATFORM_KEYS": {credentials.wechatpay_public_key_id: credentials.wechatpay_public_key},
    }


def test_the_settings_of_a_stage_and_its_secret_are_looked_at_key_by_key(values: dict[str, Any]) -> None:
    found = list(shop.check(stage(), values, NOW))
    assert "✗" not in marks(iter(found))
    lines = "\n".join(map(str, found))
    assert "JISHI_WECHAT_MERCHANT_KEY is an RSA key of 2048 bits" in lines
    assert not [value for value in values.values() if isinstance(value, str) and len(value) > 12 and value in lines
                and value not in (values["JISHI_WECHAT_APPID"],)]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"JISHI_WECHAT_APIV3_KEY": "planted"}, "JISHI_WECHAT_APIV3_KEY"),
        ({"JISHI_WECHAT_APIV3_KEY": ""}, "JISHI_WECHAT_APIV3_KEY"),
        ({"JISHI_WECHAT_MERCHANT_SERIAL": "planted"}, "JISHI_WECHAT_MERCHANT_SERIAL is no serial"),
        ({"JISHI_WECHAT_MERCHANT_KEY": "-----BEGIN PRIVATE KEY-----planted"}, "JISHI_WECHAT_MERCHANT_KEY"),
        ({"JISHI_STAGE": "x"}, "both set"),
    ],
)
def test_a_setting_that_is_wrong_stops_the_shop(values: dict[str, Any], changes: dict[str, Any], word: str) -> None:
    found = [each for each in shop.check(stage(), {**values, **changes}, NOW) if each.mark == "✗"]
    assert word in "\n".join(map(str, found))
    assert "planted" not in "\n".join(map(str, found))


def test_a_secret_that_is_missing_or_refused_stops_the_shop() -> None:
    assert "make secret" in shop.secret(stage(), None).do
    assert shop.secret(stage(), Unknown("AccessDenied")).mark == "✗"


def test_the_shop_itself_is_seen_from_the_network(stack: Shop) -> None:
    found = net.seen(Edge(stack.api_url), "127.0.0.1", NOW, deployed=True, wechat=stack.wechat_url)
    assert edge.callback(stage(), found).mark == "✓"
    assert edge.push(found).mark == "✓"
    assert found.addresses & found.target
    assert found.tls is None, "no https, nothing to agree on"
    assert not isinstance(found.skew, Unknown)


def test_the_clock_is_held_against_wechats() -> None:
    with listening() as wechat:
        wechat.will(says({}, 401))
        ahead = net.skew(wechat.base_url, datetime.now(UTC) + timedelta(hours=1))
    assert isinstance(ahead, timedelta)
    assert round(ahead / timedelta(hours=1)) == 1


def test_what_does_not_answer_is_unknown() -> None:
    with listening() as gone:
        nowhere = gone.base_url
    assert isinstance(net.answered("GET", nowhere), Unknown)
    assert isinstance(net.skew(nowhere, NOW), Unknown)
    assert isinstance(net.handshake("127.0.0.1", int(nowhere.rpartition(":")[2])), Unknown)
    assert net.resolved("nowhere.invalid") == net.resolved("") == frozenset()
    with listening() as plain:
        plain.will(says({}))
        assert isinstance(net.handshake("127.0.0.1", int(plain.base_url.rpartition(":")[2])), Unknown)


class Stacks:
    """CloudFormation, of which moto would load all of AWS."""

    outputs: Mapping[str, str] | None = None

    def list_stacks(self) -> None: ...

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if self.outputs is None:
            error = {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")
        outputs = [{"OutputKey": name, "OutputValue": value} for name, value in self.outputs.items()]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> dict[str, Any]:
        made = boto3.client("sns", "us-east-1").create_topic(Name=f"{StackName}-{LogicalResourceId}")
        return {"StackResourceDetail": {"PhysicalResourceId": made["TopicArn"]}}


class Rented(Cloud):
    stacks = Stacks()

    def client(self, service: str) -> Any:
        return self.stacks if service == "cloudformation" else super().client(service)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rented]:
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        monkeypatch.setattr(Rented, "stacks", Stacks())
        monkeypatch.setattr(aws, "PROBES", {name: aws.PROBES[name] for name in ("dynamodb", "sns")})
        yield Rented(stage(region="us-east-1", certificate=_certificate()))


def _certificate() -> str:
    return str(boto3.client("acm", "us-east-1").request_certificate(DomainName="api.example.cn")["CertificateArn"])


def test_an_empty_account_lacks_secret_stack_and_certificate(cloud: Cloud) -> None:
    lines = [str(each) for each in examined(cloud, lambda: NOW, lambda facts, *_: facts)]
    text = "\n".join(lines)
    for word in ("✓ account 123456789012", "✗ secret jishi/prod is not there", "? stack jishi-prod is not there yet"):
        assert word in text
    assert "PENDING_VALIDATION" in text or "certificate" in text


def test_a_deployed_account_is_read_as_it_is(cloud: Rented, values: dict[str, Any]) -> None:
    cloud.stacks.outputs = {"ApiUrl": "https://api.example.cn", "DomainTarget": "d-1.example.com"}
    cloud.client("secretsmanager").create_secret(Name="jishi/prod", SecretString=json.dumps(values))
    _table(cloud, "orders", protected=True)
    _table(cloud, "stock", protected=False)
    found = aws.stack(cloud)
    assert isinstance(found, Stack)
    assert isinstance(found.tables, dict)
    assert set(found.tables) == set(tables_of_the_shop())
    assert (found.tables["orders"], found.tables["stock"]) == (Table(True, True), Table(False, False))
    assert found.tables["members"] is None
    assert (found.status, found.listeners) == ("CREATE_COMPLETE", {"AlarmTopic": {}, "MorningTopic": {}})
    asked: list[Any] = []

    def seen(facts: Edge, *more: Any) -> Edge:
        asked.extend((facts.url, *more))
        return replace(OPEN, certificate=facts.certificate)

    lines = [str(each) for each in examined(cloud, lambda: NOW, seen)]
    assert asked == ["https://api.example.cn", "d-1.example.com", NOW, True]
    assert any(line.startswith("✓ secret jishi/prod") for line in lines)
    assert any(line.startswith("✗ tables that could be deleted: stock") for line in lines)


def test_wechat_is_asked_with_the_stages_own_settings(cloud: Rented, values: dict[str, Any], stack: Shop) -> None:
    cloud.client("secretsmanager").create_secret(Name="jishi/prod", SecretString=json.dumps(values))
    urls = {"JISHI_WECHAT_API_URL": stack.wechat_url, "JISHI_WECHAT_PAY_URL": stack.wechat_url}
    cloud.stage = stage(environment=urls)
    lines = [str(each) for each in examined(cloud, stack.clock, lambda facts, *_: facts, wechat=True)]
    assert any("secrets go both ways" in line for line in lines)
    assert any("the platform gives the app a token" in line for line in lines)


def _table(cloud: Cloud, name: str, protected: bool) -> None:
    client = cloud.client("dynamodb")
    client.create_table(
        TableName=f"jishi-prod-{name}",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=protected,
    )
    client.update_continuous_backups(
        TableName=f"jishi-prod-{name}",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": protected},
    )


def test_the_command_ends_with_1_if_something_stops_the_shop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[Finding] = [Finding("✓", "a"), Finding("?", "b", "c")]
    monkeypatch.setattr("deploy.doctor.__main__.read", lambda name: stage())
    monkeypatch.setattr("deploy.doctor.__main__.examined", lambda cloud, wechat: iter(lines))
    assert main(["prod"]) == 0
    lines.append(Finding("✗", "d", "e"))
    assert main(["prod"]) == 1
    assert "✗ d → e" in capsys.readouterr().out


def test_the_paths_that_are_tried_are_the_shops() -> None:
    assert "POST" in app.routes[NOTIFY_PATH]
    assert "GET" in app.routes[edge.PUSH_PATH]


def test_a_stage_with_a_domain_is_reached_by_it() -> None:
    assert environment(stage())["JISHI_PUBLIC_URL"] == "https://api.example.cn"
    assert environment(stage(domain="", certificate=""))["JISHI_PUBLIC_URL"].endswith(".amazonaws.com.cn/api")
    assert {name.removeprefix("JISHI_").lower() for name in environment(stage())} <= set(Settings.__dataclass_fields__)

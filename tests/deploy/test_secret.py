"""`make secret` and `make rotate`, against moto's Secrets Manager: completed, never overwritten, never shown."""

from __future__ import annotations

import json
import os
import shlex
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from deploy.cloud import Cloud
from deploy.secret.__main__ import complete, main, rotate
from deploy.secret.entries import from_file
from deploy.secret.proof import settings_of
from deploy.secret.store import Held, SecretError, Store
from deploy.stage import Options, Stage
from sandbox.wechat import Credentials
from tests.wechat.known import private_pem
from tests.wechat.platform import certificate_pem, key

PLAIN = {"JISHI_STAGE": "prod", "JISHI_REGION": "cn-north-1", "JISHI_TABLE_PREFIX": "jishi-prod-"}
OWN = ("JISHI_SESSION_KEYS", "JISHI_DATA_KEYS")


@dataclass
class Desk:
    """Whoever types the command: what they have, what they are asked, what they are shown."""

    cloud: Rented
    has: dict[str, Any]
    answers: dict[str, str] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def ask(self, words: str, hide: bool) -> str:
        if hide:
            self.hidden.append(words)
        return next((answer for part, answer in self.answers.items() if part in words), "")

    def complete(self, *, around: dict[str, str] | None = None, typed: bool = False, **how: Any) -> dict[str, Any]:
        given = {name: value for name, value in self.has.items() if not typed}
        complete(self.cloud, given, around or {}, self.ask if typed else None, self.shown.append, **how)
        return self.held()

    def rotate(self, kind: str, typed: bool = False, **how: Any) -> dict[str, Any]:
        given = {} if typed else how.pop("given", {})
        rotate(self.cloud, kind, given, self.ask if typed else None, self.shown.append, **how)
        return self.held()

    def held(self) -> dict[str, Any]:
        found = Store(self.cloud.client("secretsmanager"), "jishi/prod").read()
        assert found is not None
        self.no_value_was_shown(found.values)
        return dict(found.values)

    def no_value_was_shown(self, values: Any) -> None:
        said = "\n".join(self.shown)
        for value in values.values():
            for text in value.values() if isinstance(value, dict) else [value]:
                assert len(text) < 12 or text not in said

    def later(self, monkeypatch: pytest.MonkeyPatch, **after: float) -> None:
        read = Store.read

        def read_later(store: Store) -> Held | None:
            found = read(store)
            return found and Held(found.values, found.version, found.changed_at, found.changed_at + timedelta(**after))

        monkeypatch.setattr(Store, "read", read_later)


class Rented(Cloud):
    """An account whose clients are made once, since that takes a tenth of a second for each."""

    def __init__(self, stage: Stage, clients: Mapping[str, Any]) -> None:
        super().__init__(stage)
        self._clients = {**clients, "lambda": Live()}

    @property
    def live(self) -> Live:
        return cast(Live, self._clients["lambda"])


class Live:
    """Lambda, of which the live function's environment is asked; None before the first deployment."""

    environment: dict[str, str] | None = None

    def get_function_configuration(self, *, FunctionName: str, Qualifier: str) -> dict[str, Any]:
        assert (FunctionName, Qualifier) == ("jishi-prod-api", "live")
        if self.environment is None:
            error = {"Error": {"Code": "ResourceNotFoundException", "Message": "Function not found"}}
            raise ClientError(error, "GetFunctionConfiguration")
        return {"Environment": {"Variables": self.environment}}


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, Any]]:
    with mock_aws():
        yield {service: boto3.client(service, "cn-north-1") for service in ("secretsmanager", "dynamodb")}


@pytest.fixture
def desk(credentials: Credentials, clients: dict[str, Any]) -> Iterator[Desk]:
    environment = {**PLAIN, "JISHI_WECHAT_APPID": credentials.appid, "JISHI_WECHAT_MCHID": credentials.mchid}
    stage = Stage("prod", "cn-north-1", environment, Options(domain="api.example.com", certificate="arn"))
    has = {
        "JISHI_WECHAT_SECRET": credentials.secret,
        "JISHI_WECHAT_MERCHANT_KEY": credentials.merchant_private_key,
        "JISHI_WECHAT_MERCHANT_SERIAL": credentials.merchant_serial,
        "JISHI_WECHAT_APIV3_KEY": credentials.apiv3_key,
        "JISHI_WECHAT_PLATFORM_KEYS": {credentials.wechatpay_public_key_id: credentials.wechatpay_public_key},
    }
    yield Desk(Rented(stage, clients), has)
    for secret in clients["secretsmanager"].list_secrets(IncludePlannedDeletion=True)["SecretList"]:
        clients["secretsmanager"].delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    for table in clients["dynamodb"].list_tables()["TableNames"]:
        clients["dynamodb"].delete_table(TableName=table)


def test_a_new_secret_gets_keys_of_its_own_and_makes_a_shop(desk: Desk) -> None:
    held = desk.complete()
    for name in OWN:
        (ring,) = [held[name]]
        assert held[f"{name[:-1]}_CURRENT"] in ring
        assert [len(b64decode(value)) for value in ring.values()] == [32]
    assert held["JISHI_SESSION_KEYS"] != held["JISHI_DATA_KEYS"]
    assert settings_of(desk.cloud.stage, held).wechat_secret == desk.has["JISHI_WECHAT_SECRET"]
    states = dict(line.split(None, 1) for line in desk.shown if line.startswith("  "))
    assert states["JISHI_DATA_KEYS"] == "generated"
    assert states["JISHI_WECHAT_SECRET"] == "added"
    assert states["JISHI_WECHAT_PUSH_TOKEN"] == "not set (optional)"


def test_a_second_time_nothing_is_written(desk: Desk) -> None:
    first = desk.complete()
    again = desk.complete()
    assert first == again
    versions = desk.cloud.client("secretsmanager").list_secret_version_ids(SecretId="jishi/prod")["Versions"]
    assert len(versions) == 1
    assert "jishi/prod in cn-north-1: nothing to change" in desk.shown


def test_what_is_missing_is_asked_for_and_secrets_are_typed_unseen(desk: Desk, tmp_path: Path) -> None:
    key_file, public = tmp_path / "apiclient_key.pem", tmp_path / "pub_key.pem"
    key_file.write_text(desk.has["JISHI_WECHAT_MERCHANT_KEY"])
    ((key_id, pem),) = desk.has["JISHI_WECHAT_PLATFORM_KEYS"].items()
    public.write_text(pem)
    desk.answers = {
        "AppSecret (": f" {desk.has['JISHI_WECHAT_SECRET']} ", "APIv3 key": desk.has["JISHI_WECHAT_APIV3_KEY"],
        "apiclient_key.pem": str(key_file), "serial": desk.has["JISHI_WECHAT_MERCHANT_SERIAL"],
        "PUB_KEY_ID_": key_id, "pub_key.pem": str(public),
    }  # fmt: skip
    held = desk.complete(typed=True)
    assert {name: held[name] for name in desk.has} == desk.has
    assert [words.split()[0] for words in desk.hidden] == ["AppSecret", "APIv3", "Token", "EncodingAESKey,"]


def test_what_the_environment_here_has_is_taken_unless_it_is_another_stages(desk: Desk) -> None:
    token = desk.has.pop("JISHI_WECHAT_SECRET")
    with pytest.raises(SecretError, match="JISHI_WECHAT_SECRET"):
        desk.complete(around={"JISHI_WECHAT_SECRET": token, "JISHI_STAGE": "dev"})
    assert desk.complete(around={"JISHI_WECHAT_SECRET": token})["JISHI_WECHAT_SECRET"] == token


@pytest.mark.parametrize(
    ("name", "value", "way"),
    [
        ("JISHI_DATA_KEYS", {"mine": "a" * 43 + "="}, "make rotate STAGE=… KEY=data"),
        ("JISHI_DATA_KEY_CURRENT", "mine", "make rotate STAGE=… KEY=data"),
        ("JISHI_WECHAT_SECRET", "another-secret-value", "make rotate STAGE=… KEY=app"),
        ("JISHI_WECHAT_PLATFORM_KEYS", {"PUB_KEY_ID_9": "x"}, "REPLACE=JISHI_WECHAT_PLATFORM_KEYS"),
    ],
)
def test_a_value_that_is_there_is_never_overwritten(desk: Desk, name: str, value: Any, way: str) -> None:
    first = desk.complete()
    desk.has[name] = value
    with pytest.raises(SecretError, match=way):
        desk.complete()
    assert desk.held() == first


def test_what_no_rotation_guards_is_replaced_by_name(desk: Desk) -> None:
    desk.has["JISHI_WECHAT_PUSH_TOKEN"] = "firsttoken"
    desk.complete()
    desk.has["JISHI_WECHAT_PUSH_TOKEN"] = "secondtoken"
    held = desk.complete(replaced=frozenset({"JISHI_WECHAT_PUSH_TOKEN"}))
    assert held["JISHI_WECHAT_PUSH_TOKEN"] == "secondtoken"
    desk.has["JISHI_DATA_KEYS"] = {"mine": "a" * 43 + "="}
    with pytest.raises(SecretError, match="make rotate STAGE=… KEY=data"):
        desk.complete(replaced=frozenset({"JISHI_DATA_KEYS"}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JISHI_WECHAT_APIV3_KEY", "planted-too-short"),
        ("JISHI_WECHAT_MERCHANT_KEY", "-----BEGIN PRIVATE KEY-----\nplanted-no-key"),
        ("JISHI_WECHAT_MERCHANT_SERIAL", "planted-serial"),
        ("JISHI_WECHAT_PLATFORM_KEYS", {"PUB_KEY_ID_1": "-----BEGIN PUBLIC KEY-----\nplanted"}),
        ("JISHI_WECHAT_PUSH_AES_KEY", "planted-aes"),
        ("JISHI_WECHAT_SECRET", {"planted": "object"}),
    ],
)
def test_nothing_is_written_that_is_no_setting_and_no_value_is_told(desk: Desk, name: str, value: Any) -> None:
    desk.has[name] = value
    with pytest.raises(SecretError, match=name) as told:
        desk.complete()
    assert "planted" not in str(told.value)
    assert Store(desk.cloud.client("secretsmanager"), "jishi/prod").read() is None


def test_new_data_keys_are_not_made_where_tables_are_sealed_with_lost_ones(desk: Desk) -> None:
    desk.cloud.client("dynamodb").create_table(
        TableName="jishi-prod-members",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(SecretError, match="JISHI_DATA_KEYS"):
        desk.complete()
    assert desk.complete(new_keys=True)


def test_half_of_a_pair_is_mended_and_not_made_anew(desk: Desk) -> None:
    desk.has["JISHI_DATA_KEY_CURRENT"] = "lost"
    with pytest.raises(SecretError, match="only one is set"):
        desk.complete()


def test_a_secret_on_its_way_out_is_to_be_restored(desk: Desk) -> None:
    desk.complete()
    desk.cloud.client("secretsmanager").delete_secret(SecretId="jishi/prod")
    with pytest.raises(SecretError, match="restore-secret"):
        desk.complete()


def test_of_two_who_write_the_second_is_refused(desk: Desk) -> None:
    desk.complete()
    store = Store(desk.cloud.client("secretsmanager"), "jishi/prod")
    mine, theirs = store.read(), store.read()
    assert mine
    assert theirs
    store.write({**mine.values, "JISHI_WECHAT_PUSH_TOKEN": "mine"}, mine)
    with pytest.raises(SecretError, match="Somebody else"):
        store.write({**theirs.values, "JISHI_WECHAT_PUSH_TOKEN": "theirs"}, theirs)


def test_of_two_who_write_in_the_same_moment_the_second_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first writes after the second has looked for the last time."""
    desk.complete()
    client = desk.cloud.client("secretsmanager")
    first, second = Store(client, "jishi/prod"), Store(client, "jishi/prod")
    read, put = second.read(), client.put_secret_value
    assert read

    def after_the_first(**sent: Any) -> Any:
        monkeypatch.setattr(client, "put_secret_value", put)
        first.write({**read.values, "JISHI_WECHAT_PUSH_TOKEN": "first"}, read)
        return put(**sent)

    monkeypatch.setattr(client, "put_secret_value", after_the_first)
    with pytest.raises(SecretError, match="Somebody else"):
        second.write({**read.values, "JISHI_WECHAT_PUSH_TOKEN": "second"}, read)
    assert desk.held()["JISHI_WECHAT_PUSH_TOKEN"] == "first"


@pytest.mark.parametrize("kind", ["session", "data"])
def test_a_key_of_our_own_is_known_before_it_is_used(desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ring, current = f"JISHI_{kind.upper()}_KEYS", f"JISHI_{kind.upper()}_KEY_CURRENT"
    first = desk.complete()
    added = desk.rotate(kind)
    (new,) = added[ring].keys() - first[ring].keys()
    assert added[current] == first[current]
    assert new.startswith(f"{datetime.now(UTC):%Y}")
    desk.later(monkeypatch, minutes=19, seconds=59)
    with pytest.raises(SecretError, match="Too early"):
        desk.rotate(kind)
    desk.later(monkeypatch, minutes=20)
    used = desk.rotate(kind)
    assert used[current] == new
    assert used[ring] == added[ring], "the old one still opens"
    desk.later(monkeypatch, minutes=20)
    third = desk.rotate(kind)
    assert len(third[ring]) == 3
    assert third[current] == new


def test_an_old_session_key_may_go_and_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = desk.complete()
    old = first["JISHI_SESSION_KEY_CURRENT"]
    desk.rotate("session")
    desk.later(monkeypatch, minutes=20)
    with pytest.raises(SecretError, match="could go"):
        desk.rotate("session", retire=old)
    new = desk.rotate("session")["JISHI_SESSION_KEY_CURRENT"]
    with pytest.raises(SecretError, match="Only session keys"):
        desk.rotate("data", retire=old)
    assert list(desk.rotate("session", retire=old)["JISHI_SESSION_KEYS"]) == [new]


def test_both_apiv3_keys_open_until_the_portal_has_sealed_with_the_new_one_for_a_day(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = desk.complete()["JISHI_WECHAT_APIV3_KEY"]
    both = desk.rotate("apiv3", given={"JISHI_WECHAT_APIV3_KEY": "n" * 32})
    assert (both["JISHI_WECHAT_APIV3_KEY"], both["JISHI_WECHAT_APIV3_KEY_PREVIOUS"]) == ("n" * 32, old)
    desk.later(monkeypatch, hours=25)
    with pytest.raises(SecretError, match="Too early"):
        desk.rotate("apiv3", yes=True)
    desk.later(monkeypatch, hours=26)
    with pytest.raises(SecretError, match="portal first"):
        desk.rotate("apiv3")
    with pytest.raises(SecretError, match="another new APIv3 key"):
        desk.rotate("apiv3", given={"JISHI_WECHAT_APIV3_KEY": "t" * 32}, yes=True)
    done = desk.rotate("apiv3", yes=True)
    assert "JISHI_WECHAT_APIV3_KEY_PREVIOUS" not in done
    assert done["JISHI_WECHAT_APIV3_KEY"] == "n" * 32


def test_the_merchants_key_goes_with_its_serial(desk: Desk, tmp_path: Path) -> None:
    desk.complete()
    another = private_pem(key("another merchant"))
    with pytest.raises(SecretError, match="JISHI_WECHAT_MERCHANT_SERIAL"):
        desk.rotate("merchant", given={"JISHI_WECHAT_MERCHANT_KEY": another})
    path = tmp_path / "apiclient_key.pem"
    path.write_text(another)
    desk.answers = {"apiclient_key.pem": str(path), "serial": "AB" * 20}
    held = desk.rotate("merchant", typed=True)
    assert (held["JISHI_WECHAT_MERCHANT_KEY"], held["JISHI_WECHAT_MERCHANT_SERIAL"]) == (another, "AB" * 20)
    assert "申请新证书" in desk.shown[-3]
    assert "revoke the old" in desk.shown[-1]


def test_no_value_stops_the_functions_that_are_live(desk: Desk) -> None:
    """The serial was taken out of the configuration, and that was not deployed."""
    serial = desk.has["JISHI_WECHAT_MERCHANT_SERIAL"]
    desk.cloud.live.environment = {"JISHI_WECHAT_MERCHANT_SERIAL": serial}
    first = desk.complete()
    assert first["JISHI_WECHAT_MERCHANT_SERIAL"] == serial, "the same in both places stops nobody"
    another = {
        "JISHI_WECHAT_MERCHANT_KEY": private_pem(key("another merchant")),
        "JISHI_WECHAT_MERCHANT_SERIAL": "AB" * 20,
    }
    with pytest.raises(SecretError, match="live functions have JISHI_WECHAT_MERCHANT_SERIAL"):
        desk.rotate("merchant", given=another)
    desk.has["JISHI_RETURN_ADDRESS"] = "杭州"
    desk.cloud.live.environment = {"JISHI_RETURN_ADDRESS": "上海"}
    with pytest.raises(SecretError, match="live functions have JISHI_RETURN_ADDRESS"):
        desk.complete()
    assert desk.held() == first
    desk.cloud.live.environment = {}
    assert desk.rotate("merchant", given=another)["JISHI_WECHAT_MERCHANT_SERIAL"] == "AB" * 20


def test_a_serial_is_read_from_its_certificate(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "apiclient_cert.pem"
    path.write_text(certificate_pem(serial="5F1C72E2A8931B725F1C72E2A8931B725F1C72E2"))
    given = {"JISHI_WECHAT_MERCHANT_SERIAL": str(path)}
    file = tmp_path / "new.json"
    file.write_text(json.dumps(given))
    assert from_file(str(file)) == {"JISHI_WECHAT_MERCHANT_SERIAL": "5F1C72E2A8931B725F1C72E2A8931B725F1C72E2"}
    path.write_text("planted")
    with pytest.raises(SecretError, match="no certificate"):
        from_file(str(file))


def test_the_app_secret_is_changed_once(desk: Desk) -> None:
    desk.complete()
    assert desk.rotate("app", given={"JISHI_WECHAT_SECRET": "b" * 32})["JISHI_WECHAT_SECRET"] == "b" * 32
    with pytest.raises(SecretError, match="already"):
        desk.rotate("app", given={"JISHI_WECHAT_SECRET": "b" * 32})


def test_a_wrong_new_key_leaves_the_old_one(desk: Desk) -> None:
    first = desk.complete()
    with pytest.raises(SecretError) as told:
        desk.rotate("apiv3", given={"JISHI_WECHAT_APIV3_KEY": "planted"})
    assert "planted" not in str(told.value)
    assert desk.held() == first


def test_a_file_may_be_json_or_lines_and_name_other_files(desk: Desk, tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    pem.write_text(desk.has["JISHI_WECHAT_MERCHANT_KEY"])
    texts = {n: v if isinstance(v, str) else json.dumps(v) for n, v in desk.has.items()}
    texts = {**texts, "JISHI_WECHAT_MERCHANT_KEY": "", "JISHI_WECHAT_MERCHANT_KEY_FILE": str(pem)}
    lines = tmp_path / "prod.env"
    lines.write_text("# of the shop\n" + "\n".join(f"export {n}={shlex.quote(v)}" for n, v in texts.items()))
    whole = tmp_path / "prod.json"
    whole.write_text(json.dumps(texts))
    assert from_file(str(lines)) == from_file(str(whole)) == desk.has
    whole.write_text(json.dumps({"JISHI_WECHAT_SECERT": "planted", "planted": 1}))
    with pytest.raises(SecretError, match="JISHI_WECHAT_SECERT") as told:
        from_file(str(whole))
    assert "planted" not in str(told.value)


def test_the_command_ends_in_one_message(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deploy.secret.__main__.read", lambda name: desk.cloud.stage)
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115  nobody types
    assert main(["prod"]) == 1
    told = capsys.readouterr().err
    assert "JISHI_WECHAT_SECRET" in told
    assert "Traceback" not in told
    assert main(["prod", "--rotate", "data"]) == 1
    assert "make secret STAGE=prod" in capsys.readouterr().err

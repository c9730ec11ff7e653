"""Where DynamoDB is and who asks: addresses, credentials and signatures as botocore's."""

from datetime import datetime
from typing import Any

import pytest
from botocore import auth
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from botocore.session import Session, get_session

from chalicelib.storage.address import address_of
from chalicelib.storage.table import LEAN, ORDINARY, bind, dynamodb
from chalicelib.storage.transport import LeanClient
from tests.storage.conftest import CLIENTS, REGION, Client
from tests.storage.scripted import Scripted

AWS = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_PROFILE",
)
PROXIES = "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> pytest.MonkeyPatch:
    """An environment that says nothing of where AWS is."""
    for name in (*AWS, *PROXIES, *(name.lower() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return monkeypatch


@pytest.mark.parametrize("region", ["cn-north-1", "cn-northwest-1", "ap-southeast-1", "us-east-1", "il-central-1"])
def test_the_address_of_a_region_is_botocores(region: str, variables: pytest.MonkeyPatch) -> None:
    ordinary = get_session().create_client("dynamodb", region)
    assert address_of(Session(), region, None) == ordinary.meta.endpoint_url


@pytest.mark.parametrize(
    "region", ["us-gov-west-1", "us-iso-east-1", "eusc-de-east-1", "local", "", "fips-us-east-1", "x"]
)
def test_other_partitions_are_left_to_botocore(region: str, variables: pytest.MonkeyPatch) -> None:
    assert address_of(Session(), region, None) is None


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"AWS_ENDPOINT_URL": "http://all:1"}, "http://all:1"),
        ({"AWS_ENDPOINT_URL": "http://all:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://own:2"}, "http://own:2"),
        ({"AWS_ENDPOINT_URL": "http://x:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://dynamodb.cn-north-1.amazonaws.com.cn"),
        ({"AWS_PROFILE": "shop"}, "http://profile:3"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, None),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, None),
        ({"AWS_ACCOUNT_ID_ENDPOINT_MODE": "required"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".amazonaws.com.cn"}, "https://dynamodb.cn-north-1.amazonaws.com.cn"),
    ],
)  # fmt: skip
def test_what_is_configured_counts(
    told: dict[str, str], found: str | None, variables: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "config").write_text("[profile shop]\nendpoint_url = http://profile:3\n")
    for name, value in told.items():
        variables.setenv(name, value)
    assert address_of(Session(), REGION, None) == found
    if found:
        assert get_session().create_client("dynamodb", REGION).meta.endpoint_url == found
        assert address_of(Session(), REGION, "http://mine:1") == "http://mine:1"


def test_whatever_the_lean_client_cannot_do_the_ordinary_one_does(variables: pytest.MonkeyPatch) -> None:
    bind("nowhere-", "us-gov-west-1", None, LEAN)
    assert not isinstance(dynamodb(), LeanClient)
    assert dynamodb().meta.endpoint_url == "https://dynamodb.us-gov-west-1.amazonaws.com"
    bind("nowhere-", REGION, None, ORDINARY)
    assert not isinstance(dynamodb(), LeanClient)
    bind("nowhere-", REGION, None, LEAN)
    assert isinstance(dynamodb(), LeanClient)


@pytest.mark.parametrize("token", [None, "session//token+of="])
@pytest.mark.parametrize("path", ["", "/a path/of%20its/own"])
def test_a_request_is_signed_as_by_botocore(
    path: str, token: str | None, server: Scripted, client: Client, monkeypatch: pytest.MonkeyPatch, models: Session
) -> None:
    monkeypatch.setattr(auth, "get_current_datetime", lambda: datetime(2026, 11, 22, 1, 2, 3))
    monkeypatch.setattr(models, "_credentials", Credentials("AKID", "secret/key", token))
    signed = []
    for name in CLIENTS:
        one = client(name, server.url + path)
        if isinstance(one, LeanClient):
            one._session._credentials = Credentials("AKID", "secret/key", token)
        one.meta.events.register("before-send.dynamodb", lambda request, **_: signed.append(parts(request.headers)))
        one._make_api_call("Query", {})
    lean, ordinary = signed
    assert lean == ordinary
    assert "SignedHeaders=content-type;host;x-amz-date;" in lean["Authorization"]
    assert lean.get("X-Amz-Security-Token") == token


def parts(headers: Any) -> dict[str, str]:
    texts = {name: value.decode() if isinstance(value, bytes) else value for name, value in headers.items()}
    return {name: texts[name] for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token") if name in texts}


def test_credentials_that_were_renewed_sign_the_next_request(server: Scripted, client: Client) -> None:
    class Renewed(Credentials):  # type: ignore[misc]
        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            return ReadOnlyCredentials(next(names), "secret", None)

    names = iter(["FIRST", "SECOND"])
    one = client(LEAN, server.url)
    one._session._credentials = Renewed("x", "y")
    for _ in range(2):
        one._make_api_call("Query", {})
    signers = [head["authorization"].partition("Credential=")[2].partition("/")[0] for head, _ in server.heard]
    assert signers == ["FIRST", "SECOND"]


@pytest.fixture
def unknown(variables: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nobody says who we are."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        variables.delenv(name, raising=False)
    variables.setenv("AWS_EC2_METADATA_DISABLED", "true")
    variables.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    return variables


def test_without_credentials_nothing_is_sent_until_they_appear(
    server: Scripted, client: Client, unknown: pytest.MonkeyPatch, waits: list[object]
) -> None:
    one = client(LEAN, server.url)
    with pytest.raises(NoCredentialsError):
        one._make_api_call("Query", {})
    assert (server.heard, waits) == ([], [])
    unknown.setenv("AWS_ACCESS_KEY_ID", "late")
    unknown.setenv("AWS_SECRET_ACCESS_KEY", "later")
    one._make_api_call("Query", {})
    assert "Credential=late/" in server.heard[0][0]["authorization"]


def test_nothing_secret_is_logged(server: Scripted, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    one = client(LEAN, server.url)
    caplog.set_level("INFO")
    one._make_api_call("Query", {})
    assert caplog.text == ""

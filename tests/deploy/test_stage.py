"""What the configuration of a stage may say, and what is said to whoever gets it wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.stage import StageError, read
from deploy.template import grants

PLAIN = {"JISHI_STAGE": "prod", "JISHI_REGION": "cn-north-1"}


def written(root: Path, environment: dict[str, Any] | None = None, **options: Any) -> Path:
    stage = {"environment_variables": PLAIN if environment is None else environment, "deploy": options}
    (root / ".chalice").mkdir()
    (root / ".chalice" / "config.json").write_text(json.dumps({"stages": {"prod": stage}}))
    return root


def test_a_stage_is_one_shop_and_names_all_that_is_its_own(tmp_path: Path) -> None:
    stage = read("prod", written(tmp_path, memory=2048))
    assert (stage.stack, stage.table_prefix, stage.secret) == ("jishi-prod", "jishi-prod-", "jishi/prod")
    assert (stage.partition, stage.suffix, stage.options.memory) == ("aws-cn", "amazonaws.com.cn", 2048)
    assert (stage.function("api_handler"), stage.function("close_unpaid")) == (
        "jishi-prod-api",
        "jishi-prod-close-unpaid",
    )


@pytest.mark.parametrize(
    ("environment", "options", "told"),
    [
        ({**PLAIN, "JISHI_STAGE": "dev"}, {}, "JISHI_STAGE=prod"),
        ({"JISHI_STAGE": "prod"}, {}, "JISHI_REGION"),
        ({**PLAIN, "JISHI_REGION": "beijing"}, {}, "JISHI_REGION"),
        ({**PLAIN, "JISHI_DATA_KEYS": "planted"}, {}, "make secret STAGE=prod"),
        ({**PLAIN, "JISHI_WECHAT_MERCHANT_KEY_FILE": "planted"}, {}, "JISHI_WECHAT_MERCHANT_KEY_FILE"),
        ({**PLAIN, "JISHI_OWNER": "M"}, {}, "JISHI_OWNERS"),
        (PLAIN, {"colour": "red"}, "deploy.colour"),
        (PLAIN, {"memory": "1024"}, "deploy.memory must be int"),
        (PLAIN, {"memory": 64}, "deploy.memory"),
        (PLAIN, {"account": "12"}, "12 digits"),
        (PLAIN, {"domain": "shop.example.cn"}, "deploy.certificate"),
        (PLAIN, {"architecture": "arm"}, "deploy.architecture"),
        (PLAIN, {"canary_percent": 90}, "deploy.canary_percent"),
        (PLAIN, {"provisioned": -1}, "negative"),
        (PLAIN, {"provisioned": 50, "api_concurrency": 40}, "deploy.api_concurrency"),
        (PLAIN, {"domain": "https://api.example.cn/", "certificate": "arn:aws-cn:acm"}, "deploy.domain"),
        (PLAIN, {"domain": "api.example.cn", "certificate": "ours"}, "deploy.certificate"),
        (PLAIN, {"requests_per_second": -1}, "negative"),
        ({**PLAIN, "JISHI_RECEIVE_DAYS": 10}, {}, "JISHI_RECEIVE_DAYS of environment_variables must stand in quotes"),
        ({**PLAIN, "JISHI_DATA_KEYS": {"k": "planted"}}, {}, "JISHI_DATA_KEYS"),
        (PLAIN, {"log_days": 45}, "deploy.log_days"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is(
    tmp_path: Path, environment: dict[str, Any], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(StageError) as refused:
        read("prod", written(tmp_path, environment, **options))
    assert told in str(refused.value)
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize("where", ["whole", "stage"])
def test_no_function_has_an_environment_of_its_own_where_a_secret_would_be_seen(tmp_path: Path, where: str) -> None:
    file = written(tmp_path) / ".chalice" / "config.json"
    config = json.loads(file.read_text())
    one = {"close_unpaid": {"environment_variables": {"JISHI_WECHAT_SECRET": "planted"}}}
    (config if where == "whole" else config["stages"]["prod"])["lambda_functions"] = one
    file.write_text(json.dumps(config))
    with pytest.raises(StageError, match="lambda_functions have no environment_variables") as refused:
        read("prod", tmp_path)
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize("where", ["whole", "stage"])
def test_an_api_under_another_path_would_get_no_callbacks(tmp_path: Path, where: str) -> None:
    file = written(tmp_path) / ".chalice" / "config.json"
    config = json.loads(file.read_text())
    (config if where == "whole" else config["stages"]["prod"])["api_gateway_stage"] = "v2"
    file.write_text(json.dumps(config))
    with pytest.raises(StageError, match="api_gateway_stage must be 'api'"):
        read("prod", tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"stages": {,}}', "line 1 column 13"),
        ("[]", "must be a JSON object"),
        ('{"stages": []}', "no stage 'prod'"),
        ('{"stages": ["prod"]}', "stages must be a JSON object"),
        ('{"stages": {"prod": []}}', "prod must be a JSON object"),
        ('{"stages": {"prod": {"environment_variables": []}}}', "JISHI_REGION"),
        ('{"stages": {"prod": {"environment_variables": ["x"]}}}', "environment_variables must be a JSON object"),
        (None, "config.json"),
    ],
)
def test_a_file_that_is_not_as_chalice_has_it_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    file = written(tmp_path) / ".chalice" / "config.json"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with pytest.raises(StageError) as refused:
        read("prod", tmp_path)
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["test", "Prod", "p", "prod-1", "../prod", ""])
def test_another_stage_than_those_of_the_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StageError, match=r"prod"):
        read(name, written(tmp_path))


def test_functions_in_subnets_may_be_put_there(tmp_path: Path) -> None:
    root = written(tmp_path)
    config = json.loads((root / ".chalice" / "config.json").read_text())
    config["stages"]["prod"] |= {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}
    (root / ".chalice" / "config.json").write_text(json.dumps(config))
    inside, outside = read("prod", root), replace(read("prod", root), in_network=False)
    may, may_not = (grants.statements(stage, "close_unpaid") for stage in (inside, outside))
    assert [each["Action"][1] for each in may if each not in may_not] == ["ec2:CreateNetworkInterface"]

"""What a release must pass, as Lambda calls it, on a shop whose settings are real or wrong."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from app import app
from chalicelib.settings import SettingsError
from chalicelib.shop import Shop
from deploy.cloud import Cloud
from deploy.release.watch import QUESTIONS, Unreachable, Watch, WrongAnswer
from deploy.stage import Stage
from functions.release import check_release
from tests.shop import Stack

CONTEXT = SimpleNamespace(function_version="12")


def test_it_says_what_it_found_and_no_secret(stack: Stack) -> None:
    said: dict[str, Any] = check_release({}, CONTEXT)
    assert (said["ok"], said["version"]) == (True, "12")
    assert said["functions"] == len(app.event_sources) + len(app.pure_lambda_functions)
    assert said["routes"] == len(app.routes)
    assert {type(value) for value in said.values()} == {bool, str, int}


def test_a_file_of_functions_that_cannot_be_imported_fails_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "functions.coupons", None)
    with pytest.raises(ImportError):
        check_release({}, CONTEXT)


def test_a_part_that_cannot_be_made_fails_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Shop) -> None:
        raise SettingsError("JISHI_WECHAT_MERCHANT_KEY is no key")

    monkeypatch.setattr(Shop, "complete", broken)
    with pytest.raises(SettingsError):
        check_release({}, CONTEXT)


def test_tables_that_are_not_there_fail_it(stack: Stack) -> None:
    from chalicelib.storage.table import bind

    bind("nowhere-", "cn-north-1", stack.shop.settings.dynamodb_url)
    with pytest.raises(Exception, match=r"[Tt]able|resource not found"):
        check_release({}, CONTEXT)


def test_the_app_answers_what_a_release_asks_its_new_version(stack: Stack) -> None:
    for question in QUESTIONS:
        answer = app(question.event(), None)
        question.judge(answer["statusCode"], answer["body"])


def test_a_shop_is_greeted_from_outside(stack: Stack, api_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    watch = Watch(Cloud(Stage("test", "cn-north-1", {})))
    watch.greet(api_server)
    with pytest.raises(WrongAnswer, match="answered with 403"):
        watch.greet(f"{api_server}/api")
    with pytest.raises(Unreachable, match="cannot be reached from here"):
        watch.greet("http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("status", "body"), [(403, '{"items": []}'), (200, '{"message": "Forbidden"}'), (200, "<html>"), (200, "[]")]
)
def test_what_stands_before_the_shop_is_not_taken_for_it(status: int, body: str) -> None:
    with pytest.raises(WrongAnswer):
        QUESTIONS[0].judge(status, body)

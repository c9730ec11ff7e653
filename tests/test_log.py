"""A line of the log holds what Powertools' own JSON would hold."""

import json
import logging
import sys
from typing import Any

import pytest
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.kernel.errors import NotFound
from chalicelib.log import logger


def failure() -> Any:
    try:
        raise NotFound(order_id="o1")
    except NotFound:
        return sys.exc_info()


@pytest.mark.parametrize(
    "extra",
    [{}, {"status": 200, "ms": 1.2, "order_id": "o1", "left_out": None}, {"fields": ["总额", "a"], "code": "B"}],
)
@pytest.mark.parametrize("why", [None, failure()])
def test_lines_are_as_powertools_writes_them(extra: dict[str, Any], why: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    record = logging.makeLogRecord(
        {"msg": "answered", "levelname": "INFO", "funcName": "serve", "lineno": 7, "exc_info": why, **extra}
    )
    handler = logging.getLogger("jishi").handlers[0]
    assert handler.formatter is not None
    logger.thread_safe_append_keys(route="GET /orders", member_id=None)
    try:
        wanted = LambdaPowertoolsFormatter(service="jishi").format(record)
        assert list(json.loads(handler.formatter.format(record)).items()) == list(json.loads(wanted).items())
    finally:
        logger.thread_safe_clear_keys()

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
def test_lines_are_as_powertools_writes_them(extra: dict[str, Any], why: Any) -> None:
    record = logging.makeLogRecord(
        {"msg": "answered", "levelname": "INFO", "funcName": "serve", "lineno": 7, "exc_info": why, **extra}
    )
    handler = logging.getLogger("jishi").handlers[0]
    assert handler.formatter is not None
    wanted = LambdaPowertoolsFormatter(service="jishi").format(record)
    assert json.loads(handler.formatter.format(record)) == json.loads(wanted)
    assert '"service":"jishi"' in wanted
    assert logger.service == "jishi"

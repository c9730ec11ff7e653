"""One structured logger for all functions: JSON lines for CloudWatch, request-scoped keys, nothing personal.

What may be logged: ids (request, member, order, refund, notification), routes, codes, counts, milliseconds.
"""

import logging
from logging import LogRecord
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import RESERVED_LOG_ATTRS, LambdaPowertoolsFormatter
from msgspec.json import encode

SERVICE = "jishi"
OWN_OF_RECORDS = frozenset(RESERVED_LOG_ATTRS)
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line tells of them


class Lines(LambdaPowertoolsFormatter):
    """Powertools' lines. Those that tell of no exception are put together here, in half the time."""

    def format(self, record: LogRecord) -> str:
        if record.exc_info or record.args:
            return super().format(record)
        line = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.msg,
            "timestamp": self.formatTime(record),
            "service": SERVICE,
            **self.thread_safe_get_current_keys(),
            **{key: value for key, value in record.__dict__.items() if key not in OWN_OF_RECORDS},
            "xray_trace_id": self._get_latest_trace_id(),
        }
        return _json({key: value for key, value in line.items() if value is not None})


def _json(line: Any) -> str:
    return encode(line, enc_hook=str).decode()


logger = Logger(service=SERVICE, logger_formatter=Lines(service=SERVICE, json_serializer=_json))

"""One structured logger for all functions: JSON lines for CloudWatch, request-scoped keys, nothing personal.

What may be logged: ids (request, member, order, refund, notification), routes, codes, counts, milliseconds.
"""

from typing import Any

from aws_lambda_powertools import Logger
from msgspec.json import encode


def _json(line: Any) -> str:
    return encode(line, enc_hook=str).decode()


# Messages are plain words: nobody tries to read them as JSON.
logger = Logger(service="jishi", json_serializer=_json, json_deserializer=str)

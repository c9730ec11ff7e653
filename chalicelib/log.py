"""One structured logger for all functions: JSON lines for CloudWatch, request-scoped keys, nothing personal.

What may be logged: ids (request, member, order, refund, notification), routes, codes, counts, milliseconds.
"""

from aws_lambda_powertools import Logger

logger = Logger(service="jishi")

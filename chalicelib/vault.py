"""Secrets Manager, of which a shop reads one secret: everything that must not stand in the environment of a function.

A read costs a call; who calls decides how often. Versions are Secrets Manager's affair: what is read is AWSCURRENT,
which after a change may be the former one for some seconds more.
"""

import logging
from functools import cache
from typing import Any

from .kernel.errors import Unavailable


def read(name: str, region: str) -> str:
    """The text of the secret. Raises Unavailable, with its cause; within 7 s, since a callback waits for it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = _client(region).get_secret_value(SecretId=name)
    except (BotoCoreError, ClientError) as error:
        raise Unavailable from error
    if "SecretString" not in answer:  # a secret of bytes, or something between that answers in its place
        raise Unavailable
    return str(answer["SecretString"])


@cache
def _client(region: str) -> Any:
    from botocore.config import Config
    from botocore.session import get_session

    logging.getLogger("botocore").setLevel(logging.INFO)  # its DEBUG lines hold every answer, also a secret
    config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    return get_session().create_client("secretsmanager", region_name=region, config=config)

"""Signature version 4 for requests that are all alike: the same as botocore makes, without its way of finding out what
is known beforehand.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

from botocore import auth
from botocore.exceptions import NoCredentialsError
from botocore.utils import normalize_url_path

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass
class Request:
    """A POST without query, as those see it who listen before it is sent. Values of `headers` are plain: no spaces
    around them, nor two in a row.
    """

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    params: dict[str, str] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)


def sign(request: Request, credentials: Any, region: str, service: str) -> None:
    """Adds X-Amz-Date, X-Amz-Security-Token if there is one, and Authorization over all headers that are there then,
    Host among them. `credentials` are frozen ones of botocore; raises NoCredentialsError if there are none.
    """
    if credentials is None:
        raise NoCredentialsError
    headers = request.headers
    headers["X-Amz-Date"] = moment = auth.get_current_datetime().strftime(auth.SIGV4_TIMESTAMP)
    if credentials.token:
        headers["X-Amz-Security-Token"] = credentials.token
    told = sorted([(name.lower(), value) for name, value in headers.items()])
    names = ";".join([name for name, _ in told])
    lines = "".join([f"{name}:{value}\n" for name, value in told])
    canonical = f"POST\n{_path(request.url)}\n\n{lines}\n{names}\n{sha256(request.body).hexdigest()}"
    day = moment[:8]
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"{ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(_signing_key(credentials.secret_key, day, region, service), text.encode(), "sha256").hex()
    credential = f"{ALGORITHM} Credential={credentials.access_key}/{scope}"
    headers["Authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"


@lru_cache(maxsize=8)
def _path(url: str) -> str:
    return quote(normalize_url_path(urlsplit(url).path), safe="/~")


@lru_cache(maxsize=8)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key

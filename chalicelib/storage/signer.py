"""Signature version 4, as botocore makes it, with less work for requests that are all alike."""

import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from botocore.auth import SigV4Auth


@dataclass
class Request:
    """As much of botocore's AWSRequest as its signer looks at."""

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    params: dict[str, str] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)


class Signer(SigV4Auth):  # type: ignore[misc]
    """Signs what botocore signs, without taking apart a URL that has no query and headers that are plain."""

    def headers_to_sign(self, request: Request) -> dict[str, str]:
        return {name.lower(): value for name, value in request.headers.items()}

    def canonical_headers(self, headers: dict[str, str]) -> str:
        return "\n".join(f"{name}:{headers[name]}" for name in sorted(headers))

    def canonical_query_string(self, request: Request) -> str:
        return ""

    def signature(self, string_to_sign: str, request: Request) -> str:
        day = request.context["timestamp"][:8]
        key = _signing_key(self.credentials.secret_key, day, self._region_name, self._service_name)
        return hmac.digest(key, string_to_sign.encode(), "sha256").hex()


@lru_cache(maxsize=8)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key

"""What the internet shows of the shop, from here. Nothing is sent but two requests that the shop refuses."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import urllib3

from chalicelib.parts import NOTIFY_PATH
from deploy.doctor.edge import PUSH_PATH, Answer, Edge
from deploy.doctor.finding import Unknown

SECONDS = 10
WECHAT = "https://api.mch.weixin.qq.com"


def seen(facts: Edge, target: str, now: datetime, deployed: bool, wechat: str = WECHAT) -> Edge:
    """The facts with what the network adds; `target` is the name that the domain should be a CNAME of."""
    facts = replace(facts, skew=skew(wechat, now))
    if not deployed:
        return facts
    parts = urlsplit(facts.url)
    host = parts.hostname or ""
    return replace(
        facts,
        addresses=resolved(host),
        target=resolved(target),
        tls=handshake(host, parts.port or 443) if parts.scheme == "https" else None,
        callback=answered("POST", facts.url + NOTIFY_PATH),
        push=answered("GET", facts.url + PUSH_PATH),
    )


def resolved(host: str) -> frozenset[str]:
    try:
        return frozenset(str(found[4][0]) for found in socket.getaddrinfo(host, 443)) if host else frozenset()
    except OSError:
        return frozenset()


def handshake(host: str, port: int) -> str | Unknown:
    """The version agreed on, 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        with (
            socket.create_connection((host, port), SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=host) as s,
        ):
            return s.version() or "TLS"
    except OSError as error:
        return Unknown(str(error.strerror or error))


def answered(method: str, url: str) -> Answer | Unknown:
    try:
        headers = {"Content-Type": "application/json", "User-Agent": "jishi-doctor"}
        body = b"{}" if method == "POST" else None
        found = urllib3.request(method, url, headers=headers, body=body, timeout=SECONDS, retries=False, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        return Unknown(type(error).__name__)
    return Answer(found.status, found.data[:2000])


def skew(url: str, now: datetime) -> timedelta | Unknown:
    """How far this machine's clock is ahead of WeChat Pay's, whose answer to a question without a signature names its
    time.
    """
    try:
        found = urllib3.request("GET", f"{url}/v3/certificates", timeout=SECONDS, retries=False, redirect=False)
        return now - parsedate_to_datetime(found.headers["Date"])
    except (urllib3.exceptions.HTTPError, KeyError, ValueError, TypeError) as error:
        return Unknown(f"{url} does not answer with its time ({type(error).__name__})")

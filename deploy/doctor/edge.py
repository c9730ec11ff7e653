"""The way in from the internet: certificate, DNS, TLS, the addresses that WeChat calls, and this machine's clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatch
from typing import Any

from chalicelib.parts import NOTIFY_PATH
from chalicelib.wechat.signing import FRESHNESS
from deploy.doctor.finding import NOT_ASKED, Finding, Unknown, bad, good, look
from deploy.stage import Stage

PUSH_PATH = "/wechat/push"
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    status: str
    names: tuple[str, ...]
    ends: datetime | None


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @property
    def code(self) -> str:
        """The `code` of an answer in the shop's form, else empty."""
        try:
            found: Any = json.loads(self.body)
        except ValueError:
            return ""
        return str(found.get("code") or "") if isinstance(found, dict) else ""


@dataclass(frozen=True)
class Edge:
    """`addresses` are the domain's, `target` those that API Gateway has for it; each empty if the name is unknown.

    `tls` is the version that was agreed on with a certificate that counts.
    """

    url: str
    certificate: Certificate | Unknown | None = None
    addresses: frozenset[str] = frozenset()
    target: frozenset[str] = frozenset()
    tls: str | Unknown | None = None
    callback: Answer | Unknown | None = None
    push: Answer | Unknown | None = None
    skew: timedelta | Unknown = NOT_ASKED


def check(stage: Stage, facts: Edge, now: datetime, deployed: bool) -> Iterator[Finding]:
    yield domain(stage)
    if stage.options.domain:
        yield certificate(stage, facts.certificate, now)
    if deployed:
        if stage.options.domain:
            yield dns(stage, facts)
        if facts.tls is not None:
            yield tls(facts)
        yield callback(stage, facts)
        yield push(facts)
    yield clock(facts.skew)


def domain(stage: Stage) -> Finding:
    if stage.options.domain:
        what = f"domain {stage.options.domain}"
        do = "it needs an ICP filing (备案) with the region's operator as access provider (接入); else ports are shut"
        return look(what, do) if stage.in_china else good(what)
    do = (
        "mini-programs call domains with an ICP filing only, so API Gateway's own address is for trying out: set "
        '"domain" and "certificate" in the stage\'s deploy'
    )
    return look("the stage has no domain", do)


def certificate(stage: Stage, facts: Certificate | Unknown | None, now: datetime) -> Finding:
    if isinstance(facts, Unknown) or facts is None:
        why = facts.why if facts else "not asked"
        return bad("the certificate cannot be found", f"{why} It must be one of ACM in {stage.region}")
    name = stage.options.domain
    if not any(_covers(pattern, name) for pattern in facts.names):
        return bad(f"the certificate is for {', '.join(facts.names)}, and not for {name}", "take the domain's own")
    if facts.status != "ISSUED":
        return bad(f"the certificate is {facts.status}", "finish its validation in ACM (a CNAME at your DNS)")
    if facts.ends is None:
        return good(f"certificate for {name}")
    if facts.ends <= now:
        return bad(f"the certificate ended on {facts.ends:%Y-%m-%d}", "import the new one under the same ARN")
    what = f"certificate for {name}, until {facts.ends:%Y-%m-%d}"
    do = "ACM renews its own ones by itself; import the next one yourself if it was imported"
    return look(what, do) if facts.ends - now < SOON else good(what)


def _covers(pattern: str, name: str) -> bool:
    """A star stands for one label."""
    return fnmatch(name.lower(), pattern.lower()) and pattern.count(".") == name.count(".")


def dns(stage: Stage, facts: Edge) -> Finding:
    name = stage.options.domain
    if not facts.addresses:
        return bad(f"DNS does not know {name}", "point a CNAME at the output DomainTarget of the stack")
    if facts.addresses & facts.target:
        return good(f"{name} points at the API")
    do = "right if a CDN stands between; else point a CNAME at the output DomainTarget of the stack"
    return look(f"{name} points at {', '.join(sorted(facts.addresses))}, and not at the API", do)


def tls(facts: Edge) -> Finding:
    if isinstance(facts.tls, Unknown):
        return bad(
            f"no TLS 1.2 with {facts.url}", f"{facts.tls.why}. WeChat wants TLS 1.2 and a certificate that counts"
        )
    return good(f"{facts.tls} with a certificate that counts")


def callback(stage: Stage, facts: Edge) -> Finding:
    """What nobody signed must be refused, and by the shop: then the way from the internet to it is open."""
    what, answer = f"callbacks at {facts.url}{NOTIFY_PATH}", facts.callback
    if isinstance(answer, Answer) and (answer.status, answer.code) == (401, "FAIL"):
        return good(f"{what} reach the shop, which refuses what WeChat did not sign")
    return _astray(stage, what, answer)


def push(facts: Edge) -> Finding:
    what, answer = f"message push at {facts.url}{PUSH_PATH}", facts.push
    if isinstance(answer, Answer) and (answer.status, answer.code) == (403, "PUSH_REFUSED"):
        return good(f"{what} reaches the shop, which refuses what WeChat did not sign")
    why = answer.why if isinstance(answer, Unknown) else f"HTTP {answer.status}" if answer else "not asked"
    return look(f"{what}: {why}", "as for callbacks")


def _astray(stage: Stage, what: str, answer: Answer | Unknown | None) -> Finding:
    if not isinstance(answer, Answer):
        why = answer.why if answer else "not asked"
        return bad(f"{what}: no answer ({why})", "look at DNS, the domain of the API, and port 443 (shut without ICP)")
    told = f"{what}: HTTP {answer.status} {answer.code}".rstrip()
    if answer.code in ("UNAVAILABLE", "INTERNAL"):
        do = 'the shop does not open: look for "settings" in the log of the API\'s function, then `make secret`'
        return bad(told, do)
    if answer.status == 403 and stage.in_china:
        do = "API Gateway in China answers accounts with an ICP filing only: ask support to note it for the account"
        return bad(told, do)
    if answer.status in (403, 404):
        return bad(told, "JISHI_PUBLIC_URL must be the API's address with its stage, or its domain without")
    return bad(
        f"{told}, which is not the shop's refusal", "something else answers there: a CDN, a proxy, a filing page"
    )


def clock(skew: timedelta | Unknown) -> Finding:
    if isinstance(skew, Unknown):
        return look("whether this machine's clock is right", skew.why)
    seconds = round(abs(skew.total_seconds()))
    if seconds <= FRESHNESS:
        return good(f"this machine's clock is {seconds} s off WeChat's")
    return bad(f"this machine's clock is {seconds} s off WeChat's", "set it by NTP; AWS refuses 5 minutes too")

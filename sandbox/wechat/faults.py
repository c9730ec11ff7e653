"""Misbehaviour on request.

A fault is `{"match": regex, "do": name, "times": 1, "skip": 0, …}`. `match` is searched in the path of a request, or in
`callback:<event type>` for a callback (so `callback` hits every one). It hits `times` times (null: until deleted),
after having let `skip` by. `method` narrows it to one HTTP method. Faults live in memory only.

Faults of answers (`do`, with its own fields and their defaults):

- `drop_before`: the connection closes before any work; `drop_after`: the work is done, the answer never comes
- `delay` (seconds): the work is done, the answer comes late
- `status` (status 500, code "SYSTEM_ERROR", message): this HTTP error instead of any work
- `work_then_status` (same fields): the work is done, but this error is answered
- `errcode` (errcode -1, errmsg): this error of the mini-program side, or of kuaidi100, instead of any work
- `body` (body "not json"): the work is done, but this text is the answer's body, properly signed
- `unsigned`, `unsigned_errors` (only answers of 400 and above), and the forgeries below

- `cut` (after 100): the connection closes after so many bytes of the body, of which there were to be more

Fault of bills: `wrong_hash`: the hash that is told is not that of the file. Its `match` is searched in
`/v3/bill/tradebill` and `/v3/bill/fundflowbill`.

Fault of refunds: `refund_outcome` (outcome "ABNORMAL" or "CLOSED" or "SUCCESS", seconds): how an accepted refund ends,
and when. Its `match` is searched in `/v3/refund/domestic/refunds/<out_refund_no>`.

Faults of callbacks:

- `drop`: this attempt is not sent; the schedule goes on. `lose`: no further attempt either
- `delay` (seconds 30, by the sandbox's clock): the attempt is put off, so that others overtake it
- `duplicate` (count 2): sent that many times at the same moment
- `alter` (set {"amount.total": 1, …}): genuine signature over other contents; null removes a field
- `signtest`: a probe whose signature starts with WECHATPAY/SIGNTEST/, then the genuine one
- `wrong_apiv3_key`: encrypted with another key
- the forgeries below

Faults of events that the platform pushes of its own accord, `match` searched in `push:<Event>`: `drop`, `lose`,
`delay`, `duplicate`, each as above (duplicates come one after the other).

Forgeries, for answers and callbacks: `wrong_key` (signed by somebody else), `unknown_serial` (serial "PUB_KEY_ID_…"),
`stale` (age_seconds 3600, may be negative: a genuine signature with an old or future timestamp),
`tamper` (the body changes after signing); and two that are none: `certificate` (signed with the platform certificate),
`public_key` (with the public key), as a merchant between the two sees both.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Container, Mapping
from typing import Any

Fault = dict[str, Any]

_FORGERIES: dict[str, Mapping[str, Any]] = {
    "wrong_key": {},
    "unknown_serial": {"serial": "PUB_KEY_ID_0000000000000000000000000000000000"},
    "stale": {"age_seconds": 3600},
    "tamper": {},
    "certificate": {},
    "public_key": {},
}
_ERROR = {"status": 500, "code": "SYSTEM_ERROR", "message": "系统异常，请稍后重试"}
OF_ANSWERS: dict[str, Mapping[str, Any]] = {
    **_FORGERIES,
    "drop_before": {},
    "drop_after": {},
    "delay": {"seconds": 1},
    "cut": {"after": 100},
    "status": _ERROR,
    "work_then_status": _ERROR,
    "errcode": {"errcode": -1, "errmsg": "system error"},
    "body": {"body": "not json"},
    "unsigned": {},
    "unsigned_errors": {},
}
OF_REFUNDS: dict[str, Mapping[str, Any]] = {"refund_outcome": {"outcome": "ABNORMAL", "seconds": None}}
OF_BILLS: dict[str, Mapping[str, Any]] = {"wrong_hash": {}}
OF_CALLBACKS: dict[str, Mapping[str, Any]] = {
    **_FORGERIES,
    "drop": {},
    "lose": {},
    "delay": {"seconds": 30},
    "duplicate": {"count": 2},
    "alter": {"set": {}},
    "signtest": {},
    "wrong_apiv3_key": {},
}
OF_PUSHES = ("drop", "lose", "delay", "duplicate")
_COMMON = {"match": "", "do": "", "times": 1, "skip": 0, "method": None}


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, wanted: Fault) -> None:
        """ValueError if there is no such fault or it has no such field."""
        fault = complete(wanted, OF_ANSWERS | OF_REFUNDS | OF_BILLS | OF_CALLBACKS)
        try:
            re.compile(fault["match"])
        except re.error as error:
            raise ValueError(f"match is no regular expression: {error}") from None
        if not fault["match"]:
            raise ValueError("match is missing")
        with self._lock:
            self._faults.append(fault)

    def all(self) -> list[Fault]:
        with self._lock:
            return [dict(fault) for fault in self._faults]

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, target: str, kinds: Container[str], method: str = "") -> dict[str, Fault]:
        """The faults of these kinds that hit now, by what they do; each counts as used."""
        hits: dict[str, Fault] = {}
        with self._lock:
            for fault in self._faults:
                if fault["do"] not in kinds or fault["method"] not in (None, method):
                    continue
                if not re.search(fault["match"], target):
                    continue
                if fault["skip"] > 0:
                    fault["skip"] -= 1
                elif fault["do"] not in hits:
                    hits[fault["do"]] = fault
                    if fault["times"] is not None:
                        fault["times"] -= 1
            self._faults = [fault for fault in self._faults if fault["times"] is None or fault["times"] > 0]
        return hits


def complete(wanted: Fault, known: Mapping[str, Mapping[str, Any]]) -> Fault:
    """The fault with its defaults. ValueError if it is not one of the known ones."""
    if not isinstance(wanted, dict):
        raise ValueError("a fault is an object")
    name = str(wanted.get("do"))
    if name not in known:
        raise ValueError(f"no such fault: {name}; there are {', '.join(sorted(known))}")
    fields = {**_COMMON, **known[name]}
    if unknown := set(wanted) - set(fields):
        raise ValueError(f"{name} has no {', '.join(sorted(unknown))}")
    return {**fields, **wanted}

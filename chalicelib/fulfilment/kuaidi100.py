"""kuaidi100: where parcels of nearly all Chinese carriers are. Its real-time query, as its own documentation has it.

`POST /poll/query.do`, a form of customer, sign and param; sign is the upper-case MD5 of param + key + customer. It is
always answered 200; what was not found has a returnCode. One query of a parcel each half hour at most.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Final

import urllib3

from ..kernel.clock import SHANGHAI
from .carriers import Carrier
from .rules import MOST_SCANS, Scan, Tracked, Tracking
from .tracking import TrackingFailed

TIMEOUT: Final = urllib3.Timeout(connect=2, read=5)
NOT_YET, OF_THE_PARCEL = "500", ("400", "408")
"""Not scanned yet, or long forgotten; the number or the phone is not such a parcel's."""
STATES = {
    "0": Tracking.UNDER_WAY,
    "1": Tracking.COLLECTED,
    "2": Tracking.TROUBLE,
    "3": Tracking.SIGNED,
    "4": Tracking.BACK,
    "5": Tracking.DELIVERING,
    "6": Tracking.BACK,
    "7": Tracking.UNDER_WAY,
    "8": Tracking.UNDER_WAY,
    "14": Tracking.TROUBLE,
}
"""Of the finer states that it tells, the first digit is meant."""


class Kuaidi100:
    def __init__(self, customer: str, key: str, base_url: str) -> None:
        self._customer = customer
        self._key = key
        self._url = base_url + "/poll/query.do"
        self._http = urllib3.PoolManager(maxsize=4, timeout=TIMEOUT)

    def track(self, carrier: Carrier, tracking_no: str, phone: str) -> Tracked | None:
        """Only the last four digits of the phone leave the shop, and only for carriers that ask for them."""
        asked = {"com": carrier.kuaidi100, "num": tracking_no}
        if carrier.asks_phone and phone:
            asked["phone"] = phone[-4:]
        answer = self._ask(json.dumps(asked))
        code = str(answer.get("returnCode", ""))
        if code == NOT_YET:
            return None
        if code:
            raise TrackingFailed(code, hopeless=code in OF_THE_PARCEL)
        return _tracked(answer)

    def _ask(self, param: str) -> dict[str, Any]:
        signed = f"{param}{self._key}{self._customer}".encode()
        sign = hashlib.md5(signed, usedforsecurity=False).hexdigest().upper()
        form = {"customer": self._customer, "sign": sign, "param": param}
        try:
            reply = self._http.request("POST", self._url, fields=form, encode_multipart=False, retries=False)
            answer = json.loads(reply.data) if reply.status == 200 else None
        except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
            raise TrackingFailed("UNREACHABLE") from error
        if not isinstance(answer, dict):
            raise TrackingFailed("UNREACHABLE")
        return answer


def _tracked(answer: dict[str, Any]) -> Tracked:
    try:
        scans = tuple(_scan(row) for row in answer["data"][:MOST_SCANS])
        state = STATES.get(str(answer["state"]), Tracking.UNDER_WAY)
    except (KeyError, TypeError, ValueError) as error:
        raise TrackingFailed("MALFORMED") from error
    if not scans:
        raise TrackingFailed("MALFORMED")
    return Tracked(state, scans)


def _scan(row: Any) -> Scan:
    at = datetime.fromisoformat(row["ftime"]).replace(tzinfo=SHANGHAI)
    return Scan(at.astimezone(UTC), str(row["context"])[:200])

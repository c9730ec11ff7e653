"""The bills of a day, as WeChat Pay keeps them: which files there are, and their bytes.

WeChat Pay makes them the next morning, ready after 10:00 in Beijing, and keeps them for three months. What stands in
them, and whether the hash agrees, is for the caller.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from zlib import error as ZlibError

import urllib3

from .errors import BillNotReady, NoBill, PayRefused, PayUnreachable, PayUnverified
from .pay import WeChatPay
from .transport import understood

CHUNK: Final = 64 * 1024
"""At most so many bytes of a bill at once, whatever its compression says."""


@dataclass(frozen=True)
class BillOffer:
    """`hash_value` is over the whole file as `download` gives it; `hash_type` is SHA1. The URL lives for 5 minutes."""

    hash_type: str
    hash_value: str
    download_url: str


class Bills:
    """Raises PayError, as every call to WeChat Pay."""

    def __init__(self, pay: WeChatPay) -> None:
        self._transport = pay.transport

    def trade(self, day: date) -> BillOffer:
        """All payments and refunds of a day in Beijing. Raises BillNotReady, NoBill."""
        return self._offer(f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL&tar_type=GZIP")

    def fund_flow(self, day: date) -> BillOffer:
        """What moved on the basic account. Raises BillNotReady, NoBill."""
        return self._offer(f"/v3/bill/fundflowbill?bill_date={day.isoformat()}&account_type=BASIC&tar_type=GZIP")

    def download(self, offer: BillOffer) -> Iterator[bytes]:
        """The file, uncompressed, in pieces; memory does not grow with it. One attempt: any failure comes while it is
        read, and what came before is then worth nothing.

        Answers to downloads are unsigned: only the hash of the offer, which was signed, proves them.
        """
        answer = self._transport.stream(offer.download_url)
        try:
            with gzip.GzipFile(fileobj=answer, mode="rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except (urllib3.exceptions.HTTPError, EOFError) as error:
            raise PayUnreachable("UNREACHABLE", hint=type(error).__name__) from error
        except (gzip.BadGzipFile, ZlibError) as error:
            raise PayUnverified("MALFORMED", status=200, hint="not gzip") from error
        finally:
            answer.close()

    def _offer(self, target: str) -> BillOffer:
        try:
            answer = self._transport.call("GET", target)
        except PayRefused as error:
            for code, kind in (("STATEMENT_CREATING", BillNotReady), ("NO_STATEMENT_EXIST", NoBill)):
                if error.is_code(code):
                    raise kind(error.code, status=error.status, request_id=error.request_id) from error
            raise
        return understood(
            lambda: BillOffer(answer.text("hash_type"), answer.text("hash_value"), answer.text("download_url"))
        )

"""Cursor paging: a cursor is the sort key of the last row shown, so that a page is one bounded query."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import Invalid

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`next_cursor` is None on the last page."""

    rows: Sequence[Row]
    next_cursor: str | None = None


class BadCursor(Invalid):
    """The cursor does not come from this list: start with the first page."""

    code = "BAD_CURSOR"
    message = "翻页参数有误，请从第一页开始"


def encode_cursor(sort_key: str) -> str:
    return urlsafe_b64encode(sort_key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> str | None:
    """The sort key inside. Raises BadCursor for anything that `encode_cursor` cannot have made."""
    if not cursor:
        return None
    try:
        key = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (Base64Error, ValueError) as error:
        raise BadCursor from error
    if not key or len(key) > 200 or encode_cursor(key) != cursor:
        raise BadCursor
    return key


def page_of(rows: Sequence[Row], limit: int, sort_key: Callable[[Row], str]) -> Page[Row]:
    """Make a page from a query that asked for `limit + 1` rows."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(shown, encode_cursor(sort_key(shown[-1])) if more else None)

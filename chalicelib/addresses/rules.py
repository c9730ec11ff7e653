"""What an address is, and what may be entered as one."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from ..kernel.errors import Invalid, NotFound, Refused

MOST_NAME: Final = 25
MOST_DETAIL: Final = 120
_DASHES: Final = re.compile(r"[‐-―−]")
_NOT_DIGITS: Final = re.compile(r"\D")
_MOBILES: Final = (
    re.compile(r"(?<![\d+])(?:(?:\+|00)?86[\s-]*)?(1[3-9]\d{9})(?!\d)"),
    re.compile(r"(?<![\d+])(?:(?:\+|00)?86[\s-]*)?(1[3-9](?:[\s-]?\d){9})(?!\d)"),
)
_LANDLINE: Final = re.compile(
    r"(?<![\d+])\(?(0(?:10|2\d|[3-9]\d{2}))\)?[\s-]*([2-9]\d{2,3}[\s-]?\d{4})(?:\s*(?:-|转|#)\s*(\d{1,6}))?(?!\d)"
)
_OVERSEAS: Final = re.compile(
    r"(?<!\d)(?:\+|00)[\s-]?((?:852|853)[\s-]?\d{4}[\s-]?\d{4}|886[\s-]?\d(?:[\s-]?\d){7,8})(?!\d)"
)


class AddressNotFound(NotFound):
    code = "ADDRESS_NOT_FOUND"
    message = "收货地址不存在"


class AddressBookFull(Refused):
    """`details.limit` says how many a member may keep."""

    code = "ADDRESS_BOOK_FULL"
    message = "收货地址数量已达上限"


class AddressInvalid(Invalid):
    """`details.field` is `name` or `detail`."""

    code = "ADDRESS_INVALID"
    message = "请填写完整的收货人和详细地址"


class PhoneInvalid(Invalid):
    """No mainland mobile, no landline with its area code, no number of Hong Kong, Macau or Taiwan with its prefix."""

    code = "PHONE_INVALID"
    message = "请填写正确的联系电话"


class RegionUnknown(Invalid):
    """There is no such combination of province, city and district."""

    code = "REGION_UNKNOWN"
    message = "请选择正确的省市区"


@dataclass(frozen=True)
class Entry:
    """What a shopper enters, as entered."""

    name: str = field(repr=False)
    phone: str = field(repr=False)
    province: str
    city: str
    district: str
    detail: str = field(repr=False)


@dataclass(frozen=True)
class Place:
    """A checked entry: region names in full with the county's code, the phone number as `check_phone` answers it."""

    name: str = field(repr=False)
    phone: str = field(repr=False)
    province: str
    city: str
    district: str
    detail: str = field(repr=False)
    region_code: str


@dataclass(frozen=True)
class Address:
    """`district` is empty in a city that has none; `region_code` is then the city's."""

    address_id: str
    name: str = field(repr=False)
    phone: str = field(repr=False)
    province: str
    city: str
    district: str
    detail: str = field(repr=False)
    region_code: str
    is_default: bool


@dataclass(frozen=True)
class ParsedAddress:
    """What a pasted text says. What it does not say is empty and named in `missing`, in the words of Entry's fields."""

    name: str = field(repr=False)
    phone: str = field(repr=False)
    province: str
    city: str
    district: str
    detail: str = field(repr=False)
    region_code: str | None
    missing: tuple[str, ...]


@dataclass(frozen=True)
class FoundPhone:
    phone: str = field(repr=False)
    start: int
    end: int


def visible(text: str) -> str:
    """Without marks that nobody sees; numbers and names copied from elsewhere are full of them."""
    return "".join(char for char in text if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf"))


def plain(text: str) -> str:
    """Visible, full-width forms made half-width, all dashes made one."""
    return _DASHES.sub("-", unicodedata.normalize("NFKC", visible(text)))


def check_text(text: str, most: int, name: str) -> str:
    """Trimmed, one space for any run of blanks. Raises AddressInvalid naming the field."""
    clean = " ".join(visible(text).split())
    if not 1 <= len(clean) <= most or not clean.isprintable():
        raise AddressInvalid(field=name)
    return clean


def check_phone(text: str) -> str:
    """The number as couriers want it: `13800138000`, `0755-26001234`, `0755-26001234-801`, `+85223456789`.

    Landlines count, since the number only serves to reach the receiver. Raises PhoneInvalid.
    """
    clean = plain(text).strip()
    found = find_phone(clean)
    if found is None or (found.start, found.end) != (0, len(clean)):
        raise PhoneInvalid
    return found.phone


def find_phone(text: str) -> FoundPhone | None:
    """The first telephone number in a `plain` text; a mobile goes before others, one without gaps before one with."""
    for pattern in _MOBILES:
        if match := pattern.search(text):
            return FoundPhone(_NOT_DIGITS.sub("", match[1]), match.start(), match.end())
    if match := _OVERSEAS.search(text):
        return FoundPhone("+" + _NOT_DIGITS.sub("", match[1]), match.start(), match.end())
    if match := _LANDLINE.search(text):
        numbers = (_NOT_DIGITS.sub("", part) for part in match.groups() if part)
        return FoundPhone("-".join(numbers), match.start(), match.end())
    return None

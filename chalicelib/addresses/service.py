"""The address book of a member."""

from collections.abc import Sequence

from ..kernel.clock import Clock
from ..kernel.errors import Conflict
from ..kernel.ids import new_id
from ..storage.reads import Read, Search, fetch, search
from .rules import (
    MOST_DETAIL,
    MOST_NAME,
    Address,
    AddressNotFound,
    Entry,
    ParsedAddress,
    Place,
    RegionUnknown,
    check_phone,
    check_text,
    plain,
)
from .store import AddressStore

ATTEMPTS = 5


class Addresses:
    def __init__(self, store: AddressStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(self, member_id: str, entry: Entry, *, default: bool = False) -> Address:
        """The first address becomes the default by itself.

        Raises AddressInvalid, PhoneInvalid, RegionUnknown, AddressBookFull.
        """
        place = checked(entry)
        address_id = new_id(self._clock())
        self._store.add(member_id, address_id, place, default=default)
        return self.get(member_id, address_id)

    def change(self, member_id: str, address_id: str, entry: Entry, *, default: bool = False) -> Address:
        """Replace all of it. `default` makes it the default; without it the default stays where it is.

        Raises AddressInvalid, PhoneInvalid, RegionUnknown, AddressNotFound.
        """
        self._store.change(member_id, address_id, checked(entry), default=default)
        return self.get(member_id, address_id)

    def delete(self, member_id: str, address_id: str, book: Sequence[Address] | None = None) -> None:
        """The newest of the others becomes the default if this one was. `book`: what `reads_all` gave, if
        it was read. Raises AddressNotFound.
        """
        for _ in range(ATTEMPTS):
            book = self.all(member_id) if book is None else book
            gone = next((address for address in book if address.address_id == address_id), None)
            if gone is None:
                raise AddressNotFound
            heir = max((address.address_id for address in book if address is not gone), default=None)
            try:
                self._store.delete(member_id, address_id, heir, was_default=gone.is_default)
            except Conflict:
                book = None
                continue
            return
        raise Conflict

    def all(self, member_id: str) -> list[Address]:
        """The default first, then the newest."""
        return search(self.reads_all(member_id))

    def reads_all(self, member_id: str) -> Search[list[Address]]:
        """`all`, to be read together with other things."""
        return self._store.all(member_id).then(lambda book: sorted(book, key=lambda address: not address.is_default))

    def get(self, member_id: str, address_id: str) -> Address:
        """Raises AddressNotFound, for another member's address too."""
        (address,) = fetch(self.reads(member_id, address_id))
        return address

    def reads(self, member_id: str, address_id: str) -> Read[Address]:
        """`get`, to be read together with other things."""
        return self._store.get(member_id, address_id)

    def set_default(self, member_id: str, address_id: str) -> None:
        """Raises AddressNotFound."""
        self._store.set_default(member_id, address_id)

    def parse(self, text: str) -> ParsedAddress:
        """Take a pasted text apart; what it does not say is listed, never refused. Nothing is stored."""
        from .parsing import parse  # with all regions, which whoever only reads addresses does not need

        return parse(text)


def checked(entry: Entry) -> Place:
    """Raises AddressInvalid, PhoneInvalid, RegionUnknown."""
    from .regions import regions

    name = check_text(entry.name, MOST_NAME, "name")
    detail = check_text(entry.detail, MOST_DETAIL, "detail")
    phone = check_phone(entry.phone)
    region = regions().resolve(*(plain(part).strip() for part in (entry.province, entry.city, entry.district)))
    if region is None:
        raise RegionUnknown
    return Place(
        name=name,
        phone=phone,
        province=region.province,
        city=region.city,
        district=region.district,
        detail=detail,
        region_code=region.code,
    )

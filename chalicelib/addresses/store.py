"""Table `addresses`: a member's addresses under their ids, and one row that keeps count and default."""

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from ..storage.cipher import Cipher
from ..storage.reads import Read, Search
from ..storage.table import Row
from ..storage.writes import Write, check, commit, delete, put, update
from .rules import Address, AddressBookFull, AddressNotFound, Place

# Sorts before every id, so that it comes first in a query of the member's rows.
BOOK = "#book"


class AddressRow(Row):
    """An address (`sealed`: its Place as JSON, encrypted), or the member's book (`held` of them, `default_id`)."""

    class Meta:
        table_name = "addresses"

    member_id = UnicodeAttribute(hash_key=True)
    address_id = UnicodeAttribute(range_key=True)
    sealed = UnicodeAttribute(null=True)
    held = NumberAttribute(null=True)
    default_id = UnicodeAttribute(null=True)


class AddressStore:
    """Every change is one conditional write or one transaction; the book row makes concurrent ones agree."""

    def __init__(self, cipher: Cipher, most: int = 20) -> None:
        self._cipher = cipher
        self._most = most

    def all(self, member_id: str) -> Search[list[Address]]:
        """Newest first."""

        def made(rows: list[AddressRow]) -> list[Address]:
            default_id = rows[0].default_id if rows and rows[0].address_id == BOOK else None
            return [self._address(row, default_id) for row in reversed(rows) if row.address_id != BOOK]

        return Search(AddressRow, member_id, made, self._most + 1, consistent=True)

    def get(self, member_id: str, address_id: str) -> Read[Address]:
        """Raises AddressNotFound, for another member's too."""

        def made(rows: list[AddressRow | None]) -> Address:
            row, book = rows
            if row is None or row.sealed is None:
                raise AddressNotFound
            return self._address(row, book.default_id if book else None)

        return Read([AddressRow(member_id, address_id), AddressRow(member_id, BOOK)], made, consistent=True)

    def add(self, member_id: str, address_id: str, place: Place, *, default: bool) -> None:
        """The first address is the default in any case. Raises AddressBookFull."""
        row = AddressRow(member_id, address_id, sealed=self._seal(member_id, address_id, place))
        chosen = AddressRow.default_id.set(address_id if default else AddressRow.default_id | address_id)
        counted = update(
            AddressRow(member_id, BOOK),
            AddressRow.held.add(1),
            chosen,
            condition=AddressRow.held.does_not_exist() | (AddressRow.held < self._most),
            otherwise=AddressBookFull(limit=self._most),
        )
        commit(counted, put(row, new=True))

    def change(self, member_id: str, address_id: str, place: Place, *, default: bool) -> None:
        """Raises AddressNotFound."""
        sealed = AddressRow.sealed.set(self._seal(member_id, address_id, place))
        write = update(
            AddressRow(member_id, address_id),
            sealed,
            condition=AddressRow.sealed.exists(),
            otherwise=AddressNotFound(),
        )
        commit(write, *([self._choose(member_id, address_id)] if default else []))

    def set_default(self, member_id: str, address_id: str) -> None:
        """Raises AddressNotFound."""
        there = check(AddressRow(member_id, address_id), AddressRow.sealed.exists(), otherwise=AddressNotFound())
        commit(there, self._choose(member_id, address_id))

    def delete(self, member_id: str, address_id: str, heir_id: str | None, *, was_default: bool) -> None:
        """Delete one and let `heir_id` be the default if this one was.

        Raises AddressNotFound, or Conflict when default or heir have changed since they were read.
        """
        gone = delete(
            AddressRow(member_id, address_id), condition=AddressRow.sealed.exists(), otherwise=AddressNotFound()
        )
        same = AddressRow.default_id == address_id
        book: list[Action] = [AddressRow.held.add(-1)]
        writes = [gone]
        if was_default and heir_id is not None:
            book.append(AddressRow.default_id.set(heir_id))
            writes.append(check(AddressRow(member_id, heir_id), AddressRow.sealed.exists()))
        elif was_default:
            book.append(AddressRow.default_id.remove())
        condition = same if was_default else AddressRow.default_id != address_id
        commit(*writes, update(AddressRow(member_id, BOOK), *book, condition=condition))

    def _choose(self, member_id: str, address_id: str) -> Write:
        book = AddressRow(member_id, BOOK)
        return update(book, AddressRow.default_id.set(address_id), condition=AddressRow.held >= 1)

    def _seal(self, member_id: str, address_id: str, place: Place) -> str:
        return self._cipher.seal(msgspec.json.encode(place).decode(), f"address:{member_id}:{address_id}")

    def _address(self, row: AddressRow, default_id: str | None) -> Address:
        text = self._cipher.open(row.sealed or "", f"address:{row.member_id}:{row.address_id}")
        place = msgspec.json.decode(text, type=Place)
        return Address(
            address_id=row.address_id,
            name=place.name,
            phone=place.phone,
            province=place.province,
            city=place.city,
            district=place.district,
            detail=place.detail,
            region_code=place.region_code,
            is_default=row.address_id == default_id,
        )

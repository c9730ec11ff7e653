from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from chalicelib.addresses import Address, Addresses, AddressNotFound, AddressStore, Entry
from chalicelib.addresses.rules import AddressBookFull, AddressInvalid, PhoneInvalid, RegionUnknown
from chalicelib.addresses.store import BOOK, AddressRow
from chalicelib.kernel.errors import Conflict
from chalicelib.storage.reads import search
from chalicelib.storage.table import dynamodb
from tests.identity.world import CIPHER, FakeClock

MING, HONG = "M-ming", "M-hong"


def entry(**changes: str) -> Entry:
    home = {"name": "张三", "phone": "138 0013 8000", "province": "广东省", "city": "深圳", "district": "南山区"}
    return Entry(**{**home, "detail": "科技园1号", **changes})


def added(addresses: Addresses, clock: FakeClock, count: int, member_id: str = MING) -> list[Address]:
    """Addresses one minute apart, the oldest first."""
    made = []
    for number in range(count):
        clock.advance(minutes=1)
        made.append(addresses.add(member_id, entry(detail=f"科技园{number}号")))
    return made


def ids(addresses: Addresses, member_id: str = MING) -> list[str]:
    return [address.address_id for address in addresses.all(member_id)]


def default_of(addresses: Addresses, member_id: str = MING) -> str | None:
    chosen = [address.address_id for address in addresses.all(member_id) if address.is_default]
    assert len(chosen) <= 1
    return chosen[0] if chosen else None


def held(member_id: str = MING) -> int:
    return int(AddressRow.get(member_id, BOOK).held or 0)


def test_an_address_is_kept_checked_and_in_full(addresses: Addresses) -> None:
    made = addresses.add(MING, entry(name=" 张三 "))
    assert made == Address(
        address_id=made.address_id,
        name="张三",
        phone="13800138000",
        province="广东省",
        city="深圳市",
        district="南山区",
        detail="科技园1号",
        region_code="440305",
        is_default=True,
    )
    assert addresses.get(MING, made.address_id) == made
    assert addresses.all(MING) == [made]


def test_nothing_personal_is_stored_in_the_clear_and_no_row_opens_in_anothers_place(addresses: Addresses) -> None:
    made = addresses.add(MING, entry())
    row = AddressRow.get(MING, made.address_id)
    stored = str(row.attribute_values)
    assert not any(text in stored for text in ("张三", "13800138000", "科技园", "深圳", "440305"))
    AddressRow(HONG, made.address_id, sealed=row.sealed).save()
    with pytest.raises(InvalidTag):
        addresses.get(HONG, made.address_id)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": " "}, AddressInvalid),
        ({"detail": ""}, AddressInvalid),
        ({"phone": "123"}, PhoneInvalid),
        ({"district": "朝阳区"}, RegionUnknown),
        ({"district": ""}, RegionUnknown),
    ],
)
def test_what_cannot_be_delivered_to_is_neither_added_nor_put_in_place(
    addresses: Addresses, changes: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        addresses.add(MING, entry(**changes))
    assert addresses.all(MING) == []
    made = addresses.add(MING, entry())
    with pytest.raises(error):
        addresses.change(MING, made.address_id, entry(**changes))
    assert addresses.all(MING) == [made]


def test_the_first_address_is_the_default_until_another_is_chosen(addresses: Addresses, clock: FakeClock) -> None:
    first, second, third = added(addresses, clock, 3)
    assert (first.is_default, second.is_default) == (True, False)
    assert ids(addresses) == [first.address_id, third.address_id, second.address_id]
    addresses.set_default(MING, second.address_id)
    assert ids(addresses) == [second.address_id, third.address_id, first.address_id]
    clock.advance(minutes=1)
    fourth = addresses.add(MING, entry(), default=True)
    assert fourth.is_default
    assert default_of(addresses) == fourth.address_id


def test_changing_replaces_all_and_moves_the_default_only_when_asked(addresses: Addresses, clock: FakeClock) -> None:
    first, second = added(addresses, clock, 2)
    moved = {"province": "广东省", "city": "东莞市", "district": ""}
    changed = addresses.change(MING, second.address_id, entry(name="李四", **moved))
    assert (changed.name, changed.region_code, changed.is_default) == ("李四", "441900", False)
    assert default_of(addresses) == first.address_id
    assert addresses.change(MING, second.address_id, entry(), default=True).is_default
    assert addresses.change(MING, second.address_id, entry()).is_default
    assert held() == 2


def test_deleting_the_default_makes_the_newest_of_the_others_the_default(
    addresses: Addresses, clock: FakeClock
) -> None:
    first, second, third = added(addresses, clock, 3)
    addresses.delete(MING, first.address_id)
    assert ids(addresses) == [third.address_id, second.address_id]
    assert default_of(addresses) == third.address_id
    addresses.delete(MING, second.address_id)
    assert default_of(addresses) == third.address_id
    addresses.delete(MING, third.address_id)
    assert (addresses.all(MING), held()) == ([], 0)
    assert addresses.add(MING, entry()).is_default


@pytest.mark.parametrize("act", ["get", "change", "delete", "set_default"])
@pytest.mark.parametrize("whose", ["another member's", "nobody's"])
def test_only_ones_own_addresses_are_there(addresses: Addresses, clock: FakeClock, act: str, whose: str) -> None:
    addresses.add(MING, entry())
    theirs = addresses.add(HONG, entry(name="李四"))
    address_id = {"another member's": theirs.address_id, "nobody's": "01NOBODY"}[whose]
    more: dict[str, tuple[Any, ...]] = {"change": (entry(),)}
    with pytest.raises(AddressNotFound):
        getattr(addresses, act)(MING, address_id, *more.get(act, ()))
    assert addresses.all(HONG) == [theirs]
    assert len(addresses.all(MING)) == 1


def test_a_book_holds_twenty_and_has_room_again_after_deleting(addresses: Addresses, clock: FakeClock) -> None:
    made = added(addresses, clock, 20)
    with pytest.raises(AddressBookFull) as refusal:
        addresses.add(MING, entry())
    assert refusal.value.details == {"limit": 20}
    assert len(addresses.all(MING)) == 20
    addresses.delete(MING, made[7].address_id)
    addresses.add(MING, entry())
    assert addresses.add(HONG, entry()).is_default


def outcomes(act: Callable[[int], Any], threads: int = 50) -> list[Any]:
    def tried(number: int) -> Any:
        try:
            return act(number)
        except (AddressBookFull, AddressNotFound, Conflict) as refusal:
            return type(refusal)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(tried, range(threads)))


def test_fifty_adding_at_once_fill_the_book_and_no_more(addresses: Addresses) -> None:
    results = outcomes(lambda number: addresses.add(MING, entry(), default=number % 2 == 0))
    assert results.count(AddressBookFull) == 30
    assert (len(addresses.all(MING)), held()) == (20, 20)
    assert default_of(addresses) is not None


def test_an_address_deleted_by_many_at_once_is_counted_once(addresses: Addresses, clock: FakeClock) -> None:
    first, *_ = added(addresses, clock, 3)
    results = outcomes(lambda _: addresses.delete(MING, first.address_id))
    assert results.count(None) == 1
    assert (len(addresses.all(MING)), held()) == (2, 2)
    assert default_of(addresses) is not None


def test_deleting_and_choosing_at_once_leave_one_default_that_is_there(addresses: Addresses, clock: FakeClock) -> None:
    made = added(addresses, clock, 10)

    def act(number: int) -> None:
        mine = made[number % 10].address_id
        if number < 8:
            addresses.delete(MING, mine)
        else:
            addresses.set_default(MING, mine)

    results = outcomes(act)
    gone = results[:8].count(None)
    left = addresses.all(MING)
    assert len(left) == held() == 10 - gone
    assert default_of(addresses) in [address.address_id for address in left]


class Contested(AddressStore):
    """Between reading and deleting, another device takes the default away or gives it, `times` times."""

    times = 1

    def delete(self, member_id: str, address_id: str, heir_id: str | None, *, was_default: bool) -> None:
        if self.times:
            self.times -= 1
            other = next(one.address_id for one in search(self.all(member_id)) if one.address_id != address_id)
            self.set_default(member_id, other if was_default else address_id)
        super().delete(member_id, address_id, heir_id, was_default=was_default)


@pytest.mark.parametrize("times", [1, 2])
def test_a_default_that_moves_while_it_is_deleted_is_looked_at_again(tables: str, clock: FakeClock, times: int) -> None:
    store = Contested(CIPHER)
    store.times = times
    addresses = Addresses(store, clock)
    first, second, third = added(addresses, clock, 3)
    addresses.delete(MING, first.address_id)
    assert set(ids(addresses)) == {second.address_id, third.address_id}
    assert default_of(addresses) in (second.address_id, third.address_id)
    assert held() == 2


def test_a_book_that_never_stands_still_is_a_conflict_and_nothing_is_lost(tables: str, clock: FakeClock) -> None:
    store = Contested(CIPHER)
    store.times = 99
    addresses = Addresses(store, clock)
    first, *_ = added(addresses, clock, 3)
    with pytest.raises(Conflict):
        addresses.delete(MING, first.address_id)
    assert (len(addresses.all(MING)), held()) == (3, 3)


@pytest.fixture
def requests(tables: str) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(model: Any, **_: object) -> None:
        sent.append(model.name)

    events = dynamodb().meta.events
    events.register("before-call.dynamodb", note)
    yield sent
    events.unregister("before-call.dynamodb", note)


def test_what_each_use_costs(addresses: Addresses, requests: list[str]) -> None:
    def cost(act: Callable[[], Any]) -> tuple[list[str], Any]:
        requests.clear()
        result = act()
        return list(requests), result

    used, made = cost(lambda: addresses.add(MING, entry()))
    assert used == ["TransactWriteItems", "BatchGetItem"]
    assert cost(lambda: addresses.get(MING, made.address_id))[0] == ["BatchGetItem"]
    assert cost(lambda: addresses.all(MING))[0] == ["Query"]
    assert cost(lambda: addresses.change(MING, made.address_id, entry()))[0] == ["UpdateItem", "BatchGetItem"]
    assert cost(lambda: addresses.set_default(MING, made.address_id))[0] == ["TransactWriteItems"]
    assert cost(lambda: addresses.parse("张三"))[0] == []
    assert cost(lambda: addresses.delete(MING, made.address_id))[0] == ["Query", "TransactWriteItems"]

"""Table `cart`: one item a member, with all lines, so that reading, selecting and clearing cost one request each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.constants import MAP

from ..kernel.clock import epoch, from_epoch
from ..kernel.errors import ShopError
from ..storage.reads import Read, fetch
from ..storage.spelled import Holds, Sets
from ..storage.table import Row
from ..storage.writes import ATTEMPTS, StorageBusy, Write, commit, delete, put, update
from .rules import MOST_LINES, MOST_PIECES, CartLine, CartLineNotFound, Contents, LineChange, check_room


@dataclass(frozen=True)
class _Kept:
    """A line as kept: quantity, price seen in fen, epoch seconds of its adding."""

    quantity: int
    price_seen: int
    added_at: int

    def packed(self) -> dict[str, Any]:
        numbers = {"q": self.quantity, "p": self.price_seen, "a": self.added_at}
        return {MAP: {name: {"N": str(number)} for name, number in numbers.items()}}


class _Lines(Attribute[dict[str, _Kept]]):
    """A map of SKU to line, whose numbers can be reached by updates one by one."""

    attr_type = MAP

    def serialize(self, value: Mapping[str, _Kept]) -> dict[str, Any]:
        return {sku_id: line.packed() for sku_id, line in value.items()}

    def deserialize(self, value: Mapping[str, Any]) -> dict[str, _Kept]:
        return {
            sku_id: _Kept(*(int(line[MAP][name]["N"]) for name in ("q", "p", "a"))) for sku_id, line in value.items()
        }


class CartRow(Row):
    """A line is selected unless its SKU is in `unselected`: what was just put in is what the shopper wants."""

    class Meta:
        table_name = "cart"

    member_id = UnicodeAttribute(hash_key=True)
    lines = _Lines()
    unselected = UnicodeSetAttribute(null=True)


class _Moved(ShopError):
    """Never leaves this file: the cart is not as it was read."""

    code = "CART_MOVED"


class CartStore:
    """Changes answer with the cart after them, which costs no further read."""

    def get(self, member_id: str) -> Contents:
        (contents,) = fetch(self.reads(member_id))
        return contents

    def reads(self, member_id: str) -> Read[Contents]:
        """As of now."""

        def made(rows: list[CartRow | None]) -> Contents:
            (row,) = rows
            return _contents(row) if row else Contents({}, exists=False)

        return Read([CartRow(member_id)], made, consistent=True)

    def add(self, member_id: str, seen: Contents, sku_id: str, quantity: int, price: int, now: datetime) -> Contents:
        """So many more pieces, selected; adding at the same time adds up. `seen` is the cart as it was read.

        Raises CartFull or TooManyPieces.
        """
        kept = _Kept(quantity, price, epoch(now))

        def write(contents: Contents) -> Write:
            check_room(contents, sku_id, quantity)
            if sku_id in contents.lines:
                return self._more(member_id, sku_id, kept)
            return (
                self._new_line(member_id, sku_id, kept) if contents.exists else self._new_cart(member_id, sku_id, kept)
            )

        return self._until_it_fits(member_id, seen, write)

    def change(self, member_id: str, sku_id: str, change: LineChange) -> Contents:
        """Raises CartLineNotFound."""
        path: Any = CartRow.lines[sku_id]
        actions = []
        if change.quantity is not None:
            actions += [path["q"].set(change.quantity), path["p"].set(change.price)]
        if change.selected is not None:
            names = {sku_id}
            actions.append(CartRow.unselected.delete(names) if change.selected else CartRow.unselected.add(names))
        row = CartRow(member_id)
        commit(update(row, *actions, condition=path.exists(), otherwise=CartLineNotFound()))
        return _contents(row)

    def select_all(self, member_id: str, seen: Contents, *, selected: bool) -> Contents:
        def write(contents: Contents) -> Write | None:
            if not contents.lines:
                return None
            others = set() if selected else set(contents.lines)
            selection = CartRow.unselected.set(others) if others else CartRow.unselected.remove()
            return update(CartRow(member_id), selection, condition=CartRow.lines.exists(), otherwise=_Moved())

        return self._until_it_fits(member_id, seen, write)

    def remove(self, member_id: str, sku_ids: Iterable[str]) -> Contents:
        """What is not there is gone already."""
        gone = sorted(set(sku_ids))
        row = CartRow(member_id)
        actions = [CartRow.lines[sku_id].remove() for sku_id in gone]
        try:
            commit(
                update(
                    row,
                    *actions,
                    CartRow.unselected.delete(set(gone)),
                    condition=CartRow.lines.exists(),
                    otherwise=_Moved(),
                )
            )
        except _Moved:
            return Contents({}, exists=False)
        return _contents(row)

    def clear(self, member_id: str) -> None:
        commit(delete(CartRow(member_id)))

    def _more(self, member_id: str, sku_id: str, kept: _Kept) -> Write:
        line = {"lines": "lines", "sku": sku_id, "q": "q"}
        more = Sets(
            "{lines}.{sku}.{q} = {lines}.{sku}.{q} + {more}, {lines}.{sku}.{p} = {price}",
            {**line, "p": "p"},
            more={"N": str(kept.quantity)},
            price={"N": str(kept.price_seen)},
        )
        room = Holds("{lines}.{sku}.{q} <= {most}", line, most={"N": str(MOST_PIECES - kept.quantity)})
        unselected = CartRow.unselected.delete({sku_id})
        return update(CartRow(member_id), more, unselected, condition=room, otherwise=_Moved())

    def _new_line(self, member_id: str, sku_id: str, kept: _Kept) -> Write:
        place = {"lines": "lines", "sku": sku_id}
        line = Sets("{lines}.{sku} = {line}", place, line=kept.packed())
        room = Holds(
            "attribute_exists({lines}) AND attribute_not_exists({lines}.{sku}) AND size({lines}) < {most}",
            place,
            most={"N": str(MOST_LINES)},
        )
        unselected = CartRow.unselected.delete({sku_id})
        return update(CartRow(member_id), line, unselected, condition=room, otherwise=_Moved())

    def _new_cart(self, member_id: str, sku_id: str, kept: _Kept) -> Write:
        return put(CartRow(member_id, lines={sku_id: kept}), new=True, otherwise=_Moved())

    def _until_it_fits(self, member_id: str, seen: Contents, write: Callable[[Contents], Write | None]) -> Contents:
        """Write for the cart as it was read, or else as it turns out to be; a failure means another change got in."""
        for _ in range(ATTEMPTS):
            wanted = write(seen)
            if wanted is None:
                return seen
            try:
                commit(wanted)
            except _Moved:
                seen = self.get(member_id)
            else:
                return _contents(wanted.row)
        raise StorageBusy


def _contents(row: Any) -> Contents:
    """An update has read its row back."""
    unselected = row.unselected or set()
    return Contents(
        {
            sku_id: CartLine(
                sku_id=sku_id,
                quantity=kept.quantity,
                selected=sku_id not in unselected,
                price_seen=kept.price_seen,
                added_at=from_epoch(kept.added_at),
            )
            for sku_id, kept in row.lines.items()
        }
    )

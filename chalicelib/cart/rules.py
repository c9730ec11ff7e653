"""What a cart holds, how it may change, and what has become of its lines since they were put in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..kernel.errors import NotFound, Refused

MOST_LINES = 100
MOST_PIECES = 999

# From so few pieces on, the shopper is told how many are left.
FEW = 5


class CartFull(Refused):
    """`details.limit`: lines that a cart holds."""

    code = "CART_FULL"
    message = "购物车已满，请先清理"


class TooManyPieces(Refused):
    """`details.limit`: pieces that a line holds."""

    code = "CART_TOO_MANY_PIECES"
    message = "商品数量超出购物车上限"


class CartLineNotFound(NotFound):
    code = "CART_LINE_NOT_FOUND"
    message = "购物车中没有该商品"


@dataclass(frozen=True)
class CartLine:
    """`price_seen`: fen a piece when the shopper last put some in or changed the quantity."""

    sku_id: str
    quantity: int
    selected: bool
    price_seen: int
    added_at: datetime


@dataclass(frozen=True)
class Contents:
    """A member's cart, as stored. `exists` is False for a member who never had one."""

    lines: Mapping[str, CartLine]
    exists: bool = True


@dataclass(frozen=True)
class LineChange:
    """What is None stays. `price`, fen a piece as seen now, comes with `quantity`."""

    quantity: int | None = None
    price: int = 0
    selected: bool | None = None


class ChangeKind(StrEnum):
    PRICE_CHANGED = "PRICE_CHANGED"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    LOW_STOCK = "LOW_STOCK"
    OFF_SHELF = "OFF_SHELF"
    GONE = "GONE"


@dataclass(frozen=True)
class Change:
    """`old` and `new` (fen) come with PRICE_CHANGED, `left` (pieces) with LOW_STOCK."""

    kind: ChangeKind
    old: int | None = None
    new: int | None = None
    left: int | None = None


@dataclass(frozen=True)
class ForSale:
    """What a SKU is like now: `price` in fen, `available` pieces."""

    price: int
    on_shelf: bool
    available: int


def changes(line: CartLine, now: ForSale | None) -> tuple[Change, ...]:
    """What the shopper should know of a line; `now` is None when the SKU no longer exists."""
    if now is None:
        return (Change(ChangeKind.GONE),)
    if not now.on_shelf:
        return (Change(ChangeKind.OFF_SHELF),)
    found = []
    if now.price != line.price_seen:
        found.append(Change(ChangeKind.PRICE_CHANGED, old=line.price_seen, new=now.price))
    if now.available < 1:
        found.append(Change(ChangeKind.OUT_OF_STOCK))
    elif now.available < line.quantity or now.available <= FEW:
        found.append(Change(ChangeKind.LOW_STOCK, left=now.available))
    return tuple(found)


def selectable(line: CartLine, now: ForSale | None) -> bool:
    """Whether the line could be ordered as it stands."""
    return now is not None and now.on_shelf and now.available >= line.quantity


def check_room(contents: Contents, sku_id: str, quantity: int) -> None:
    """Raises CartFull or TooManyPieces if so many more pieces do not go in."""
    line = contents.lines.get(sku_id)
    if line is None and len(contents.lines) >= MOST_LINES:
        raise CartFull(limit=MOST_LINES)
    if quantity + (line.quantity if line else 0) > MOST_PIECES:
        raise TooManyPieces(limit=MOST_PIECES)

"""What stock refuses."""

from ..kernel.errors import Refused


class SoldOut(Refused):
    """Fewer pieces are left than asked for; `details.sku_id` says of what."""

    code = "SOLD_OUT"
    message = "商品已售罄或库存不足"


def pieces(n: int) -> int:
    """`n`, if it is a number of pieces: a reservation of none or less would give stock away. Raises ValueError."""
    if n < 1:
        raise ValueError(f"stock moves by at least one piece, not {n}")
    return n

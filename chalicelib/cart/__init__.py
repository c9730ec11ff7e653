"""The cart: what a member means to buy. It reserves nothing and fixes no price: both are asked for when it is shown.

Table `cart`: one item a member, with all lines.
"""

from .rules import CartFull, CartLine, CartLineNotFound, TooManyPieces
from .service import Cart
from .store import CartStore
from .view import CartView

__all__ = ["Cart", "CartFull", "CartLine", "CartLineNotFound", "CartStore", "CartView", "TooManyPieces"]

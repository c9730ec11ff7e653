"""Orders: what a member asked for, at which price, and what became of it.

States: AWAITING_PAYMENT -> PAID -> SHIPPED -> COMPLETED; AWAITING_PAYMENT -> CLOSED; fully refunded: REFUNDED. A
paid order
of a campaign may be `held` until its group is complete: it is then not shippable. Table `orders`, keyed by member and
order id, so that an order is only ever found under its owner.
"""

from .rules import Order, OrderNotFound, OrderState
from .service import Orders
from .snapshot import campaign_order

__all__ = ["Order", "OrderNotFound", "OrderState", "Orders", "campaign_order"]

"""Effects: what follows from an order's change, after the change itself is safe.

The stream of the orders table starts them at once; a schedule finds those that did not finish. Each may run twice, at
once or late: group completion and refunds are conditional writes, sales and messages are claimed once per order.
"""

from .service import Effects

__all__ = ["Effects"]

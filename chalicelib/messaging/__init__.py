"""Messaging: subscribe messages to shoppers, and the consents that they need.

Owns the tables `consents` (how many messages of a template a member still agreed to) and `deliveries` (what became of
each message, kept for 90 days). One consent is one message; a message goes out at most once.

    SENDING -> SENT | REFUSED | UNCERTAIN | RETRY      RETRY -> SENDING
"""

from .rules import (
    KINDS,
    Answer,
    Delivery,
    DeliveryRecord,
    Message,
    Subscription,
    Template,
    coupon_expiring,
    order_paid,
    read_templates,
    refund_done,
    team_failed,
    team_formed,
)
from .service import Messaging, Sender
from .store import MessagingStore

__all__ = [
    "KINDS",
    "Answer",
    "Delivery",
    "DeliveryRecord",
    "Message",
    "Messaging",
    "MessagingStore",
    "Sender",
    "Subscription",
    "Template",
    "coupon_expiring",
    "order_paid",
    "read_templates",
    "refund_done",
    "team_failed",
    "team_formed",
]

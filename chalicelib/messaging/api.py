"""Routes of subscribe messages: which there are, and what the shopper agreed to."""

from typing import Annotated

import msgspec
from msgspec import Meta

from ..web import Call, Routes
from .rules import Answer, Subscription

routes = Routes(__name__)

TemplateId = Annotated[
    str, Meta(max_length=64, description="As `wx.requestSubscribeMessage` takes it.", examples=["tmpl_coupon_expiring"])
]


class ConsentAnswers(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    results: Annotated[
        dict[TemplateId, Answer],
        Meta(
            min_length=1,
            max_length=10,
            description="What `wx.requestSubscribeMessage` returned, without `errMsg`: answer by template id.",
            examples=[{"tmpl_coupon_expiring": "accept"}],
        ),
    ]


class SubscriptionView(msgspec.Struct, frozen=True):
    kind: Annotated[
        str,
        Meta(
            description="Subject: coupon_expiring, order_paid, team_formed, team_failed or refund_done.",
            examples=["coupon_expiring"],
        ),
    ]
    template_id: TemplateId
    consents: Annotated[int, Meta(description="Messages that the shopper still agreed to.", examples=[1])]


class SubscriptionsView(msgspec.Struct, frozen=True):
    items: Annotated[
        list[SubscriptionView],
        Meta(
            description="Every kind of message that the shop sends.",
            examples=[[{"kind": "coupon_expiring", "template_id": "tmpl_coupon_expiring", "consents": 1}]],
        ),
    ]


@routes.endpoint("GET", "/subscriptions", summary="Templates to ask consent for", answers=SubscriptionsView)
def subscriptions(call: Call[None]) -> SubscriptionsView:
    """Ask for consent with `wx.requestSubscribeMessage` at a tap on something to which the message belongs."""
    return _view(call.shop.messaging.subscriptions(call.member_id))


@routes.endpoint(
    "POST", "/subscriptions", summary="Tell what the shopper agreed to", body=ConsentAnswers, answers=SubscriptionsView
)
def record(call: Call[ConsentAnswers]) -> SubscriptionsView:
    """One `accept` is one message. Templates that the shop does not use are passed over."""
    messaging = call.shop.messaging
    messaging.record(call.member_id, call.session.openid, call.body.results)
    return _view(messaging.subscriptions(call.member_id))


def _view(subscriptions: list[Subscription]) -> SubscriptionsView:
    return SubscriptionsView([SubscriptionView(each.kind, each.template_id, each.consents) for each in subscriptions])

"""Recording consents and sending messages."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..kernel.clock import Clock
from ..kernel.errors import ShopError
from ..wechat.errors import (
    MessageRefused,
    NoConsent,
    RiskyUser,
    WeChatBusy,
    WeChatMisconfigured,
    WeChatRateLimited,
)
from .rules import (
    CONSENTS,
    AlreadyTried,
    Answer,
    ConsentAfter,
    ConsentUsedUp,
    Delivery,
    DeliveryRecord,
    Message,
    Outcome,
    Subscription,
    Template,
    fill,
    page_of,
)
from .store import MessagingStore

MOST_RECORDS = 100


class Sender(Protocol):
    def send_subscribe_message(self, openid: str, template_id: str, page: str, data: Mapping[str, str]) -> None:
        """Raises NoConsent, MessageRefused, RiskyUser, WeChatMisconfigured, WeChatRateLimited or WeChatBusy."""


class Messaging:
    """`templates` by kind, as `read_templates` makes them."""

    def __init__(self, store: MessagingStore, sender: Sender, templates: Mapping[str, Template], clock: Clock) -> None:
        self._store = store
        self._sender = sender
        self._templates = templates
        self._clock = clock

    def record(self, member_id: str, openid: str, results: Mapping[str, Answer]) -> None:
        """Count the consents in what `wx.requestSubscribeMessage` returned, by template id.

        Templates that the shop does not use are passed over. Nothing proves a consent to us: the platform knows, and
        its refusal sets the count right.
        """
        ours = {template.template_id for template in self._templates.values()}
        accepted = [template_id for template_id, result in results.items() if result in CONSENTS]
        self._store.grant(member_id, openid, sorted(ours.intersection(accepted)))

    def withdraw(self, member_id: str, template_ids: Sequence[str]) -> None:
        """The shopper switched these off in the mini-program's settings: no consent is left."""
        self._store.withdraw(member_id, template_ids)

    def subscriptions(self, member_id: str) -> list[Subscription]:
        ids = [template.template_id for template in self._templates.values()]
        consents = self._store.consents(member_id, ids)
        return [
            Subscription(kind, template_id, consent.left)
            for kind, template_id, consent in zip(self._templates, ids, consents, strict=True)
        ]

    def send(self, member_id: str, message: Message, once: str) -> Delivery:
        """Send a message for which the member has a consent; at most once for each `once` (unique within the member).

        The message is recorded and the consent taken in one step before the platform is asked. The platform's
        refusals are recorded, not raised; see `Delivery` for what may be tried again.
        """
        template = self._templates.get(message.kind)
        if template is None:
            return Delivery.NO_TEMPLATE
        (consent,) = self._store.consents(member_id, [template.template_id])
        if consent.left < 1:
            return Delivery.NO_CONSENT
        data, page = fill(template, message), page_of(template, message)
        try:
            self._store.begin(member_id, once, message.kind, template.template_id, self._clock())
        except AlreadyTried:
            return Delivery.DUPLICATE
        except ConsentUsedUp:
            return Delivery.NO_CONSENT
        outcome = self._ask(consent.openid, template.template_id, page, data)
        self._store.finish(member_id, once, template.template_id, outcome)
        return outcome.state

    def records(self, member_id: str) -> list[DeliveryRecord]:
        """Messages tried for a member in the last 90 days; NO_CONSENT and NO_TEMPLATE leave no record."""
        return self._store.records(member_id, MOST_RECORDS)

    def _ask(self, openid: str, template_id: str, page: str, data: Mapping[str, str]) -> Outcome:
        try:
            self._sender.send_subscribe_message(openid, template_id, page, data)
        except NoConsent as error:
            return _outcome(Delivery.REFUSED, ConsentAfter.NONE_LEFT, error)
        except (MessageRefused, RiskyUser, WeChatMisconfigured) as error:
            return _outcome(Delivery.REFUSED, ConsentAfter.BACK, error)
        except WeChatRateLimited as error:
            return _outcome(Delivery.RETRY, ConsentAfter.BACK, error)
        except WeChatBusy as error:
            if error.uncertain:
                return _outcome(Delivery.UNCERTAIN, ConsentAfter.SPENT, error)
            return _outcome(Delivery.RETRY, ConsentAfter.BACK, error)
        return Outcome(Delivery.SENT)


def _outcome(state: Delivery, consent: ConsentAfter, error: ShopError) -> Outcome:
    return Outcome(state, consent, error.code, str(error.details.get("errcode", "")))

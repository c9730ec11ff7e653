import pytest

import chalicelib.messaging.api  # noqa: F401  declares the endpoints
from chalicelib.messaging import Delivery, Messaging, MessagingStore, coupon_expiring, read_templates
from tests.messaging.asking import Client
from tests.messaging.fakes import NOON, FakeClock, FakeSender


@pytest.fixture
def messaging(tables: str) -> Messaging:
    templates = read_templates({"coupon_expiring": "tpl-coupon", "order_paid": "tpl-paid"})
    return Messaging(MessagingStore(), FakeSender(), templates, FakeClock())


@pytest.fixture
def client(messaging: Messaging) -> Client:
    return Client(messaging=messaging, clock=FakeClock())


def test_what_the_shopper_agreed_to_is_counted_and_shown(client: Client) -> None:
    expected = {
        "items": [
            {"kind": "coupon_expiring", "template_id": "tpl-coupon", "consents": 1},
            {"kind": "order_paid", "template_id": "tpl-paid", "consents": 0},
        ]
    }
    results = {"tpl-coupon": "accept", "tpl-paid": "reject", "tpl-other": "accept"}
    assert client.ask("POST", "/subscriptions", {"results": results}) == (200, expected)
    assert client.ask("GET", "/subscriptions") == (200, expected)


def test_a_consent_belongs_to_the_member_and_openid_of_the_session(client: Client, messaging: Messaging) -> None:
    client.ask("POST", "/subscriptions", {"results": {"tpl-coupon": "accept"}}, token="M2")
    message = coupon_expiring("c1", "满100减20", NOON)
    assert [messaging.send(member, message, "a") for member in ("M1", "M2")] == [Delivery.NO_CONSENT, Delivery.SENT]


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"results": {}},
        {"results": {"tpl-coupon": "yes"}},
        {"results": {"tpl-coupon": 1}},
        {"results": {"t" * 65: "accept"}},
        {"results": {f"t{n}": "accept" for n in range(11)}},
        {"results": {"tpl-coupon": "accept"}, "member_id": "M2"},
    ],
)
def test_what_the_platform_cannot_have_said_is_malformed(body: object) -> None:
    assert Client(clock=FakeClock()).ask("POST", "/subscriptions", body) == (400, "MALFORMED")


def test_a_session_is_needed() -> None:
    assert Client(clock=FakeClock()).ask("GET", "/subscriptions", token="nobody") == (401, "UNAUTHENTICATED")

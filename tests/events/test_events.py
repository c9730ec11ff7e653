"""Message push: verification, both modes, and what the events mean."""

from typing import Any

import pytest
import requests

from chalicelib.events.rules import read_event
from tests.shop import Shopper, Stack

TEMPLATE = "tmpl_order_paid"


def openid(stack: Stack, shopper: Shopper) -> str:
    return stack.shop.identity.authenticate(shopper.token).openid


def change(who: str, status: str = "reject") -> dict[str, Any]:
    return {
        "ToUserName": "gh_1", "FromUserName": who, "CreateTime": 1795312345, "MsgType": "event",
        "Event": "subscribe_msg_change_event",
        "List": [{"TemplateId": TEMPLATE, "SubscribeStatusString": status}],
    }  # fmt: skip


def pushed(stack: Stack, push: dict[str, Any]) -> tuple[int, str]:
    told = stack.control("POST", "push", push)
    return told["status"], told["answer"]


def consents(shopper: Shopper) -> int:
    items = shopper.get("/subscriptions")["items"]
    return int(next(item["consents"] for item in items if item["template_id"] == TEMPLATE))


def test_the_platform_can_verify_the_address(stack: Stack) -> None:
    answer = stack.control("POST", "push/verify", {"url": f"{stack.api_url}/wechat/push"})
    assert answer == {"status": 200, "echoed": True}


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_consent_withdrawn_in_the_settings_is_forgotten(stack: Stack, form: str) -> None:
    alice = stack.shopper("alice")
    alice.post("/subscriptions", {"results": {TEMPLATE: "accept"}})
    assert consents(alice) == 1
    event = change(openid(stack, alice))
    if form == "xml":
        event["SubscribeMsgChangeEvent"] = {"List": event.pop("List")[0]}
    push = {"event": event, "url": f"{stack.api_url}/wechat/push", "mode": "secure", "form": form}
    assert pushed(stack, push) == (200, "success")
    assert consents(alice) == 0
    alice.post("/subscriptions", {"results": {TEMPLATE: "accept"}})
    assert stack.control("POST", "push", push)["answer"] == "success"
    assert consents(alice) == 1, "the platform repeated itself; that is no second withdrawal"


def test_a_plain_message_does_not_count_while_a_key_is_set(stack: Stack) -> None:
    alice = stack.shopper("alice")
    alice.post("/subscriptions", {"results": {TEMPLATE: "accept"}})
    push = {"event": change(openid(stack, alice)), "url": f"{stack.api_url}/wechat/push", "mode": "plain"}
    assert stack.control("POST", "push", push)["status"] == 403
    assert consents(alice) == 1


def test_other_events_are_acknowledged(stack: Stack) -> None:
    event = {"ToUserName": "g", "FromUserName": "o", "CreateTime": 1, "MsgType": "event", "Event": "wxa_media_check"}
    push = {"event": event, "url": f"{stack.api_url}/wechat/push", "mode": "secure"}
    assert pushed(stack, push) == (200, "success")


@pytest.mark.parametrize(
    ("message", "kind", "withdrawn"),
    [
        (change("o"), "subscribe_msg_change_event", (TEMPLATE,)),
        (change("o", "accept"), "subscribe_msg_change_event", ()),
        ({**change("o"), "List": None}, "subscribe_msg_change_event", ()),
        (
            {**change("o"), "List": {"TemplateId": "", "SubscribeStatusString": "reject"}},
            "subscribe_msg_change_event",
            (),
        ),
        ({**change("o"), "List": ["nonsense"]}, "subscribe_msg_change_event", ()),
        ({"MsgType": "text", "Content": "hello"}, "text", ()),
        ({}, "", ()),
    ],
)
def test_events_are_read_tolerantly(message: dict[str, Any], kind: str, withdrawn: tuple[str, ...]) -> None:
    event = read_event(message)
    assert (event.kind, event.withdrawn) == (kind, withdrawn)


def test_a_message_that_is_no_text_at_all_is_plainly_refused(stack: Stack) -> None:
    now = int(stack.clock().timestamp())
    url = f"{stack.api_url}/wechat/push?timestamp={now}&nonce=a&msg_signature=x"
    answer = requests.post(
        url, data=b'{"Encrypt": "\\ud800"}', headers={"Content-Type": "application/json"}, timeout=30
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "PUSH_REFUSED")


def test_a_withdrawal_that_was_cut_short_is_made_when_it_comes_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Died

    alice = stack.shopper("alice")
    openid = stack.shop.identity.authenticate(alice.token).openid
    alice.post("/subscriptions", {"results": {"tmpl_order_paid": "accept"}})
    entry = {"TemplateId": "tmpl_order_paid", "SubscribeStatusString": "reject"}
    message = {
        "Event": "subscribe_msg_change_event", "FromUserName": openid, "CreateTime": 1,
        "SubscribeMsgChangeEvent": {"List": [entry]},
    }  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(stack.shop.messaging, "withdraw", dies)
        with pytest.raises(Died):
            stack.shop.events.hear(message, stack.clock())
    stack.shop.events.hear(message, stack.clock())
    left = {each["kind"]: each["consents"] for each in alice.get("/subscriptions")["items"]}
    assert left["order_paid"] == 0

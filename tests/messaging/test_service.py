import itertools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TypeVar

import pytest

from chalicelib.kernel.errors import Conflict, ShopError
from chalicelib.messaging import Answer, Delivery, Message, Messaging, MessagingStore, coupon_expiring, read_templates
from chalicelib.messaging.rules import TRANSITIONS, AlreadyTried, Outcome
from chalicelib.wechat.errors import (
    MessageRefused,
    NoConsent,
    RiskyUser,
    WeChatBusy,
    WeChatMisconfigured,
    WeChatRateLimited,
)
from tests.messaging.fakes import NOON, FakeClock, FakeSender

Result = TypeVar("Result")
TEMPLATES = read_templates({"coupon_expiring": "tpl-coupon", "order_paid": "tpl-paid"})
MESSAGE = coupon_expiring("c1", "满100减20", NOON + timedelta(days=1))


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
def messaging(tables: str, sender: FakeSender) -> Messaging:
    return Messaging(MessagingStore(), sender, TEMPLATES, FakeClock())


def agree(messaging: Messaging, times: int = 1, member_id: str = "M1") -> None:
    for _ in range(times):
        messaging.record(member_id, f"openid-{member_id}", {"tpl-coupon": Answer.ACCEPT})


def left(messaging: Messaging, member_id: str = "M1") -> dict[str, int]:
    return {each.kind: each.consents for each in messaging.subscriptions(member_id)}


def recorded(messaging: Messaging) -> list[tuple[str, Delivery, str, str]]:
    return [(each.once, each.state, each.code, each.errcode) for each in messaging.records("M1")]


def at_once(callers: int, call: Callable[[int], Result]) -> list[Result]:
    start = Barrier(callers)

    def one(n: int) -> Result:
        start.wait()
        return call(n)

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(one, range(callers)))


def test_each_acceptance_is_one_consent_and_nothing_else_is(messaging: Messaging) -> None:
    answers = {"tpl-coupon": Answer.ACCEPT, "tpl-paid": Answer.REJECT, "tpl-of-another-shop": Answer.ACCEPT}
    messaging.record("M1", "openid-M1", answers)
    messaging.record("M1", "openid-M1", {"tpl-coupon": Answer.ACCEPT_WITH_AUDIO, "tpl-paid": Answer.BAN})
    messaging.record("M1", "openid-M1", {"tpl-coupon": Answer.FILTER})
    assert left(messaging) == {"coupon_expiring": 2, "order_paid": 0}
    assert left(messaging, "M2") == {"coupon_expiring": 0, "order_paid": 0}


def test_switching_a_template_off_withdraws_its_consents(messaging: Messaging) -> None:
    agree(messaging, 3)
    messaging.record("M1", "openid-M1", {"tpl-paid": Answer.ACCEPT})
    messaging.withdraw("M1", ["tpl-coupon", "tpl-of-another-shop"])
    assert left(messaging) == {"coupon_expiring": 0, "order_paid": 1}


def test_one_consent_is_one_message_to_the_openid_that_agreed(messaging: Messaging, sender: FakeSender) -> None:
    agree(messaging)
    assert messaging.send("M1", MESSAGE, "a") is Delivery.SENT
    assert messaging.send("M1", MESSAGE, "b") is Delivery.NO_CONSENT
    data = {"thing1": "满100减20", "time2": "2026年11月23日 12:00", "thing3": "快要过期啦，记得使用哦"}
    assert sender.sent == [("openid-M1", "tpl-coupon", "pages/coupons/index", data)]
    assert recorded(messaging) == [("a", Delivery.SENT, "", "")]
    assert left(messaging)["coupon_expiring"] == 0


def test_a_consent_to_one_template_is_none_to_another_and_none_of_another_member(messaging: Messaging) -> None:
    agree(messaging)
    paid = Message("order_paid", "o1", {})
    assert messaging.send("M1", paid, "a") is Delivery.NO_CONSENT
    assert messaging.send("M2", MESSAGE, "a") is Delivery.NO_CONSENT


def test_a_shop_without_a_template_for_the_kind_sends_nothing(messaging: Messaging, sender: FakeSender) -> None:
    assert messaging.send("M1", Message("refund_done", "o1", {}), "a") is Delivery.NO_TEMPLATE
    assert sender.asked == 0


def test_the_same_message_is_not_sent_twice(messaging: Messaging, sender: FakeSender) -> None:
    agree(messaging, 2)
    messaging.send("M1", MESSAGE, "a")
    assert messaging.send("M1", MESSAGE, "a") is Delivery.DUPLICATE
    assert (sender.asked, left(messaging)["coupon_expiring"]) == (1, 1)


def test_consents_used_up_at_the_platform_are_used_up_here(messaging: Messaging, sender: FakeSender) -> None:
    agree(messaging, 3)
    sender.fails = [NoConsent(errcode=43101)]
    assert messaging.send("M1", MESSAGE, "a") is Delivery.REFUSED
    assert recorded(messaging) == [("a", Delivery.REFUSED, "NO_CONSENT", "43101")]
    assert left(messaging)["coupon_expiring"] == 0
    assert messaging.send("M1", MESSAGE, "b") is Delivery.NO_CONSENT
    assert sender.asked == 1


@pytest.mark.parametrize("error", [MessageRefused(errcode=47003), RiskyUser(errcode=40226), WeChatMisconfigured()])
def test_a_final_refusal_is_recorded_and_leaves_the_consent(
    messaging: Messaging, sender: FakeSender, error: ShopError
) -> None:
    agree(messaging)
    sender.fails = [error]
    assert messaging.send("M1", MESSAGE, "a") is Delivery.REFUSED
    assert recorded(messaging) == [("a", Delivery.REFUSED, error.code, str(error.details.get("errcode", "")))]
    assert messaging.send("M1", MESSAGE, "a") is Delivery.DUPLICATE
    assert left(messaging)["coupon_expiring"] == 1


@pytest.mark.parametrize("error", [WeChatBusy(errcode=43108), WeChatRateLimited(errcode=45009)])
def test_a_message_that_certainly_did_not_go_out_can_be_sent_again(
    messaging: Messaging, sender: FakeSender, error: ShopError
) -> None:
    agree(messaging)
    sender.fails = [error, error]
    assert messaging.send("M1", MESSAGE, "a") is Delivery.RETRY
    assert recorded(messaging) == [("a", Delivery.RETRY, error.code, str(error.details["errcode"]))]
    assert left(messaging)["coupon_expiring"] == 1
    assert messaging.send("M1", MESSAGE, "a") is Delivery.RETRY
    assert messaging.send("M1", MESSAGE, "a") is Delivery.SENT
    assert recorded(messaging) == [("a", Delivery.SENT, "", "")]
    assert (len(sender.sent), left(messaging)["coupon_expiring"]) == (1, 0)


def test_a_message_that_may_have_gone_out_is_not_sent_again(messaging: Messaging, sender: FakeSender) -> None:
    agree(messaging, 2)
    sender.fails = [WeChatBusy(uncertain=True)]
    assert messaging.send("M1", MESSAGE, "a") is Delivery.UNCERTAIN
    assert messaging.send("M1", MESSAGE, "a") is Delivery.DUPLICATE
    assert (sender.asked, left(messaging)["coupon_expiring"]) == (1, 1)


def test_a_process_that_dies_while_sending_leaves_a_message_that_is_not_sent_again(
    messaging: Messaging, sender: FakeSender
) -> None:
    agree(messaging, 2)
    sender.fails = [KeyError("died here")]
    with pytest.raises(KeyError):
        messaging.send("M1", MESSAGE, "a")
    assert messaging.send("M1", MESSAGE, "a") is Delivery.DUPLICATE
    assert recorded(messaging) == [("a", Delivery.SENDING, "", "")]
    assert left(messaging)["coupon_expiring"] == 1


def test_the_record_and_the_consent_are_written_before_the_platform_is_asked(tables: str) -> None:
    class Looking(FakeSender):
        def send_subscribe_message(self, openid: str, template_id: str, page: str, data: Mapping[str, str]) -> None:
            seen.append((recorded(messaging), left(messaging)["coupon_expiring"]))

    seen: list[object] = []
    messaging = Messaging(MessagingStore(), Looking(), TEMPLATES, FakeClock())
    agree(messaging)
    messaging.send("M1", MESSAGE, "a")
    assert seen == [([("a", Delivery.SENDING, "", "")], 0)]


def test_fifty_senders_of_one_message_send_it_once(messaging: Messaging, sender: FakeSender) -> None:
    agree(messaging, 5)
    outcomes = at_once(50, lambda n: messaging.send("M1", MESSAGE, "a"))
    assert sorted(outcomes) == [Delivery.DUPLICATE] * 49 + [Delivery.SENT]
    assert (sender.asked, left(messaging)["coupon_expiring"]) == (1, 4)


def test_fifty_messages_share_three_consents(messaging: Messaging, sender: FakeSender) -> None:
    agree(messaging, 3)
    outcomes = at_once(50, lambda n: messaging.send("M1", MESSAGE, f"message-{n}"))
    assert sorted(outcomes) == [Delivery.NO_CONSENT] * 47 + [Delivery.SENT] * 3
    assert (sender.asked, left(messaging)["coupon_expiring"]) == (3, 0)


def test_consents_given_at_the_same_moment_all_count(messaging: Messaging) -> None:
    agree(messaging)
    at_once(50, lambda n: agree(messaging))
    assert left(messaging)["coupon_expiring"] == 51


def moves(store: MessagingStore, once: str, state: Delivery) -> bool:
    try:
        if state is Delivery.SENDING:
            store.begin("M1", once, "coupon_expiring", "tpl", NOON)
        else:
            store.finish("M1", once, "tpl", Outcome(state))
    except (AlreadyTried, Conflict):
        return False
    return True


def test_records_move_only_as_the_table_says(tables: str) -> None:
    store = MessagingStore()
    for _ in range(50):
        store.grant("M1", "openid-M1", ["tpl"])
    for state, following in itertools.product(TRANSITIONS, TRANSITIONS):
        once = f"{state}-{following}"
        assert moves(store, once, Delivery.SENDING)
        assert state is Delivery.SENDING or moves(store, once, state)
        assert moves(store, once, following) == (following in TRANSITIONS[state]), once

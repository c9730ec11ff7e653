"""The gates that the shop must pass before it may take real money, each as a test on an engine with true transactions;
and the register of the twenty scenarios, so that none is lost.

Gates that are scenarios too stand with those: GATES says where.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from unittest.mock import patch

import pytest

from chalicelib.coupons import CouponKind, CouponTemplate, Terms
from chalicelib.kernel.staff import StaffRole
from sandbox.wechat import Credentials
from tests.faults.driver import settle
from tests.faults.engine import Answer, Request, refused
from tests.faults.invariants import broken
from tests.faults.staging import life, staged
from tests.faults.strikes import Result, Strike
from tests.faults.world import GaveUp, Refusal, Stage, World
from tests.shop import Shopper, Stack, stock_the_shelves

TESTS = Path(__file__).parents[1]
BUYERS, AT_ONCE, UNITS = 200, 50, 100

GATES = {
    "20 identical callbacks at once: one change of state, 20 answers of success":
        "scenarios/test_money.py::test_05_twenty_identical_callbacks_at_once_are_one_payment_and_twenty_successes",
    "a signed callback with another amount: no goods, an alarm":
        "scenarios/test_money.py::test_07_a_callback_about_other_money_is_refused_alarmed_and_never_pays",
    "other money than the order's: no goods, it goes back, an alarm":
        "scenarios/test_money.py::test_07_other_money_than_the_orders_goes_back_and_the_order_is_closed_over_it",
    "a signed callback for a closed order: it goes back":
        "scenarios/test_money.py::test_04_a_payment_after_cancelling_is_refunded_in_full_by_itself",
    "the process killed between any two steps":
        "faults/test_faults.py::test_20_a_strike_at_any_step_changes_nothing_in_the_end",
}  # fmt: skip
# 14 is asked of every route there is.
ELSEWHERE = {14: "test_ownership.py::test_what_another_member_owns_is_answered_as_if_nobody_had_it"}


def test_200_buyers_at_50_at_a_time_get_exactly_the_100_units_there_are(stack: Stack) -> None:
    with ThreadPoolExecutor(8) as pool:
        buyers = list(pool.map(stack.shopper, [f"buyer-{n}" for n in range(BUYERS)]))
        list(pool.map(Shopper.address, buyers))
    assert len({buyer.member_id for buyer in buyers}) == BUYERS
    assert stack.stock("cup-01") == UNITS

    def place(buyer: Shopper) -> tuple[int, str]:
        answer = buyer.send("POST", "/orders", buyer.wish(("cup-01", 1)), **{"Idempotency-Key": "flash-sale"})
        return answer.status_code, str(answer.json().get("code", answer.json().get("state")))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = Counter(pool.map(place, buyers))
    assert outcomes == {(201, "AWAITING_PAYMENT"): UNITS, (422, "SOLD_OUT"): BUYERS - UNITS}
    assert stack.stock("cup-01") == 0
    assert len(stack.changed_orders()) == UNITS


def test_the_same_key_ten_times_at_once_is_one_order(stack: Stack) -> None:
    alice = stack.shopper("alice")
    wish, key = alice.wish(("tea-01", 1)), {"Idempotency-Key": "same-key"}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: alice.send("POST", "/orders", wish, **key), range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    assert stack.stock("tea-01") == 99
    assert alice.refused("POST", "/orders", alice.wish(("tea-01", 2)), **key) == "IDEMPOTENCY_KEY_REUSED"


def test_two_members_with_one_sku_never_touch_each_others_carts(stack: Stack) -> None:
    alice, bob = stack.shopper("alice"), stack.shopper("bob")
    line = {"sku_id": "tea-01", "quantity": 1}
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda who: who.post("/cart/lines", line), [alice] * 7 + [bob] * 5))
    assert [line["quantity"] for line in alice.get("/cart")["lines"]] == [7]
    assert [line["quantity"] for line in bob.get("/cart")["lines"]] == [5]
    alice.order()
    assert alice.get("/cart")["lines"] == []
    assert [line["quantity"] for line in bob.get("/cart")["lines"]] == [5]


def test_a_signed_callback_for_a_closed_order_brings_no_goods_but_the_money_back_and_an_alarm(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    alice = stack.shopper("alice")
    order_id = alice.order(("tea-01", 1))["order_id"]
    sheet = alice.open_sheet(order_id)
    alice.post(f"/orders/{order_id}/cancel")
    paid = alice.pay(order_id, sheet, late=True)
    assert paid["callback_results"] == [200]
    assert "paid_late" in [getattr(record, "alarm", "") for record in caplog.records]
    before = stack.shop.payments.money.report(alice.member_id, order_id)
    assert (before.received, before.undecided, before.kept, before.difference) == (5600, 5600, 0, 0)
    stack.drain()
    after = stack.shop.payments.money.report(alice.member_id, order_id)
    assert (after.state, after.received, after.sent_back, after.kept, after.difference) == ("CLOSED", 5600, 5600, 0, 0)
    assert stack.stock("tea-01") == 100


# -- storage in trouble ----------------------------------------------------------------------------------------------


@dataclass
class Trouble(Strike):
    """Storage has no time for one request, which is found by counting: a throttled read or write, or a write that meets
    another transaction. The same request fails again when it is repeated, for as long as nobody is answered; `once`
    lets the repetition through. No engine here does such a thing.
    """

    conflict: bool = False
    once: bool = False
    over: bool = False
    met: int = 0

    def concerns(self, request: Request) -> bool:
        return not self.over

    def storage(self, request: Request, do: Callable[[], Answer]) -> Answer:
        again = not (self.once or self.over) and str(request) == self.struck
        if again or (request.attempt == 1 and self._counts(request) and self._hits(str(request))):
            self.met += 1
            return self._busy(request)
        return do()

    def _counts(self, request: Request) -> bool:
        looking = request.sent.get("IndexName") == "due"  # a schedule that finds nothing now looks again
        return request.writes if self.conflict else not looking

    def outside(
        self, call: str, do: Callable[[], Result], busy: Callable[[], Result], lost: Callable[[], Exception]
    ) -> Result:
        return do()

    def _busy(self, request: Request) -> Answer:
        if not self.conflict:
            return refused("ThrottlingException")
        if request.operation != "TransactWriteItems":
            return refused("TransactionConflictException")
        return conflicting(len(request.sent["TransactItems"]))


def conflicting(writes: int) -> Answer:
    """A transaction that met another one over its last write."""
    status, headers, _ = refused("")
    reasons = ",".join(['{"Code":"None"}'] * (writes - 1) + ['{"Code":"TransactionConflict"}'])
    name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return status, headers, f'{{"__type":"{name}","message":"","CancellationReasons":[{reasons}]}}'.encode()


def a_whole_purchase(world: World) -> None:
    """Placed, paid, told of by WeChat, a part of it refunded, the rest sent and received."""
    alice, erin = world.member("alice"), world.member("erin")
    coupon = alice.post("/coupon-templates/five/claim")["coupon_id"]
    order = alice.buy(("tea-01", 2), ("cup-01", 1), coupon_id=coupon)
    settle(world, minutes=3)
    assert alice.see(order)["state"] == "PAID"
    lines = [{"sku_id": "cup-01", "quantity": 1}]
    wish = {"kind": "REFUND", "reason": "CHANGED_MIND", "lines": lines, "sent": False}
    case = alice.post(f"/orders/{order}/aftersales", wish, key=True)["case_id"]
    erin.post(f"/staff/aftersales/{alice.member_id}/{case}/agree", {})
    settle(world, minutes=10)
    assert alice.get(f"/aftersales/{case}")["state"] == "DONE"
    sent = {"way": "EXPRESS", "carrier": "SF", "tracking_no": "SF1234567890"}
    erin.post(f"/staff/orders/{alice.member_id}/{order}/parcels", sent, key=True)
    assert alice.post(f"/orders/{order}/receipt")["state"] == "COMPLETED"
    settle(world, minutes=10)


def furnish(world: World) -> None:
    stock_the_shelves(world.shop)
    terms = Terms(CouponKind.AMOUNT, "满50减5", 500, threshold=5000)
    world.shop.coupons.put_template(CouponTemplate("five", terms, total=10, valid_days=7))
    for name in ("alice", "erin"):
        world.stage.people[name] = world.member(name).log_in().move_in()
    staff = world.stage.people["erin"].member_id
    world.shop.identity.appoint(staff, {StaffRole.SERVICE, StaffRole.FULFILMENT}, by="the-owner")


@pytest.fixture(scope="module")
def stage(credentials: Credentials) -> Iterator[Stage]:
    with staged(credentials, furnish) as stage:
        yield stage


def in_trouble(stage: Stage, trouble: Trouble) -> list[str]:
    """What is wrong after the purchase, if anything."""
    with life(stage, 0, trouble) as world:
        work = world.in_shop

        def in_shop(what: str, doing: Callable[[], object]) -> bool:
            try:
                return work(what, doing)
            finally:
                trouble.over = bool(trouble.struck)

        with patch.object(world, "in_shop", in_shop):
            try:
                a_whole_purchase(world)
            except (AssertionError, GaveUp, Refusal) as error:
                return [f"{type(error).__name__}: {error}", *world.story]
            return broken(world)


@pytest.mark.parametrize("conflict", [False, True], ids=["throttling", "conflicts"])
def test_storage_in_trouble_is_waited_out_or_told_as_busy_and_the_repetition_works(
    stage: Stage, conflict: bool
) -> None:
    """Of every request to storage that a purchase makes. A client hears 503 or nothing of it, WeChat 500, so that both
    come again; anything else that is not a success fails the purchase.
    """
    wrong = {}
    assert in_trouble(stage, Trouble()) == []
    for at in count(1):
        trouble = Trouble(at, conflict=conflict, once=conflict and at % 2 == 0)
        found = in_trouble(stage, trouble)
        if not trouble.struck:
            break
        if found:
            wrong[f"{at} {trouble.struck}"] = found
        assert trouble.once or trouble.met > 1, f"{trouble.struck} is not repeated by anybody"
    assert at > 20, f"a purchase of {at - 1} requests"
    assert not wrong, "\n\n".join("\n  ".join([at, *found]) for at, found in list(wrong.items())[:3])


# -- the registers ---------------------------------------------------------------------------------------------------


def test_every_gate_has_its_test() -> None:
    assert [gate for gate, place in GATES.items() if place not in set(functions_in("scenarios", "faults"))] == []


def test_each_of_the_twenty_scenarios_has_a_test_with_its_number() -> None:
    numbered = {int(number) for place in functions_in("scenarios", "faults") for number in numbers(place)}
    assert set(ELSEWHERE.values()) <= set(functions_in("."))
    assert set(range(1, 21)) - numbered - set(ELSEWHERE) == set()


def functions_in(*rooms: str) -> Iterator[str]:
    """file::function, relative to tests/."""
    for room in rooms:
        for path in sorted((TESTS / room).glob("*.py")):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield f"{path.relative_to(TESTS)}::{node.name}"


def numbers(place: str) -> list[str]:
    """test_08_09_… is about two of them."""
    leading = re.match(r"test((_[0-9]{2})*)_", place.partition("::")[2])
    return re.findall("[0-9]{2}", leading[1]) if leading else []

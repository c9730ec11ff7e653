"""What the famous malls get wrong, and this shop must not: stock, seats, coupons, cuts."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.kernel.errors import ShopError
from chalicelib.orders.wanted import Wanted
from tests.shop import Shopper, Stack

CROWD = 50


def crowd(stack: Stack, count: int = CROWD) -> list[Shopper]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(stack.shopper, [f"guest-{n}" for n in range(count)]))


@pytest.mark.parametrize("round_", range(3))
def test_01_the_last_unit_is_sold_to_one_of_fifty_buyers(stack: Stack, round_: int) -> None:
    alice = stack.shopper("alice")
    session = stack.shop.identity.authenticate(alice.token)
    wanted = Wanted(lines=(("tea-02", 1),), address_id=alice.address())
    _leave(stack, "tea-02", 1)

    def place(n: int) -> str:
        try:
            stack.shop.orders.placing.place(session, wanted, f"buyer-{round_}-{n}", stack.clock())
        except ShopError as refusal:
            return refusal.code
        return "PLACED"

    with ThreadPoolExecutor(CROWD) as pool:
        outcomes = list(pool.map(place, range(CROWD)))
    assert sorted(set(outcomes)) == ["PLACED", "SOLD_OUT"]
    assert outcomes.count("PLACED") == 1
    assert stack.stock("tea-02") == 0


def _leave(stack: Stack, sku_id: str, units: int) -> None:
    from chalicelib.storage.writes import commit

    stack.shop.stock.take({sku_id: stack.stock(sku_id) - units}, commit)


def test_02_the_last_two_seats_of_a_team_go_to_two_of_fifty_and_the_team_completes(stack: Stack) -> None:
    leader = stack.shopper("leader")
    opened = leader.buy(("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})
    stack.drain(1)
    team_id = opened["campaign"]["group_id"]
    guests = crowd(stack)
    for guest in guests:
        guest.address()
    wish = {"campaign": {"kind": "groupbuy", "activity_id": "team", "group_id": team_id}}

    def join(guest: Shopper) -> tuple[Shopper, object]:
        answer = guest.send("POST", "/orders", guest.wish(("tea-01", 1), **wish), **{"Idempotency-Key": "join-team"})
        return guest, answer.json()

    with ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(join, guests))
    seated = [(guest, answer["order_id"]) for guest, answer in answers if "order_id" in answer]
    assert {answer.get("code") for _, answer in answers if "order_id" not in answer} <= {"TEAM_FULL", "TEAM_NOT_OPEN"}
    assert len(seated) == 2
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda seat: seat[0].pay(seat[1]), seated))
    stack.drain()
    orders = [leader.get(f"/orders/{opened['order_id']}")] + [g.get(f"/orders/{order_id}") for g, order_id in seated]
    assert [(order["state"], order["held"]) for order in orders] == [("PAID", False)] * 3
    assert leader.get(f"/groupbuy/teams/{team_id}")["state"] == "FORMED"


def test_03_what_was_ordered_in_time_is_not_refused_when_it_is_paid(stack: Stack) -> None:
    _leave(stack, "tea-01", 1)
    alice = stack.shopper("alice")
    order = alice.buy(("tea-01", 1), campaign={"kind": "groupbuy", "activity_id": "team"})
    assert (order["state"], order["held"]) == ("PAID", True)
    assert stack.stock("tea-01") == 0


def test_15_coupons_are_not_claimed_beyond_total_or_limit_by_many_taps(stack: Stack) -> None:
    from chalicelib.coupons import CouponKind, CouponTemplate, Terms

    terms = Terms(CouponKind.AMOUNT, "满50减5", 500, threshold=5000)
    stack.shop.coupons.put_template(CouponTemplate("rush", terms, total=10, per_member=2, valid_days=7))
    guests = crowd(stack, 10)
    taps = [guest for guest in guests for _ in range(5)]
    with ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(lambda guest: guest.send("POST", "/coupon-templates/rush/claim"), taps))
    assert sum(answer.status_code < 300 for answer in answers) == 10
    held = [len(guest.get("/coupons?state=UNUSED")["items"]) for guest in guests]
    assert (sum(held), max(held) <= 2) == (10, True)


def test_15_a_coupon_is_spent_by_one_of_many_orders_at_once(stack: Stack) -> None:
    from chalicelib.coupons import CouponKind, CouponTemplate, Terms

    terms = Terms(CouponKind.AMOUNT, "满50减5", 500, threshold=5000)
    stack.shop.coupons.put_template(CouponTemplate("one", terms, total=10, valid_days=7))
    alice = stack.shopper("alice")
    coupon = alice.post("/coupon-templates/one/claim")
    wish = alice.wish(("tea-01", 1), coupon_id=coupon["coupon_id"])

    def place(n: int) -> int:
        return alice.send("POST", "/orders", wish, **{"Idempotency-Key": f"coupon-{n}"}).status_code

    with ThreadPoolExecutor(CROWD) as pool:
        statuses = list(pool.map(place, range(CROWD)))
    assert statuses.count(201) == 1
    assert set(statuses) == {201, 422}
    assert stack.stock("tea-01") == 99


def test_16_friends_who_cut_at_the_same_moment_all_count_and_land_on_the_floor(stack: Stack) -> None:
    from tests.shop import put_bargain_activity

    put_bargain_activity(stack.shop, "party", cuts_to_floor=CROWD + 1, floor_price=900)
    alice = stack.shopper("alice")
    launch = alice.post("/bargain/launches", {"activity_id": "party"})
    friends = crowd(stack)
    with ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(lambda f: f.send("POST", f"/bargain/launches/{launch['launch_id']}/cuts"), friends))
    assert {answer.status_code for answer in answers} <= {200, 201}, [a.text for a in answers if a.status_code > 201][
        :3
    ]
    shown = alice.get(f"/bargain/launches/{launch['launch_id']}")
    assert (shown["price"], shown["state"]) == (900, "REACHED")

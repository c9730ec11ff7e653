import itertools
from datetime import timedelta

import pytest

from chalicelib.coupons import Coupon, CouponNotFound, CouponNotUsable, CouponState, Source
from chalicelib.coupons.rules import (
    TRANSITIONS,
    CouponLimit,
    CouponsGone,
    CouponTemplateInvalid,
    CouponTemplateNotFound,
)
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.paging import BadCursor, encode_cursor
from chalicelib.storage.reads import search
from chalicelib.storage.writes import commit
from tests.coupons.world import World, at_once, template
from tests.messaging.fakes import NOON

UNUSED, USED, EXPIRED = CouponState.UNUSED, CouponState.USED, CouponState.EXPIRED


def spend(world: World, coupon: Coupon, order_id: str = "O1") -> None:
    commit(world.coupons.spend(coupon.member_id, coupon.coupon_id, order_id, world.clock.now))


def give_back(world: World, coupon: Coupon, order_id: str = "O1") -> None:
    commit(world.coupons.give_back(coupon.member_id, coupon.coupon_id, order_id, world.clock.now))


def ids(world: World, state: CouponState, limit: int = 50) -> list[str]:
    """All coupons of M1 that are shown in a state, over all pages."""
    found: list[str] = []
    cursor = None
    for _ in range(20):
        page = search(world.coupons.mine("M1", state, cursor, limit))
        assert len(page.rows) <= limit
        assert {coupon.state_at(world.clock.now) for coupon in page.rows} <= {state}
        found += [coupon.coupon_id for coupon in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages never end")


def test_a_claimed_coupon_is_the_members_and_as_the_template_says(world: World) -> None:
    world.coupons.put_template(template())
    coupon = world.coupons.claim("M1", "T1")
    assert coupon == world.coupons.get("M1", coupon.coupon_id)
    assert world.coupons.usable("M1", NOON) == [coupon]
    assert (coupon.terms.title, coupon.source, coupon.expires_at) == (
        "满100减20",
        Source.CLAIM,
        NOON + timedelta(days=7),
    )


def test_another_members_coupon_is_not_found_and_cannot_be_spent_or_given_back(world: World) -> None:
    world.coupons.put_template(template())
    coupon = world.coupons.claim("M1", "T1")
    with pytest.raises(CouponNotFound):
        world.coupons.get("M2", coupon.coupon_id)
    with pytest.raises(CouponNotUsable):
        commit(world.coupons.spend("M2", coupon.coupon_id, "O1", NOON))
    spend(world, coupon)
    with pytest.raises(Conflict):
        commit(world.coupons.give_back("M2", coupon.coupon_id, "O1", NOON))
    assert world.coupons.usable("M2", NOON) == []


def test_a_template_that_no_coupon_could_be_made_of_is_refused(world: World) -> None:
    with pytest.raises(CouponTemplateInvalid):
        world.coupons.put_template(template(total=0))


def test_changing_a_template_keeps_what_was_claimed_counted(world: World) -> None:
    world.coupons.put_template(template(total=1))
    world.coupons.claim("M1", "T1")
    world.coupons.put_template(template(total=2, valid_days=None, valid_from=NOON, valid_until=NOON + timedelta(1)))
    later = world.coupons.claim("M2", "T1")
    assert later.expires_at == NOON + timedelta(days=1)
    with pytest.raises(CouponsGone):
        world.coupons.claim("M3", "T1")


def test_the_shelf_shows_what_can_be_claimed_newest_first(world: World) -> None:
    shelf = [
        template("T1", total=1),
        template("T2", per_member=1),
        template("T3", source=Source.ADMIN),
        template("T4", on_shelf=False),
        template("T5", valid_days=None, valid_from=NOON - timedelta(2), valid_until=NOON),
    ]
    for one in shelf:
        world.coupons.put_template(one)
    world.coupons.claim("M2", "T1")
    world.coupons.claim("M1", "T2")
    shown = [
        (each.template.template_id, each.claimed_by_member, each.template.gone, each.claimable)
        for each in world.coupons.claimable("M1")
    ]
    assert shown == [("T2", 1, False, False), ("T1", 0, True, False)]


def test_a_template_taken_off_the_shelf_disappears_from_it(world: World) -> None:
    world.coupons.put_template(template())
    world.coupons.put_template(template(on_shelf=False))
    assert world.coupons.claimable("M1") == []


@pytest.mark.parametrize("template_id", ["T2", "unknown"])
def test_what_is_not_for_claiming_is_not_found(world: World, template_id: str) -> None:
    world.coupons.put_template(template("T2", source=Source.ADMIN))
    with pytest.raises(CouponTemplateNotFound):
        world.coupons.claim("M1", template_id)


def test_staff_hand_out_coupons_within_the_templates_numbers(world: World) -> None:
    world.coupons.put_template(template(source=Source.ADMIN, total=2, per_member=1))
    assert world.coupons.grant("M1", "T1").source is Source.ADMIN
    with pytest.raises(CouponLimit):
        world.coupons.grant("M1", "T1")
    world.coupons.grant("M2", "T1")
    with pytest.raises(CouponsGone):
        world.coupons.grant("M3", "T1")


def test_sixty_claims_of_the_last_twenty_hand_out_twenty(world: World) -> None:
    world.coupons.put_template(template(total=20, per_member=1))
    results = at_once(60, lambda n: world.coupons.claim(f"M{n}", "T1").coupon_id)
    assert results.count("COUPONS_GONE") == 40
    assert len(set(results)) == 21
    held = [world.coupons.usable(f"M{n}", NOON) for n in range(60)]
    assert sorted(coupon.coupon_id for each in held for coupon in each) == sorted(set(results) - {"COUPONS_GONE"})


def test_fifty_taps_of_one_member_get_no_more_than_one_member_may_have(world: World) -> None:
    world.coupons.put_template(template(total=100, per_member=3))
    results = at_once(50, lambda n: world.coupons.claim("M1", "T1").coupon_id)
    assert results.count("COUPON_LIMIT") == 47
    assert len(world.coupons.usable("M1", NOON)) == 3
    (offer,) = world.coupons.claimable("M1")
    assert (offer.template.claimed, offer.claimed_by_member) == (3, 3)


def test_a_coupon_is_spent_by_one_of_fifty_orders(world: World) -> None:
    world.coupons.put_template(template())
    coupon = world.coupons.claim("M1", "T1")
    results = at_once(50, lambda n: spend(world, coupon, f"O{n}"))
    assert results.count("COUPON_NOT_USABLE") == 49
    assert world.coupons.get("M1", coupon.coupon_id).order_id == f"O{results.index(None)}"


def test_a_spent_coupon_knows_its_order_and_one_given_back_forgets_it(world: World) -> None:
    world.coupons.put_template(template())
    coupon = world.coupons.claim("M1", "T1")
    spend(world, coupon)
    spent = world.coupons.get("M1", coupon.coupon_id)
    assert (spent.state, spent.order_id, spent.used_at) == (USED, "O1", NOON)
    give_back(world, coupon)
    assert world.coupons.get("M1", coupon.coupon_id) == coupon
    spend(world, coupon, "O2")


def test_only_the_order_that_spent_it_gives_it_back_and_once(world: World) -> None:
    world.coupons.put_template(template())
    coupon = world.coupons.claim("M1", "T1")
    spend(world, coupon, "O1")
    with pytest.raises(Conflict):
        give_back(world, coupon, "O2")
    give_back(world, coupon, "O1")
    with pytest.raises(Conflict):
        give_back(world, coupon, "O1")


def test_a_coupon_cannot_be_spent_before_it_counts_or_after_it_ended(world: World) -> None:
    begin, end = NOON + timedelta(days=1), NOON + timedelta(days=2)
    world.coupons.put_template(template(valid_days=None, valid_from=begin, valid_until=end))
    coupon = world.coupons.claim("M1", "T1")
    for moment in (begin - timedelta(seconds=1), end):
        world.clock.now = moment
        assert world.coupons.usable("M1", moment) == []
        with pytest.raises(CouponNotUsable):
            spend(world, coupon)
    world.clock.now = end - timedelta(seconds=1)
    spend(world, coupon)


def test_an_order_closed_after_the_coupon_ended_gives_it_back_expired(world: World) -> None:
    world.coupons.put_template(template(valid_days=1))
    coupon = world.coupons.claim("M1", "T1")
    spend(world, coupon)
    world.clock.advance(days=1)
    give_back(world, coupon)
    assert (ids(world, UNUSED), ids(world, USED), ids(world, EXPIRED)) == ([], [], [coupon.coupon_id])
    assert (world.remind(), world.expire(), world.sender.asked) == (1, 0, 0)
    assert world.coupons.get("M1", coupon.coupon_id).state is EXPIRED


def test_lists_show_unused_by_end_and_the_others_latest_first_on_pages_of_any_size(world: World) -> None:
    held = []
    for n in range(9):
        world.coupons.put_template(template(f"T{n}", valid_days=9 - n))
        held.append(world.coupons.claim("M1", f"T{n}").coupon_id)
        world.coupons.claim("M2", f"T{n}")
    for n in (1, 4):
        world.clock.advance(seconds=1)
        spend(world, world.coupons.get("M1", held[n]))
    world.clock.now = NOON + timedelta(days=3)
    expected = {
        UNUSED: [held[n] for n in (5, 3, 2, 0)],
        USED: [held[n] for n in (4, 1)],
        EXPIRED: [held[n] for n in (6, 7, 8)],
    }
    for state, limit in itertools.product(CouponState, (1, 2, 3, 50)):
        assert ids(world, state, limit) == expected[state]
    world.expire()
    assert {state: ids(world, state) for state in CouponState} == expected


def test_coupons_that_end_in_the_same_second_are_all_shown(world: World) -> None:
    world.coupons.put_template(template())
    held = {world.coupons.claim("M1", "T1").coupon_id for _ in range(5)}
    assert (set(ids(world, UNUSED, 2)), len(ids(world, UNUSED, 2))) == (held, 5)
    world.clock.advance(days=7)
    assert (set(ids(world, EXPIRED, 2)), len(ids(world, EXPIRED, 2))) == (held, 5)


def test_a_page_is_not_lost_when_its_cursor_expires_meanwhile(world: World) -> None:
    for n in (1, 2, 3):
        world.coupons.put_template(template(f"T{n}", valid_days=n))
        world.coupons.claim("M1", f"T{n}")
    first = search(world.coupons.mine("M1", UNUSED, None, 1))
    world.clock.advance(days=2)
    (left,) = search(world.coupons.mine("M1", UNUSED, first.next_cursor, 5)).rows
    assert left.template_id == "T3"


@pytest.mark.parametrize("key", ["OPEN#~~", "USED#1", "A", "OPEN", "\x00" * 9, "券券券"])
def test_a_cursor_of_another_list_is_refused_unasked(key: str) -> None:
    with pytest.raises(BadCursor):
        World().coupons.mine("M1", UNUSED, encode_cursor(key), 5)


def test_a_made_up_cursor_shows_nothing_worse_than_a_page(world: World) -> None:
    for state, key in itertools.product((UNUSED, EXPIRED), ("OPEN#", "OPEN#0", "OPEN#00000000000#")):
        assert search(world.coupons.mine("M1", state, encode_cursor(key), 5)).rows == []


def test_states_move_only_as_the_table_says(world: World) -> None:
    def move(coupon: Coupon, state: CouponState) -> bool:
        before = world.coupons.get("M1", coupon.coupon_id).state
        try:
            if state is USED:
                spend(world, coupon)
            elif state is UNUSED:
                give_back(world, coupon)
            else:
                world.coupons._store.expire("M1", coupon.coupon_id, coupon.expires_at)
        except (CouponNotUsable, Conflict):
            pass
        after = world.coupons.get("M1", coupon.coupon_id).state
        return after is state and before is not after

    world.coupons.put_template(template())
    for state, following in itertools.product(CouponState, CouponState):
        coupon = world.coupons.claim("M1", "T1")
        assert state is UNUSED or move(coupon, state)
        assert move(coupon, following) == (following in TRANSITIONS[state]), (state, following)

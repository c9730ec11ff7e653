"""What shoppers and the order service may rely on, one at a time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.campaigns.base import (
    Activity,
    ActivityNotFound,
    ActivityNotRunning,
    CampaignLimit,
    CampaignOrder,
    Choice,
    Lost,
    NotInActivity,
    Refund,
)
from chalicelib.campaigns.groupbuy import GroupBuyConfig
from chalicelib.campaigns.groupbuy.rules import AlreadyInTeam, SeatState, TeamFull, TeamNotFound, TeamNotOpen, TeamState
from chalicelib.kernel.paging import BadCursor
from tests.campaigns.asking import quoted

from .harness import DAY, NOW, SKU, Shop, refunded, shipped

OVER = NOW + timedelta(hours=24)
HALF = timedelta(hours=12)


@pytest.fixture
def shop(tables: str) -> Shop:
    return Shop()


def quote(
    shop: Shop, member: str, team: str | None = None, *, sku: str = SKU, pieces: int = 1, activity: str = "A1"
) -> int:
    return quoted(shop.kind, Choice("groupbuy", activity, team), member, sku, pieces, NOW).unit_price


class TestAnOffer:
    def test_is_the_campaigns_price_for_who_joins_and_less_for_who_opens(self, tables: str) -> None:
        shop = Shop(leader_off=100)
        team = shop.open_team().group_id
        assert quote(shop, "b") == 3800
        assert quote(shop, "b", team) == 3900

    def test_is_refused_for_what_takes_no_part(self, shop: Shop) -> None:
        with pytest.raises(NotInActivity):
            quote(shop, "a", sku="other-01")
        with pytest.raises(ActivityNotFound):
            quote(shop, "a", activity="A2")

    def test_of_another_kind_is_not_found(self, shop: Shop) -> None:
        other = replace(shop.activity, activity_id="B1", kind="bargain")
        shop.activities._configs = {"groupbuy": GroupBuyConfig, "bargain": GroupBuyConfig}
        shop.activities.put(other)
        with pytest.raises(ActivityNotFound):
            quote(shop, "a", activity="B1")

    def test_has_a_limit_for_one_order(self, tables: str) -> None:
        shop = Shop(limit_per_order=2)
        assert quote(shop, "a", pieces=2)
        with pytest.raises(CampaignLimit) as refusal:
            quote(shop, "a", pieces=3)
        assert refusal.value.details == {"limit": 2, "per": "order"}

    def test_to_open_stands_while_the_activity_runs(self, shop: Shop) -> None:
        for moment in (NOW - DAY - timedelta(seconds=1), NOW + DAY):
            with pytest.raises(ActivityNotRunning):
                quoted(shop.kind, Choice("groupbuy", "A1"), "a", SKU, 1, moment)
            with pytest.raises(ActivityNotRunning):
                shop.put_unseen(shop.order("a"), moment)

    def test_to_join_outlasts_the_activity_until_the_team_expires(self, shop: Shop) -> None:
        first = shop.place("a", now=NOW + HALF)
        shop.pay(first, NOW + HALF)
        assert shop.place("b", first.group_id, NOW + DAY + timedelta(hours=1))
        with pytest.raises(TeamNotOpen):
            shop.place("c", first.group_id, NOW + HALF + timedelta(hours=24))

    def test_to_join_a_team_of_another_activity_is_not_found(self, shop: Shop) -> None:
        team = shop.open_team().group_id
        shop.activities.put(replace(shop.activity, activity_id="A2", prices={SKU: 1}))
        with pytest.raises(TeamNotFound):
            quote(shop, "b", team, activity="A2")
        with pytest.raises(TeamNotFound):
            shop.put_unseen(replace(shop.order("b", team), activity_id="A2"))


class TestATeam:
    def test_is_seen_and_joined_by_nobody_until_its_leader_has_paid(self, shop: Shop) -> None:
        first = shop.place("a")
        with pytest.raises(TeamNotFound):
            shop.place("b", first.group_id)
        with pytest.raises(TeamNotFound):
            shop.kind.team(first.group_id)
        assert shop.kind.open_teams("A1", None, 10, NOW).rows == []
        shop.pay(first)
        assert [team.team_id for team in shop.kind.open_teams("A1", None, 10, NOW).rows] == [first.group_id]
        assert shop.place("b", first.group_id)

    def test_forms_when_its_last_seat_is_paid(self, shop: Shop) -> None:
        first = shop.open_team("b")
        last = shop.place("c", first.group_id)
        assert shop.team(first).seats_taken == 3
        assert shop.state(first) == "PAID"
        outcomes = shop.pay(last)
        assert shop.team(first).state is TeamState.FORMED
        assert len(shipped(outcomes)) == 3
        assert shop.state(first) == shop.state(last) == "SHIPPABLE"

    def test_that_formed_is_not_due_and_not_listed(self, shop: Shop) -> None:
        shop.open_team("b", "c")
        assert list(shop.kind.due(OVER)) == []
        assert shop.kind.open_teams("A1", None, 10, NOW).rows == []

    def test_counts_a_payment_once_however_often_it_is_told(self, shop: Shop) -> None:
        first = shop.open_team()
        for _ in range(3):
            assert shop.follow(first) == []
        assert shop.team(first).paid_count == 1
        shop.is_sound(first)

    def test_that_formed_tells_each_who_asks_again_to_ship_all(self, shop: Shop) -> None:
        first = shop.open_team("b", "c")
        assert len(shipped(shop.kind.on_paid(first, NOW + DAY))) == 3

    def test_takes_nobody_when_it_is_full_though_not_paid(self, shop: Shop) -> None:
        first = shop.open_team("b")
        shop.place("c", first.group_id)
        with pytest.raises(TeamFull):
            shop.place("d", first.group_id)
        assert shop.kind.open_teams("A1", None, 10, NOW).rows == []

    def test_has_room_again_when_an_unpaid_order_closes(self, shop: Shop) -> None:
        first = shop.open_team("b")
        shop.close(shop.place("c", first.group_id))
        assert shop.team(first).seats_taken == 2
        shop.is_sound(first)
        shop.pay(shop.place("d", first.group_id))
        assert shop.team(first).state is TeamState.FORMED

    def test_fails_with_its_unpaid_leader_and_is_not_due(self, shop: Shop) -> None:
        first = shop.place("a")
        shop.close(first)
        assert shop.team(first).state is TeamState.FAILED
        assert list(shop.kind.due(OVER)) == []

    def test_is_led_by_the_next_who_paid_when_the_leader_is_refunded(self, shop: Shop) -> None:
        first = shop.place("a")
        shop.pay(first)
        third = shop.place("c", first.group_id)
        shop.pay(third, NOW + timedelta(minutes=2))
        fourth = shop.place("b", first.group_id)
        shop.refund(first)
        assert shop.team(first).leader.member_id == "c"
        shop.is_sound(first)
        shop.pay(fourth, NOW + timedelta(minutes=3))
        team, seats = shop.kind.team(first.group_id)
        assert team.state is TeamState.OPEN
        assert [seat.face.member_id for seat in seats] == ["c", "b"]

    def test_keeps_its_leader_when_another_is_refunded(self, shop: Shop) -> None:
        first = shop.open_team()
        second = shop.place("b", first.group_id)
        shop.pay(second)
        shop.refund(second)
        assert shop.team(first).leader.member_id == "leader"
        assert shop.team(first).paid_count == 1

    def test_that_lost_all_who_paid_is_led_by_whoever_pays_next(self, shop: Shop) -> None:
        first = shop.open_team()
        second = shop.place("b", first.group_id)
        shop.refund(first)
        assert shop.kind.open_teams("A1", None, 10, NOW).rows == []
        with pytest.raises(TeamNotFound):
            shop.place("c", first.group_id)
        shop.pay(second)
        assert shop.team(first).leader.member_id == "b"
        assert shop.place("c", first.group_id)

    def test_fails_at_its_end_and_pays_each_member_back_once(self, shop: Shop) -> None:
        first = shop.open_team("b")
        assert shop.sweep(OVER - timedelta(seconds=1)) == 0
        assert shop.sweep(OVER) == 1
        assert shop.team(first).state is TeamState.FAILED
        assert shop.state(first) == "REFUNDED"
        assert shop.seats(first) == {"leader": SeatState.REFUNDED, "b": SeatState.REFUNDED}
        assert shop.sweep(OVER + DAY) == 0
        assert shop.follow(first) == []

    def test_is_not_ended_before_its_time(self, shop: Shop) -> None:
        first = shop.open_team()
        assert shop.kind.expire(first.group_id, OVER - timedelta(seconds=1)) == []
        shop.kind.settled(first.group_id, OVER)
        assert shop.team(first).state is TeamState.OPEN
        assert list(shop.kind.due(OVER)) == [first.group_id]

    def test_that_is_unknown_is_nobodys_concern(self, shop: Shop) -> None:
        assert shop.kind.expire("nothing", OVER) == []
        shop.kind.settled("nothing", OVER)
        stranger = shop.order("a", "nothing")
        assert shop.kind.releases(stranger, NOW, paid=False) == []
        assert shop.kind.on_paid(stranger, NOW) == [Lost(stranger, "team-failed", "拼团未成功")]
        with pytest.raises(TeamNotFound):
            shop.put_unseen(stranger)

    def test_is_filled_by_the_shop_only_where_the_activity_says_so(self, tables: str) -> None:
        shop = Shop(allow_fill=True, team_size=5)
        first = shop.open_team("b")
        unpaid = shop.place("c", first.group_id)
        shop.sweep(OVER)
        assert shop.state(first) == "SHIPPABLE"
        assert (shop.team(first).state, shop.team(first).waived) == (TeamState.FORMED, 3)
        assert list(shop.kind.due(OVER + DAY)) == []
        shop.pay(unpaid, OVER)
        assert shop.state(unpaid) == "SHIPPABLE"
        assert shop.team(first).waived == 2

    def test_that_nobody_paid_for_is_not_filled(self, tables: str) -> None:
        shop = Shop(allow_fill=True)
        first = shop.place("a")
        shop.sweep(OVER)
        assert shop.team(first).state is TeamState.FAILED


class TestAMember:
    def test_has_one_live_seat_in_an_activity(self, shop: Shop) -> None:
        first = shop.open_team()
        for team in (None, first.group_id):
            with pytest.raises(AlreadyInTeam) as refusal:
                shop.place("leader", team)
            assert refusal.value.details == {"team_id": first.group_id}

    @pytest.mark.parametrize("ending", ["formed", "failed", "closed", "refunded"])
    def test_may_take_another_seat_when_the_former_one_is_over(self, shop: Shop, ending: str) -> None:
        if ending == "formed":
            shop.open_team("b", "c")
        elif ending == "failed":
            shop.open_team()
            shop.sweep(OVER)
        elif ending == "closed":
            shop.close(shop.place("leader"))
        else:
            shop.refund(shop.open_team())
        assert shop.place("leader", now=NOW)

    def test_may_come_back_to_a_team_that_was_left(self, shop: Shop) -> None:
        first = shop.open_team()
        shop.close(shop.place("b", first.group_id))
        again = shop.place("b", first.group_id)
        shop.pay(again)
        shop.refund(again)
        assert shop.place("b", first.group_id)
        shop.is_sound(first)

    def test_has_a_limit_of_orders_that_formed_teams_count_against(self, tables: str) -> None:
        shop = Shop(limit_per_member=1)
        shop.open_team("b", "c")
        for place in (shop.place, lambda member: shop.put_unseen(shop.order(member))):
            with pytest.raises(CampaignLimit) as refusal:
                place("leader")
            assert refusal.value.details == {"limit": 1, "per": "member"}

    def test_gets_back_the_right_to_order_with_the_money(self, tables: str) -> None:
        shop = Shop(limit_per_member=1)
        first = shop.open_team("b", "c")
        shop.refund(first)
        assert shop.team(first).state is TeamState.FORMED
        assert shop.place("leader")

    def test_sees_their_own_seats_the_newest_first(self, shop: Shop) -> None:
        first = shop.open_team("b", "c")
        second = shop.place("leader")
        page = shop.kind.mine("leader", None, 1)
        assert [(seat.order_id, team.state) for seat, team in page.rows] == [(second.order_id, TeamState.OPEN)]
        rest = shop.kind.mine("leader", page.next_cursor, 1)
        assert [(seat.order_id, seat.state) for seat, _ in rest.rows] == [(first.order_id, SeatState.PAID)]
        assert rest.next_cursor is None
        assert shop.kind.mine("nobody", None, 1).rows == []


class TestALatePayer:
    def test_whose_seat_is_taken_joins_the_open_team_that_lacks_fewest(self, shop: Shop) -> None:
        late = shop.place("late")
        shop.close(late)
        shop.open_team()
        better = shop.place("x")
        shop.pay(better)
        shop.pay(shop.place("y", better.group_id))
        shop.pay_late(late)
        assert shop.now_in(late).group_id == better.group_id
        assert shop.state(late) == "SHIPPABLE"

    def test_opens_a_team_if_none_is_open(self, shop: Shop) -> None:
        late = shop.place("late")
        shop.close(late)
        shop.pay_late(late)
        team = shop.team(late)
        assert (team.team_id, team.state, team.paid_count) == (late.order_id, TeamState.OPEN, 1)
        assert list(shop.kind.due(OVER)) == [late.order_id]

    def test_who_had_joined_opens_one_under_the_orders_own_id(self, shop: Shop) -> None:
        first = shop.open_team("b")
        late = shop.place("late", first.group_id)
        shop.close(late)
        shop.pay(shop.place("c", first.group_id))
        shop.pay_late(late)
        moved = shop.now_in(late)
        assert moved.opens_group
        assert shop.team(moved).paid_count == 1

    def test_gets_the_money_back_if_the_activity_is_over(self, shop: Shop) -> None:
        late = shop.place("late")
        shop.close(late)
        shop.pay_late(late, NOW + DAY)
        assert shop.state(late) == "REFUNDED"
        assert shop.team(late).state is TeamState.FAILED

    def test_who_is_in_another_team_by_now_gets_the_money_back(self, shop: Shop) -> None:
        late = shop.place("late")
        shop.close(late)
        second = shop.place("late")
        shop.pay_late(late)
        assert shop.state(late) == "REFUNDED"
        shop.pay(second)
        shop.is_sound(second)

    def test_over_the_limit_by_now_gets_the_money_back(self, tables: str) -> None:
        shop = Shop(limit_per_member=1)
        late = shop.place("leader")
        shop.close(late)
        shop.open_team("b", "c")
        shop.pay_late(late)
        assert shop.state(late) == "REFUNDED"

    def test_whose_team_failed_meanwhile_finds_another_and_leaves_no_trace(self, shop: Shop) -> None:
        first = shop.open_team()
        late = shop.place("late", first.group_id)
        shop.sweep(OVER)
        assert shop.seats(first)["late"] is SeatState.TAKEN
        shop.activities.put(replace(shop.activity, ends_at=OVER + DAY))
        other = shop.place("x", now=OVER)
        shop.pay(other, OVER)
        shop.pay(late, OVER)
        assert shop.now_in(late).group_id == other.group_id
        assert "late" not in shop.seats(first)
        assert shop.team(other).paid_count == 2
        assert len(shop.kind.mine("late", None, 5).rows) == 1
        shop.is_sound(other)

    def test_whose_own_unseen_team_expired_opens_it_anew(self, shop: Shop) -> None:
        late = shop.place("late")
        shop.activities.put(replace(shop.activity, ends_at=OVER + DAY))
        assert shop.sweep(OVER) == 1
        shop.pay(late, OVER)
        assert shop.team(late).state is TeamState.OPEN
        assert shop.team(late).expires_at == OVER + DAY
        assert shop.seats(late) == {"late": SeatState.PAID}
        shop.is_sound(late)

    def test_without_another_place_is_paid_back_and_nothing_is_left(self, shop: Shop) -> None:
        first = shop.open_team()
        late = shop.place("late", first.group_id)
        shop.sweep(OVER)
        shop.pay(late, OVER)
        assert shop.state(late) == "REFUNDED"
        assert shop.seats(first)["late"] is SeatState.REFUNDED
        assert shop.standing("late").order_ids == frozenset()


class TestAPaidOrder:
    def test_of_a_failed_team_is_refunded_and_not_moved(self, shop: Shop) -> None:
        first = shop.open_team()
        shop.kind.expire(first.group_id, OVER)
        (outcome,) = shop.kind.on_paid(first, OVER)
        assert isinstance(outcome, Refund)
        assert refunded([outcome]) == {first.order_id}

    def test_that_was_refunded_has_no_part_in_what_follows(self, shop: Shop) -> None:
        first = shop.open_team("b")
        shop.sweep(OVER)
        assert shop.kind.on_paid(first, OVER) == []


Made = Callable[[Shop], CampaignOrder]


def unpaid_opener(shop: Shop) -> CampaignOrder:
    return shop.place("z")


def unpaid_joiner(shop: Shop) -> CampaignOrder:
    return shop.place("z", shop.open_team().group_id)


def unpaid_in_failed_team(shop: Shop) -> CampaignOrder:
    order = unpaid_joiner(shop)
    shop.sweep(OVER)
    return order


def unpaid_in_filled_team(shop: Shop) -> CampaignOrder:
    shop.activities.put(replace(shop.activity, config=GroupBuyConfig(3, allow_fill=True)))
    return unpaid_in_failed_team(shop)


def paid_leader(shop: Shop) -> CampaignOrder:
    return shop.open_team("b")


def paid_joiner(shop: Shop) -> CampaignOrder:
    order = unpaid_joiner(shop)
    shop.pay(order)
    return order


def paid_but_not_counted(shop: Shop) -> CampaignOrder:
    order = unpaid_joiner(shop)
    shop.charge(order)
    return order


def paid_in_formed_team(shop: Shop) -> CampaignOrder:
    return shop.open_team("b", "c")


def paid_in_failed_team(shop: Shop) -> CampaignOrder:
    order = shop.open_team("b")
    shop.kind.expire(order.group_id, OVER)
    return order


class TestGivingBack:
    @pytest.mark.parametrize("made", [unpaid_opener, unpaid_joiner, unpaid_in_failed_team, unpaid_in_filled_team])
    def test_an_unpaid_seat_works_in_every_state_of_the_team(self, shop: Shop, made: Made) -> None:
        order = made(shop)
        shop.close(order)
        assert shop.state(order) == "CLOSED"
        assert "z" not in shop.seats(order)
        assert shop.standing("z").order_ids == frozenset()
        if shop.team(order).state is TeamState.OPEN:
            shop.is_sound(order)
        assert shop.kind.releases(order, NOW, paid=False) == []

    @pytest.mark.parametrize(
        "made", [paid_leader, paid_joiner, paid_but_not_counted, paid_in_formed_team, paid_in_failed_team]
    )
    def test_a_paid_seat_works_in_every_state_of_the_team(self, shop: Shop, made: Made) -> None:
        order = made(shop)
        before = shop.team(order).state
        shop.refund(order)
        assert shop.state(order) == "REFUNDED"
        assert shop.team(order).state is before
        assert shop.seats(order).get(order.member_id) in (None, SeatState.REFUNDED)
        assert shop.standing(order.member_id).order_ids == frozenset()
        if before is TeamState.OPEN:
            shop.is_sound(order)
        assert shop.kind.releases(order, NOW, paid=True) == []

    def test_never_touches_the_seat_of_another_order(self, shop: Shop) -> None:
        first = shop.open_team()
        old = shop.place("b", first.group_id)
        shop.close(old)
        shop.place("b", first.group_id)
        assert shop.kind.releases(old, NOW, paid=False) == []


class TestAList:
    def test_of_open_teams_goes_page_by_page_the_one_that_ends_first_in_front(self, shop: Shop) -> None:
        orders = []
        for minutes, member in enumerate(["c", "a", "b"]):
            order = shop.place(member, now=NOW + timedelta(minutes=minutes))
            shop.pay(order, NOW)
            orders.append(order.order_id)
        found, cursor = [], None
        for _ in range(3):
            page = shop.kind.open_teams("A1", cursor, 1, NOW)
            found += [team.team_id for team in page.rows]
            cursor = page.next_cursor
        assert found == orders
        assert cursor is None

    def test_shows_no_team_whose_time_is_up(self, shop: Shop) -> None:
        shop.open_team()
        assert shop.kind.open_teams("A1", None, 10, OVER - timedelta(seconds=1)).rows
        assert shop.kind.open_teams("A1", None, 10, OVER).rows == []

    def test_refuses_a_cursor_that_it_did_not_hand_out(self, shop: Shop) -> None:
        with pytest.raises(BadCursor):
            shop.kind.open_teams("A1", "?", 10, NOW)


def test_the_card_tells_the_terms(shop: Shop) -> None:
    activity: Activity = shop.kind.activity("A1")
    assert shop.kind.card(activity, NOW) == {
        "team_size": 3,
        "team_hours": 24,
        "limit_per_member": 5,
        "limit_per_order": 5,
        "leader_off": 0,
    }

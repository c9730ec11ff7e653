"""Something else happens between looking and writing: each case forced, since threads meet it only by chance."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.campaigns.base import Lost
from chalicelib.campaigns.groupbuy import service
from chalicelib.campaigns.groupbuy.rules import AlreadyInTeam, SeatState, TeamFull, TeamState
from chalicelib.kernel.errors import Conflict
from chalicelib.storage.writes import StorageBusy, Write, commit
from tests.campaigns.asking import claimed

from .harness import DAY, NOW, Shop

OVER = NOW + timedelta(hours=24)


@pytest.fixture
def shop(tables: str) -> Shop:
    return Shop()


@pytest.fixture
def before_the_write(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """The service's next write is preceded by this."""

    def arrange(happens: Callable[[], Any]) -> None:
        def interrupted(*writes: Write) -> None:
            monkeypatch.setattr(service, "commit", commit)
            happens()
            commit(*writes)

        monkeypatch.setattr(service, "commit", interrupted)

    return arrange


Arrange = Callable[[Callable[[], Any]], None]


class TestAPayment:
    def test_told_by_two_callbacks_counts_once(self, tables: str, before_the_write: Arrange) -> None:
        shop = Shop(team_size=5)
        first = shop.open_team()
        second = shop.place("b", first.group_id)
        before_the_write(lambda: shop.kind.on_paid(second, NOW))
        assert shop.kind.on_paid(second, NOW) == []
        shop.is_sound(first)

    def test_does_not_form_a_team_that_another_leaves(self, shop: Shop, before_the_write: Arrange) -> None:
        first = shop.open_team("b")
        last = shop.place("c", first.group_id)
        before_the_write(lambda: shop.refund(first))
        assert shop.pay(last) == []
        assert shop.team(first).state is TeamState.OPEN
        shop.is_sound(first)

    def test_forms_the_team_that_another_payment_left_one_short(self, shop: Shop, before_the_write: Arrange) -> None:
        first = shop.open_team()
        second, third = (shop.place(member, first.group_id) for member in "bc")
        before_the_write(lambda: shop.pay(second))
        shop.pay(third)
        assert shop.team(first).state is TeamState.FORMED
        assert shop.state(first) == shop.state(second) == shop.state(third) == "SHIPPABLE"

    def test_that_comes_as_the_team_fails_is_lost(self, shop: Shop, before_the_write: Arrange) -> None:
        first = shop.open_team()
        second = shop.place("b", first.group_id)
        before_the_write(lambda: shop.sweep(OVER))
        assert shop.kind.on_paid(second, OVER) == [Lost(second, "team-failed", "拼团未成功")]
        assert shop.seats(first) == {"leader": SeatState.REFUNDED, "b": SeatState.TAKEN}

    def test_gives_up_for_now_when_the_team_changes_all_the_time(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*writes: Write) -> None:
            raise Conflict

        first = shop.open_team()
        second = shop.place("b", first.group_id)
        monkeypatch.setattr(service, "commit", refuse)
        with pytest.raises(StorageBusy):
            shop.kind.on_paid(second, NOW)
        with pytest.raises(StorageBusy):
            shop.kind.expire(first.group_id, OVER)


class TestAnExpiry:
    def test_counts_the_payment_that_comes_just_before(self, shop: Shop, before_the_write: Arrange) -> None:
        first = shop.open_team()
        second = shop.place("b", first.group_id)
        before_the_write(lambda: shop.pay(second))
        shop.sweep(OVER)
        assert shop.state(first) == shop.state(second) == "REFUNDED"

    def test_leaves_a_team_that_forms_just_before(self, shop: Shop, before_the_write: Arrange) -> None:
        first = shop.open_team("b")
        last = shop.place("c", first.group_id)
        before_the_write(lambda: shop.pay(last))
        shop.sweep(OVER)
        assert shop.team(first).state is TeamState.FORMED
        assert shop.state(first) == shop.state(last) == "SHIPPABLE"

    def test_waives_only_what_is_missing_in_the_end(self, tables: str, before_the_write: Arrange) -> None:
        shop = Shop(allow_fill=True, team_size=5)
        first = shop.open_team()
        second = shop.place("b", first.group_id)
        before_the_write(lambda: shop.pay(second))
        shop.sweep(OVER)
        assert (shop.team(first).state, shop.team(first).waived) == (TeamState.FORMED, 3)

    def test_settled_late_leaves_a_team_due_that_was_opened_anew(self, shop: Shop, before_the_write: Arrange) -> None:
        late = shop.place("late")
        shop.activities.put(replace(shop.activity, ends_at=OVER + DAY))
        shop.kind.expire(late.group_id, OVER)
        before_the_write(lambda: commit(*claimed(shop.kind, late, OVER)))
        shop.kind.settled(late.group_id, OVER)
        assert list(shop.kind.due(OVER + DAY)) == [late.group_id]

    def test_that_is_slow_leaves_a_team_that_was_opened_anew(self, shop: Shop, before_the_write: Arrange) -> None:
        late = shop.place("late")
        shop.activities.put(replace(shop.activity, ends_at=OVER + DAY))

        def expire_and_open_anew() -> None:
            shop.kind.expire(late.group_id, OVER)
            commit(*claimed(shop.kind, late, OVER))

        before_the_write(expire_and_open_anew)
        shop.kind.expire(late.group_id, OVER)
        assert (shop.team(late).state, shop.team(late).expires_at) == (TeamState.OPEN, OVER + DAY)


class TestAClaim:
    @pytest.mark.parametrize("event", ["fails", "is filled", "is left by all who paid"])
    def test_is_refused_when_the_team_changes_in_between(self, shop: Shop, event: str) -> None:
        first = shop.open_team("b")
        writes = claimed(shop.kind, shop.order("c", first.group_id), NOW)
        if event == "fails":
            shop.kind.expire(first.group_id, OVER)
        elif event == "is filled":
            shop.place("d", first.group_id)
        else:
            for seat in shop.store.whole(first.group_id)[1]:
                shop.refund(replace(first, order_id=seat.order_id, member_id=seat.face.member_id))
        with pytest.raises(TeamFull):
            commit(*writes)
        assert "c" not in shop.seats(first)
        assert shop.standing("c").order_ids == frozenset()

    def test_is_refused_when_the_member_takes_another_seat_in_between(self, shop: Shop) -> None:
        writes = claimed(shop.kind, shop.order("a"), NOW)
        taken = shop.place("a")
        with pytest.raises(AlreadyInTeam):
            commit(*writes)
        assert shop.standing("a").order_ids == {taken.order_id}

    def test_does_not_open_a_team_twice(self, shop: Shop) -> None:
        first = shop.open_team()
        with pytest.raises(StorageBusy):
            commit(*claimed(shop.kind, first, NOW))
        assert shop.team(first).paid_count == 1

    def test_for_a_place_that_was_found_by_another_run_is_no_reason_to_pay_back(self, shop: Shop) -> None:
        late = shop.place("late")
        shop.activities.put(replace(shop.activity, ends_at=OVER + DAY))
        shop.sweep(OVER)
        shop.charge(late)
        (lost,) = shop.kind.on_paid(late, OVER)
        shop.apply(lost, OVER)
        with pytest.raises(StorageBusy):
            shop.apply(lost, OVER)
        assert (shop.state(late), shop.seats(late)) == ("PAID", {"late": SeatState.PAID})
        shop.is_sound(late)


class TestGivingBack:
    @pytest.mark.parametrize("fill", [False, True])
    def test_an_unpaid_seat_works_when_the_team_ends_in_between(self, tables: str, fill: bool) -> None:
        shop = Shop(allow_fill=fill)
        first = shop.open_team()
        second = shop.place("b", first.group_id)
        writes = shop.kind.releases(second, OVER, paid=False)
        shop.sweep(OVER)
        commit(*writes)
        assert "b" not in shop.seats(first)
        assert shop.team(first).state is (TeamState.FORMED if fill else TeamState.FAILED)

    def test_a_paid_seat_works_when_the_team_ends_in_between(self, shop: Shop) -> None:
        first = shop.open_team("b")
        last = shop.place("c", first.group_id)
        writes = shop.kind.releases(first, NOW, paid=True)
        shop.pay(last)
        commit(*writes)
        assert shop.team(first).state is TeamState.FORMED
        assert set(shop.seats(first)) == {"b", "c"}

    def test_an_unseen_team_works_when_it_expires_in_between(self, shop: Shop) -> None:
        first = shop.place("a")
        writes = shop.kind.releases(first, OVER, paid=False)
        shop.sweep(OVER)
        commit(*writes)
        assert shop.team(first).state is TeamState.FAILED
        assert shop.seats(first) == {}

    def test_is_refused_only_when_the_payment_is_counted_in_between_and_then_works_again(self, shop: Shop) -> None:
        first = shop.open_team()
        second = shop.place("b", first.group_id)
        shop.charge(second)
        writes = shop.kind.releases(second, NOW, paid=True)
        shop.follow(second)
        with pytest.raises(Conflict):
            commit(*writes)
        shop.refund(second)
        shop.is_sound(first)

    def test_never_takes_the_seat_that_another_order_of_the_member_has_by_now(self, shop: Shop) -> None:
        first = shop.open_team()
        old = shop.place("b", first.group_id)
        writes = shop.kind.releases(old, NOW, paid=False)
        shop.close(old)
        shop.place("b", first.group_id)
        with pytest.raises(Conflict):
            commit(*writes)
        assert "b" in shop.seats(first)
        shop.is_sound(first)

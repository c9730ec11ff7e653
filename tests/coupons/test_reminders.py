from datetime import timedelta

import pytest

from chalicelib.coupons import Coupon, CouponNotUsable, CouponState
from chalicelib.coupons.rows import CouponRow
from chalicelib.storage.writes import commit
from chalicelib.wechat.errors import MessageRefused, NoConsent, WeChatBusy
from tests.coupons.world import World, at_once, template
from tests.messaging.fakes import NOON


def hold(world: World, days: int = 7, member_id: str = "M1") -> Coupon:
    world.coupons.put_template(template(f"T{days}", valid_days=days))
    return world.coupons.claim(member_id, f"T{days}")


def stored(coupon: Coupon) -> CouponRow:
    return CouponRow.get(coupon.member_id, coupon.coupon_id)


def waits_for(coupon: Coupon) -> tuple[str, int] | None:
    """The job and the seconds before the coupon's end."""
    row = stored(coupon)
    if row.due_shard is None:
        return None
    return row.due_shard.partition("#")[0], int(row.expires_at - row.due_at)


def test_a_coupon_is_reminded_of_a_day_before_its_end_and_not_before(world: World) -> None:
    coupon = hold(world)
    world.agree()
    assert waits_for(coupon) == ("remind", 24 * 3600)
    world.clock.now = coupon.expires_at - timedelta(hours=24, seconds=1)
    assert world.remind() == 0
    world.clock.advance(seconds=1)
    assert world.remind() == 1
    ((openid, template_id, _, data),) = world.sender.sent
    assert (openid, template_id) == ("openid-M1", "tpl-coupon")
    assert data == {"thing1": "满100减20", "time2": "2026年11月29日 12:00", "thing3": "快要过期啦，记得使用哦"}


def test_a_coupon_claimed_on_its_last_day_is_reminded_of_at_once(world: World) -> None:
    end = NOON + timedelta(hours=2)
    world.coupons.put_template(template(valid_days=None, valid_from=NOON - timedelta(days=9), valid_until=end))
    world.coupons.claim("M1", "T1")
    world.agree()
    world.remind()
    assert len(world.sender.sent) == 1


def test_a_coupon_is_reminded_of_once(world: World) -> None:
    coupon = hold(world, days=1)
    world.agree(times=3)
    assert [world.remind(), world.remind()] == [1, 0]
    assert waits_for(coupon) == ("expire", 0)
    world.clock.advance(hours=23)
    assert world.remind() == 0
    assert len(world.sender.sent) == 1


def test_runs_that_meet_remind_of_each_coupon_once(world: World) -> None:
    held = [hold(world, days=1) for _ in range(6)]
    world.agree(times=60)
    at_once(50, lambda n: world.remind())
    assert len(world.sender.sent) == len(held)
    assert world.messaging.subscriptions("M1")[0].consents == 60 - len(held)
    assert world.failures == []


def test_fifty_marks_of_one_coupon_are_one(world: World) -> None:
    coupon = hold(world, days=1)
    marked = at_once(50, lambda n: world.coupons._store.mark_reminded("M1", coupon.coupon_id, NOON))
    (winner,) = [each for each in marked if each]
    assert winner == world.coupons.get("M1", coupon.coupon_id)


def test_the_coupon_is_marked_before_its_message_is_sent(world: World) -> None:
    coupon = hold(world, days=1)
    world.agree(times=2)
    world.sender.fails = [KeyError("the process died here")]
    world.remind()
    assert [failed for failed, _ in world.failures] == [coupon.coupon_id]
    assert stored(coupon).reminded_at is not None
    world.clock.advance(hours=1)
    assert (world.remind(), world.sender.asked) == (0, 1)
    assert waits_for(coupon) == ("expire", 0)


def test_without_consent_nothing_is_sent_and_the_coupon_is_not_looked_at_again(world: World) -> None:
    coupon = hold(world, days=1)
    assert [world.remind(), world.remind(), world.sender.asked] == [1, 0, 0]
    assert waits_for(coupon) == ("expire", 0)


@pytest.mark.parametrize("error", [NoConsent(errcode=43101), MessageRefused(errcode=47003)])
def test_a_refusal_is_recorded_and_final(world: World, error: NoConsent) -> None:
    coupon = hold(world, days=1)
    world.agree()
    world.sender.fails = [error]
    world.remind()
    world.clock.advance(hours=1)
    assert (world.remind(), world.sender.asked) == (0, 1)
    (record,) = world.messaging.records("M1")
    assert (record.once, record.errcode) == (f"coupon_expiring:{coupon.coupon_id}", str(error.details["errcode"]))


def test_a_busy_platform_is_asked_again_a_little_later(world: World) -> None:
    hold(world, days=1)
    world.agree()
    world.sender.fails = [WeChatBusy(errcode=-1)]
    assert [world.remind(), world.remind()] == [1, 0]
    world.clock.advance(minutes=5)
    assert [world.remind(), world.remind()] == [1, 0]
    assert (world.sender.asked, len(world.sender.sent)) == (2, 1)


def test_a_message_that_may_have_gone_out_is_not_sent_again(world: World) -> None:
    hold(world, days=1)
    world.agree(times=2)
    world.sender.fails = [WeChatBusy(uncertain=True)]
    world.remind()
    world.clock.advance(hours=1)
    assert (world.remind(), world.sender.asked) == (0, 1)


def test_a_coupon_spent_while_its_reminder_was_put_off_stays_spent(world: World) -> None:
    coupon = hold(world, days=1)
    world.agree()

    class Spending(WeChatBusy):
        """Stands for what happens while the platform thinks."""

        def __init__(self) -> None:
            super().__init__(errcode=-1)
            commit(world.coupons.spend("M1", coupon.coupon_id, "O1", NOON))

    class Sender:
        def send_subscribe_message(self, *asked: object) -> None:
            raise Spending

    world.messaging._sender = Sender()
    world.remind()
    assert stored(coupon).state == CouponState.USED
    assert waits_for(coupon) is None


def test_a_spent_coupon_waits_for_nothing(world: World) -> None:
    coupon = hold(world, days=1)
    world.agree()
    commit(world.coupons.spend("M1", coupon.coupon_id, "O1", NOON))
    assert waits_for(coupon) is None
    world.clock.advance(days=2)
    assert (world.remind(), world.expire(), world.sender.asked) == (0, 0, 0)
    assert stored(coupon).state == CouponState.USED


def test_a_coupon_given_back_is_reminded_of_and_expires_like_any_other(world: World) -> None:
    coupon = hold(world)
    world.agree()
    commit(world.coupons.spend("M1", coupon.coupon_id, "O1", NOON))
    world.clock.now = coupon.expires_at - timedelta(hours=1)
    commit(world.coupons.give_back("M1", coupon.coupon_id, "O1", world.clock.now))
    assert waits_for(coupon) == ("remind", 24 * 3600)
    assert (world.remind(), len(world.sender.sent)) == (1, 1)
    world.clock.advance(hours=1)
    assert world.expire() == 1
    assert stored(coupon).state == CouponState.EXPIRED


def test_a_coupon_given_back_is_not_reminded_of_a_second_time(world: World) -> None:
    coupon = hold(world, days=1)
    world.agree(times=2)
    world.remind()
    commit(world.coupons.spend("M1", coupon.coupon_id, "O1", NOON))
    commit(world.coupons.give_back("M1", coupon.coupon_id, "O1", NOON))
    assert waits_for(coupon) == ("expire", 0)
    world.clock.advance(hours=23)
    assert (world.remind(), world.sender.asked) == (0, 1)


def test_a_coupon_that_ended_before_any_run_saw_it_is_not_reminded_of(world: World) -> None:
    coupon = hold(world, days=1)
    world.agree()
    world.clock.advance(days=1)
    assert (world.remind(), world.sender.asked) == (1, 0)
    assert stored(coupon).state == CouponState.EXPIRED
    assert waits_for(coupon) is None


def test_expired_coupons_are_written_down_at_their_end_and_not_before(world: World) -> None:
    coupon = hold(world, days=1)
    world.remind()
    world.clock.advance(hours=23, minutes=59, seconds=59)
    assert (world.expire(), stored(coupon).state) == (0, CouponState.UNUSED)
    world.clock.advance(seconds=1)
    assert ([world.expire(), world.expire()], stored(coupon).state) == ([1, 0], CouponState.EXPIRED)


def test_readers_see_the_end_before_any_run_wrote_it_down(world: World) -> None:
    coupon = hold(world, days=1)
    now = world.clock.advance(days=1)
    assert stored(coupon).state == CouponState.UNUSED
    assert world.coupons.get("M1", coupon.coupon_id).state_at(now) is CouponState.EXPIRED
    assert world.coupons.usable("M1", now) == []
    with pytest.raises(CouponNotUsable):
        commit(world.coupons.spend("M1", coupon.coupon_id, "O1", now))


def test_fifty_spendings_and_expiries_at_once_leave_one_state(world: World) -> None:
    coupon = hold(world, days=1)
    world.remind()
    last = coupon.expires_at - timedelta(seconds=1)

    def act(n: int) -> None:
        if n % 2:
            world.coupons.expire_due(coupon.expires_at, world.failed)
        else:
            commit(world.coupons.spend("M1", coupon.coupon_id, "O1", last))

    at_once(50, act)
    row = stored(coupon)
    assert (row.state, row.order_id) in [(CouponState.USED, "O1"), (CouponState.EXPIRED, None)]
    assert waits_for(coupon) is None
    assert world.failures == []


def test_one_broken_coupon_leaves_the_others_unharmed(world: World) -> None:
    held = [hold(world, days=1) for _ in range(6)]
    world.agree(times=6)
    broken = stored(held[2])
    broken.update(actions=[CouponRow.source.set("NOBODY KNOWS")])
    world.remind()
    assert [failed for failed, _ in world.failures] == [broken.coupon_id]
    assert len(world.sender.sent) == 5


def test_a_coupon_that_vanished_from_under_the_index_is_no_failure(world: World) -> None:
    coupon = hold(world, days=1)
    assert world.coupons._store.mark_reminded("M1", "GONE", NOON) is None
    assert not world.coupons._store.expire("M1", "GONE", coupon.expires_at)
    with pytest.raises(CouponRow.DoesNotExist):
        CouponRow.get("M1", "GONE")

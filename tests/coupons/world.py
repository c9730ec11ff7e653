"""A shop with coupons, a clock and a platform that takes messages."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any, TypeVar

from chalicelib.coupons import CouponKind, Coupons, CouponStore, CouponTemplate, Terms
from chalicelib.kernel.errors import ShopError
from chalicelib.messaging import Answer, Messaging, MessagingStore, read_templates
from tests.messaging.fakes import FakeClock, FakeSender

Result = TypeVar("Result")
TERMS = Terms(CouponKind.AMOUNT, "满100减20", 2000, 10000)


def template(template_id: str = "T1", **given: Any) -> CouponTemplate:
    return CouponTemplate(template_id, **{"terms": TERMS, "total": 100, "per_member": 100, "valid_days": 7, **given})


@dataclass
class World:
    clock: FakeClock = field(default_factory=FakeClock)
    sender: FakeSender = field(default_factory=FakeSender)
    failures: list[tuple[str, Exception]] = field(default_factory=list)

    def __post_init__(self) -> None:
        templates = read_templates({"coupon_expiring": "tpl-coupon"})
        self.messaging = Messaging(MessagingStore(), self.sender, templates, self.clock)
        self.coupons = Coupons(CouponStore(), self.messaging, self.clock)

    def agree(self, member_id: str = "M1", times: int = 1) -> None:
        for _ in range(times):
            self.messaging.record(member_id, f"openid-{member_id}", {"tpl-coupon": Answer.ACCEPT})

    def remind(self) -> int:
        return self.coupons.remind_due(self.clock.now, self.failed)

    def expire(self) -> int:
        return self.coupons.expire_due(self.clock.now, self.failed)

    def failed(self, coupon_id: str, error: Exception) -> None:
        self.failures.append((coupon_id, error))


def at_once(callers: int, call: Callable[[int], Result]) -> list[Result | str]:
    """What each of so many callers at the same moment got: an answer, or the code of a refusal."""
    start = Barrier(callers)

    def one(n: int) -> Result | str:
        start.wait()
        try:
            return call(n)
        except ShopError as error:
            return error.code

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(one, range(callers)))

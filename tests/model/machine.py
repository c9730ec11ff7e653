"""Shoppers, staff, WeChat and the clock, in any order, against the model."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.coupons import CouponState
from tests.faults import driver
from tests.faults.invariants import broken
from tests.faults.people import Refusal
from tests.faults.staging import life
from tests.faults.world import Stage, World
from tests.model.model import PAY_WITHIN, Case, Line, Model, Order, Trade
from tests.model.shop import MEMBERS, People

ANY = st.integers(0, 10**6)
LINES = st.lists(
    st.tuples(st.sampled_from(["tea-01", "cup-01", "cup-02"]), st.integers(1, 3)), min_size=1, max_size=2,
    unique_by=lambda line: line[0],
)  # fmt: skip
WAYS = st.sampled_from(["JSAPI", "JSAPI", "NATIVE"])
FATES = st.sampled_from(["", "", "", "drop", "lose"])
REASONS = {("REFUND", False): "CHANGED_MIND", ("REFUND", True): "QUALITY", ("EXCHANGE", True): "QUALITY"}
BACK = {"carrier": "SF", "tracking_no": "SF9876543210"}
BODIES = {
    "agree": {}, "reject": {"why": "商品完好"}, "receive": {}, "refuse": {"why": "商品有损"}, "resend": BACK,
    "refund": {"why": "缺货"}, "cancel": None, "return": BACK, "received": None,
}  # fmt: skip
LEADS = {
    "APPLIED": ["agree"], "AGREED": ["return"], "RETURNED": ["receive"], "RECEIVED": ["resend", "refund"],
    "RESENT": ["received"],
}  # fmt: skip
SHOPPERS_STEPS = ("cancel", "return", "received")
ORDERED = precondition(lambda self: bool(self.model.orders))
BARGAINED = {"BARGAIN_SOLD_OUT", "FLOOR_NOT_REACHED", "LAUNCH_ORDERED", "LAUNCH_OVER"}


class Machine(RuleBasedStateMachine):
    """Steps of people must end as the model says. What goes on by itself must be what the model allows."""

    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.life = ExitStack()
        self.world: World = self.life.enter_context(life(self.stage))
        self.world.wake()
        self.people = People(self.world)
        shop = self.world.shop
        ids = {name: self.people.all[name].member_id for name in MEMBERS}
        now = self.world.clock()
        owned = {name: sorted(c.coupon_id for c in shop.coupons.usable(ids[name], now)) for name in MEMBERS}
        self.model = Model(owned, list(MEMBERS))
        self.ids, self.number = ids, count(1)

    @property
    def now(self) -> datetime:
        return self.world.clock()

    def pick(self, n: int) -> Order:
        """One of the last few orders."""
        every = list(self.model.orders.values())
        return every[-1 - n % len(every) % 4]

    def told(self, code: str | None, wanted: set[str], may: set[str] | None = None) -> bool:
        """Whether it was done. `wanted`: refusals of which one must be told; `may`: those that may be told as well."""
        right = code in wanted | (may or set()) or (code is None and not wanted)
        assert right, f"answered {code or 'done'}, where the model says {sorted(wanted) or 'done'}"
        return code is None

    @initialize(bought=st.lists(st.tuples(st.sampled_from(MEMBERS), LINES, ANY), max_size=3))
    def some_have_bought(self, bought: list[tuple[str, list[tuple[str, int]], int]]) -> None:
        """Whoever begins with nothing seldom comes to after-sales: orders that are paid, sent or received."""
        for member, lines, n in bought:
            if order := self._wish(member, lines, [None, 0, 1][n % 3], 100 * (n % 2), False):
                self._buy(order)
                driver.deliver_streams(self.world)
                if n % 4:
                    self._send(order, {})
                if n % 4 > 2:
                    self._receive(order, False)

    # -- shoppers ----------------------------------------------------------------------------------------------------

    def place(self, member: str, wish: dict[str, Any], refusals: set[str], may: set[str] | None = None) -> Order | None:
        key = f"model-key-{next(self.number):04d}"
        if "pickup_point_id" not in wish:
            wish["address_id"] = self.people.all[member].address_id
        wanted = refusals | self.model.refuses(wish)
        code, answer = self.people.ask(member, "POST", "/orders", wish, key)
        if not self.told(code, wanted, may):
            return None
        payable, points = self.model.price(wish, member)
        assert (answer["payable"], answer["points"]) == (payable, points), answer
        campaign = answer["campaign"] or {}
        lines = {
            line["sku_id"]: Line(line["quantity"], line["payable"] - line["freight"], line["freight"])
            for line in answer["lines"]
        }
        assert sum(line.goods + line.freight for line in lines.values()) == payable
        next(iter(lines.values())).points = points  # only orders of one line spend points here
        order = Order(
            answer["order_id"], member, lines, payable, self.now + PAY_WITHIN, key, wish,
            coupon=wish.get("coupon_id"), points=points, pickup="pickup_point_id" in wish,
            team=campaign.get("group_id"), activity=campaign.get("activity_id"),
        )  # fmt: skip
        self.model.placed(order)
        return order

    @rule(member=st.sampled_from(MEMBERS), lines=LINES, coupon=st.sampled_from([None, None, 0, 1]),
          points=st.sampled_from([0, 0, 400, 10**6]), pickup=st.sampled_from([False, False, True]))  # fmt: skip
    def places(self, member: str, lines: list[tuple[str, int]], coupon: int | None, points: int, pickup: bool) -> None:
        self._wish(member, lines, coupon, points, pickup)

    def _wish(
        self, member: str, lines: list[tuple[str, int]], coupon: int | None, points: int, pickup: bool
    ) -> Order | None:
        wish: dict[str, Any] = {"lines": [{"sku_id": sku_id, "quantity": n} for sku_id, n in lines]}
        if coupon is not None:
            wish["coupon_id"] = self.model.owned[member][coupon]
        if points and len(lines) == 1:
            wish["points"] = points
        if pickup:
            wish["pickup_point_id"] = "shop"
        return self.place(member, wish, set())

    @rule(member=st.sampled_from(MEMBERS), lines=LINES, coupon=st.sampled_from([None, 0, 1]),
          points=st.sampled_from([0, 400]), pickup=st.sampled_from([False, False, False, True]))  # fmt: skip
    def buys(self, member: str, lines: list[tuple[str, int]], coupon: int | None, points: int, pickup: bool) -> None:
        if order := self._wish(member, lines, coupon, points, pickup):
            self._buy(order)

    @rule(member=st.sampled_from(MEMBERS), lines=LINES, coupon=st.sampled_from([None, 0, 1]), way=WAYS,
          seat=st.booleans(), waits=st.booleans(), fate=FATES)  # fmt: skip
    def pays_too_late(
        self,
        member: str,
        lines: list[tuple[str, int]],
        coupon: int | None,
        way: str,
        seat: bool,
        waits: bool,
        fate: str,
    ) -> None:
        """The sheet is open while the order is closed, and then the money comes."""
        order = self._seat(member, 1, None) if seat else self._wish(member, lines, coupon, 0, False)
        if order is None:
            return
        self._open(order, way)
        if waits:
            self.time_passes(16, True)
        else:
            code, _ = self.people.ask(member, "POST", f"/orders/{order.order_id}/cancel")
            self.told(code, self.model.cancel(order))
        self._pay(order, order.trades[-1], True, fate)

    @rule(member=st.sampled_from(MEMBERS), lines=LINES, fates=st.tuples(FATES, FATES))
    def pays_twice(self, member: str, lines: list[tuple[str, int]], fates: tuple[str, str]) -> None:
        """By the sheet that was closed when the code was shown, and by the code."""
        if order := self._wish(member, lines, None, 0, False):
            self._open(order, "JSAPI")
            self._open(order, "NATIVE")
            for trade, fate in zip(list(order.trades), fates, strict=True):
                self._pay(order, trade, True, fate)

    def _buy(self, order: Order) -> None:
        self._open(order, "JSAPI")
        self._pay(order, order.trades[-1], False, "")

    @rule(
        member=st.sampled_from(MEMBERS), quantity=st.integers(1, 2), which=ANY, opens=st.booleans(), pays=st.booleans()
    )
    def takes_a_seat(self, member: str, quantity: int, which: int, opens: bool, pays: bool) -> None:
        order = self._seat(member, quantity, None if opens else which)
        if order and pays:
            self._buy(order)
            driver.deliver_streams(self.world)
            self.goes_on()

    def _seat(self, member: str, quantity: int, which: int | None) -> Order | None:
        """In one of the teams, or in a new one."""
        choice, refusals = {"kind": "groupbuy", "activity_id": "pair"}, set()
        teams = [order for order in self.model.orders.values() if order.activity == "pair"]
        if teams and which is not None:
            team_id = choice["group_id"] = str(teams[-1 - which % len(teams)].team)
            team = self._team(team_id)
            if team is None or (team.state != "FORMED" and team.paid_count == 0):
                refusals.add("TEAM_NOT_FOUND")
            elif team.state != "OPEN" or self.now >= team.expires_at:
                refusals.add("TEAM_NOT_OPEN")
            elif team.seats_taken >= team.size:
                refusals.add("TEAM_FULL")
        mine = [order for order in teams if order.member == member and order.live]
        if any((team := self._team(order.team)) and team.state == "OPEN" for order in mine):
            refusals.add("ALREADY_IN_TEAM")
        lines = [{"sku_id": "tea-01", "quantity": quantity}]
        return self.place(member, {"lines": lines, "campaign": choice}, refusals)

    def _team(self, team_id: str | None) -> Any:
        return self.world.shop.groupbuy._teams.whole(team_id)[0] if team_id else None

    @rule(member=st.sampled_from(MEMBERS), friend=st.sampled_from(MEMBERS), pays=st.booleans())
    def bargains(self, member: str, friend: str, pays: bool) -> None:
        """Who may cut when is told elsewhere; here it is what becomes of the goods and the money."""
        self.people.ask(member, "POST", "/bargain/launches", {"activity_id": "party"})
        _, page = self.people.ask(member, "GET", "/bargain/launches")
        if not page["items"]:
            return
        launch = page["items"][0]["launch_id"]
        self.people.ask(friend, "POST", f"/bargain/launches/{launch}/cuts")
        choice = {"kind": "bargain", "activity_id": "party", "group_id": launch}
        wish = {"lines": [{"sku_id": "cup-01", "quantity": 1}], "campaign": choice}
        order = self.place(member, wish, set(), BARGAINED)
        if order and pays:
            self._buy(order)

    @ORDERED
    @rule(n=ANY)
    def places_again(self, n: int) -> None:
        """The answer was lost: the same key and the same words."""
        order = self.pick(n)
        if self.now < order.expires_at + timedelta(days=2):
            code, answer = self.people.ask(order.member, "POST", "/orders", order.wish, order.key)
            assert (code, (answer or {}).get("order_id")) == (None, order.order_id)

    @ORDERED
    @rule(n=ANY, way=WAYS)
    def opens_the_sheet(self, n: int, way: str) -> None:
        self._open(self.pick(n), way)

    def _open(self, order: Order, way: str) -> None:
        last = order.trades[-1] if order.trades else None
        refusals = set()
        if order.state != "AWAITING_PAYMENT":
            refusals = {"ORDER_STATE_REFUSED"} if order.state == "CLOSED" else {"ORDER_ALREADY_PAID"}
        elif self.now >= order.expires_at:
            refusals = {"ORDER_STATE_REFUSED"}
        elif last and last.way != way and last.state == "SUCCESS":
            self.model.hear(order, last)
            refusals = {"ORDER_ALREADY_PAID"}
        path = f"/orders/{order.order_id}/payment" + ("/native" if way == "NATIVE" else "")
        code, answer = self.people.ask(order.member, "POST", path)
        # A campaign's late payer who was given another place has paid, whatever the state was before.
        if not self.told(code, refusals):
            return
        handle = answer["code_url"] if way == "NATIVE" else answer["package"].removeprefix("prepay_id=")
        if last and last.way == way:
            last.handle = handle
            return
        if last and last.state == "NOTPAY":
            last.state = "CLOSED"
        number = f"{order.order_id}-{len(order.trades) + 1}"
        order.trades.append(Trade(number, order.payable, way, handle))

    @ORDERED
    @rule(n=ANY, which=ANY, late=st.booleans(), fate=FATES)
    def pays(self, n: int, which: int, late: bool, fate: str) -> None:
        """Also twice, by two sheets; also when the order is closed already (`late`: the money was under way)."""
        order = self.pick(n)
        if order.trades:
            self._pay(order, order.trades[-1 - which % 2 % len(order.trades)], late, fate)

    def _pay(self, order: Order, trade: Trade, late: bool, fate: str) -> None:
        if fate:
            self.world.control("POST", "faults", [{"match": "callback:TRANSACTION", "do": fate}])
        openid = self.world.shop.orders.get(self.ids[order.member], order.order_id).openid
        try:
            if trade.way == "NATIVE":
                body = {"code_url": trade.handle, "openid": openid, "late": late}
                answer = self.world.control("POST", "native/pay", body)
            else:
                answer = self.world.control("POST", f"payments/{trade.handle}/pay", {"late": late})
        except Refusal:
            assert trade.state != "NOTPAY" or self.now >= order.expires_at, "WeChat took no money"
            self.world.control("DELETE", "faults")
            return
        assert trade.state == "NOTPAY" or (late and trade.state == "CLOSED"), trade
        self.world.tell(f"{order.member} paid {trade.number}: {answer['callback_results']}")
        trade.state = "SUCCESS"
        if not fate:
            assert answer["callback_status"] == 200
            self.model.hear(order, trade)

    @ORDERED
    @rule(n=ANY)
    def asks_whether_it_is_paid(self, n: int) -> None:
        order = self.pick(n)
        code, _ = self.people.ask(order.member, "POST", f"/orders/{order.order_id}/payment/check")
        self.told(code, set())
        if order.trades and order.trade_no is None and order.trades[-1].state == "SUCCESS":
            self.model.hear(order, order.trades[-1])

    @ORDERED
    @rule(n=ANY)
    def cancels(self, n: int) -> None:
        order = self.pick(n)
        code, _ = self.people.ask(order.member, "POST", f"/orders/{order.order_id}/cancel")
        self.told(code, self.model.cancel(order))

    @ORDERED
    @rule(n=ANY, longer=st.sampled_from([False, False, True]))
    def receives(self, n: int, longer: bool) -> None:
        self._receive(self.pick(n), longer)

    def _receive(self, order: Order, longer: bool) -> None:
        path = f"/orders/{order.order_id}/receipt" + ("/extension" if longer else "")
        code, _ = self.people.ask(order.member, "POST", path)
        self.told(code, self.model.extend(order) if longer else self.model.confirm(order, self.now))

    @ORDERED
    @rule(n=ANY, kind=st.sampled_from(["REFUND", "REFUND", "RETURN", "EXCHANGE"]), sent=st.booleans(), which=ANY,
          pieces=st.integers(0, 2), free=st.booleans(), fits=st.sampled_from([True, True, False]))  # fmt: skip
    def applies(self, n: int, kind: str, sent: bool, which: int, pieces: int, free: bool, fits: bool) -> None:
        """For some pieces of one line, or for all that there is; a return for no reason is agreed to at once."""
        order = self.pick(n)
        if fits and (able := [o for o in self.model.orders.values() if o.live and o.trade_no and not o.held]):
            order = able[n % len(able)]
            sent = any(order.claimable(sku_id, True) for sku_id in order.lines)
            kind = kind if sent else "REFUND"
        wanted = {sku_id: left for sku_id in order.lines if (left := order.claimable(sku_id, sent))}
        if (pieces and not fits) or not wanted:
            wanted = {list(order.lines)[which % len(order.lines)]: pieces or 1}
        elif pieces:
            sku_id = list(wanted)[which % len(wanted)]
            wanted = {sku_id: min(pieces, wanted[sku_id])}
        reason = REASONS.get((kind, sent), "NO_REASON" if free else "CHANGED_MIND")
        refusals = self.model.refuses_case(order, kind, sent, wanted, self.now)
        may = {"AFTERSALE_NOT_POSSIBLE"} if order.activity else set()  # its group may not have said anything yet
        if reason == "NO_REASON" and order.completed_at:
            over = self.now >= order.completed_at + timedelta(days=8)
            may |= {"NO_REASON_OVER"} if self.now >= order.completed_at + timedelta(days=7) else set()
            refusals |= {"NO_REASON_OVER"} if over and not refusals else set()
        lines = [{"sku_id": sku_id, "quantity": quantity} for sku_id, quantity in wanted.items()]
        wish = {"kind": kind, "reason": reason, "lines": lines, "sent": sent}
        key = f"model-key-{next(self.number):04d}"
        code, answer = self.people.ask(order.member, "POST", f"/orders/{order.order_id}/aftersales", wish, key)
        if not self.told(code, refusals, may):
            return
        claims = {sku_id: order.share(sku_id, quantity) for sku_id, quantity in wanted.items()}
        amount = self.model.amount(claims, reason, sent)
        assert answer["amount"] == amount, f"{answer['amount']} fen for {claims}, the model says {amount}"
        case = Case(answer["case_id"], kind, claims, sent, amount, "APPLIED", self.now)
        order.cases[case.case_id] = case
        if reason == "NO_REASON":
            self.told(None, self.model.step(order, case, "agree", self.now))

    # -- staff -------------------------------------------------------------------------------------------------------

    @ORDERED
    @rule(n=ANY, some=st.sampled_from([0, 0, 0, 1, 2]), which=ANY)
    def sends(self, n: int, some: int, which: int) -> None:
        order = self.pick(n)
        self._send(order, {list(order.lines)[which % len(order.lines)]: some} if some else {})

    def _send(self, order: Order, pieces: dict[str, int]) -> None:
        """What is named, or all that is left."""
        parcel = {"way": "EXPRESS", "carrier": "SF", "tracking_no": f"SF{next(self.number):010d}"}
        lines = [{"sku_id": sku_id, "quantity": quantity} for sku_id, quantity in pieces.items()]
        path = f"/staff/orders/{self.ids[order.member]}/{order.order_id}/parcels"
        key = f"model-key-{next(self.number):04d}"
        code, _ = self.people.ask("staff", "POST", path, parcel | {"lines": lines}, key)
        self.told(code, self.model.ship(order, pieces, self.now))

    @ORDERED
    @rule(n=ANY)
    def hands_over(self, n: int) -> None:
        order = self.pick(n)
        if order.pickup:
            place = self.world.shop.orders.get(self.ids[order.member], order.order_id).pickup
            code, _ = self.people.ask("staff", "POST", f"/staff/pickups/{place.code}" if place else "")
            self.told(code, self.model.hand_over(order, self.now))

    @precondition(lambda self: any(order.cases for order in self.model.orders.values()))
    @rule(
        n=ANY, step=st.sampled_from([*BODIES, "agree", "agree", "receive", "receive", "return"]), restock=st.booleans()
    )
    def goes_a_step(self, n: int, step: str, restock: bool) -> None:
        """Anybody tries any step of any case."""
        cases = [(order, case) for order in self.model.orders.values() for case in order.cases.values()]
        order, case = cases[-1 - n % len(cases) % 3]
        self._step(order, case, step, restock)

    @precondition(lambda self: any(order.open_cases for order in self.model.orders.values()))
    @rule(n=ANY, restock=st.booleans(), which=ANY, steps=st.integers(1, 3))
    def goes_on_with_a_case(self, n: int, restock: bool, which: int, steps: int) -> None:
        """Steps that lead on."""
        cases = [(order, case) for order in self.model.orders.values() for case in order.open_cases]
        order, case = cases[-1 - n % len(cases) % 3]
        for _ in range(steps):
            if case.state in LEADS:
                self._step(order, case, LEADS[case.state][which % len(LEADS[case.state])], restock)

    def _step(self, order: Order, case: Case, step: str, restock: bool) -> None:
        body = {"restock": restock} if step == "receive" else BODIES[step]
        if step in SHOPPERS_STEPS:
            who, path = order.member, f"/aftersales/{case.case_id}/{step}"
        else:
            who, path = "staff", f"/staff/aftersales/{self.ids[order.member]}/{case.case_id}/{step}"
        code, _ = self.people.ask(who, "POST", path, body)
        self.told(code, self.model.step(order, case, step, self.now, restock and step == "receive"))

    # -- what goes on by itself --------------------------------------------------------------------------------------

    @ORDERED
    @rule(n=ANY)
    def wechat_calls_again(self, n: int) -> None:
        """Any callback that there was, again or out of its order."""
        if callbacks := self.world.control("GET", "callbacks"):
            callback = callbacks[n % len(callbacks)]
            answer = self.world.control("POST", f"callbacks/{callback['id']}/send", {})
            assert answer["callback_results"] == [200], answer
            self.goes_on()

    @rule(do=st.sampled_from(["ABNORMAL", "CLOSED", "NOT_ENOUGH"]))
    def refunds_will_fail(self, do: str) -> None:
        outcome: dict[str, Any] = {"do": "refund_outcome", "outcome": do, "seconds": 30}
        if do == "NOT_ENOUGH":
            outcome = {"do": "status", "status": 403, "code": "NOT_ENOUGH", "times": 2, "method": "POST"}
        self.world.control("POST", "faults", [{"match": "domestic/refunds", **outcome}])

    @rule(lost=st.sampled_from([False, False, True]))
    def streams_run(self, lost: bool) -> None:
        if lost:
            self.world.streamed.clear()
        driver.deliver_streams(self.world)
        self.goes_on()

    @rule(minutes=st.sampled_from([0, 1, 3, 16, 180, 26 * 60, 4 * 24 * 60, 11 * 24 * 60]), schedules=st.booleans())
    def time_passes(self, minutes: int, schedules: bool) -> None:
        days, minutes = divmod(minutes, 24 * 60)
        for _ in range(days):  # no shop is without its schedules for days
            self.world.clock.forward(days=1)
            self.schedules_run()
        self.world.clock.forward(minutes=minutes)
        self.world.tell("time passes")
        if schedules:
            self.schedules_run()

    @rule()
    def schedules_run(self) -> None:
        driver.wechat_works(self.world)
        driver.run_schedules(self.world)
        self.goes_on()

    # -- the comparison ----------------------------------------------------------------------------------------------

    def goes_on(self) -> None:
        """Book what the shop did by itself; Wrong if it may not."""
        for order in self.model.orders.values():
            for _ in range(12):
                seen = self.seen(order)
                if not self.model.explains(order, seen, self.now, self._team(order.team)):
                    break

    def seen(self, order: Order) -> dict[str, Any]:
        shop, member_id = self.world.shop, self.ids[order.member]
        row = shop.orders.get(member_id, order.order_id)
        report = shop.payments.money.report(member_id, order.order_id)
        paid = {movement.number for movement in report.movements if movement.amount > 0 and movement.counts}
        return {
            "state": str(row.state), "held": row.held, "late": row.late_payment, "finished": row.finished,
            "group": row.campaign.group_id if row.campaign else None, "decided": row.refunded,
            "sent": {sku_id: done.sent for sku_id, done in row.progress.items() if done.sent},
            "cases": {case_id: str(shop.aftersales.store.get(member_id, case_id).state) for case_id in row.cases},
            "confirmed_by": next((str(event.by) for event in row.timeline if event.now == "COMPLETED"), None),
            "heard": paid, "received": report.received, "returning": report.sent_back + report.under_way,
            "undecided": report.undecided, "difference": report.difference,
        }  # fmt: skip

    @invariant()
    def the_shop_is_as_the_model_says(self) -> None:
        for order in self.model.orders.values():
            wanted = {
                "state": order.state, "held": order.held, "late": order.late, "finished": order.finished,
                "group": order.team, "decided": order.decided,
                "sent": {sku_id: line.sent for sku_id, line in order.lines.items() if line.sent},
                "cases": {case.case_id: case.state for case in order.cases.values()},
                "heard": {trade.number for trade in order.trades if trade.heard}, "received": order.received,
                "returning": order.returning, "undecided": order.payable if order.late else 0, "difference": 0,
            }  # fmt: skip
            found = self.seen(order)
            differing = {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]}
            assert not differing, f"order {order.order_id}: (shop, model) {differing}\n" + "\n".join(
                self.world.story[-40:]
            )
            assert 0 <= order.returning <= order.received
        shop = self.world.shop
        assert shop.stock.levels(list(self.model.stock)) == self.model.stock
        assert {name: shop.points.balance(self.ids[name]) for name in MEMBERS} == self.model.points
        for name, coupons in self.model.owned.items():
            for coupon in coupons:
                used = shop.coupons.get(self.ids[name], coupon).state is CouponState.USED
                assert used == (self.model.coupons[coupon] is not None), f"coupon {coupon}"

    def teardown(self) -> None:
        try:
            self.settles()
        finally:
            self.life.close()

    def settles(self) -> None:
        """Whatever happened: once all is done that is due, nothing is left half-way and nothing is missing."""
        self.world.control("DELETE", "faults")
        for _ in range(3):
            driver.settle(self.world, hours=30)  # until the bill of the day is read, where all that was unheard stands
            refunds = self.world.control("GET", "refunds")
            failed = [refund["out_refund_no"] for refund in refunds if refund["status"] == "ABNORMAL"]
            for number in failed:  # staff mend in the portal what WeChat could not finish
                self.world.control("POST", f"refunds/{number}/mend")
            self.goes_on()
            if not failed and not self.unheard():
                break
        self.goes_on()
        self.the_shop_is_as_the_model_says()
        for order in self.model.orders.values():
            assert order.state != "AWAITING_PAYMENT", order
            assert not order.late, order
        assert not self.unheard(), f"money taken and not heard of: {self.unheard()}"
        sentences = broken(self.world)
        assert not sentences, "\n".join([*sentences, *self.world.story])
        late = [row for row in driver.waiting(self.world) if row[0] <= self.now.timestamp()]
        assert not late, f"due and not done: {late}"

    def unheard(self) -> list[Trade]:
        trades = [trade for order in self.model.orders.values() for trade in order.trades]
        return [trade for trade in trades if trade.state == "SUCCESS" and not trade.heard]

"""One visit to every route, and more where the answer takes another way."""

from __future__ import annotations

from typing import Any

from bench.tour import BARGAIN_LINE, CART, LINES, ONE_DAY, TEAM_LINE, Act, Tour, Visit, into
from chalicelib.campaigns.base import Choice
from chalicelib.kernel.staff import StaffRole
from sandbox.demo.shopper import HOME
from sandbox.local.seed import BARGAIN, TEAM
from tests.shop import Shopper

ROUTES: list[Visit] = []
visit = into(ROUTES)
CONSENT = "tmpl_order_paid"


HOT = "chestnut-01"


def plain(name: str, case: str = "", *, query: str = "", body: Any = None) -> None:
    """A request that alice can make at any time."""
    method, path = name.split()
    ROUTES.append(
        Visit(name, case, lambda tour: lambda: ask(tour.alice, method, path.format(**tour.ids) + query, body))
    )


def cart(name: str, case: str = "", *, held: tuple[tuple[str, int], ...] = CART, body: Any = None) -> None:
    """A request of alice with these lines in her cart."""
    method, path = name.split()

    def ready(tour: Tour) -> Act:
        tour.in_cart(*held)
        return lambda: ask(tour.alice, method, path.format(**tour.ids), body)

    ROUTES.append(Visit(name, case, ready))


def ask(shopper: Shopper, method: str, path: str, body: Any = None, **headers: str) -> Any:
    answer = shopper.send(method, path, body, **headers)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


plain("POST /login", "a member", body={"code": "demo-guest-1"})
plain("POST /session/renew")
plain("GET /me")
plain("POST /me/phone", body={"code": "demo-13800138000"})
plain("GET /categories")
plain("GET /products", "20 of all")
plain("GET /products", "of a category", query="?category=tea&sort=price_asc")
plain("GET /products/{product_id}")
plain("GET /promotions")
plain("GET /campaigns", query="?kind=groupbuy")
plain("GET /campaigns/{activity_id}")
plain("GET /campaigns/{activity_id}/teams")
plain("GET /groupbuy/teams/{team_id}")
plain("GET /groupbuy/teams/{team_id}/code")
plain("GET /groupbuy/mine")
plain("GET /bargain/launches")
plain("GET /bargain/launches/{launch_id}")
plain("GET /addresses")
plain("POST /addresses", body=HOME)
plain("PUT /addresses/{address_id}", body=HOME)
plain("POST /addresses/{address_id}/default")
plain("POST /addresses/parse", body={"text": "张三 13800138000 广东省深圳市南山区科技园1号"})
plain("GET /coupon-templates")
plain("GET /coupons")
plain("GET /points")
plain("GET /points/entries", "20 of all")
plain("GET /subscriptions")
plain("POST /subscriptions", body={"results": {CONSENT: "accept"}})
plain("GET /orders", "20 of all")
plain("GET /orders", "20 of a state", query="?state=AWAITING_PAYMENT")
plain("GET /orders/{order_id}")
plain("POST /orders/preview", "one line, no address", body={"lines": [{"sku_id": "nuts-02", "quantity": 1}]})

cart("GET /cart", "3 lines")
cart("POST /cart/lines", "a third SKU", held=LINES, body={"sku_id": "mango-02", "quantity": 1})
cart("POST /cart/lines", "more of a SKU", body={"sku_id": "mango-02", "quantity": 1})
cart("PATCH /cart/lines/{sku_id}", body={"quantity": 2})
cart("POST /cart/selection", body={"selected": True})
cart("DELETE /cart/lines/{sku_id}")
cart("POST /cart/remove", body={"sku_ids": ["mango-02"]})
cart("DELETE /cart")


@visit("POST /login", "a newcomer")
def arrive(tour: Tour) -> Act:
    code = {"code": f"demo-newcomer-{tour.number()}"}
    return lambda: ask(tour.alice, "POST", "/login", code)


@visit("PATCH /me", "a new nickname")
def rename(tour: Tour) -> Act:
    name = {"nickname": f"小明{tour.number()}"}
    return lambda: ask(tour.alice, "PATCH", "/me", name)


@visit("POST /logout-everywhere")
def log_out(tour: Tour) -> Act:
    guest = tour.someone()
    return lambda: ask(guest, "POST", "/logout-everywhere")


@visit("DELETE /addresses/{address_id}")
def delete_address(tour: Tour) -> Act:
    address_id = tour.alice.post("/addresses", HOME)["address_id"]
    return lambda: ask(tour.alice, "DELETE", f"/addresses/{address_id}")


@visit("POST /coupon-templates/{template_id}/claim")
def claim(tour: Tour) -> Act:
    guest = tour.someone()
    return lambda: ask(guest, "POST", f"/coupon-templates/{ONE_DAY}/claim")


@visit("POST /bargain/launches")
def launch(tour: Tour) -> Act:
    guest = tour.someone()
    return lambda: ask(guest, "POST", "/bargain/launches", {"activity_id": BARGAIN})


@visit("POST /bargain/launches/{launch_id}/cuts")
def cut(tour: Tour) -> Act:
    launch_id, guest = tour.launch(tour.someone()), tour.someone()
    return lambda: ask(guest, "POST", f"/bargain/launches/{launch_id}/cuts")


@visit("POST /orders/preview", "two lines, coupon, address")
def preview(tour: Tour) -> Act:
    wish = tour.alice.wish(*LINES, coupon_id=tour.coupon(tour.alice))
    return lambda: ask(tour.alice, "POST", "/orders/preview", wish)


@visit("POST /orders/preview", "the cart of 3 lines")
def preview_cart(tour: Tour) -> Act:
    tour.in_cart(*CART)
    wish = tour.alice.wish()
    return lambda: ask(tour.alice, "POST", "/orders/preview", wish)


def placing(shopper: Shopper, wish: Any, key: str, **headers: str) -> Act:
    return lambda: ask(shopper, "POST", "/orders", wish, **{"Idempotency-Key": key}, **headers)


@visit("POST /orders", "two lines, coupon")
def place(tour: Tour) -> Act:
    wish = tour.alice.wish(*LINES, coupon_id=tour.coupon(tour.alice))
    return placing(tour.alice, wish, tour.key())


@visit("POST /orders", "two lines, coupon, signed")
def place_signed(tour: Tour) -> Act:
    wish = tour.alice.wish(*LINES, coupon_id=tour.coupon(tour.alice))
    return placing(tour.alice, wish, tour.key(), **tour.signature("POST", "/orders", wish))


@visit("POST /orders", "two lines, points")
def place_with_points(tour: Tour) -> Act:
    tour.points(tour.alice, 100)
    return placing(tour.alice, tour.alice.wish(*LINES, points=100), tour.key())


@visit("POST /staff/points/{member_id}")
def adjust_points(tour: Tour) -> Act:
    service = tour.stack.staff(StaffRole.FINANCE)
    path, gift = f"/staff/points/{tour.alice.member_id}", {"delta": 5, "why": "补偿"}
    return lambda: ask(service, "POST", path, gift, **{"Idempotency-Key": tour.key()})


@visit("POST /orders", "the cart of 3 lines")
def place_cart(tour: Tour) -> Act:
    tour.in_cart(*CART)
    return placing(tour.alice, tour.alice.wish(), tour.key())


@visit("POST /orders", "the same key again")
def place_again(tour: Tour) -> Act:
    act = placing(tour.alice, tour.alice.wish(*LINES), tour.key())
    act()
    return act


@visit("POST /orders", "of a SKU over 16 counters")
def place_hot(tour: Tour) -> Act:
    spread(tour, 16)
    return placing(tour.alice, tour.alice.wish((HOT, 1)), tour.key())


@visit("POST /orders", "opens a team")
def place_team(tour: Tour) -> Act:
    guest = tour.someone()
    return placing(guest, guest.wish(TEAM_LINE, campaign={"kind": "groupbuy", "activity_id": TEAM}), tour.key())


@visit("POST /orders", "joins a team")
def place_seat(tour: Tour) -> Act:
    team_id, guest = tour.open_team(tour.someone()), tour.someone()
    choice = {"kind": "groupbuy", "activity_id": TEAM, "group_id": team_id}
    return placing(guest, guest.wish(TEAM_LINE, campaign=choice), tour.key())


@visit("POST /orders", "at a bargained price")
def place_bargain(tour: Tour) -> Act:
    guest = tour.someone()
    launch_id = tour.launch(guest)
    tour.cut_to_floor(launch_id)
    choice = {"kind": "bargain", "activity_id": BARGAIN, "group_id": launch_id}
    return placing(guest, guest.wish(BARGAIN_LINE, campaign=choice), tour.key())


@visit("POST /orders/{order_id}/payment", "first")
def pay(tour: Tour) -> Act:
    order_id = tour.place(tour.alice)
    return lambda: tour.alice.open_sheet(order_id)


@visit("POST /orders/{order_id}/payment", "again")
def pay_again(tour: Tour) -> Act:
    order_id, _ = tour.sheet(tour.alice)
    return lambda: tour.alice.open_sheet(order_id)


@visit("POST /orders/{order_id}/payment/check", "paid, and no callback yet")
def check(tour: Tour) -> Act:
    order_id, sheet = tour.sheet(tour.alice)
    tour.lose_callback()
    tour.paid(tour.alice, order_id, sheet, answer="dropped")
    return lambda: ask(tour.alice, "POST", f"/orders/{order_id}/payment/check")


@visit("POST /orders/{order_id}/payment/check", "after the callback")
def check_paid(tour: Tour) -> Act:
    order_id = tour.bought(tour.alice)
    return lambda: ask(tour.alice, "POST", f"/orders/{order_id}/payment/check")


@visit("POST /orders/{order_id}/cancel", "payment never begun")
def cancel(tour: Tour) -> Act:
    order_id = tour.place(tour.alice)
    return lambda: ask(tour.alice, "POST", f"/orders/{order_id}/cancel")


@visit("POST /orders/{order_id}/cancel", "payment begun, with a coupon")
def cancel_begun(tour: Tour) -> Act:
    order_id, _ = tour.sheet(tour.alice, coupon_id=tour.coupon(tour.alice))
    return lambda: ask(tour.alice, "POST", f"/orders/{order_id}/cancel")


@visit("POST /orders/{order_id}/receipt")
def receive(tour: Tour) -> Act:
    order_id = tour.bought(tour.alice)
    tour.tell_stream(tour.alice, order_id)
    tour.stack.ship(tour.alice.member_id, order_id)
    return lambda: ask(tour.alice, "POST", f"/orders/{order_id}/receipt")


plain("GET /pickup-points")


def staff(name: str, case: str = "", *, query: str = "") -> None:
    """A list that staff may read at any time."""
    method, path = name.split()

    def ready(tour: Tour) -> Act:
        packer = tour.stack.staff(StaffRole.FULFILMENT)
        return lambda: ask(packer, method, path + query)

    ROUTES.append(Visit(name, case, ready))


staff("GET /staff/pickup-points")
staff("GET /staff/shipping-uploads")


def spread(tour: Tour, counters: int) -> str:
    """The path of a hot SKU that is spread so far."""
    tour.shop.stock.spread(HOT, counters)
    return f"/staff/stock/{HOT}"


@visit("GET /staff/stock/{sku_id}", "spread over 16")
def show_stock(tour: Tour) -> Act:
    packer, path = tour.stack.staff(StaffRole.FULFILMENT), spread(tour, 16)
    return lambda: ask(packer, "GET", path)


@visit("PUT /staff/stock/{sku_id}", "over 16")
def spread_stock(tour: Tour) -> Act:
    packer, path = tour.stack.staff(StaffRole.FULFILMENT), spread(tour, 0)
    return lambda: ask(packer, "PUT", path, {"counters": 16})


@visit("POST /staff/pickup-points")
def put_pickup_point(tour: Tour) -> Act:
    packer, point = tour.stack.staff(StaffRole.FULFILMENT), {"point_id": "bench", "name": "自提点", "address": "1号"}
    return lambda: ask(packer, "POST", "/staff/pickup-points", point)


@visit("GET /staff/orders/to-ship", "one order and more")
def list_unsent(tour: Tour) -> Act:
    tour.to_send(tour.alice)
    packer = tour.stack.staff(StaffRole.FULFILMENT)
    return lambda: ask(packer, "GET", "/staff/orders/to-ship")


def at_the_order(tour: Tour) -> tuple[Shopper, str, str]:
    """A packer, the id of a paid order, and its path for staff."""
    order_id, packer = tour.to_send(tour.alice), tour.stack.staff(StaffRole.FULFILMENT)
    return packer, order_id, f"/staff/orders/{tour.alice.member_id}/{order_id}"


@visit("GET /staff/orders/{member_id}/{order_id}")
def staff_order(tour: Tour) -> Act:
    packer, _, path = at_the_order(tour)
    return lambda: ask(packer, "GET", path)


@visit("POST /staff/orders/{member_id}/{order_id}/parcels", "all of it")
def send(tour: Tour) -> Act:
    packer, order_id, path = at_the_order(tour)
    parcel = {"way": "EXPRESS", "carrier": "YTO", "tracking_no": f"YT{order_id}"}
    return lambda: ask(packer, "POST", f"{path}/parcels", parcel, **{"Idempotency-Key": tour.key()})


@visit("PUT /staff/orders/{member_id}/{order_id}/parcels/{parcel_id}")
def correct_number(tour: Tour) -> Act:
    packer, order_id, path = at_the_order(tour)
    tour.stack.ship(tour.alice.member_id, order_id)
    parcel_id = ask(packer, "GET", path)["parcels"][0]["parcel_id"]
    right = {"carrier": "ZTO", "tracking_no": f"ZT{order_id}"}
    return lambda: ask(packer, "PUT", f"{path}/parcels/{parcel_id}", right)


@visit("GET /orders/{order_id}/parcels", "one parcel")
def show_parcels(tour: Tour) -> Act:
    _, order_id, _ = at_the_order(tour)
    tour.stack.ship(tour.alice.member_id, order_id)
    return lambda: ask(tour.alice, "GET", f"/orders/{order_id}/parcels")


@visit("POST /staff/shipping-uploads/{order_id}/retry")
def retry_upload(tour: Tour) -> Act:
    packer, order_id, _ = at_the_order(tour)
    tour.stack.ship(tour.alice.member_id, order_id)
    return lambda: ask(packer, "POST", f"/staff/shipping-uploads/{order_id}/retry")


@visit("GET /staff/pickups/{code}")
def look_at_code(tour: Tour) -> Act:
    packer, code = tour.stack.staff(StaffRole.FULFILMENT), tour.fetched(tour.alice)
    return lambda: ask(packer, "GET", f"/staff/pickups/{code}")


@visit("POST /staff/pickups/{code}")
def hand_over(tour: Tour) -> Act:
    packer, code = tour.stack.staff(StaffRole.FULFILMENT), tour.fetched(tour.alice)
    return lambda: ask(packer, "POST", f"/staff/pickups/{code}")


@visit("POST /wechat/pay/notify", "paid")
def notify(tour: Tour) -> Act:
    order_id, sheet = tour.sheet(tour.alice)
    return lambda: tour.paid(tour.alice, order_id, sheet)


@visit("POST /wechat/pay/notify", "paid, in a team")
def notify_team(tour: Tour) -> Act:
    guest = tour.someone()
    order_id, sheet = tour.sheet(guest, TEAM_LINE, campaign=Choice("groupbuy", TEAM))
    return lambda: tour.paid(guest, order_id, sheet)


@visit("POST /wechat/pay/notify", "paid, heard before")
def notify_again(tour: Tour) -> Act:
    order_id, sheet = tour.sheet(tour.alice)
    callback_id = tour.paid(tour.alice, order_id, sheet)["callback_id"]
    return lambda: tour.send_callback(callback_id)


@visit("POST /wechat/pay/notify", "paid after closing")
def notify_late(tour: Tour) -> Act:
    order_id, sheet = tour.sheet(tour.alice)
    tour.alice.post(f"/orders/{order_id}/cancel")
    return lambda: tour.alice.pay(order_id, sheet, late=True)


@visit("POST /wechat/pay/notify", "refunded")
def notify_refund(tour: Tour) -> Act:
    callback_id = tour.refund()
    return lambda: tour.send_callback(callback_id)


@visit("GET /wechat/push")
def verify_push(tour: Tour) -> Act:
    return lambda: tour.stack.control("POST", "push/verify", {"url": f"{tour.stack.api_url}/wechat/push"})


@visit("POST /wechat/push", "a consent is withdrawn")
def push(tour: Tour) -> Act:
    openid = tour.session(tour.agrees_to(tour.alice, "order_paid")).openid
    entry = {"TemplateId": CONSENT, "SubscribeStatusString": "reject"}
    event = {"Event": "subscribe_msg_change_event", "FromUserName": openid, "List": entry, "MsgId": tour.number()}
    return lambda: tour.stack.control("POST", "push", {"event": event, "url": f"{tour.stack.api_url}/wechat/push"})

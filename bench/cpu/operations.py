"""What is measured: every route that a shopper uses often, and the way from the cart to a paid order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.cpu.scene import LINES, TEAM_LINE, THIRD, Guest, Scene
from bench.gateway import Answer, Request

Asks = Callable[[Scene, Guest], Sequence[Request]]


def nothing(scene: Scene) -> None:
    """No preparation."""


def forget(guest: Guest, answers: Sequence[Answer]) -> None:
    """What was answered is of no use later."""


@dataclass(frozen=True)
class Operation:
    """`asks` makes what one guest asks at once; `before` sets the scene for a round, `after` looks at the answers.

    RSA work of one turn: `verifies` signatures of WeChat, `signs` with the merchant's key. `goal`: CPU milliseconds
    with eight clients that are not to be passed; `beyond_rsa` says that they are counted without RSA and AES.
    """

    name: str
    asks: Asks
    before: Callable[[Scene], None] = nothing
    after: Callable[[Guest, Sequence[Answer]], None] = forget
    verifies: int = 0
    signs: int = 0
    opens: int = 0
    goal: float | None = None
    beyond_rsa: bool = False


def _get(path: str) -> Asks:
    return lambda scene, guest: [guest.asks("GET", path.format(order_id=guest.order_id))]


def _login(scene: Scene, guest: Guest) -> list[Request]:
    return [Request("POST", "/login", json.dumps({"code": f"demo-{guest.name}"}))]


def _add(scene: Scene, guest: Guest) -> list[Request]:
    return [guest.asks("POST", "/cart/lines", THIRD)]


def _preview(scene: Scene, guest: Guest) -> list[Request]:
    wish = {"lines": LINES, "address_id": guest.address_id, "coupon_id": guest.coupon_id}
    return [guest.asks("POST", "/orders/preview", wish)]


def _place(scene: Scene, guest: Guest) -> list[Request]:
    return [guest.orders(scene.key(), *LINES, coupon_id=scene.coupon(guest))]


def _placed(guest: Guest, answers: Sequence[Answer]) -> None:
    guest.order_id = answers[-1].json()["order_id"]


def _order_the_cart(scene: Scene, guest: Guest) -> list[Request]:
    scene.without_cart(guest)
    return [guest.asks("POST", "/cart/lines", THIRD), guest.orders(scene.key())]


def _pay(scene: Scene, guest: Guest) -> list[Request]:
    scene.place(guest)
    return [guest.asks("POST", f"/orders/{guest.order_id}/payment")]


def _hear(scene: Scene, guest: Guest) -> list[Request]:
    scene.place(guest)
    scene.begin(guest)
    return [scene.stage.pay(guest.sheet)]


def _team(scene: Scene, guest: Guest) -> list[Request]:
    return [guest.orders(scene.key(), TEAM_LINE, campaign=scene.campaign)]


def _cut(scene: Scene, guest: Guest) -> list[Request]:
    return [guest.asks("POST", f"/bargain/launches/{scene.launch_id}/cuts")]


OPERATIONS = (
    Operation("POST /login: a member", _login),
    Operation("GET /categories", _get("/categories")),
    Operation("GET /products: 20 of all", _get("/products"), goal=1.5),
    Operation("GET /products/{product_id}", _get("/products/longjing"), goal=2.0),
    Operation("POST /cart/lines: a third SKU", _add, goal=1.5),
    Operation("GET /cart: 3 lines", _get("/cart")),
    Operation("POST /orders/preview: two lines, coupon", _preview),
    Operation("POST /orders: two lines, coupon", _place, after=_placed),
    Operation("POST /cart/lines + POST /orders: the cart", _order_the_cart, after=_placed, goal=4.5),
    Operation("GET /orders: 20 of all", _get("/orders")),
    Operation("GET /orders/{order_id}", _get("/orders/{order_id}")),
    # Signed: the request to WeChat, the payment sheet.
    Operation("POST /orders/{order_id}/payment", _pay, verifies=1, signs=2),
    Operation("POST /wechat/pay/notify: paid", _hear, verifies=1, opens=1, goal=0.9, beyond_rsa=True),
    Operation("POST /orders: opens a team", _team, before=Scene.new_teams),
    Operation("POST /orders: joins a team", _team, before=Scene.open_team),
    Operation("POST /bargain/launches/{launch_id}/cuts", _cut, before=Scene.launch),
)

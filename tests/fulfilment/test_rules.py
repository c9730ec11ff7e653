"""What is told to WeChat, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.fulfilment.carriers import CARRIERS
from chalicelib.fulfilment.rules import (
    Consignment,
    Delivery,
    Parcel,
    Upload,
    UploadState,
    Way,
    kept,
    parcel_id_of,
    same,
    titles,
    to_tell,
    wait_after,
)
from chalicelib.orders.rules import Order, OrderLine, OrderState

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def line(sku_id: str, quantity: int) -> OrderLine:
    return OrderLine(sku_id, sku_id, sku_id.upper(), "", "", quantity, 100, 0, 0, 100 * quantity)


def order(state: OrderState = OrderState.PAID, **changed: object) -> Order:
    lines = (line("a", 2), line("b", 1))
    made = Order("O1", "M1", "o-1", state, lines, 300, 0, 0, 300, (), NOW, NOW, trade_no="O1-1")
    return replace(made, **changed)  # type: ignore[arg-type]


def parcel(number: int = 1, way: Way = Way.EXPRESS, **changed: object) -> Parcel:
    carrier = ("SF", f"SF{number}") if way is Way.EXPRESS else ("", "")
    made = Parcel("O1", f"P{number}", "M1", way, {"a": 1}, NOW, *carrier)
    return replace(made, **changed)  # type: ignore[arg-type]


EXPRESS, SECOND, LOCAL, FETCHED = parcel(), parcel(2), parcel(3, Way.LOCAL), parcel(4, Way.PICKUP)
SHIPPED = OrderState.SHIPPED


@pytest.mark.parametrize(
    ("state", "parcels", "split_before", "told"),
    [
        (OrderState.PAID, [], False, None),
        (OrderState.PAID, [EXPRESS], False, Delivery(Way.EXPRESS, True, False, (EXPRESS,))),
        (SHIPPED, [EXPRESS], False, Delivery(Way.EXPRESS, False, True, (EXPRESS,))),
        (SHIPPED, [EXPRESS], True, Delivery(Way.EXPRESS, True, True, (EXPRESS,))),
        (SHIPPED, [EXPRESS, SECOND], False, Delivery(Way.EXPRESS, True, True, (EXPRESS, SECOND))),
        (OrderState.COMPLETED, [EXPRESS], False, Delivery(Way.EXPRESS, False, True, (EXPRESS,))),
        (OrderState.PAID, [LOCAL], False, None),
        (SHIPPED, [LOCAL], False, Delivery(Way.LOCAL, False, True, (LOCAL,))),
        (SHIPPED, [LOCAL, EXPRESS], False, Delivery(Way.EXPRESS, False, True, (EXPRESS,))),
        (OrderState.COMPLETED, [FETCHED], False, Delivery(Way.PICKUP, False, True, (FETCHED,))),
    ],
)
def test_only_express_is_told_in_parts_and_all_else_once_all_has_left(
    state: OrderState, parcels: list[Parcel], split_before: bool, told: Delivery | None
) -> None:
    assert to_tell(order(state), parcels, split_before) == told


def test_a_repetition_is_known_by_its_content_even_after_a_correction() -> None:
    asked = Consignment(Way.EXPRESS, "SF", "SF1")
    assert same(EXPRESS, asked)
    assert same(EXPRESS, replace(asked, pieces={"a": 1}))
    assert not same(EXPRESS, replace(asked, pieces={"a": 2}))
    assert not same(EXPRESS, replace(asked, tracking_no="SF2"))
    assert not same(EXPRESS, replace(asked, way=Way.LOCAL))
    assert same(replace(EXPRESS, corrected=True, tracking_no="SF9"), asked)


def test_a_parcels_id_follows_from_order_and_key() -> None:
    assert parcel_id_of("O1", "key-0001") == parcel_id_of("O1", "key-0001")
    assert len({parcel_id_of(o, k) for o in ("O1", "O2") for k in ("key-0001", "key-0002")}) == 4


def test_what_is_refunded_by_decision_is_not_kept() -> None:
    assert kept(order()) == 300
    assert kept(order(refunded=100)) == 200
    assert kept(order(refund_state="PENDING")) == 0


def test_a_parcels_contents_are_named_by_title() -> None:
    assert titles(order(), {"a": 2, "b": 1}) == "A×2；B×1"
    assert titles(order(), {"b": 1}) == "B×1"


def test_an_upload_is_always_later_than_the_one_before() -> None:
    upload = Upload("O1", "M1", UploadState.WAITING, 1, 0, NOW)
    assert upload.time(NOW) == NOW
    assert replace(upload, last_at=NOW).time(NOW) == NOW + timedelta(milliseconds=1)
    assert replace(upload, last_at=NOW).time(NOW + timedelta(seconds=1)) == NOW + timedelta(seconds=1)


def test_the_wait_between_tries_doubles_up_to_an_hour() -> None:
    assert [wait_after(n).total_seconds() for n in (0, 1, 5, 6, 99)] == [60, 120, 1920, 3600, 3600]


def test_carriers_are_known_by_codes_that_mean_one_each() -> None:
    assert all(code == carrier.code for code, carrier in CARRIERS.items())
    assert len({carrier.kuaidi100 for carrier in CARRIERS.values()}) == len(CARRIERS)
    assert {code for code, carrier in CARRIERS.items() if carrier.asks_phone} == {"SF", "ZTO"}

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.messaging.rules import (
    KINDS,
    TRANSITIONS,
    Delivery,
    Message,
    coupon_expiring,
    field_type,
    fill,
    order_paid,
    page_of,
    read_templates,
    refund_done,
    team_failed,
    team_formed,
)
from sandbox.wechat.messages import check_data

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MESSAGES = [
    coupon_expiring("c1", "满100减20", AT),
    order_paid("o1", "纯棉圆领T恤", 5900, AT),
    team_formed("o1", "三人团", AT),
    team_failed("o1", "三人团", 3900),
    refund_done("o1", 3900, "拼团未成功", AT),
]


def taken_by_the_platform(data: dict[str, str]) -> None:
    """The sandbox's platform checks every field by the official limits, and shares no code with ours."""
    assert check_data({field: {"value": text} for field, text in data.items()}) == data


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
def test_each_kind_fills_every_field_of_its_demo_template(message: Message) -> None:
    template = read_templates({message.kind: "tpl"})[message.kind]
    written = fill(template, message)
    assert list(written) == list(KINDS[message.kind].values.values())
    taken_by_the_platform(written)


def test_every_kind_has_a_message() -> None:
    assert {message.kind for message in MESSAGES} == set(KINDS)


def test_the_reminder_says_what_ends_and_when_in_beijing() -> None:
    template = read_templates({"coupon_expiring": "tpl"})["coupon_expiring"]
    assert fill(template, MESSAGES[0]) == {
        "thing1": "满100减20",
        "time2": "2026年11月22日 10:00",
        "thing3": "快要过期啦，记得使用哦",
    }


def test_money_is_told_in_yuan() -> None:
    template = read_templates({"order_paid": "tpl"})["order_paid"]
    assert fill(template, MESSAGES[1])["amount3"] == "¥59.00"


def test_a_merchant_maps_values_to_the_fields_of_another_template() -> None:
    fields = {"expires_at": "date4", "title": "phrase1"}
    template = read_templates({"coupon_expiring": {"template_id": "tpl", "fields": fields}})["coupon_expiring"]
    assert fill(template, MESSAGES[0]) == {"date4": "2026年11月22日", "phrase1": "满减"}


def test_any_value_can_be_shown_as_a_thing() -> None:
    fields = {"order_id": "thing1", "amount": "thing2", "paid_at": "thing3"}
    template = read_templates({"order_paid": {"template_id": "tpl", "fields": fields}})["order_paid"]
    assert fill(template, MESSAGES[1]) == {"thing1": "o1", "thing2": "¥59.00", "thing3": "2026年11月22日 10:00"}


def test_the_page_carries_the_id_of_what_the_message_is_about() -> None:
    templates = read_templates(
        {"order_paid": "tpl", "coupon_expiring": {"template_id": "t", "page": "my/c?c={id}&x=1"}}
    )
    assert page_of(templates["order_paid"], MESSAGES[1]) == "pages/orders/detail?id=o1"
    assert page_of(templates["coupon_expiring"], MESSAGES[0]) == "my/c?c=c1&x=1"


@given(text=st.text(max_size=60), field=st.sampled_from(["thing", "phrase", "character_string"]))
def test_no_text_breaks_the_limits_of_the_platform(text: str, field: str) -> None:
    kind, name = ("order_paid", "order_id") if field == "character_string" else ("coupon_expiring", "title")
    template = read_templates({kind: {"template_id": "tpl", "fields": {name: f"{field}1"}}})[kind]
    taken_by_the_platform(fill(template, Message(kind, "x", {name: text})))


@given(fen=st.integers(1, 99_999_999_99), at=st.datetimes(datetime(2020, 1, 1), datetime(2099, 1, 1)))
def test_no_amount_and_no_moment_breaks_them_either(fen: int, at: datetime) -> None:
    fields = {"amount": "amount1", "paid_at": "time2"}
    templates = read_templates({"order_paid": {"template_id": "tpl", "fields": fields}})
    taken_by_the_platform(fill(templates["order_paid"], order_paid("o1", "T恤", fen, at.replace(tzinfo=UTC))))


def test_a_text_that_fits_is_left_alone_and_a_longer_one_shows_that_it_was_cut() -> None:
    template = read_templates({"coupon_expiring": {"template_id": "tpl", "fields": {"title": "thing1"}}})
    written = [
        fill(template["coupon_expiring"], coupon_expiring("c", title, AT))["thing1"] for title in ("券" * 20, "券" * 21)
    ]
    assert written == ["券" * 20, "券" * 19 + "…"]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"birthday": "tpl"}, "no messages of kind 'birthday'"),
        ({"order_paid": ""}, "template_id is missing"),
        ({"order_paid": {"fields": {}}}, "template_id is missing"),
        ({"order_paid": {"template_id": "t", "fields": {"price": "amount1"}}}, "no value 'price'"),
        ({"order_paid": {"template_id": "t", "fields": {"amount": "time1"}}}, "'amount' cannot be shown in 'time1'"),
        ({"order_paid": {"template_id": "t", "fields": {"paid_at": "amount1"}}}, "cannot be shown"),
        ({"order_paid": {"template_id": "t", "fields": {"title": "thing"}}}, "cannot be shown in 'thing'"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_templates(settings)


def test_a_field_is_its_type_and_a_number() -> None:
    assert [field_type(field) for field in ("thing1", "character_string12", "phrase", "1", "")] == [
        "thing",
        "character_string",
        "",
        "",
        "",
    ]


def test_only_a_message_that_certainly_did_not_go_out_is_sent_again() -> None:
    assert [state for state, following in TRANSITIONS.items() if Delivery.SENDING in following] == [Delivery.RETRY]

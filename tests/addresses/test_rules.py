import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.addresses.rules import (
    MOST_DETAIL,
    MOST_NAME,
    Address,
    AddressInvalid,
    Entry,
    ParsedAddress,
    PhoneInvalid,
    Place,
    check_phone,
    check_text,
    find_phone,
    plain,
)


@pytest.mark.parametrize(
    ("entered", "kept"),
    [
        ("13800138000", "13800138000"),
        (" 138 0013 8000 ", "13800138000"),
        ("138-0013-8000", "13800138000"),
        ("138 00 13 80 00", "13800138000"),
        ("+8613800138000", "13800138000"),
        ("+86 138 0013 8000", "13800138000"),
        ("86-13800138000", "13800138000"),
        ("0086 13800138000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("138–0013—8000", "13800138000"),
        ("\u202d13800138000\u202c", "13800138000"),
        ("19912345678", "19912345678"),
        ("0755-26001234", "0755-26001234"),
        ("075526001234", "0755-26001234"),
        ("(010) 6552 1234", "010-65521234"),
        ("0991-2345678", "0991-2345678"),
        ("0755-26001234-801", "0755-26001234-801"),
        ("0755-26001234 转 801", "0755-26001234-801"),
        ("+852 2345 6789", "+85223456789"),
        ("00853-6612-3456", "+85366123456"),
        ("+886 912 345 678", "+886912345678"),
    ],
)
def test_a_number_is_kept_without_gaps_and_country_code(entered: str, kept: str) -> None:
    assert check_phone(entered) == kept


@pytest.mark.parametrize(
    "entered",
    [
        "", "123", "12800138000", "1380013800", "138001380001", "+8523456", "26001234", "110", "+1 202 555 0100",
        "0055-26001234", "0755-16001234", "13800138000 13900139000", "张三13800138000", "1380013800a", "+8712345678901",
    ],
)  # fmt: skip
def test_what_nobody_can_be_called_by_is_refused(entered: str) -> None:
    with pytest.raises(PhoneInvalid):
        check_phone(entered)


@given(st.text(alphabet="0123456789+-() 转#１\u202d", max_size=30))
def test_a_number_that_is_kept_is_kept_as_it_is_when_entered_again(entered: str) -> None:
    try:
        kept = check_phone(entered)
    except PhoneInvalid:
        return
    assert check_phone(kept) == kept


def test_a_mobile_is_taken_before_a_landline_and_digits_of_a_door_are_no_part_of_it() -> None:
    found = find_phone("0755-26001234 1栋1301 13800138000")
    assert found is not None
    assert found.phone == "13800138000"
    assert find_phone("科技园1号1栋1301") is None


def test_plain_text_has_one_form_for_what_looks_alike() -> None:
    assert plain("收货人：张三，\u200b１－２") == "收货人:张三,1-2"


def test_a_text_is_trimmed_and_its_blanks_are_single() -> None:
    assert check_text("  科技园 \n 1号\u200b ", 10, "detail") == "科技园 1号"


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "x" * 11, "a\ue000"])
def test_an_empty_long_or_unprintable_text_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(AddressInvalid) as refusal:
        check_text(text, 10, "detail")
    assert refusal.value.details == {"field": "detail"}


def test_personal_data_stays_out_of_texts() -> None:
    secret = {"name": "张三丰", "phone": "13800138000", "detail": "武当山"}
    region = {"province": "湖北省", "city": "十堰市", "district": "丹江口市"}
    shown = [
        Entry(**secret, **region),
        Place(**secret, **region, region_code="420381"),
        Address(**secret, **region, region_code="420381", address_id="A1", is_default=True),
        ParsedAddress(**secret, **region, region_code=None, missing=()),
        find_phone("13800138000"),
    ]
    assert not any(value in repr(shown) for value in secret.values())


def test_limits_leave_room_for_real_names_and_streets() -> None:
    assert check_text("阿卜杜热合曼·阿卜杜热西提·买买提明", MOST_NAME, "name")
    assert check_text("深" * MOST_DETAIL, MOST_DETAIL, "detail")

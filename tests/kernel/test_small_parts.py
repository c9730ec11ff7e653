"""Time, ids, paging and the tree of errors."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel import clock, paging
from chalicelib.kernel.errors import ShopError, all_errors
from chalicelib.kernel.ids import new_id
from chalicelib.web.errors import status_of
from tests.whole import import_everything

NOON = datetime(2026, 11, 22, 4, 5, 6, 789, tzinfo=UTC)


def test_time_is_shown_as_beijing_has_it() -> None:
    assert clock.beijing(NOON) == "2026-11-22T12:05:06+08:00"
    assert clock.beijing_text(NOON) == "2026年11月22日 12:05"
    assert clock.beijing_date(NOON + timedelta(hours=12)) == "2026-11-23"


def test_time_is_stored_as_whole_seconds() -> None:
    assert clock.from_epoch(clock.epoch(NOON)) == NOON.replace(microsecond=0)
    assert clock.system_clock().tzinfo is UTC


def test_ids_sort_by_the_time_they_were_made_and_never_repeat() -> None:
    early, late = new_id(NOON), new_id(NOON + timedelta(milliseconds=1))
    assert early < late
    assert len(early) == 26
    assert len({new_id(NOON) for _ in range(1000)}) == 1000


@given(st.text(min_size=1, max_size=40))
def test_a_cursor_leads_back_to_its_sort_key(key: str) -> None:
    if len(key.encode()) <= 200:
        assert paging.decode_cursor(paging.encode_cursor(key)) == key


@given(st.text(min_size=1, max_size=300))
def test_any_other_cursor_is_refused_and_never_breaks(cursor: str) -> None:
    try:
        key = paging.decode_cursor(cursor)
    except paging.BadCursor:
        return
    assert key is None or paging.encode_cursor(key) == cursor


def test_no_cursor_is_the_first_page_and_the_last_page_has_none() -> None:
    assert paging.decode_cursor(None) is paging.decode_cursor("") is None
    assert paging.page_of(["a", "b"], 2, str) == paging.Page(["a", "b"], None)
    page = paging.page_of(["a", "b", "c"], 2, str)
    assert (list(page.rows), paging.decode_cursor(page.next_cursor)) == (["a", "b"], "b")


def test_every_error_has_a_code_of_its_own_a_chinese_message_and_a_status() -> None:
    import_everything()
    errors = all_errors()
    codes = [error.code for error in errors if "code" in vars(error)]
    assert len(codes) == len(set(codes))
    for error in errors:
        assert error.code.isupper()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in error.message), error
        assert 400 <= status_of(error) <= 503, error
    assert status_of(ShopError) == 500


@pytest.mark.parametrize("seconds", [0, 1_795_310_022])
def test_epoch_seconds_come_back_in_utc(seconds: int) -> None:
    assert clock.from_epoch(seconds).utcoffset() == timedelta(0)

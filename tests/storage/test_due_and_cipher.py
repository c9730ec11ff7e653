"""Work found when it is due; personal data sealed."""

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aftersales.rules import Job
from chalicelib.aftersales.store import CaseRow
from chalicelib.kernel.clock import epoch
from chalicelib.kernel.paging import BadCursor
from chalicelib.payments.rows import RefundRow
from chalicelib.storage import due as due_module
from chalicelib.storage.cipher import Cipher
from chalicelib.storage.due import at_pace, clear_due, due, first_due, place_of, set_due, sweep, wait_for
from chalicelib.storage.table import dynamodb
from chalicelib.storage.writes import commit, put, update

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def waiting(number: str, at: datetime, job: str = "refund") -> RefundRow:
    return RefundRow(
        number, out_trade_no="t", order_id="o", member_id="m", amount=1, total=1, reason="r", cause="c",
        state="PENDING",
        created_at=0, **wait_for(RefundRow, job, number, at),
    )  # fmt: skip


def found(job: str, now: datetime) -> set[str]:
    return {row.out_refund_no for row in due(RefundRow, job, now)}


@pytest.mark.usefixtures("tables")
def test_only_what_is_due_is_found_and_nothing_once_it_waits_no_more() -> None:
    for n in range(20):
        commit(put(waiting(f"n{n}", NOW + timedelta(minutes=n))))
    assert found("refund", NOW + timedelta(minutes=4)) == {f"n{n}" for n in range(5)}
    assert found("other", NOW + timedelta(days=1)) == set()
    commit(update(RefundRow("n0"), *clear_due(RefundRow), condition=RefundRow.out_refund_no.exists()))
    later = set_due(RefundRow, "other", "n1", NOW)
    commit(update(RefundRow("n1"), *later, condition=RefundRow.out_refund_no.exists()))
    assert found("refund", NOW + timedelta(minutes=4)) == {"n2", "n3", "n4"}
    assert found("other", NOW) == {"n1"}


@pytest.mark.usefixtures("tables")
def test_a_row_that_fails_is_told_and_put_off_and_the_others_are_worked_on() -> None:
    for n in range(5):
        commit(put(waiting(f"n{n}", NOW)))
    worked, failed = [], []

    def work(row: RefundRow) -> None:
        if row.out_refund_no == "n3":
            raise RuntimeError("broken row")
        worked.append(row.out_refund_no)

    done = sweep(due(RefundRow, "refund", NOW), work, NOW, lambda row, error: failed.append((row.out_refund_no, error)))
    assert (done, sorted(worked)) == (4, ["n0", "n1", "n2", "n4"])
    assert [number for number, _ in failed] == ["n3"]
    assert "n3" not in found("refund", NOW + timedelta(minutes=2))
    assert "n3" in found("refund", NOW + timedelta(minutes=3))


@pytest.mark.usefixtures("tables")
def test_a_row_that_moved_on_while_it_failed_is_left_as_it_is() -> None:
    commit(put(waiting("n", NOW)))

    def work(row: RefundRow) -> None:
        commit(update(RefundRow("n"), *clear_due(RefundRow), condition=RefundRow.out_refund_no.exists()))
        raise RuntimeError("after the change")

    assert sweep(due(RefundRow, "refund", NOW), work, NOW, lambda row, error: None) == 0
    assert found("refund", NOW + timedelta(days=1)) == set()


@pytest.mark.usefixtures("tables")
def test_rows_are_worked_on_side_by_side_and_two_that_fail_among_many_harm_no_other() -> None:
    names = {f"n{n:02d}" for n in range(24)}
    for name in sorted(names):
        commit(put(waiting(name, NOW)))
    together, worked, failed = threading.Barrier(4), [], []

    def work(row: RefundRow) -> None:
        together.wait(10)  # nobody comes through alone
        if row.out_refund_no in ("n03", "n17"):
            raise RuntimeError("broken row")
        worked.append(row.out_refund_no)

    with at_pace(4, None):
        done = sweep(due(RefundRow, "refund", NOW), work, NOW, lambda row, error: failed.append(row.out_refund_no))
    assert (done, set(worked), sorted(failed)) == (22, names - {"n03", "n17"}, ["n03", "n17"])
    assert len(worked) == 22
    assert found("refund", NOW + timedelta(minutes=2)) == names - {"n03", "n17"}
    assert found("refund", NOW + timedelta(minutes=3)) == names


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.usefixtures("tables")
def test_a_run_begins_nothing_once_its_time_is_over_and_leaves_the_rest_as_it_is(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(9):
        commit(put(waiting(f"n{n}", NOW + timedelta(seconds=n))))
    looks = iter(range(100))
    monkeypatch.setattr(due_module, "time", SimpleNamespace(monotonic_ns=lambda: next(looks) * 1_000_000))
    worked: list[str] = []
    with at_pace(workers, 5):  # the first look sets the end, four more come before it
        rows = due(RefundRow, "refund", NOW + timedelta(minutes=1))
        assert sweep(rows, lambda row: worked.append(row.out_refund_no), NOW, lambda row, error: None) == 4
    assert sorted(worked) == ["n0", "n1", "n2", "n3"]  # those that have waited longest
    assert found("refund", NOW + timedelta(minutes=1)) == {f"n{n}" for n in range(9)}


@pytest.mark.usefixtures("tables")
def test_all_shards_are_asked_at_once() -> None:
    waves: list[object] = []
    events = dynamodb().meta.events
    events.register("after-call.dynamodb", lambda context, **_: waves.append(context["wave"]), unique_id="waves")
    try:
        assert list(due(RefundRow, "refund", NOW)) == []
        assert first_due(RefundRow, "refund", NOW, 10) == []
    finally:
        events.unregister("after-call.dynamodb", unique_id="waves")
    assert (len(waves), len(set(waves))) == (2 * due_module.SHARDS, 2)


def case(case_id: str, waits: dict[str, Any]) -> CaseRow:
    return CaseRow(
        "m", case_id, order_id="o", kind="k", state="s", reason="r", parts=(), amount=1, pictures=(), timeline=[],
        **waits,
    )  # fmt: skip


@pytest.mark.usefixtures("tables")
def test_a_run_takes_so_many_of_all_shards_and_of_the_one_shard_of_what_changes_seldom_no_fewer_than_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(due_module, "PER_RUN", 8)
    for n in range(6):
        commit(put(case(f"c{n}", wait_for(CaseRow, Job.DECIDE, f"c{n}", NOW + timedelta(seconds=n)))))
    for n in range(30):
        commit(put(waiting(f"n{n}", NOW)))
    cases = [row.case_id for row in due(CaseRow, Job.DECIDE, NOW + timedelta(minutes=1))]
    assert cases == ["c0", "c1", "c2", "c3"]
    assert len(found("refund", NOW)) == 8


@pytest.mark.usefixtures("tables")
def test_rows_that_change_seldom_wait_in_one_shard_and_those_left_in_another_are_found_in_time() -> None:
    job, old = Job.DECIDE, {"due_shard": f"{Job.DECIDE}#5", "due_at": epoch(NOW)}
    new = wait_for(CaseRow, job, "new", NOW)
    for case_id, waits in (("old", old), ("new", new)):
        commit(put(case(case_id, waits)))
    asked = [{row.case_id for row in due(CaseRow, job, NOW)} for _ in range(200)]
    assert new["due_shard"] == f"{Job.DECIDE}#0"
    assert all("new" in each for each in asked)
    assert 0 < sum("old" in each for each in asked) < 100  # one run of seven
    assert [row.case_id for row in first_due(CaseRow, job, NOW, 10)] == ["new", "old"]


@pytest.mark.usefixtures("tables")
def test_a_list_of_what_waits_has_each_row_once_however_many_are_due_in_one_second() -> None:
    second, later = [f"n{n:02d}" for n in range(48)], [f"l{n}" for n in range(3)]
    for name in second:
        commit(put(waiting(name, NOW)))
    for n, name in enumerate(later):
        commit(put(waiting(name, NOW + timedelta(seconds=1 + n))))
    seen: list[str] = []
    after = None
    while page := first_due(RefundRow, "refund", NOW + timedelta(seconds=2), 4, after):
        seen += [row.out_refund_no for row in page]
        after = place_of(page[-1])
    assert seen == second + later[:2]


@pytest.mark.parametrize("after", ["no-place", "#n01"])
def test_a_place_that_is_none_is_a_bad_cursor(after: str) -> None:
    with pytest.raises(BadCursor):
        first_due(RefundRow, "refund", NOW, 7, after)


KEYS = {"old": b"o" * 32, "new": b"n" * 32}


@given(st.text(max_size=50), st.text(max_size=20))
def test_what_was_sealed_opens_in_its_own_context_and_nowhere_else(text: str, context: str) -> None:
    cipher = Cipher(KEYS, "new")
    sealed = cipher.seal(text, context)
    assert cipher.open(sealed, context) == text
    assert len(text) < 4 or text not in sealed
    with pytest.raises(InvalidTag):
        cipher.open(sealed, context + "x")


def test_texts_of_an_older_key_still_open_and_each_seal_is_different() -> None:
    old, new = Cipher(KEYS, "old"), Cipher(KEYS, "new")
    assert new.open(old.seal("张三", "c"), "c") == "张三"
    assert new.seal("张三", "c") != new.seal("张三", "c")
    assert new.seal("张三", "c").startswith("new.")


def test_fingerprints_are_the_same_for_the_same_text_and_purpose_only() -> None:
    cipher = Cipher(KEYS, "new")
    assert cipher.fingerprint("1", "phone") == cipher.fingerprint("1", "phone")
    assert len({cipher.fingerprint("1", "phone"), cipher.fingerprint("2", "phone"), cipher.fingerprint("1", "x")}) == 3


@pytest.mark.parametrize(("keys", "current"), [({"a": b"x" * 32}, "b"), ({"a": b"short"}, "a")])
def test_a_key_ring_that_cannot_be_right_is_refused(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Cipher(keys, current)


def test_a_key_may_have_any_id() -> None:
    cipher = Cipher({"2026.1": b"x" * 32}, "2026.1")
    assert cipher.open(cipher.seal("张三", "c"), "c") == "张三"

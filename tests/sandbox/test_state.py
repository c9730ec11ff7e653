"""The sandbox's memory: all or nothing, one at a time."""

import threading

import pytest

from sandbox.wechat import State


def test_a_failed_transaction_leaves_nothing_behind() -> None:
    state = State()
    state.put("order", "1", {"total": 1})

    def fail_half_way() -> None:
        with state.transaction():
            state.put("order", "1", {"total": 2})
            with state.transaction():
                state.put("order", "2", {"total": 3})
            raise LookupError

    with pytest.raises(LookupError):
        fail_half_way()
    assert state.every("order") == [{"total": 1}]
    state.close()


def test_transactions_of_many_threads_lose_nothing() -> None:
    state = State()
    state.put("counter", "1", {"count": 0})

    def count() -> None:
        for _ in range(50):
            with state.transaction():
                state.put("counter", "1", {"count": (state.get("counter", "1") or {})["count"] + 1})

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.get("counter", "1") == {"count": 400}
    state.close()


def test_documents_of_a_kind_come_a_page_at_a_time_in_order() -> None:
    state = State()
    for number in range(450):
        state.put("order", str(number), {"number": number})
        state.put("other", str(number), {})
    assert [doc["number"] for doc in state.each("order")] == list(range(450))
    assert list(state.each("nothing")) == []
    state.close()


def test_only_the_newest_documents_of_a_kind_are_kept() -> None:
    state = State()
    for number in range(5):
        state.put("call", str(number), {"number": number})
    state.put("order", "1", {"total": 1})
    state.put("call", "0", {"number": 10})
    state.keep_last("call", 2)
    assert state.every("call") == [{"number": 3}, {"number": 4}]
    assert state.get("order", "1") == {"total": 1}
    state.close()

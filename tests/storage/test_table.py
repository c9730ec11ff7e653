"""Rows and the one connection that they share."""

import threading

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.storage.once import ClaimRow
from chalicelib.storage.table import bind, connection

THREADS = 16


@pytest.mark.parametrize("round_", range(5))
def test_threads_that_use_a_table_for_the_first_time_at_once_share_one_connection(round_: int) -> None:
    bind(f"race{round_}-", "cn-north-1", "http://127.0.0.1:9")
    start, got = threading.Barrier(THREADS), []

    def use() -> None:
        start.wait()
        got.append(ClaimRow._get_connection())

    threads = [threading.Thread(target=use) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == THREADS
    assert all(isinstance(each, TableConnection) and each.connection is connection() for each in got)

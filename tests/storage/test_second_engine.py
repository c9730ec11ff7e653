"""The tables against a second opinion: moto, in one thread, for what an engine accepts and not for races."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from chalicelib.stock import SoldOut, Stock
from chalicelib.stock.store import StockStore
from chalicelib.storage.once import first_time
from chalicelib.storage.table import ORDINARY, bind, dynamodb
from chalicelib.storage.tables import create_all, tables
from chalicelib.storage.writes import commit


@pytest.fixture
def second_engine() -> Iterator[None]:
    with mock_aws():
        bind("second-", "cn-north-1", client=ORDINARY)  # moto stands in botocore's way alone
        yield
    bind("nowhere-", "cn-north-1", "http://127.0.0.1:9")


@pytest.mark.usefixtures("second_engine")
def test_every_table_is_accepted_with_its_indexes_stream_and_ttl() -> None:
    made = create_all()
    assert len(made) == len(tables())
    for kind in tables().values():
        table = dynamodb().describe_table(TableName=kind.Meta.table_name)["Table"]
        indexes = table.get("GlobalSecondaryIndexes", []) + table.get("LocalSecondaryIndexes", [])
        assert {index["IndexName"] for index in indexes} == set(kind._indexes)
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    orders = dynamodb().describe_table(TableName="second-orders")["Table"]
    assert orders["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    ttl = dynamodb().describe_time_to_live(TableName="second-claims")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")


@pytest.mark.usefixtures("second_engine")
def test_stock_and_claims_behave_there_as_here() -> None:
    create_all()
    stock, now = Stock(StockStore()), datetime(2026, 11, 22, tzinfo=UTC)
    stock.add("tea-01", 2)
    stock.take({"tea-01": 2}, commit)
    with pytest.raises(SoldOut):
        stock.take({"tea-01": 1}, commit)
    commit(stock.release("tea-01", 1))
    assert stock.levels(["tea-01", "none"]) == {"tea-01": 1, "none": 0}
    assert [first_time("once", now, timedelta(days=1)) for _ in range(3)] == [True, False, False]

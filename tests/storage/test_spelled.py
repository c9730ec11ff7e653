"""Spelled conditions and changes stand in one request with pynamodb's own."""

from chalicelib.storage.once import ClaimRow
from chalicelib.storage.spelled import Holds, Sets
from chalicelib.storage.writes import _request, update


def test_words_are_numbered_with_those_of_pynamodb() -> None:
    names = {"until": "expires_at"}
    write = update(
        ClaimRow("c"),
        ClaimRow.result.set("new"),
        Sets("{until} = {until} + {more}", names, more={"N": "2"}),
        condition=(ClaimRow.result == "old") & Holds("{until} < {most}", names, most={"N": "9"}),
    )
    request = _request(write)
    assert request["UpdateExpression"] == "SET #0 = :0, #1 = #1 + :1"
    assert request["ConditionExpression"] == "(#0 = :2 AND #1 < :3)"
    assert request["ExpressionAttributeNames"] == {"#0": "result", "#1": "expires_at"}
    assert request["ExpressionAttributeValues"] == {
        ":0": {"S": "new"},
        ":1": {"N": "2"},
        ":2": {"S": "old"},
        ":3": {"N": "9"},
    }

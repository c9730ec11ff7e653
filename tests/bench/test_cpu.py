"""What the measuring of CPU stands on: clients that see refusals, medians, and a floor of the very same requests."""

import json
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from bench.cpu.canned import canonical
from bench.cpu.floor import sent
from bench.cpu.measuring import CLIENTS, Clients, Cpu, spent
from bench.gateway import Act, Answer


def says(text: str, status: int = 200) -> Act:
    return lambda: Answer(status, {}, text)


@pytest.mark.parametrize("clients", [1, CLIENTS])
def test_answers_come_in_the_order_of_the_turns(clients: int) -> None:
    turns = [[says(f"{number}a"), says(f"{number}b")] for number in range(20)]

    answers = Clients().play(turns, clients)

    assert [[answer.body for answer in turn] for turn in answers] == [[f"{n}a", f"{n}b"] for n in range(20)]


def test_a_refusal_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="409 SOLD_OUT"):
        Clients().play([[says("")], [says("SOLD_OUT", 409)]], CLIENTS)


def test_a_turn_costs_the_median_round_less_what_the_clients_cost() -> None:
    assert spent([0.2, 0.1, 0.4], turns=100, less=0.5) == Cpu(median=1.5, least=0.5, most=3.5)


def test_the_floor_sends_what_was_recorded() -> None:
    items = {"t": {"Keys": [{"id": {"S": "名"}, "at": {"N": "1.50"}, "seal": {"B": "AAH/"}}], "ConsistentRead": True}}
    body = json.dumps({"RequestItems": items})
    client = boto3.client("dynamodb", "cn-north-1", aws_access_key_id="key", aws_secret_access_key="secret")
    seen = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        seen.append(canonical("BatchGetItem", request.body))
        return Answered(request.url, 200, {}, None)

    client.meta.events.register("before-send.dynamodb", answer)
    for act in sent(client, [("BatchGetItem", body, "{}")]):
        act()

    assert seen == [canonical("BatchGetItem", body)]


class Answered(AWSResponse):  # type: ignore[misc]
    content = b"{}"

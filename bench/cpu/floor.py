"""What an operation cannot do without, measured in the same run: its requests to DynamoDB, sent bare by botocore's
client and by the shop's lean one to a server that answers what the engine had answered; its RSA and AES; the dispatch
of an empty route by Chalice.
"""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from chalice.local import LocalChalice
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.cpu.measuring import CLIENTS, Clients, Turn, cpu_of, spent
from bench.gateway import Act, Answer, Gateway, Request
from chalicelib.storage.table import dynamodb

REGION = "cn-north-1"
Recorded = tuple[str, str, str]
DONE = Answer(200, {}, "")
ROUNDS, TURNS = 5, 40
CALLBACK_BYTES = 1200
"""About what a callback has."""


@contextmanager
def recording() -> Iterator[list[Recorded]]:
    """What is asked of DynamoDB meanwhile, and answered: operation, request body, answer body."""
    seen: list[Recorded] = []
    events = dynamodb().meta.events

    def before(params: Any, context: Any, **_: Any) -> None:
        context["asked"] = params["body"]

    def after(model: Any, context: Any, http_response: Any, **_: Any) -> None:
        asked = context["asked"]
        text = asked if isinstance(asked, str) else asked.decode()
        seen.append((model.name, text, http_response.content.decode()))

    events.register("before-call.dynamodb", before)
    events.register("after-call.dynamodb", after)
    try:
        yield seen
    finally:
        events.unregister("before-call.dynamodb", before)
        events.unregister("after-call.dynamodb", after)


@contextmanager
def canned(recorded: Sequence[Recorded], folder: Path) -> Iterator[str]:
    """The address of a server of these answers."""
    file = folder / "recorded.json"
    file.write_text(json.dumps(recorded))
    command = [sys.executable, "-m", "bench.cpu.canned", str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


def senders(address: str) -> dict[str, Any]:
    """Clients with nothing around them; `lean` only where the shop has one."""
    settings = Config(max_pool_connections=CLIENTS, retries={"total_max_attempts": 1})
    bare = {"botocore": boto3.client("dynamodb", region_name=REGION, endpoint_url=address, config=settings)}
    try:
        from chalicelib.storage.transport import LeanClient
    except ImportError:
        return bare
    return {**bare, "lean": LeanClient(REGION, address, lambda: bare["botocore"])}


def sent(client: Any, recorded: Sequence[Recorded]) -> Turn:
    """A turn that sends these requests, one after another."""
    asked = [(operation, _params(json.loads(body))) for operation, body, _ in recorded]

    def act() -> Answer:
        for operation, params in asked:
            client._make_api_call(operation, params)
        return DONE

    return [act]


def _params(value: Any) -> Any:
    """As boto3 takes it: binary values as bytes, where JSON has base64."""
    if isinstance(value, dict):
        if set(value) == {"B"} and isinstance(value["B"], str):
            return {"B": b64decode(value["B"])}
        return {name: _params(each) for name, each in value.items()}
    return [_params(each) for each in value] if isinstance(value, list) else value


def per_turn(clients: Clients, turn: Turn, turns: int = TURNS) -> float:
    """CPU milliseconds with eight clients; the first round does not count."""
    rounds = [cpu_of(lambda: clients.play([turn] * turns, CLIENTS)) for _ in range(ROUNDS + 1)]
    return spent(rounds[1:], turns).median


def crypto(clients: Clients) -> dict[str, float]:
    """Milliseconds of one RSA-2048 verification, one signature, one AES-256-GCM opening."""
    key, sealer = rsa.generate_private_key(65537, 2048), AESGCM(b"k" * 32)
    public, text, nonce = key.public_key(), b"x" * CALLBACK_BYTES, b"n" * 12
    padded, digest = padding.PKCS1v15(), hashes.SHA256()
    signature, sealed = key.sign(text, padded, digest), sealer.encrypt(nonce, text, b"transaction")
    works: Mapping[str, Callable[[], object]] = {
        "verify": lambda: public.verify(signature, text, padded, digest),
        "sign": lambda: key.sign(text, padded, digest),
        "open": lambda: sealer.decrypt(nonce, sealed, b"transaction"),
    }
    return {name: per_turn(clients, [_act(work)], 200) for name, work in works.items()}


def _act(work: Callable[[], object]) -> Act:
    def act() -> Answer:
        work()
        return DONE

    return act


def dispatch(clients: Clients) -> tuple[float, float]:
    """Milliseconds of a client that calls nothing, and of an empty route of Chalice less that."""
    empty = LocalChalice("empty")
    empty.route("/categories")(dict)
    nothing = {"statusCode": 200, "headers": {}, "multiValueHeaders": {}, "body": "{}"}
    request = Request("GET", "/categories")
    client = per_turn(clients, [Gateway(lambda event, context: nothing).ready(request)], 400)
    return client, per_turn(clients, [Gateway(empty).ready(request)], 400) - client

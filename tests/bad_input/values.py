"""What is wrong, as it stands in a request."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

BELOW_THE_LIMIT = 60_000
DEEP = 10_000

EMOJI = ("🍵", "👨‍👩‍👧‍👦", "❤️‍🔥", "👩🏽‍💻", "🇨🇳", "1️⃣")
HOSTILE = (
    "",
    " ",
    "\n",
    "\x00",
    "tea\x00-01",
    "\x1b[31m\x07\x08",
    "\u202egnp.exe",
    "\u200b\ufeff",
    "Z\u0361\u0320" * 9,
    "' OR 1=1; DROP TABLE orders; --",
    "<script>alert(1)</script>",
    "{{7*7}}${7*7}#{7*7}%s%n%x{0.__class__}",
    "${jndi:ldap://127.0.0.1/x}",
    "../../../../etc/passwd",
    "attribute_exists(order_id) OR #n = :v",
    "null",
    "true",
    "NaN",
    "１２",
    "0x10",
    "1e5",
    "-1",
    "9" * 400,
    "字" * 500,
    *EMOJI,
)


def json_values() -> Iterator[bytes]:
    """Values to stand in the place of a field, as bytes, since some are no JSON."""
    numbers = (0, -0, 1, -1, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400, 1.5, -0.1)
    shapes: tuple[Any, ...] = (
        None,
        True,
        False,
        [],
        {},
        [[]],
        [None],
        [{}],
        {"": None},
        {"__proto__": {"admin": True}},
    )
    for value in (*numbers, *shapes, *HOSTILE):
        yield json.dumps(value, ensure_ascii=False).encode()
    yield from (b"1.0", b"-0.0", b"1e2", b"1e400", b"-1e400", b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b"0x1")
    yield from (b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\\x41"', b"'single'", b'"open')
    yield from (b'"\xff\xfe"', b'"\xc0\x80"', b'"\xed\xa0\x80"', "茶".encode("gbk").join((b'"', b'"')))


def huge_values() -> Iterator[bytes]:
    """Values as large or as deep as a body can be; they are dear to judge, and any place is as good as another."""
    yield b'"' + b"a" * BELOW_THE_LIMIT + b'"'
    yield b'{"' + b"a" * BELOW_THE_LIMIT + b'":1}'
    yield b"[" * DEEP + b"]" * DEEP
    yield b'{"a":' * DEEP + b"1" + b"}" * DEEP
    yield b"[" + b"0," * 20_000 + b"0]"


def nearly(good: Any) -> Iterator[bytes]:
    """Values that look like the good one."""
    if isinstance(good, str):
        for text in (good + "\n", good + "\x00", good + " ", " " + good, good + "\u200b", good * 200):
            yield json.dumps(text).encode()
        yield json.dumps([good]).encode()
    elif isinstance(good, int):
        for value in (str(good), float(good) + 0.5, -good - 1, good + 2**32, [good], str(good) + "\n"):
            yield json.dumps(value).encode()


def broken_bodies(body: bytes) -> Iterator[bytes]:
    """Whole bodies that are no JSON object, made of one that is."""
    yield from (b"", b" ", b"null", b"true", b"7", b"[]", b'""', b"{", b"}", b"\x00", b"\xff\xfe\x00", b"a=b&c=d")
    yield from (
        body[:1],
        body[: len(body) // 2],
        body[:-1],
        body + b"x",
        body + body,
        body + b"\x00",
        b"[" + body + b"]",
    )
    yield from (
        body[:-1] + b",}",
        b"//\n" + body,
        b"/**/" + body,
        body.replace(b'"', b"'"),
        b"<xml>" + body + b"</xml>",
    )
    yield b"\xef\xbb\xbf" + body
    text = body.decode()
    yield from (text.encode(name) for name in ("utf-16", "utf-16-le", "utf-32"))
    yield from (gzip.compress(body), json.dumps(text).encode())
    yield from (b"[" * DEEP, b'{"a":' * DEEP, b"\x80" * 1000)


def query_texts() -> Iterator[str]:
    """Decoded values of a query parameter."""
    yield from HOSTILE
    yield from ("0", "1", "50", "51", str(2**63), str(10**400), "1.0", "1,2", "[]", "%", "a" * 5000)


def ids() -> Iterator[tuple[str, bool]]:
    """Ids for a path, and whether they are in the form of one."""
    for text in (
        "x",
        "null",
        "-1",
        "0",
        "..",
        ".",
        "...",
        "%2e%2e",
        "__class__",
        "A" * 64,
        "01K0000000000000000000000A",
    ):
        yield text, True
    for text in (
        "%00", "a%00b", "%2F", "..%2f..%2fetc%2fpasswd", "%25%32%66", "%252e%252e%252f", "%F0%9F%8D%B5", "%FF",
        "%C0%AE", "%", "%zz", "%20", "%0d%0aSet-Cookie:%20a=b", "'%20OR%201=1", "%7Border_id%7D", "%7B0.__class__%7D",
        "*", "$ne", "a,b", "a+b", "a:b", "a@b", "[a]", "A" * 65, "A" * 8000, "%E8%8C%B6", "tea-01%0A",
    ):  # fmt: skip
        yield text, False


CONTENT_TYPES = {
    "text/plain": False,
    "text/html": False,
    "text/xml": False,
    "application/xml": False,
    "application/x-www-form-urlencoded": False,
    "multipart/form-data; boundary=x": False,
    "application/jsonp": False,
    "application/json-patch+json": False,
    "application/octet-stream": False,
    "a" * 5000: False,
    "text/plain; x=application/json": False,
    "application/json": True,
    "APPLICATION/JSON": True,
    "application/json; charset=utf-8": True,
    "application/json;charset=UTF-8;x=y": True,
}

IDEMPOTENCY_KEYS = ("", " ", "short", "x" * 65, "x" * 60_000, "has blank in it", "ümläut-key", "tab\tinside", "x" * 7)

CONDITIONS = ("*", '"', "W/", ",", '"x", W/"y"', "\x00", "ü", "a" * 60_000, "," * 10_000)

SIGNATURES = ("0", "0" * 64, "z" * 64, "ü" * 32, "A" * 60_000, "\x00", "null")
TIMESTAMPS = ("", "0", "-1", "1e9", "NaN", "９", "9" * 12, "9" * 5000, "{now} ", "now", "\x00")
NONCES = ("", "short", "n" * 65, "has blank inside it", "ünïcode-nonce-0123", "n" * 60_000)

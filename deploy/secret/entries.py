"""What a secret holds, by name, and how a value gets here: from a file, the environment, or a prompt."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.x509 import load_pem_x509_certificate

from chalicelib.settings import Settings
from deploy.secret.store import SecretError

JSON = frozenset({"JISHI_SESSION_KEYS", "JISHI_DATA_KEYS", "JISHI_WECHAT_PLATFORM_KEYS", "JISHI_MESSAGE_TEMPLATES"})
OF_THE_STAGE = frozenset(f"JISHI_{n}" for n in ("STAGE", "REGION", "TABLE_PREFIX", "DYNAMODB_URL", "SECRET"))
"""The template names these, and policies hang on them."""
SETTINGS = frozenset(f"JISHI_{name.upper()}" for name in Settings.__dataclass_fields__) - OF_THE_STAGE
SERIAL = "JISHI_WECHAT_MERCHANT_SERIAL"
PLATFORM = "JISHI_WECHAT_PLATFORM_KEYS"


@dataclass(frozen=True)
class Question:
    """`hidden` answers are typed unseen; a `path` names a file that holds the value."""

    name: str
    words: str
    hidden: bool = True
    path: bool = False
    required: bool = True


PORTAL = "商户平台 → 账户中心 → API安全"
CONSOLE = "小程序后台 → 开发管理"
QUESTIONS = (
    Question("JISHI_WECHAT_SECRET", f"AppSecret ({CONSOLE} → 开发设置)"),
    Question("JISHI_WECHAT_MERCHANT_KEY", f"Path of apiclient_key.pem ({PORTAL} → 商户API证书)", False, path=True),
    Question(SERIAL, "Path of apiclient_cert.pem, or the certificate's serial (40 hex digits)", False),
    Question("JISHI_WECHAT_APIV3_KEY", f"APIv3 key, 32 characters ({PORTAL} → APIv3密钥)"),
    Question(PLATFORM, f"ID of the WeChat Pay public key, PUB_KEY_ID_… ({PORTAL} → 微信支付公钥)", False),
    Question("JISHI_WECHAT_PUSH_TOKEN", f"Token of message push ({CONSOLE} → 消息推送)", required=False),
    Question("JISHI_WECHAT_PUSH_AES_KEY", "EncodingAESKey, from the same place", required=False),
)

Ask = Callable[[str, bool], str]
"""Words and whether to hide what is typed; answers the line without blanks around it."""


def asked(question: Question, ask: Ask) -> Any:
    """The value, or "" for none. Raises SecretError if a file cannot be read."""
    more = "" if question.required else ", Enter for none"
    answer = ask(f"{question.words}{more}: ", question.hidden).strip()
    if not answer:
        return ""
    if question.path:
        return _file(answer)
    if question.name == SERIAL:
        return serial(answer)
    if question.name == PLATFORM:
        return {answer: _file(ask("Path of its pub_key.pem: ", False).strip())}
    return answer


def serial(given: str) -> str:
    """The serial in hex, read from a certificate if a path to one is given."""
    if not given.lower().endswith((".pem", ".crt", ".cer")):
        return given
    try:
        return f"{load_pem_x509_certificate(_file(given).encode()).serial_number:040X}"
    except ValueError:
        raise SecretError(f"{given} is no certificate in PEM form: take apiclient_cert.pem.") from None


def from_file(path: str) -> dict[str, Any]:
    """A JSON object, or lines NAME=value as a shell takes them. Raises SecretError; no value is in it."""
    text = _file(path)
    try:
        found = json.loads(text)
        if not isinstance(found, dict):
            raise SecretError(f"{path} is no JSON object of settings.")
    except json.JSONDecodeError:
        found = dict(_lines(path, text))
    values = given(found)
    if strange := sorted(found.keys() - {name for each in values for name in (each, f"{each}_FILE")}):
        shown = [name for name in strange if name.startswith("JISHI_")]
        raise SecretError(f"{path} names what belongs in no secret: {shown or len(strange)}. See docs/settings.md")
    return values


def given(source: Mapping[str, Any], names: Iterable[str] = SETTINGS) -> dict[str, Any]:
    """What `source` says of these settings, `…_FILE` read, JSON understood. Empty values are none."""
    values: dict[str, Any] = {}
    for name in sorted(names):
        path = source.get(f"{name}_FILE")
        value = _file(str(path)) if path else source.get(name)
        if value not in (None, ""):
            values[name] = normal(name, value)
    return values


def normal(name: str, value: Any) -> Any:
    """JSON as an object, whichever way it was written, and the serial as hex. Raises SecretError."""
    if name == SERIAL:
        return serial(str(value))
    if name in JSON and isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise SecretError(f"{name} must be a JSON object, and is none. See docs/settings.md") from None
    return value


def _lines(path: str, text: str) -> Iterable[tuple[str, str]]:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        raise SecretError(f"{path} is neither JSON nor lines NAME=value with quotes that close.") from None
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            if word == "export":
                continue
            raise SecretError(f"{path} is neither JSON nor lines NAME=value; put values with blanks into quotes.")
        yield name, value


def _file(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        # Whoever types a key where a path is wanted has it in the error's text.
        raise SecretError(f"The file that was named cannot be read ({type(error).__name__}).") from None

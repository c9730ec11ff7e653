"""Personal data sealed at rest: AES-256-GCM under a data key, and a keyed hash where it must be found again."""

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# What opening raises for a text whose key is gone or that was tampered with.
SEALED_FOR_GOOD = (KeyError, InvalidTag)


class Cipher:
    """`keys` maps key ids to 32-byte keys; `current` seals, all open, so that a key can be changed without rewriting
    rows.

    A sealed text is `<key id>.<base64 of nonce, ciphertext and tag>`. The context (say `address:<member>:<id>`) is
    authenticated: a sealed text copied into another row does not open.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        if current not in keys or any(len(key) != 32 for key in keys.values()):
            raise ValueError("data keys must be 32 bytes, and the current one among them")
        self._keys = keys
        self._current = current

    def seal(self, text: str, context: str) -> str:
        nonce = os.urandom(12)
        sealed = AESGCM(self._keys[self._current]).encrypt(nonce, text.encode(), context.encode())
        return f"{self._current}.{b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """The text again. Raises SEALED_FOR_GOOD when its key is gone, the row was tampered with, or the context is
        another.
        """
        key_id, _, body = sealed.rpartition(".")
        raw = b64decode(body)
        return AESGCM(self._keys[key_id]).decrypt(raw[:12], raw[12:], context.encode()).decode()

    def fingerprint(self, text: str, purpose: str) -> str:
        """The same for the same text, purpose and key; meaningless to whoever lacks the key.

        It begins with the key's id, so that a search after a change of keys can ask for each.
        """
        made = hmac.new(self._keys[self._current], f"{purpose}:{text}".encode(), hashlib.sha256)
        return f"{self._current}.{made.hexdigest()}"

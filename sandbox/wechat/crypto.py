"""The platform's cryptography: RSA signatures, AES-GCM resources, OAEP fields, message push encryption."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def random_text(length: int, alphabet: str = _ALPHABET) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def private_key(pem: str) -> RSAPrivateKey:
    """Keys here are our own, so the slow consistency check of the numbers is skipped."""
    key = serialization.load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("an RSA key is needed")
    return key


def public_key(pem: str) -> RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise TypeError("an RSA key is needed")
    return key


def sign(key: RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def verifies(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def seal(apiv3_key: str, plaintext: bytes, associated_data: str) -> dict[str, str]:
    """The encrypted part of a callback or of a platform certificate."""
    nonce = random_text(12)
    sealed = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), plaintext, associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "associated_data": associated_data,
        "nonce": nonce,
    }


def encrypt_field(key: RSAPublicKey, text: str) -> str:
    return base64.b64encode(key.encrypt(text.encode(), _OAEP)).decode()


def decrypt_field(key: RSAPrivateKey, value: str) -> str:
    """ValueError if the value was not encrypted for this key."""
    return key.decrypt(base64.b64decode(value, validate=True), _OAEP).decode()


def push_signature(*parts: str) -> str:
    """SHA-1 over the sorted parts: token, timestamp, nonce, and in secure mode the encrypted message."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def encrypt_push(encoding_aes_key: str, appid: str, message: bytes) -> str:
    """AES-256-CBC over random16 ‖ length ‖ message ‖ appid, padded to blocks of 32 bytes."""
    key = base64.b64decode(encoding_aes_key + "=")
    plain = os.urandom(8).hex().encode() + struct.pack(">I", len(message)) + message + appid.encode()
    pad = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()

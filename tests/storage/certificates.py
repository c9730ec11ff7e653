"""An authority of the tests' own, and what it certifies."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PEM = serialization.Encoding.PEM


def issue(folder: Path) -> Path:
    """`authority.pem`, and key with certificate for `localhost` and for `elsewhere`."""
    authority = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate("authority", authority, authority, None)
    (folder / "authority.pem").write_bytes(certificate.public_bytes(PEM))
    for name in ("localhost", "elsewhere"):
        key = ec.generate_private_key(ec.SECP256R1())
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        signed = _certificate(name, key, authority, x509.DNSName(name))
        (folder / f"{name}.pem").write_bytes(secret + signed.public_bytes(PEM))
    return folder


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, host: x509.DNSName | None
) -> x509.Certificate:
    now = datetime.now(UTC)
    subject, issuer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (name, "authority"))
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([host]), critical=False)
    return builder.sign(signer, hashes.SHA256())

"""A certificate for loopback: self-signed, so that no one vouches for it but its own file."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kvsync.model.errors import UsageError
from kvsync.model.files import create_private
from kvsync.model.text import printable

if TYPE_CHECKING:
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_DAYS = 3650
_NAME = "kvsync emulator"
_ADDRESSES = ("127.0.0.1", "::1")
_END = "-----END CERTIFICATE-----"
_CONFIG = f"""
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = {_NAME}
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = DNS:localhost, {", ".join(f"IP:{address}" for address in _ADDRESSES)}
"""
"""It signs nothing but what it says itself: trusting it is trusting one server, and no CA."""


class Pair(NamedTuple):
    """``pem`` holds certificate and key, ``ca_file`` the certificate alone, for clients."""

    pem: str
    ca_file: str


def self_signed(beside: str) -> Pair:
    """Return the pair beside this path, made if there is none: it stays, so that clients need no
    new one.

    The file with the key has mode 0600 from its first byte. Raises `UsageError` where no pair can
    be made.
    """
    pair = Pair(f"{beside}.tls.pem", f"{beside}.ca.pem")
    try:
        if not os.path.exists(pair.pem):
            create_private(pair.pem, _made())
        certificate, end, _ = Path(pair.pem).read_text("ascii", "replace").partition(_END)
        Path(pair.ca_file).write_text(f"{certificate}{end}\n", "ascii", "replace")
    except OSError as error:
        name = printable(str(error.filename or pair.pem))
        raise UsageError(f"--tls: {name} cannot be used: {error.strerror}") from None
    return pair


def serving_context(pem: str) -> "ssl.SSLContext":
    """Return what serves TLS with the certificate (its chain after it) and the key of this file.

    Every connection shakes hands in full: no service promises that an earlier one shortens it.
    Raises `UsageError`.
    """
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    try:
        # Without a password of ours a key that is encrypted would ask for one on the terminal.
        context.load_cert_chain(pem, password="")
    except ssl.SSLError:
        raise UsageError(
            f"--tls: {printable(pem)} must hold, in PEM, a certificate and its key, which is not"
            " encrypted"
        ) from None
    except OSError as error:
        raise UsageError(f"--tls: {printable(pem)} cannot be read: {error.strerror}") from None
    return context


def _made() -> bytes:
    """Return a new certificate and its key."""
    with contextlib.suppress(ImportError):
        return _by_cryptography()
    if command := shutil.which("openssl"):
        return _by_openssl(command)
    raise UsageError(
        "--tls: to make a certificate, `pip install cryptography` or install the openssl command;"
        " or give a PEM file that holds one and its key: --tls FILE"
    )


def _by_cryptography() -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, _NAME)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        # For clients whose clock is a little behind.
        not_valid_before=now - timedelta(hours=1),
        not_valid_after=now + timedelta(days=_DAYS),
    )
    for extension, critical in _extensions(key.public_key()):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    return certificate.public_bytes(encoding) + key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _extensions(
    key: "ec.EllipticCurvePublicKey",
) -> Iterator[tuple["x509.ExtensionType", bool]]:
    """Yield what `_CONFIG` says, each with whether who does not know it must refuse the
    certificate.
    """
    from cryptography import x509

    addresses = (x509.IPAddress(ip_address(address)) for address in _ADDRESSES)
    others = (
        "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    usage = x509.KeyUsage(digital_signature=True, **dict.fromkeys(others, False))
    yield x509.BasicConstraints(ca=False, path_length=None), True
    yield usage, True
    yield x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), False
    yield x509.SubjectKeyIdentifier.from_public_key(key), False
    yield x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), False


def _by_openssl(command: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        config, key, certificate = (Path(folder) / name for name in ("config", "key", "pem"))
        config.write_text(_CONFIG)
        made = subprocess.run(  # noqa: S603 - a fixed command, found as a shell would
            [
                command, "req", "-x509", "-nodes", "-days", str(_DAYS), "-config", str(config),
                "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-keyout", str(key), "-out", str(certificate),
            ],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if made.returncode:
            words = printable(made.stderr.strip().splitlines()[-1] if made.stderr else "")
            raise UsageError(f"--tls: openssl made no certificate ({words}); give a PEM file")
        return certificate.read_bytes() + key.read_bytes()

"""TLS at the emulator: the pair that it makes, and those that it is given."""

import os
import socket
import ssl
import stat
import urllib.request
from pathlib import Path

import pytest
import trustme

from kvsync.emulator import certificate
from kvsync.emulator.certificate import self_signed, serving_context
from kvsync.emulator.options import EmulatorOptions
from kvsync.emulator.server import Emulator
from kvsync.model.errors import UsageError


@pytest.fixture(params=["cryptography", pytest.param("openssl", marks=pytest.mark.slow)])
def maker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two ways to make a certificate."""
    if request.param == "openssl":
        monkeypatch.setattr(certificate, "_by_cryptography", _not_installed)
    return request.param


def _not_installed() -> bytes:
    raise ImportError("cryptography")


def test_what_it_makes_is_believed_by_its_own_file_alone(maker, serve_emulator, tmp_path) -> None:
    """Whoever trusts that file is at the right place, by each name of loopback, in strict terms."""
    pair = self_signed(str(tmp_path / "edge.db"))
    server = serve_emulator(tls=pair.pem)
    port = int(server.url.removeprefix("https://127.0.0.1:"))
    trust = ssl.create_default_context(cafile=pair.ca_file)
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("localhost", "127.0.0.1", "::1"):
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            trust.wrap_socket(plain, server_hostname=name) as connection,
        ):
            assert connection.version() == "TLSv1.3"
            assert not connection.session_reused
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(server.url, timeout=10)


def test_the_key_is_private(maker, tmp_path) -> None:
    """The file with the key is 0600 whatever the umask; the one for clients holds no key."""
    before = os.umask(0)
    try:
        pair = self_signed(str(tmp_path / "edge.db"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(Path(pair.pem).stat().st_mode) == 0o600
    assert "PRIVATE KEY" in Path(pair.pem).read_text()
    assert "PRIVATE" not in Path(pair.ca_file).read_text()


def test_a_pair_stays(tmp_path) -> None:
    """The next start takes the pair that is there, and gives clients their file anew."""
    first = self_signed(str(tmp_path / "edge.db"))
    content = Path(first.pem).read_bytes()
    trusted = Path(first.ca_file).read_bytes()
    Path(first.ca_file).unlink()
    assert self_signed(str(tmp_path / "edge.db")) == first
    assert Path(first.pem).read_bytes() == content
    assert Path(first.ca_file).read_bytes() == trusted


def test_nothing_to_make_it_with(monkeypatch, tmp_path) -> None:
    """Without either way the message names both, and the third: to give a file."""
    monkeypatch.setattr(certificate, "_by_cryptography", _not_installed)
    monkeypatch.setattr(certificate.shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install cryptography.*openssl.*--tls FILE"):
        self_signed(str(tmp_path / "edge.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_openssl_that_fails_is_told(monkeypatch, tmp_path) -> None:
    """What openssl says last is told, with the way out."""
    monkeypatch.setattr(certificate, "_by_cryptography", _not_installed)
    failing = tmp_path / "openssl"
    failing.write_text("#!/bin/sh\necho 'no such curve' >&2\nexit 1\n")
    failing.chmod(0o700)
    monkeypatch.setattr(certificate.shutil, "which", lambda _: str(failing))
    with pytest.raises(UsageError, match=r"openssl made no certificate \(no such curve\); give"):
        self_signed(str(tmp_path / "edge.db"))


def test_a_place_where_nothing_can_be_made(tmp_path) -> None:
    """A folder that is missing is named."""
    with pytest.raises(UsageError, match=r"edge.db.tls.pem cannot be used: No such file"):
        self_signed(str(tmp_path / "none" / "edge.db"))


def test_a_pem_file_that_serves_nobody(tmp_path) -> None:
    """A file that is missing, that lacks its key or whose key is encrypted: told before the start.

    Nobody is asked for a password.
    """
    pair = self_signed(str(tmp_path / "edge.db"))
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_text(Path(pair.ca_file).read_text() + _ENCRYPTED)
    for pem in (pair.ca_file, str(encrypted)):
        with pytest.raises(UsageError, match="must hold, in PEM, a certificate and its key"):
            Emulator(EmulatorOptions(tls=pem))
    with pytest.raises(UsageError, match=r"none\.pem cannot be read: No such file"):
        serving_context(str(tmp_path / "none.pem"))


def test_a_certificate_with_its_chain(serve_emulator, tmp_path) -> None:
    """A file with an RSA certificate, the chain above it and the key: the root alone is trusted."""
    root = trustme.CA(key_type=trustme.KeyType.RSA)
    leaf = root.create_child_ca().issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA)
    pem = tmp_path / "chain.pem"
    leaf.private_key_and_cert_chain_pem.write_to_path(pem)
    root.cert_pem.write_to_path(tmp_path / "root.pem")
    server = serve_emulator(tls=str(pem))
    trust = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
    with urllib.request.urlopen(server.url, timeout=10, context=trust) as answer:
        assert answer.read() == f"kvsync emulator {server.uuid}\n".encode()


_ENCRYPTED = """-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBBl0qZnkYRq8V435o3x
aI4aAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQE8gXs7kVnGEumTaO
JBIzqwSBkI+7axrIwvHzyvHA/LcleaJT1HcAsE17bhKDX5sC9cH2RAX7jTOYx0DX
AOfjsTWF6SvAjdIXdrcD87BhxhHaxWCqx7wsgUCPhfxeVgIvsh/dmfUfwcwQUrHw
NseVxNsvzNySHV8v2wehO6BUe4mjZyXh/papcBTp8uTQbWCGSsfvTAwJaE/RLbhf
/tch1D9gYQ==
-----END ENCRYPTED PRIVATE KEY-----
"""

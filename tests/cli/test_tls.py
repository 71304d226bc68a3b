"""TLS: whose certificates are believed, and what is said of those that are not."""

import pytest

from tests.cli.watching import held
from tests.hostile.serving import bytes_of, hostile
from tests.tlsfront import tls_front

MANIFEST = "keys: {a: one, b: two, c: three}\n"
TARGET = ["--zone", "zone-1", "--namespace", "ns", "--rate", "20"]


@pytest.fixture
def front(emulator, credentials, tmp_path):
    """An emulator behind TLS, its CA one that the system does not know."""
    with tls_front(emulator.url, tmp_path) as front:
        yield front


@pytest.mark.slow
def test_a_private_ca_is_trusted_where_it_is_named(kvsync, front, emulator, manifest, monkeypatch):
    """With --ca-file, or its variable, every step works over TLS as it does without."""
    manifest(MANIFEST)
    target = [*TARGET, "--endpoint", front.url]
    ca = ["--ca-file", str(front.ca_file)]
    assert kvsync("sync", "m.yaml", *target, *ca, "--refresh", "--verify", "--wait", "0").code == 0
    assert held(emulator) == {"a": "one", "b": "two", "c": "three"}
    monkeypatch.setenv("KVSYNC_CA_FILE", str(front.ca_file))
    assert kvsync("get", "a", *target).out == "one"
    assert kvsync("plan", "m.yaml", *target, "--refresh").code == 0
    assert kvsync("put", "a", "four", *target).code == 0
    assert kvsync("namespaces", "list", "--zone", "zone-1", "--endpoint", front.url).code == 0
    assert kvsync("export", "-o", "out.jsonl", *target).code == 0
    assert kvsync("verify", "m.yaml", *target).code == 3
    sides = ["--from-namespace", "ns", "--to-namespace", "new", "--create-namespace"]
    copied = kvsync("copy", *sides, "--zone", "zone-1", "--endpoint", front.url)
    assert copied.code == 0
    assert len(emulator.pairs("zone-1", "new")) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "sync m.yaml",
        "plan m.yaml --refresh",
        "verify m.yaml",
        "get a",
        "put a x",
        "export -o x.csv",
    ],
)
def test_an_unknown_ca_is_fatal(kvsync, front, emulator, manifest, command):
    """A certificate that nobody vouches for ends the run at once: one message, and no other try."""
    manifest(MANIFEST)
    result = kvsync(*command.split(), *TARGET, "--endpoint", front.url)
    assert result.code == 7
    (line,) = (line for line in result.errors if "error" in line)
    host = front.url.removeprefix("https://")
    assert f"CertificateError: the certificate of {host} is not trusted (" in line
    assert "--ca-file" in line
    assert (emulator.arrivals, front.handshakes) == ([], 0)
    # Twice it is asked who it is, and once whether it is there; then a connection for each key at
    # most, and none of them anew.
    assert front.attempts <= 3 + 3


@pytest.mark.slow
def test_the_name_in_the_certificate_counts(kvsync, emulator, credentials, manifest, tmp_path):
    """A CA that is trusted vouches for the names in its certificates, and no other."""
    manifest(MANIFEST)
    with tls_front(emulator.url, tmp_path, host="kv.example.com") as front:
        ca = ["--ca-file", str(front.ca_file)]
        result = kvsync("sync", "m.yaml", *TARGET, "--endpoint", front.url, *ca)
    assert (result.code, emulator.arrivals) == (7, [])
    assert "not valid for 'localhost'" in result.err


@pytest.mark.slow
def test_the_systems_cas_stay_trusted(kvsync, front, manifest, monkeypatch, tmp_path, emulator):
    """A CA that --ca-file names comes besides the system's, and not in their place."""
    manifest(MANIFEST)
    monkeypatch.setenv("SSL_CERT_FILE", str(front.ca_file))
    with tls_front(emulator.url, tmp_path / "home") as other:
        ca = ["--ca-file", str(other.ca_file)]
        for url in (front.url, other.url):
            assert kvsync("put", "a", "x", *TARGET, "--endpoint", url, *ca).code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is no file of certificates in PEM"),
        ("not PEM", "is no file of certificates in PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no file of"),
    ],
)
def test_a_file_without_a_ca_is_bad_usage(kvsync, edge, manifest, write, content, words):
    """A file that is missing or holds no certificate: exit 2, and nothing is sent."""
    manifest(MANIFEST)
    if content is not None:
        write("ca.pem", content)
    for command in (["sync", "m.yaml"], ["get", "a"], ["put", "a", "x"], ["verify", "m.yaml"]):
        result = kvsync(*command, "--ca-file", "ca.pem")
        assert result.code == 2
        assert f"--ca-file: ca.pem {words}" in result.err
    assert edge.arrivals == []


def test_no_option_turns_verification_off(kvsync):
    """There is a switch to trust more CAs, and none to trust everybody."""
    told = kvsync("sync", "--help").out
    assert "--ca-file" in told
    for word in ("insecure", "no-verify", "skip"):
        assert f"--{word}" not in told


@pytest.mark.slow
@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirect_is_not_followed(kvsync, emulator, credentials, manifest, status):
    """Whoever answers with another address is not obeyed: no signed request goes there."""
    manifest(MANIFEST)
    elsewhere = f"Location: {emulator.url}/\r\n"
    with hostile(bytes_of(b"", f"{status} Elsewhere", elsewhere)) as server:
        options = [*TARGET, "--endpoint", server.url, "--retries", "1"]
        for command in (["sync", "m.yaml"], ["get", "a"]):
            result = kvsync(*command, *options)
            assert result.code == 5
            assert f"BadAnswer: {server.host} answered (HTTP {status})" in result.err
        assert emulator.arrivals == []
        # Two tries for each of three keys, and for the one.
        assert server.posts == 8

"""Endpoints: what is taken for one, and what a loopback one is known by."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest

from kvsync.edgekv.endpoint import (
    INTL,
    MAINLAND,
    identity,
    is_loopback,
    is_refused,
    parse_endpoint,
)
from kvsync.emulator.certificate import self_signed
from kvsync.model.errors import UsageError

UUID = "5f2c0f1e-9d6f-4a4e-8d3d-0a8f5a3b1c2d"


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("intl", INTL),
        ("Mainland", MAINLAND),
        (" https://Teo.TencentCloudAPI.com/ ", MAINLAND),
        ("https://teo.tencentcloudapi.com:443", MAINLAND),
        ("https://example.com:8443/", "https://example.com:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("HTTP://[0:0:0:0:0:0:0:1]:8787", "http://[::1]:8787"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
    ],
)
def test_endpoints_are_normalised(text: str, endpoint: str) -> None:
    """Site names and URLs become scheme, host in lower case, and a port that is not the default."""
    assert parse_endpoint(text) == endpoint
    assert parse_endpoint(endpoint) == endpoint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a URL"),
        ("teo.tencentcloudapi.com", "not a URL"),
        ("ftp://example.com", "not a URL"),
        ("https://", "not a URL"),
        ("https://exa mple.com", "not a URL"),
        ("https://exam\nple.com", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://[v1.x]", "not an IPv6 address"),
        ("https://-example.com", "not a host name"),
        ("https://exämple.com", "not a host name"),
        ("https://user:hunter2@example.com", "user name or password"),
        ("https://example.com/v1", "only scheme, host and port"),
        ("https://example.com?a=1", "only scheme, host and port"),
        ("https://example.com/#x", "only scheme, host and port"),
        ("https://example.com:0", "from 1 to 65535"),
        ("https://example.com:99999", "from 1 to 65535"),
        ("https://example.com:http", "from 1 to 65535"),
        ("http://example.com", "plain http to example.com"),
        ("http://127.0.0.1.example.com", "plain http to"),
        ("http://[2001:db8::1]", "plain http to"),
    ],
)
def test_what_is_no_endpoint_is_refused(text: str, words: str) -> None:
    """Anything else is a usage error that says why, and repeats no password."""
    with pytest.raises(UsageError, match=words) as caught:
        parse_endpoint(text)
    assert "hunter2" not in str(caught.value)


def test_loopback_is_this_machine() -> None:
    """Loopback are localhost, 127.0.0.0/8 and ::1."""
    assert is_loopback("http://localhost:1")
    assert is_loopback("https://127.9.9.9")
    assert is_loopback("http://[::1]")
    assert not is_loopback(INTL)
    assert not is_loopback("https://10.0.0.1")


@contextmanager
def server(answer: bytes, *, close: bool = True) -> Iterator[str]:
    """A loopback server that answers its one caller; without ``close`` it then stays silent."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)
                    if not close:
                        over.wait(5)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def test_an_emulator_is_known_by_its_uuid() -> None:
    """An emulator's answer makes the identity, so that a new one never passes for the old."""
    with server(f"HTTP/1.0 200 OK\r\n\r\nkvsync emulator {UUID}\n".encode()) as endpoint:
        assert identity(endpoint, timeout=5) == f"emulator:{UUID}"


@pytest.mark.parametrize(
    "answer",
    [
        f"HTTP/1.0 404 Not Found\r\n\r\nkvsync emulator {UUID}".encode(),
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nkvsync emulator ",
        b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 20_000,
        b"kvsync emulator " + UUID.encode(),
        b"",
    ],
    ids=["status", "other", "no uuid", "long", "no http", "empty"],
)
def test_any_other_answer_leaves_the_url(answer: bytes) -> None:
    """A server on loopback that is no emulator is known by its endpoint."""
    with server(answer) as endpoint:
        assert identity(endpoint, timeout=5) == endpoint


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n<html>",
        b"220 mail.example.com ESMTP\r\n",
        f"HTTP/1.1 200 OK\r\n\r\nkvsync emulator {UUID}\n".encode(),
    ],
    ids=["200", "404", "html", "smtp", "emulator"],
)
def test_a_server_that_keeps_the_connection_open(answer: bytes) -> None:
    """An answer that says enough is not waited for any longer, whoever keeps the connection."""
    with server(answer, close=False) as endpoint:
        started = monotonic()
        assert (identity(endpoint, timeout=60) != endpoint) == (UUID.encode() in answer)
        assert monotonic() - started < 30


def test_the_time_that_a_probe_takes() -> None:
    """Once an answer has begun it may take 200 ms: also where bytes trickle in for ever."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def trickle() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.0 200 OK\r\n")
                while not over.wait(0.01):
                    connection.sendall(b"X")

        thread = threading.Thread(target=trickle)
        thread.start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = monotonic()
        assert identity(endpoint) == endpoint
        took = monotonic() - started
        over.set()
        thread.join()
    assert 0.15 < took < 2


def test_a_silent_server_costs_the_time_out_at_most() -> None:
    """A server that never ends its answer is given up after the time-out."""
    with server(b"HTTP/1.0 200 OK\r\n\r\nkvsync", close=False) as endpoint:
        started = monotonic()
        assert identity(endpoint, timeout=0.05) == endpoint
        assert monotonic() - started < 2


def test_a_passed_deadline_asks_nothing() -> None:
    """With no time left, the endpoint stands for itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert identity(endpoint, timeout=0) == endpoint


def test_nobody_there_leaves_the_url() -> None:
    """A refused connection leaves the endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert identity(endpoint) == endpoint


def test_a_remote_endpoint_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only loopback is asked: the others are known by their endpoint."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("network"))
    assert identity(INTL) == INTL


@pytest.mark.slow
def test_an_emulator_behind_tls_is_known_by_its_uuid(serve_emulator, tmp_path: Path) -> None:
    """Over https, too: its address outlives its data. Whom no run would trust is not asked."""
    pair = self_signed(str(tmp_path / "edge"))
    server = serve_emulator(tls=pair.pem)
    assert identity(server.url, ca_file=pair.ca_file) == f"emulator:{server.uuid}"
    assert identity(server.url) == server.url


def test_a_plain_server_at_an_https_address_leaves_the_url() -> None:
    """Who does not speak TLS is known by the address, and costs the time-out at most."""
    with server(b"HTTP/1.0 200 OK\r\n\r\n") as endpoint:
        secure = endpoint.replace("http:", "https:")
        assert identity(secure, timeout=5) == secure


def test_a_port_where_nobody_listens() -> None:
    """Only a refused connection means that nobody is there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert not is_refused(endpoint)
    assert is_refused(endpoint)
    assert not is_refused("http://localhost.invalid:1")

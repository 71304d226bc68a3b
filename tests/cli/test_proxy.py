"""A proxy that does not do its part is what the message speaks of."""

import base64
import os
import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from tests.hostile.serving import bytes_of, hostile
from tests.tlsfront import tls_front

TARGET = ["--zone", "zone-1", "--namespace", "ns", "--endpoint", "https://kv.example"]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    """The developer's own proxies have no say."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def free_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def failure(result):
    """The one line that says what went wrong."""
    (line,) = (line for line in result.errors if "rror: " in line)
    assert "hunter2" not in result.out + result.err
    return line


@contextmanager
def speaking(words, heard=None):
    """Whoever connects is told this at once, and then that it was all; yields the port.

    ``heard`` gets what each of them said.
    """
    heard = [] if heard is None else heard

    def serve():
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(words)
                    connection.shutdown(socket.SHUT_WR)
                    heard.append(connection.recv(1 << 16))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def lost_names(monkeypatch):
    """Nobody knows any name, and no server is asked."""

    async def resolve(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)


COMMANDS = [
    "sync m.yaml",
    "verify m.yaml",
    "get a",
    "put a x",
    "export -o x.csv",
    "plan m.yaml --refresh",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("variable", "status", "words"),
    [
        ("HTTPS_PROXY", "407 Proxy Authentication Required", "does not take the user name"),
        ("all_proxy", "403 Forbidden", "refused the way to kv.example (HTTP 403)"),
    ],
)
def test_a_refusal_is_fatal(
    kvsync, credentials, manifest, monkeypatch, command, variable, status, words
):
    """What a proxy refuses (400 to 499) it refuses each time: one message, and no other try."""
    manifest(f"keys: {{{', '.join(f'k{n}: v' for n in range(60))}}}\n")
    with hostile(bytes_of(b"hunter2", status)) as proxy:
        monkeypatch.setenv(variable, f"http://me:hunter2@{proxy.host}")
        result = kvsync(*command.split(), *TARGET)
        # Those who were on their way when the first was refused.
        assert proxy.posts <= 2
    assert result.code == 7
    line = failure(result)
    assert f"ProxyRefused: the proxy {proxy.url} ({variable}) {words}" in line
    assert variable in line.partition(words)[2]
    assert "--endpoint" not in line


def test_a_proxy_that_wants_a_name_is_told_none(kvsync, credentials, monkeypatch):
    """Where no user name is given, 407 asks for one."""
    with hostile(bytes_of(b"", "407 No")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        line = failure(kvsync("get", "a", *TARGET))
    assert f"the proxy {proxy.url} (https_proxy) asks for a user name and a password" in line


@pytest.mark.parametrize("status", ["500 Broken", "502 Bad Gateway", "429 Too Many", "408 Late"])
def test_what_may_pass_is_tried_again(kvsync, credentials, monkeypatch, status):
    """A proxy that is merely in trouble is asked again."""
    with hostile(bytes_of(b"", status)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        result = kvsync("get", "a", *TARGET, "--retries", "1")
        assert proxy.posts == 2
    assert result.code == 5
    assert f"(HTTP {status[:3]}); check https_proxy" in failure(result)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://me:hunter2@proxy.invalid:3128", "the host name of the proxy http://proxy.invalid"),
        ("http://me:hunter2@127.0.0.1:{free}", "no connection to the proxy http://127.0.0.1"),
        ("https://me:hunter2@127.0.0.1:{plain}", "TLS with the proxy https://127.0.0.1"),
        ("http://me:hunter2@127.0.0.1:{plain}", "speaks no HTTP"),
        ("http://me:hunter2@127.0.0.1:{silent}", "no connection to kv.example through the proxy"),
        ("http://me:hunter2@127.0.0.1:{cut}", "it closed the connection"),
    ],
)
def test_what_fails_at_the_proxy_names_it(
    kvsync, credentials, monkeypatch, lost_names, free_port, address, words
):
    """The message has the proxy, the variable, and no word of the endpoint's option."""
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, speaking(b"220 mail.example ESMTP\r\n\r\n") as plain, speaking(b"") as cut:
        ports = {"free": free_port, "silent": silent.getsockname()[1], "plain": plain, "cut": cut}
        monkeypatch.setenv("ALL_PROXY", address.format(**ports))
        result = kvsync("get", "a", *TARGET, "--retries", "0", "--timeout", "0.2")
    assert result.code == 5
    line = failure(result)
    assert words in line
    assert "(ALL_PROXY)" in line
    assert "check ALL_PROXY, or put kv.example into NO_PROXY" in line
    assert "--endpoint" not in line


def test_the_password_reaches_the_proxy_alone(kvsync, credentials, monkeypatch):
    """What is escaped in the variable is sent as it is meant, in the one header for it."""
    heard = []
    with speaking(b"HTTP/1.1 403 No\r\n\r\n", heard) as port:
        monkeypatch.setenv("https_proxy", f"http://m%C3%A9:hunter%402@127.0.0.1:{port}")
        kvsync("get", "a", *TARGET)
    basic = base64.b64encode("mé:hunter@2".encode())
    (head,) = heard
    assert head.startswith(b"CONNECT kv.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + basic in head
    assert b"TC3-HMAC" not in head


def test_what_fails_behind_the_proxy_names_both(kvsync, credentials, monkeypatch):
    """In the tunnel either may be wrong: the endpoint, or the proxy that leads there."""
    with speaking(b"HTTP/1.1 200 OK\r\n\r\nand no TLS") as port:
        monkeypatch.setenv("https_proxy", f"http://me:hunter2@127.0.0.1:{port}")
        line = failure(kvsync("get", "a", *TARGET, "--retries", "0"))
    assert f"kv.example behind the proxy http://127.0.0.1:{port} (https_proxy)" in line


def test_a_certificate_of_the_proxy(kvsync, emulator, credentials, monkeypatch, tmp_path):
    """A proxy that nobody vouches for ends the run: the certificate is the proxy's."""
    with tls_front(emulator.url, tmp_path) as front:
        monkeypatch.setenv("https_proxy", front.url.replace("//", "//me:hunter2@"))
        result = kvsync("get", "a", *TARGET)
    assert result.code == 7
    line = failure(result)
    assert f"the certificate of the proxy {front.url} (https_proxy) is not trusted (" in line
    assert "--endpoint" not in line
